extern crate alloc;

mod desk {
    pub mod alloc {
        pub fn seats(teams: &[u32]) -> Vec<(usize, u32)> {
            let mut next = 1;
            let mut plan = Vec::new();
            for (team, size) in teams.iter().enumerate() {
                plan.push((team, next));
                next += size;
            }
            plan
        }
    }
}

use alloc::borrow::Cow;

fn title(teams: usize) -> Cow<'static, str> {
    if teams == 0 { Cow::Borrowed("nobody") } else { Cow::Owned(format!("{teams} teams")) }
}

fn main() {
    let sizes = [4, 2, 7];
    println!("{}", title(sizes.len()));
    for (team, first) in desk::alloc::seats(&sizes) {
        println!("team {team} starts at desk {first}");
    }
}
