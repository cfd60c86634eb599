struct UndoStack<S> {
    states: Vec<S>,
    limit: usize,
}

impl<S: Clone> UndoStack<S> {
    fn with_limit(limit: usize) -> Self<S> {
        UndoStack { states: Vec::new(), limit }
    }

    fn save(&mut self, state: &S) {
        if self.states.len() == self.limit {
            self.states.remove(0);
        }
        self.states.push(state.clone());
    }

    fn undo(&mut self) -> Option<S> {
        self.states.pop()
    }
}

fn main() {
    let mut stack = UndoStack::with_limit(2);
    let mut draft = String::new();
    for word in ["dear", "madam", "or", "sir"] {
        stack.save(&draft);
        draft.push_str(word);
    }
    println!("now {draft}");
    while let Some(old) = stack.undo() {
        println!("back to {old:?}");
    }
}
