trait HouseRule {
    fn title() -> &'static str where Self: Sized;
    fn penalty(&self, turn: u32) -> u32;
}

struct SlowMove { seconds: u32 }
struct WrongPiece;

impl HouseRule for SlowMove {
    fn title() -> &'static str { "slow move" }
    fn penalty(&self, turn: u32) -> u32 { self.seconds / 10 + turn }
}

impl HouseRule for WrongPiece {
    fn title() -> &'static str { "wrong piece" }
    fn penalty(&self, turn: u32) -> u32 { if turn < 5 { 2 } else { 4 } }
}

fn charge(rule: &dyn HouseRule, turn: u32) -> u32 {
    rule.penalty(turn) * 100
}

fn announce<R: HouseRule>(rule: R, turn: u32) {
    println!("{}: {}", R::title(), charge(&rule, turn));
}

fn main() {
    announce(SlowMove { seconds: 45 }, 3);
    announce(WrongPiece, 7);
}
