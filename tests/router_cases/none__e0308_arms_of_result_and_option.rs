fn first(v: &[i32]) -> Result<i32, String> { match v.first() { Some(x) => Ok(*x), None => None } }
fn main() { println!("{:?}", first(&[])); }
