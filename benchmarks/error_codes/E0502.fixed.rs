struct Printer {
    queue: Vec<String>,
    reprints: usize,
}

impl Printer {
    fn reprint_first(&mut self) -> String {
        let first = self.queue[0].clone();
        self.queue.push(format!("{first} (copy)"));
        self.reprints += 1;
        format!("{first} queued again")
    }
}

fn main() {
    let mut printer = Printer {
        queue: vec!["invoice".to_string(), "poster".to_string()],
        reprints: 0,
    };
    println!("{}", printer.reprint_first());
    println!("{:?}", printer.queue);
    println!("reprints: {}", printer.reprints);
}
