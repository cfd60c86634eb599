fn main() {
    let mood = "calm";
    if std::env::args().count() > 5 { mood = "wild"; }
    println!("{mood}");
}
