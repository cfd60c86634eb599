use std::fmt::Display;

enum Draft<T> {
    First(T),
    Revised(T, Box<Draft<T>>),
}

fn revisions<T>(draft: &Draft<T>) -> u32 {
    match draft {
        Draft::First(_) => 0,
        Draft::Revised(_, earlier) => 1 + revisions(earlier),
    }
}

fn heading<T: Display>(draft: &Draft<T>) -> String {
    match draft {
        Draft::First(text) => format!("{text} (new)"),
        Draft::Revised(text, _) => format!("{text} (edited)"),
    }
}

fn main() {
    let letter = Draft::First("Dear neighbours");
    println!("{}", heading(&letter));
    println!("{} revisions", revisions(&letter));
}
