mod ledger {
    pub mod entry {
        pub struct Entry {
            pub(in crate::ledger) cents: i64,
        }

        impl Entry {
            pub fn parse(text: &str) -> Option<Entry> {
                let (whole, part) = text.split_once('.')?;
                let cents = whole.parse::<i64>().ok()? * 100 + part.parse::<i64>().ok()?;
                Some(Entry { cents })
            }
        }
    }

    pub fn balance(entries: &[entry::Entry]) -> i64 {
        entries.iter().map(|e| e.cents).sum()
    }
}

fn main() {
    let lines = ["12.50", "n/a", "7.05", "100.99"];
    let entries: Vec<_> = lines.iter().filter_map(|l| ledger::entry::Entry::parse(l)).collect();
    let cents = ledger::balance(&entries);
    println!("{} entries, {}.{:02}", entries.len(), cents / 100, cents % 100);
}
