struct Playlist {
    title: String,
    seconds: Vec<u32>,
}

impl Playlist {
    fn summary(&self) -> String {
        let total: u32 = self.seconds.iter().sum();
        format!("{}: {} songs, {}:{:02}", self.title, self.seconds.len(), total / 60, total % 60)
    }
}

fn main() {
    let mut list = Playlist { title: "Morning run".to_string(), seconds: vec![215, 187, 240] };
    println!("{}", (&list).summary());
    list.seconds.push(61);
    println!("{}", (&list).summary());
}
