use std::future::{ready, Future};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

async fn read_probe(probe: u32) -> u32 {
    ready(probe * 11 % 17).await
}

fn hottest(probes: &[u32]) -> u32 {
    let mut best = 0;
    for probe in probes {
        best = best.max(read_probe(*probe).await);
    }
    best
}

async fn report() -> String {
    let inside = read_probe(3).await;
    let peak = hottest(&[4, 5, 6]);
    format!("inside {} peak {}", inside, peak)
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn main() {
    println!("{}", run(report()));
}
