struct Tree { kids: Vec<Tree>, id: u32 }
fn collect<'a>(tree: &'a mut Tree, out: &mut Vec<&'a mut u32>) {
    out.push(&mut tree.id);
    for _ in 0..2 { for kid in tree.kids.iter_mut() { out.push(&mut kid.id); } }
}
fn main() { let mut t = Tree { kids: vec![], id: 1 }; collect(&mut t, &mut Vec::new()); }
