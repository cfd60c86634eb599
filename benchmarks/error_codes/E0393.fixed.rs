trait Closeness<Other = Self> {
    fn gap(&self, other: &Other) -> u32;
}

#[derive(Clone, Copy)]
struct Stop { km: u32 }

struct Express { home: u32, penalty: u32 }

impl Closeness for Stop {
    fn gap(&self, other: &Stop) -> u32 { self.km.abs_diff(other.km) }
}

impl Closeness<Stop> for Express {
    fn gap(&self, other: &Stop) -> u32 { self.home.abs_diff(other.km) + self.penalty }
}

fn nearest(from: &dyn Closeness<Stop>, stops: &[Stop]) -> Option<u32> {
    stops.iter().map(|stop| from.gap(stop)).min()
}

fn main() {
    let stops = [Stop { km: 4 }, Stop { km: 19 }, Stop { km: 31 }];
    println!("local {:?}", nearest(&Stop { km: 22 }, &stops));
    println!("express {:?}", nearest(&Express { home: 30, penalty: 6 }, &stops));
}
