struct Job { state: Option<String> }
fn main() {
    let job = Job { state: None };
    if let Some("done") = job.state { println!("done"); }
}
