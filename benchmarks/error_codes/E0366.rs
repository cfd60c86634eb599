use std::fmt::Display;

struct Loan<T: Display> {
    item: T,
    days: u32,
}

impl Drop for Loan<u32> {
    fn drop(&mut self) {
        println!("returned {} after {} days", self.item, self.days);
    }
}

fn lend<T: Display>(item: T) -> Loan<T> {
    Loan { item, days: 0 }
}

fn main() {
    let mut locker = lend(17u32);
    let mut book = lend(String::from("atlas"));
    for day in 1..=4 {
        locker.days = day;
        if day % 2 == 0 {
            book.days += 2;
        }
    }
    println!("{} and {} are out", locker.item, book.item);
}
