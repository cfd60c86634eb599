struct Chore {
    name: &'static str,
    minutes: u32,
}

fn plan_day(plan: &mut Vec<String>, chores: &[Chore], mut budget: u32) -> u32 {
    for chore in chores {
        if chore.minutes <= budget {
            budget -= chore.minutes;
            plan.push(format!("{} ({} min)", chore.name, chore.minutes));
        }
    }
    budget
}

fn main() {
    let chores = [
        Chore { name: "dishes", minutes: 20 },
        Chore { name: "attic", minutes: 95 },
        Chore { name: "letters", minutes: 35 },
    ];
    let mut plan = Vec::new();
    let left = plan_day(&mut plan, &chores, 60);
    println!("{}", plan.join(", "));
    println!("{left} minutes left");
}
