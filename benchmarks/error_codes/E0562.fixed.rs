struct Auction {
    bids: Vec<u32>,
}

impl Auction {
    fn above(&self, floor: u32) -> impl Iterator<Item = u32> + '_ {
        self.bids.iter().copied().filter(move |bid| *bid > floor)
    }

    fn total_above(&self, floor: u32) -> u32 {
        let serious: Vec<u32> = self.above(floor).collect();
        serious.into_iter().sum()
    }
}

fn main() {
    let auction = Auction { bids: vec![40, 75, 110, 62] };
    println!("{:?}", auction.above(60).collect::<Vec<_>>());
    println!("{}", auction.total_above(60));
    println!("{}", auction.total_above(100));
}
