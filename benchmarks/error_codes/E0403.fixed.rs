struct Drawer<T> {
    things: Vec<T>,
}

impl<T> Drawer<T> {
    fn count_where<F: Fn(&T) -> bool>(&self, wanted: F) -> usize {
        let mut n = 0;
        for thing in &self.things {
            if wanted(thing) {
                n += 1;
            }
        }
        n
    }
}

fn main() {
    let screws = Drawer { things: vec![12, 30, 45, 8, 30] };
    println!("{} long", screws.count_where(|mm| *mm >= 30));
    println!("{} tiny", screws.count_where(|mm| *mm < 10));
    let labels = Drawer { things: vec!["bolt", "nut", "washer"] };
    println!("{} short names", labels.count_where(|s| s.len() < 5));
}
