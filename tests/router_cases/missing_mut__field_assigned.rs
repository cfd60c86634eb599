struct Lamp { on: bool }
fn main() {
    let lamp = Lamp { on: false };
    lamp.on = true;
    println!("{}", lamp.on);
}
