trait Gauge {
    fn level(&self) -> u32;
}

struct Tank { liters: u32 }
struct Silo { tons: u32 }

impl Gauge for Tank {
    fn level(&self) -> u32 { self.liters }
}

impl Gauge for Silo {
    fn level(&self) -> u32 { self.tons * 1000 }
}

struct Panel<'site> {
    slots: Vec<*const (dyn Gauge + Send + 'site)>,
}

impl<'site> Panel<'site> {
    fn watch(&mut self, gauge: &'site (dyn Gauge + Send)) {
        self.slots.push(gauge as *const (dyn Gauge + Send));
    }
}

fn main() {
    let (tank, silo) = (Tank { liters: 350 }, Silo { tons: 2 });
    let mut panel = Panel { slots: Vec::new() };
    panel.watch(&tank);
    panel.watch(&silo);
    for gauge in &panel.slots {
        println!("level {}", unsafe { (**gauge).level() });
    }
}
