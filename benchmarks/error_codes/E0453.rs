#![forbid(unused_must_use)]

#[derive(Debug)]
struct Till {
    coins: Vec<u32>,
}

#[allow(unused_must_use)]
fn pay(till: &mut Till, mut amount: u32) -> Result<Vec<u32>, u32> {
    let mut out = Vec::new();
    till.coins.sort();
    for at in (0..till.coins.len()).rev() {
        if till.coins[at] <= amount {
            amount -= till.coins[at];
            out.push(till.coins.remove(at));
        }
    }
    if amount == 0 { Ok(out) } else { Err(amount) }
}

fn main() {
    let mut till = Till { coins: vec![5, 50, 10, 10, 20] };
    println!("{:?}", pay(&mut till, 75));
    println!("{:?}", pay(&mut till, 30));
    println!("{till:?}");
}
