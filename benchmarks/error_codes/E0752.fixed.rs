struct Job {
    name: &'static str,
    retries: u32,
}

fn attempt(job: &Job) -> Result<u32, String> {
    if job.retries > 3 {
        return Err(format!("{} gave up", job.name));
    }
    Ok(job.retries + 1)
}

fn main() {
    let jobs = [
        Job { name: "thumbnail", retries: 0 },
        Job { name: "upload", retries: 5 },
        Job { name: "index", retries: 3 },
    ];
    for job in &jobs {
        match attempt(job) {
            Ok(tries) => println!("{} done after {tries}", job.name),
            Err(reason) => println!("{reason}"),
        }
    }
}
