struct Draft<'d> {
    text: &'d mut String,
    edits: u32,
}

impl<'d> Drop for Draft<'d> {
    fn drop(&mut self) {
        self.text.push_str(&format!(" [{} edits]", self.edits));
    }
}

impl<'d> Draft<'d> {
    fn append(&mut self, words: &str) {
        self.text.push_str(words);
        self.edits += 1;
    }
}

fn finish<'d>(draft: Draft<'d>) -> &'d str {
    draft.text.as_str()
}

fn main() {
    let mut letter = String::from("Dear Otto,");
    let mut draft = Draft { text: &mut letter, edits: 0 };
    draft.append(" the boat");
    draft.append(" is ready.");
    let length = finish(draft).len();
    println!("{} characters", length);
    println!("{}", letter);
}
