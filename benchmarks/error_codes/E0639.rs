use std::io::{self, Write};

struct Counter<W: Write> {
    inner: W,
    lines: usize,
}

impl<W: Write> Counter<W> {
    fn put(&mut self, line: &str) -> io::Result<()> {
        self.lines += 1;
        writeln!(self.inner, "{}: {line}", self.lines)
    }
}

fn run(out: impl Write) -> io::Result<usize> {
    let mut counter = Counter { inner: out, lines: 0 };
    for name in ["anchor", "mast", "rudder"] {
        counter.put(name)?;
    }
    Ok(counter.lines)
}

fn main() -> io::Result<()> {
    let mut kept = Vec::new();
    let loud = run(&mut kept)?;
    let quiet = run(io::Sink {})?;
    print!("{}", String::from_utf8_lossy(&kept));
    println!("{loud} lines kept, {quiet} dropped");
    Ok(())
}
