trait Inlet {
    type Flow;
    fn pull(&mut self) -> Self::Flow;
}

trait Outlet {
    type Flow;
    fn push(&mut self, flow: Self::Flow);
}

trait Valve: Inlet + Outlet {}

struct Pipe {
    stored: u32,
    passed: u32,
}

impl Inlet for Pipe {
    type Flow = u32;
    fn pull(&mut self) -> u32 { self.stored / 4 }
}
impl Outlet for Pipe {
    type Flow = u32;
    fn push(&mut self, flow: u32) { self.stored -= flow; self.passed += flow; }
}
impl Valve for Pipe {}

fn tick<V: Valve + Inlet<Flow = u32> + Outlet<Flow = u32>>(valve: &mut V) { let flow = valve.pull(); valve.push(flow); }

fn main() {
    let mut pipe = Pipe { stored: 400, passed: 0 };
    for _ in 0..3 { tick(&mut pipe); }
    println!("stored {} passed {}", pipe.stored, pipe.passed);
}
