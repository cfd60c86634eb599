#[derive(Clone, Copy, Debug, PartialEq)]
enum Heading {
    North,
    East,
    South,
    West,
}

fn reverse(heading: Heading) -> Heading {
    match heading {
        Heading::North => Heading::South,
        Heading::South => Heading::North,
        Heading::East => Heading::West,
    }
}

fn main() {
    let route = [Heading::North, Heading::West, Heading::East];
    for leg in route.iter().rev() {
        println!("{:?} -> {:?}", leg, reverse(*leg));
        assert_eq!(reverse(reverse(*leg)), *leg);
    }
}
