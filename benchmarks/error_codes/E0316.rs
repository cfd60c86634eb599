struct Query<'q> {
    table: &'q str,
    column: &'q str,
}

fn explain<F>(queries: &[(&str, &str)], describe: F) -> Vec<String>
where
    for<'q> F: for<'r> Fn(&'r Query<'q>) -> String,
{
    queries
        .iter()
        .map(|(table, column)| describe(&Query { table, column }))
        .collect()
}

fn main() {
    let plans = explain(&[("trees", "height"), ("ponds", "depth")], |query| {
        format!("scan {} by {}", query.table, query.column)
    });
    for plan in &plans {
        println!("{}", plan);
    }
}
