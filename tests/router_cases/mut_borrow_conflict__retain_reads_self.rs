struct Pool { ids: Vec<u32>, floor: u32 }
impl Pool {
    fn keeps(&self, id: u32) -> bool { id > self.floor }
    fn prune(&mut self) { self.ids.retain(|id| self.keeps(*id)); }
}
fn main() { let mut p = Pool { ids: vec![1], floor: 0 }; p.prune(); }
