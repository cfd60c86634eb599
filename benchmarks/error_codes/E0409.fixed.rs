struct Player {
    nick: Option<String>,
    email: Option<String>,
}

fn greeting(player: &Player) -> String {
    let pair = (player.nick.clone(), player.email.clone());
    match pair {
        (Some(nick), Some(email)) => format!("{nick} <{email}>"),
        (Some(only), None) | (None, Some(only)) => format!("hello {only}"),
        (None, None) => "hello stranger".to_string(),
    }
}

fn main() {
    let players = [
        Player { nick: Some("rook".into()), email: None },
        Player { nick: None, email: Some("q@chess.example".into()) },
        Player { nick: None, email: None },
    ];
    for player in &players {
        println!("{}", greeting(player));
    }
}
