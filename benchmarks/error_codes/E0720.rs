use std::iter::once;

struct Topic {
    title: &'static str,
    parts: Vec<Topic>,
}

fn topic(title: &'static str, parts: Vec<Topic>) -> Topic {
    Topic { title, parts }
}

impl Topic {
    fn outline(&self, depth: usize) -> impl Iterator<Item = String> + '_ {
        let own = format!("{}{}", "  ".repeat(depth), self.title);
        once(own).chain(self.parts.iter().flat_map(move |part| part.outline(depth + 1)))
    }
}

fn main() {
    let manual = topic(
        "Beekeeping",
        vec![
            topic("Hives", vec![topic("Frames", vec![]), topic("Roofs", vec![])]),
            topic("Harvest", vec![]),
        ],
    );
    for line in manual.outline(0) {
        println!("{line}");
    }
}
