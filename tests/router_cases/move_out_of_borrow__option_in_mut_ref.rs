struct Node { next: Option<Box<Node>> }
fn cut(node: &mut Node) -> Box<Node> { node.next.unwrap() }
fn main() { let mut n = Node { next: None }; if false { cut(&mut n); } }
