#[derive(Clone, Copy, Debug)]
enum Widget {
    Label { width: u32, height: u32, bold: bool },
    Gap(u32),
}

impl Widget {
    fn widened(self, extra: u32) -> Widget {
        match self {
            Widget::Label { width, height, bold } => {
                Widget::Label { width: width + extra, ..self }
            }
            Widget::Gap(size) => Widget::Gap(size + extra),
        }
    }
}

fn main() {
    let row = [
        Widget::Label { width: 10, height: 2, bold: true },
        Widget::Gap(3),
        Widget::Label { width: 24, height: 1, bold: false },
    ];
    for widget in row {
        println!("{:?}", widget.widened(4));
    }
}
