trait Stage {
    fn apply(&self, line: &str) -> String;
}

struct Prefix<'p> {
    mark: &'p str,
}

impl<'p> Stage for Prefix<'p> {
    fn apply(&self, line: &str) -> String {
        format!("{} {}", self.mark, line)
    }
}

struct Pipeline<'run> {
    stages: Vec<Box<dyn Stage + 'run>>,
}

impl<'run> Pipeline<'run> {
    fn process(&self, line: &str) -> String {
        self.stages.iter().fold(line.to_string(), |text, stage| stage.apply(&text))
    }
}

fn main() {
    let mark = String::from(">>");
    let tag = String::from("[log]");
    let pipeline = Pipeline {
        stages: vec![Box::new(Prefix { mark: &mark }), Box::new(Prefix { mark: &tag })],
    };
    println!("{}", pipeline.process("valve opened"));
}
