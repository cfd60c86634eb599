fn main() {
    let mut tally = 0;
    let shown = &mut tally;
    let seen = &*shown;
    let mut add = || *shown += 1;
    add();
    println!("{seen}");
}
