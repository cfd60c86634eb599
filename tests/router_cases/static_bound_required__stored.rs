struct Store { jobs: Vec<Box<dyn Fn()>> }
impl Store { fn add<J: Fn()>(&mut self, job: J) { self.jobs.push(Box::new(job)); } }
fn main() { let mut s = Store { jobs: vec![] }; s.add(|| {}); }
