fn change(count: &mut u32) {
    let mut up = || *count += 1;
    let mut down = || *count -= 1;
    up();
    down();
}

fn main() {
    let mut count = 4;
    change(&mut count);
    println!("{count}");
}
