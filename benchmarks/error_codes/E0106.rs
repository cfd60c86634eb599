fn header_value(headers: &[(String, String)], wanted: &str) -> Option<&str> {
    for (name, value) in headers {
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.as_str());
        }
    }
    None
}

fn main() {
    let headers = vec![
        ("Content-Type".to_string(), "text/csv".to_string()),
        ("X-Batch".to_string(), "0417".to_string()),
    ];
    let found = {
        let key = String::from("x-batch");
        header_value(&headers, &key)
    };
    println!("batch: {}", found.unwrap_or("none"));
    println!("etag: {}", header_value(&headers, "ETag").unwrap_or("none"));
}
