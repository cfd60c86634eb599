#[derive(Debug)]
struct Mail { to: String, body: String }
fn main() {
    let mail = Mail { to: String::new(), body: String::new() };
    let Mail { to, .. } = mail;
    println!("{to} {:?}", mail);
}
