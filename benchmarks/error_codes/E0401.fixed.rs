use std::fmt::Display;

fn receipt<T: Display>(title: T, lines: &[T]) -> String {
    fn underline<T: Display>(text: &T) -> String {
        "=".repeat(text.to_string().len())
    }

    let mut out = format!("{}\n{}\n", title, underline(&title));
    for (number, line) in lines.iter().enumerate() {
        out.push_str(&format!("{}. {}\n", number + 1, line));
    }
    out
}

fn main() {
    print!("{}", receipt("Groceries", &["flour", "yeast", "salt"]));
    println!("{}", receipt(2024, &[17, 4]).trim_end());
}
