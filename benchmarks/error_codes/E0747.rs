struct Window<T, const SIZE: usize> {
    values: [T; SIZE],
    next: usize,
}

impl<T: Copy, const SIZE: usize> Window<T, SIZE> {
    fn filled(value: T) -> Self {
        Window { values: [value; SIZE], next: 0 }
    }

    fn push(&mut self, value: T) {
        self.values[self.next] = value;
        self.next = (self.next + 1) % SIZE;
    }
}

fn average(window: &Window<3, i32>) -> i32 {
    window.values.iter().sum::<i32>() / 3
}

fn main() {
    let mut window = Window::filled(0);
    for sample in [9, 3, 6, 30] {
        window.push(sample);
        println!("after {sample}: {}", average(&window));
    }
}
