fn drain(list: Vec<u8>) -> Option<u8> { list.pop() }
fn main() { println!("{:?}", drain(vec![1])); }
