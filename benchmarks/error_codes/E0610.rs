struct Player {
    name: &'static str,
    points: u32,
    fouls: u32,
}

fn score(players: &[Player]) -> u32 {
    let mut total = 0;
    for player in players {
        let points = player.points;
        let penalty = points.fouls * 2;
        total += points.saturating_sub(penalty);
    }
    total
}

fn main() {
    let home = [
        Player { name: "Bea", points: 14, fouls: 2 },
        Player { name: "Kofi", points: 9, fouls: 0 },
        Player { name: "Lev", points: 3, fouls: 4 },
    ];
    let names: Vec<_> = home.iter().map(|p| p.name).collect();
    println!("{}: {}", names.join("+"), score(&home));
}
