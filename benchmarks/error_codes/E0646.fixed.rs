use std::fmt::Display;

fn banner<T>(title: T, width: usize) -> String
where
    T: Display,
{
    format!("{:*^width$}", format!(" {} ", title), width = width)
}

fn column<T>(cells: &[T]) -> String
where
    T: Display,
{
    cells.iter().map(|c| format!("{:>6}", c)).collect::<Vec<_>>().join("|")
}

fn main()
{
    println!("{}", banner("tides", 27));
    println!("{}", column(&[6.2, 1.4, 5.9, 0.8]));
    println!("{}", column(&["high", "low", "high", "low"]));
}
