type Score = extern "C" fn(i32, i32) -> i32;

extern "C" fn points(goals: i32, fouls: i32) -> i32 {
    goals * 3 - fouls
}

extern "aapcs" fn strict_points(goals: i32, fouls: i32) -> i32 {
    goals * 3 - fouls * 2
}

fn rank(teams: &[(&str, i32, i32)], score: Score) -> Vec<String> {
    let mut table: Vec<(i32, &str)> = teams.iter().map(|t| (score(t.1, t.2), t.0)).collect();
    table.sort_by(|a, b| b.cmp(a));
    table.iter().map(|(p, name)| format!("{name} {p}")).collect()
}

fn main() {
    let teams = [("reds", 5, 6), ("blues", 4, 1), ("greens", 4, 3)];
    println!("{:?}", rank(&teams, points));
    let worst = teams.iter().map(|t| strict_points(t.1, t.2)).min();
    println!("strict minimum {worst:?}");
}
