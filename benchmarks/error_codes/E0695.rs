fn grade(answers: &[Option<char>], key: &str) -> String {
    let mut right = 0;
    'marking: {
        if answers.len() != key.len() {
            break ;
        }
        for (given, wanted) in answers.iter().zip(key.chars()) {
            if given.is_none() {
                continue;
            }
            right += u32::from(*given == Some(wanted));
        }
    }
    format!("{right} of {}", key.len())
}

fn main() {
    let key = "acbd";
    println!("{}", grade(&[Some('a'), None, Some('b'), Some('a')], key));
    println!("{}", grade(&[Some('a'), Some('c')], key));
    println!("{}", grade(&[Some('a'), Some('c'), Some('b'), Some('d')], key));
}
