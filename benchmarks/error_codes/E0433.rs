struct Vote {
    ballot: u32,
    choice: &'static str,
}

fn tally(votes: &[Vote]) -> Vec<(&'static str, usize)> {
    let mut counts = BTreeMap::new();
    for vote in votes {
        if vote.ballot != 0 {
            *counts.entry(vote.choice).or_insert(0) += 1;
        }
    }
    counts.into_iter().collect()
}

fn main() {
    let votes = [
        Vote { ballot: 11, choice: "park" },
        Vote { ballot: 12, choice: "library" },
        Vote { ballot: 0, choice: "park" },
        Vote { ballot: 13, choice: "park" },
    ];
    for (choice, count) in tally(&votes) {
        println!("{choice:<8} {count}");
    }
}
