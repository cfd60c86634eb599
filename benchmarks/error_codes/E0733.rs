use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

struct Folder {
    kilobytes: u64,
    children: Vec<Folder>,
}

async fn measure(folder: &Folder) -> u64 {
    let mut sum = folder.kilobytes;
    for child in &folder.children {
        sum += measure(child).await;
    }
    sum
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

fn main() {
    let leaf = |kilobytes| Folder { kilobytes, children: vec![] };
    let photos = Folder { kilobytes: 10, children: vec![leaf(300), leaf(45)] };
    let home = Folder { kilobytes: 2, children: vec![photos, leaf(7)] };
    println!("{} kB", block_on(measure(&home)));
    println!("{} kB in photos", block_on(measure(&home.children[0])));
}
