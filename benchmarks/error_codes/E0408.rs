enum Command {
    Move { dx: i32, dy: i32 },
    Jump { dy: i32 },
    Push { dx: i32, force: i32 },
    Wait,
}

fn horizontal(command: &Command) -> i32 {
    match command {
        Command::Move { dx, .. } | Command::Push { .. } => *dx,
        Command::Jump { .. } | Command::Wait => 0,
    }
}

fn effort(command: &Command) -> i32 {
    match command {
        Command::Move { dx, dy } => dx.abs() + dy.abs(),
        Command::Jump { dy } => dy.abs() * 2,
        Command::Push { dx, force } => dx.abs() * force,
        Command::Wait => 0,
    }
}

fn main() {
    let script = [
        Command::Move { dx: 3, dy: -1 },
        Command::Jump { dy: 2 },
        Command::Push { dx: -5, force: 4 },
        Command::Wait,
    ];
    let travelled: i32 = script.iter().map(horizontal).sum();
    let spent: i32 = script.iter().map(effort).sum();
    println!("x = {}, effort = {}", travelled, spent);
}
