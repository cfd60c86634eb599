trait Paint {
    fn paint(&self, canvas: &mut String);
}

struct Dots(usize);
struct Caption<'t>(&'t str);

impl Paint for Dots {
    fn paint(&self, canvas: &mut String) {
        canvas.push_str(&".".repeat(self.0));
    }
}

impl Paint for Caption<'_> {
    fn paint(&self, canvas: &mut String) {
        canvas.push_str(self.0);
    }
}

fn layer<'t, P: Paint>(item: P) -> Box<dyn Paint + 't> {
    Box::new(item)
}

fn main() {
    let title = String::from("harbour");
    let layers = vec![layer(Dots(3)), layer(Caption(&title)), layer(Dots(5))];
    let mut canvas = String::new();
    for l in &layers {
        l.paint(&mut canvas);
    }
    println!("{canvas} ({} layers)", layers.len());
}
