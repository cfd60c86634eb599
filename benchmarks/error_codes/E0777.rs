#[derive("Clone", PartialEq)]
struct Loom {
    threads: Vec<u8>,
}

impl Loom {
    fn weave(&self, pattern: &[usize]) -> Loom {
        let mut next = self.clone();
        for (place, source) in pattern.iter().enumerate() {
            next.threads[place] = self.threads[*source];
        }
        next
    }
}

fn main() {
    let start = Loom { threads: vec![b'r', b'g', b'b', b'w'] };
    let pattern = [1, 2, 3, 0];
    let mut loom = start.weave(&pattern);
    let mut passes = 1;
    while loom != start {
        println!("{}", String::from_utf8_lossy(&loom.threads));
        loom = loom.weave(&pattern);
        passes += 1;
    }
    println!("repeats after {passes} passes");
}
