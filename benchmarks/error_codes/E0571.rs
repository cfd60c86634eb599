// Hands out ticket numbers; a ticket whose digits add up to a multiple of seven wins.
fn digit_sum(mut number: u32) -> u32 {
    let mut sum = 0;
    while number > 0 {
        sum += number % 10;
        number /= 10;
    }
    sum
}

fn next_winner(after: u32) -> u32 {
    let mut ticket = after;
    let winner = while true {
        ticket += 1;
        if digit_sum(ticket) % 7 == 0 {
            break ticket;
        }
    };
    winner
}

fn main() {
    let mut ticket = 100;
    for round in 1..=4 {
        ticket = next_winner(ticket);
        println!("round {round}: {ticket}");
    }
}
