mod morning {
    pub fn coffee(cups: u32) -> u32 {
        cups * 250
    }
    pub fn greeting() -> &'static str {
        "good morning"
    }
}

mod office {
    pub fn desks(floor: u32) -> u32 {
        floor * 14
    }
    pub fn greeting() -> &'static str {
        "welcome to the office"
    }
}

use morning::*;
use office::*;

fn main() {
    println!("{} ml coffee", coffee(3));
    println!("{} desks", desks(2));
    println!("office says: {}", office::greeting());
    println!("at home: {}", morning::greeting());
}
