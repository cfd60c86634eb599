fn with_stop(mut stops: Vec<u8>, stop: u8) -> Vec<u8> {
    stops.push(stop)
}

fn main() {
    println!("{:?}", with_stop(vec![1], 2));
}
