fn main() {
    let hands: [&[u8]; 4] = [&[7, 7, 2], &[1, 0, 5], &[9, 3], &[4, 4, 0]];
    let mut points = 0u32;
    let mut valid = 0;
    'hands: for hand in hands {
        let mut sum = 0;
        for card in hand.iter() {
            if *card == 0 {
                continue 'hands;
            }
            sum += u32::from(*card);
        }
        valid += 1;
        points += sum;
    }
    println!("{valid} of {} hands count", hands.len());
    println!("{points} points");
}
