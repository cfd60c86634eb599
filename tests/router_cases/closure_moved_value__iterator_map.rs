fn main() {
    let sep = String::from("-");
    let joined: Vec<String> = [1, 2].iter().map(move |n| format!("{n}{sep}")).collect();
    println!("{:?} {}", joined, sep);
}
