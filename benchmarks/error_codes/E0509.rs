struct Session {
    user: String,
    notes: Vec<String>,
}

impl Session {
    fn finish(mut self) -> Vec<String> {
        self.notes.push("closed".to_string());
        self.notes
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        println!("session of {} ends", self.user);
    }
}

fn main() {
    let mut session = Session { user: "irina".to_string(), notes: Vec::new() };
    session.notes.push("opened valve 3".to_string());
    session.notes.push("pressure ok".to_string());
    let notes = session.finish();
    for (at, note) in notes.iter().enumerate() {
        println!("{at}: {note}");
    }
}
