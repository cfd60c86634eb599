/// A stack of undo steps for a pixel editor.
struct History {
    steps: Vec<(u8, u8, char)>,
}

impl History {
    /// Records what a pixel showed before it was painted.
    fn record(&mut self, x: u8, y: u8, old: char) {
        self.steps.push((x, y, old));
    }

    /// Takes back the newest step.
    fn undo(&mut self) -> Option<(u8, u8, char)> {
        self.steps.pop()
    }

    // Redo is left to the caller.
}

fn main() {
    let mut history = History { steps: Vec::new() };
    history.record(1, 2, '.');
    history.record(3, 0, '#');
    while let Some((x, y, old)) = history.undo() {
        println!("restore {old} at {x},{y}");
    }
}
