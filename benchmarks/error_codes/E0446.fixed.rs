mod telemetry {
    pub struct Packet {
        id: u16,
        volts: f32,
    }

    pub trait Channel {
        type Message;
        fn pull(&mut self) -> Option<Self::Message>;
        fn text(message: Self::Message) -> String;
    }

    pub struct Battery { pub left: u16 }

    impl Channel for Battery {
        type Message = Packet;
        fn pull(&mut self) -> Option<Self::Message> {
            self.left = self.left.checked_sub(1)?;
            Some(Packet { id: self.left, volts: 3.0 + f32::from(self.left) / 4.0 })
        }
        fn text(message: Self::Message) -> String { format!("#{} {:.2} V", message.id, message.volts) }
    }

    pub fn drain<C: Channel>(mut channel: C) -> Vec<String> {
        std::iter::from_fn(|| channel.pull()).map(C::text).collect()
    }
}

fn main() {
    for line in telemetry::drain(telemetry::Battery { left: 3 }) {
        println!("{line}");
    }
}
