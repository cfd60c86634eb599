struct Heights {
    samples: Vec<i32>,
}

impl Heights {
    /// # Safety
    /// `column` must be smaller than the number of samples.
    unsafe fn at(&self, column: usize) -> i32 {
        *self.samples.get_unchecked(column)
    }

    fn steepest(&self) -> i32 {
        let mut best = 0;
        for column in 1..self.samples.len() {
            let rise = unsafe { self.at(column) } - self.samples[column - 1];
            best = best.max(rise.abs());
        }
        best
    }
}

fn main() {
    let ridge = Heights { samples: vec![210, 230, 228, 301, 280] };
    println!("steepest step: {} m", ridge.steepest());
    println!("flat: {} m", Heights { samples: vec![5, 5] }.steepest());
}
