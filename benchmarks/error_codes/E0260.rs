extern crate alloc;

mod alloc {
    pub struct Budget {
        pub team: &'static str,
        pub hours: u32,
    }

    pub fn split(total: u32, teams: &[&'static str]) -> Vec<Budget> {
        let share = total / teams.len() as u32;
        teams.iter().map(|team| Budget { team, hours: share }).collect()
    }
}

fn main() {
    let budgets = crate::alloc::split(120, &["paint", "roof", "garden"]);
    for budget in &budgets {
        println!("{:>6}: {} h", budget.team, budget.hours);
    }
}
