mod dyes {
    pub mod recipes {
        pub fn grams_for(cloth_metres: u32) -> u32 {
            cloth_metres * 14
        }

        pub fn litres_for(cloth_metres: u32) -> u32 {
            3 + cloth_metres * 2
        }
    }
}

use dyes::recipes::{grams_for, litres_for};

fn main() {
    for metres in [1, 4, 9] {
        println!("{} m: {} g dye in {} l", metres, grams_for(metres), litres_for(metres));
    }
}
