use std::mem;

type Opcode = fn(i64, i64) -> i64;

fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn scale(a: i64, b: i64) -> i64 {
    a * b
}

fn run(code: &[(Opcode, i64)], start: i64) -> i64 {
    code.iter().fold(start, |acc, (op, operand)| op(acc, *operand))
}

fn main() {
    let plus: Opcode = add;
    let times: Opcode = unsafe { mem::transmute(scale) };
    println!("{}", run(&[(plus, 4), (times, 3)], 1));
    println!("{}", run(&[(times, 3), (plus, 4)], 1));
    println!("{}", mem::size_of::<Opcode>() == mem::size_of::<usize>());
}
