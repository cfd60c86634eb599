#[derive(Debug, PartialEq)]
struct Endpoint {
    host: String,
    port: u16,
}

fn parse_endpoint(text: &str) -> Option<Endpoint> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return None;
    };
    let port = port.parse().ok()?;
    Some(Endpoint { host: host.to_string(), port })
}

fn main() {
    let lines = ["relay.local:7070", "backup", "cache.local:11211", "mail:xx"];
    let mut usable = 0;
    for line in lines {
        match parse_endpoint(line) {
            Some(e) => {
                usable += 1;
                println!("{} on {}", e.host, e.port);
            }
            None => println!("ignored {line}"),
        }
    }
    println!("{usable} of {} usable", lines.len());
}
