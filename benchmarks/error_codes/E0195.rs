struct Sentence {
    words: Vec<String>,
}

trait Chooser {
    fn choose<'new, 'best>(&self, best: &'best str, word: &'new str) -> &'best str
    where
        'new: 'best;
}

struct Longest;
struct Earliest;

impl Chooser for Longest {
    fn choose<'new, 'best>(&self, best: &'best str, word: &'new str) -> &'best str
    where
        'new: 'best,
    {
        if word.len() > best.len() { word } else { best }
    }
}

impl Chooser for Earliest {
    fn choose<'best>(&self, best: &'best str, word: &'best str) -> &'best str
    {
        if word < best { word } else { best }
    }
}

fn pick<'s, C: Chooser>(chooser: &C, sentence: &'s Sentence) -> &'s str {
    sentence.words[1..].iter().fold(sentence.words[0].as_str(), |best, word| chooser.choose(best, word))
}

fn main() {
    let words = "silver otters glide beneath waterwheels".split(' ').map(str::to_string).collect();
    let sentence = Sentence { words };
    println!("{} {}", pick(&Longest, &sentence), pick(&Earliest, &sentence));
}
