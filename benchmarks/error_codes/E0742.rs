mod orchard {
    pub mod trees {
        use super::press::{squeeze, Juice};

        pub fn harvest(yields: &[u32]) -> Vec<Juice> {
            yields.iter().map(|kilos| squeeze(*kilos)).collect()
        }

        pub fn best(batch: &[Juice]) -> u32 {
            batch.iter().map(|juice| juice.litres).max().unwrap_or(0)
        }
    }

    pub mod press {
        pub struct Juice {
            pub(in crate::orchard::trees) litres: u32,
        }

        pub fn squeeze(kilos: u32) -> Juice {
            Juice { litres: kilos * 2 / 3 }
        }
    }
}

use orchard::trees;

fn main() {
    let batch = trees::harvest(&[30, 96, 51]);
    println!("{} batches, best {} l", batch.len(), trees::best(&batch));
}
