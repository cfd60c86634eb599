fn main() {
    let mut log: Vec<&str> = Vec::new();
    let mut info = |m| log.push(m);
    let mut warn = |m| log.push(m);
    info("a");
    warn("b");
}
