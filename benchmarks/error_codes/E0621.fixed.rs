#[derive(Debug)]
struct Command<'src> {
    verb: &'src str,
    object: &'src str,
}

fn parse<'src>(line: &'src str, fallback: &'src str) -> Command<'src> {
    match line.trim().split_once(' ') {
        Some((verb, object)) => Command { verb, object: object.trim() },
        None => Command { verb: line.trim(), object: fallback },
    }
}

fn main() {
    let script = String::from("take  lantern\nlook\nopen oak door");
    let here = String::from("room");
    for line in script.lines() {
        let command = parse(line, &here);
        println!("{:?} ({} letters)", command, command.verb.len() + command.object.len());
    }
}
