#![recursion_limit = "10"]

use std::ops::Deref;

struct Layer<T> {
    name: &'static str,
    inner: T,
}

impl<T> Deref for Layer<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

struct Pump {
    strokes: u32,
}

impl Pump {
    fn litres(&self) -> u32 {
        self.strokes * 3
    }
}

fn wrap<T>(name: &'static str, inner: T) -> Layer<T> {
    Layer { name, inner }
}

fn main() {
    let pump = Pump { strokes: 14 };
    let rig = wrap("a", wrap("b", wrap("c", wrap("d", wrap("e", wrap("f", wrap("g", pump)))))));
    println!("{}", rig.name);
    println!("{}", rig.litres());
}
