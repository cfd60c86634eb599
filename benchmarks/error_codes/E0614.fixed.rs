struct Vote {
    option: usize,
    weight: u32,
}

fn tally(votes: &[Vote], options: usize) -> Vec<u32> {
    let mut sums = vec![0; options];
    for vote in votes {
        sums[vote.option] += vote.weight;
    }
    sums
}

fn main() {
    let names = ["lake", "hills", "museum"];
    let votes = [
        Vote { option: 1, weight: 2 },
        Vote { option: 0, weight: 1 },
        Vote { option: 1, weight: 1 },
    ];
    for (name, sum) in names.iter().zip(tally(&votes, names.len())) {
        println!("{name:<8}{sum}");
    }
}
