struct Ruler<T, const STEP: T> {
    marks: Vec<T>,
}

impl Ruler<u32, 5> {
    fn new() -> Self {
        Ruler { marks: Vec::new() }
    }

    fn extend(&mut self, count: u32) {
        for _ in 0..count {
            let last = self.marks.last().copied().unwrap_or(0);
            self.marks.push(last + 5);
        }
    }
}

fn main() {
    let mut ruler = Ruler::<u32, 5>::new();
    ruler.extend(3);
    ruler.extend(2);
    println!("{:?}", ruler.marks);
}
