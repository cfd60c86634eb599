fn change(count: &mut u32) {
    let mut up = || *count += 1;
    println!("{count}");
    up();
}

fn main() {
    let mut count = 4;
    change(&mut count);
}
