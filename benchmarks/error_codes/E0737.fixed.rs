extern "C" fn on_sample(value: i32) -> i32 {
    if value < 0 {
        0
    } else {
        value * 10
    }
}

struct Device {
    handler: extern "C" fn(i32) -> i32,
    name: &'static str,
}

fn feed(device: &Device, samples: &[i32]) -> Vec<i32> {
    samples.iter().map(|s| (device.handler)(*s)).collect()
}

fn main() {
    let scale = Device { handler: on_sample, name: "scale" };
    println!("{}: {:?}", scale.name, feed(&scale, &[4, -2, 11]));
}
