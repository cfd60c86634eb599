trait Weight {
    fn grams(&self) -> u32;
}

struct Pear;

struct Carton<T> {
    content: T,
    tare: u32,
}

impl Weight for Pear {
    fn grams(&self) -> u32 {
        170
    }
}

impl<T> Weight for Carton<T>
where
    Carton<Carton<T>>: Weight,
{
    fn grams(&self) -> u32 {
        self.tare + 1
    }
}

fn main() {
    let inner = Carton { content: Pear, tare: 30 };
    println!("pear {} g", inner.content.grams());
    let outer = Carton { content: inner, tare: 200 };
    println!("outer {} g", outer.grams());
}
