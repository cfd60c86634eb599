struct Folder {
    name: &'static str,
    bytes: u64,
    parent: Option<Box<Folder>>,
}

fn path(folder: &Folder) -> String {
    match &folder.parent {
        Some(up) => format!("{}/{}", path(up), folder.name),
        None => folder.name.to_string(),
    }
}

fn main() {
    let root = Folder { name: "home", bytes: 12, parent: None };
    let photos = Folder { name: "photos", bytes: 4096, parent: Some(root.into()) };
    let summer = Folder { name: "summer", bytes: 812, parent: Some(photos.into()) };
    println!("{} holds {} bytes", path(&summer), summer.bytes);
}
