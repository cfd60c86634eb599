mod depot {
    pub enum Load {
        Gravel,
        Timber,
    }

    pub mod crane {
        use super::Load;

        pub(in crate::depot) fn tonnes(load: &Load) -> u32 {
            match load {
                Load::Gravel => 9,
                Load::Timber => 4,
            }
        }
    }

    pub fn day_total(loads: &[Load]) -> u32 {
        loads.iter().map(crane::tonnes).sum()
    }
}

use depot::Load;

fn main() {
    let morning = [Load::Gravel, Load::Timber, Load::Gravel];
    let evening = [Load::Timber];
    println!("{} t before noon", depot::day_total(&morning));
    println!("{} t after noon", depot::day_total(&evening));
}
