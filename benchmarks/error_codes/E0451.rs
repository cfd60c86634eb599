mod quota {
    pub struct Quota {
        pub owner: &'static str,
        pub limit: u32,
        used: u32,
    }

    impl Quota {
        pub fn new(owner: &'static str, limit: u32) -> Quota {
            Quota { owner, limit, used: 0 }
        }

        pub fn take(&mut self, amount: u32) -> bool {
            let fits = self.used + amount <= self.limit;
            if fits {
                self.used += amount;
            }
            fits
        }
    }
}

use quota::Quota;

fn main() {
    let mut scans = Quota::new("archive", 40);
    let mut prints = Quota { owner: "office", limit: 25, used: 0 };
    for amount in [20, 5, 20] {
        let (s, p) = (scans.take(amount), prints.take(amount));
        println!("{amount}: {} {s}, {} {p}", scans.owner, prints.owner);
    }
    println!("limits {}", scans.limit + prints.limit);
}
