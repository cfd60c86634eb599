#[derive(Default)]
struct Query {
    limit: usize,
    table: String,
}

impl Query {
    fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    fn from_table(mut self, table: &str) -> Self {
        self.table = table.to_string();
        self
    }
}

fn main() {
    let query = Query::default().from_table("users").limit_with(5);
    println!("{} {}", query.table, query.limit);
}
