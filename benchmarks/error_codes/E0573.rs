#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Plus,
    Minus,
}

fn tokenize(text: &str) -> Vec<Token> {
    text.split(' ')
        .map(|word| match word {
            "+" => Token::Plus,
            "-" => Token::Minus,
            digits => number(digits),
        })
        .collect()
}

fn number(digits: &str) -> Token::Number {
    Token::Number(digits.parse().unwrap_or(0))
}

fn main() {
    let tokens = tokenize("12 + 30 - 7");
    let mut sign = 1;
    let mut total = 0;
    for token in &tokens {
        match token {
            Token::Plus => sign = 1,
            Token::Minus => sign = -1,
            Token::Number(value) => total += sign * value,
        }
    }
    println!("{} tokens, total {}", tokens.len(), total);
}
