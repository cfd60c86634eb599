fn join(left: String, right: String) -> String {
    format!("{left} {right}")
}

fn main() {
    println!("{}", join("north", "west"));
}
