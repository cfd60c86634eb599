trait Exporter {
    fn emit<R: std::fmt::Display>(&self, row: R) -> String;
}

struct CsvExporter {
    separator: char,
}

struct PaddedExporter {
    width: usize,
}

impl Exporter for CsvExporter {
    fn emit<R: std::fmt::Display>(&self, row: R) -> String {
        format!("{}{}", row, self.separator)
    }
}

impl Exporter for PaddedExporter {
    fn emit(&self, row: String) -> String {
        let text = row.to_string();
        format!("{:>width$}|", text, width = self.width)
    }
}

fn main() {
    let csv = CsvExporter { separator: ';' };
    let padded = PaddedExporter { width: 8 };
    println!("{}{}", csv.emit(41), csv.emit("kelp"));
    println!("{}{}", padded.emit("moss".to_string()), padded.emit("fern".to_string()));
}
