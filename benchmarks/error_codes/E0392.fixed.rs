struct Stopwatch<Mark> {
    marks: Vec<Mark>,
    label: String,
}

impl<Mark: Copy + Into<f64>> Stopwatch<Mark> {
    fn press(&mut self, at: Mark) -> usize {
        self.marks.push(at);
        self.marks.len()
    }

    fn elapsed(&self) -> f64 {
        match (self.marks.first(), self.marks.last()) {
            (Some(&first), Some(&last)) => last.into() - first.into(),
            _ => 0.0,
        }
    }
}

fn main() {
    let label = "100 m butterfly".to_string();
    let mut timer = Stopwatch::<f32> { marks: Vec::new(), label };
    println!("{}: {:.2}", timer.label, timer.elapsed());
    for at in [0.5, 31.25, 64.75] {
        println!("mark {}", timer.press(at));
    }
    println!("{}: {:.2}", timer.label, timer.elapsed());
}
