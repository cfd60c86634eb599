enum Edit {
    Insert(usize, char),
    Erase(usize),
    Clear,
}

fn apply(text: &mut Vec<char>, edit: &Edit) {
    match edit {
        Edit::Insert { at, letter } => text.insert(*at, *letter),
        Edit::Erase(at) => {
            text.remove(*at);
        }
        Edit::Clear => text.clear(),
    }
}

fn main() {
    let mut text: Vec<char> = "boat".chars().collect();
    let edits = [Edit::Insert(4, 's'), Edit::Erase(0), Edit::Insert(0, 'g'), Edit::Clear];
    for edit in &edits {
        apply(&mut text, edit);
        println!("{:?}", text.iter().collect::<String>());
    }
}
