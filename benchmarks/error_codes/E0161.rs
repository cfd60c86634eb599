trait Shipment {
    fn unload(self) -> Vec<String>;
}

struct Crate {
    goods: Vec<String>,
}

struct Envelope(String);

impl Shipment for Crate {
    fn unload(self) -> Vec<String> {
        self.goods
    }
}

impl Shipment for Envelope {
    fn unload(self) -> Vec<String> {
        vec![self.0]
    }
}

fn main() {
    let truck: Vec<Box<dyn Shipment>> = vec![
        Box::new(Crate { goods: vec!["lamp".into(), "chair".into()] }),
        Box::new(Envelope("invoice".into())),
    ];
    let mut dock = Vec::new();
    for shipment in truck {
        dock.extend(shipment.unload());
    }
    println!("{} items: {}", dock.len(), dock.join(", "));
}
