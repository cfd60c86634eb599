fn main() { let n = ; }
