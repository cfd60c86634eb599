// Track list of a cassette: side, minutes, seconds.
type Track = (char, u32, u32);

fn duration(track: &Track) -> u32 {
    let (_, minutes, minutes) = *track;
    minutes * 60 + seconds
}

fn side_length(tracks: &[Track], wanted: char) -> u32 {
    tracks
        .iter()
        .filter(|(side, ..)| *side == wanted)
        .map(duration)
        .sum()
}

fn main() {
    let tape = [('A', 3, 20), ('A', 4, 5), ('B', 7, 48)];
    for side in ['A', 'B'] {
        let total = side_length(&tape, side);
        println!("side {side}: {}:{:02}", total / 60, total % 60);
    }
}
