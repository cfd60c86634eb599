fn first_even(numbers: &[u32]) -> u32 {
    if let Some(n) = numbers.iter().find(|n| **n % 2 == 0) {
        *n
    }
}

fn main() {
    println!("{}", first_even(&[3, 4]));
}
