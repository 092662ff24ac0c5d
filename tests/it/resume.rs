//! Runs that are stopped and go on: they end bit for bit as if they had not been stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nnlc::diagnostic::Diagnostic;
use nnlc::driver::{Prepared, Request, RunOptions, Session, Watch};
use nnlc::train::{Ended, Event, Observer};
use tempfile::TempDir;

/// Everything that a run remembers: an optimizer's memory, states, a moving average, draws, a schedule, the best epoch, patience.
const MODEL: &str = "layer Body()(x: [3]) -> [2] {\n    return x |> BatchNormalization() |> Affine(8) |> tanh |> Affine(2)\n}\n\
    input x: [3]\ninput y: index<2>\nbody = Body()\nteacher = ema(body, 0.9)\n\
    state seen: i32 = 0\nupdate seen = seen + 1\n\
    p = body(x + 0.1 * randn([3]))\nt = teacher(x)\nloss fit weight 1 + progress = softmax_cross_entropy(p, y)\n\
    loss agree = (p - stop_gradient(t)) ^ 2\n\
    metric right = accuracy(t, y)\noutput t\n\
    data train {\n    x = csv(\"t.csv\", \"a:c\")\n    y = csv(\"t.csv\", \"y\")\n}\n\
    data validation {\n    x = csv(\"t.csv\", \"a:c\")\n    y = csv(\"t.csv\", \"y\")\n}\n\
    train {\n    batch = 8\n    epochs = 6\n    optimizer = adam(lr = 0.02)\n    schedule = cosine(warmup = 5)\n    \
    patience = 4\n    clip_norm = 1\n}\n";

/// Two steps, one of them several times an iteration, each with its optimizer.
const RIVALS: &str = "input x: [3]\ninput y: index<2>\ninput z: [4] from normal(0, 1)\ngen = Affine(3)\ndis = Affine(1)\n\
    loss d for dis = softplus(-dis(x)) + softplus(dis(gen(z)))\nloss g for gen = softplus(-dis(gen(z))) + float(y == 3 - 3) * 0\n\
    output made = gen(z)\n\
    data train {\n    x = csv(\"t.csv\", \"a:c\")\n    y = csv(\"t.csv\", \"y\")\n}\n\
    train {\n    batch = 8\n    epochs = 6\n    optimizer d = adam(lr = 0.02)\n    optimizer g = momentum(lr = 0.1)\n    \
    order = [d, d, g]\n    accumulate = 2\n    schedule = exponential(gamma = 0.9, every = 4)\n}\n";

/// Sets the flag in step `at`.
struct Stopper<'a> {
    at: u64,
    stop: &'a AtomicBool,
    begun_after: u64,
}

impl Observer for Stopper<'_> {
    fn event(&mut self, event: Event) -> Result<(), String> {
        if let Event::Step { step, .. } = event
            && step == self.at
        {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Watch for Stopper<'_> {
    fn prepared(&mut self, prepared: &Prepared) {
        self.begun_after = prepared.done;
    }
}

struct Desk(TempDir);

impl Desk {
    fn with(model: &str) -> Desk {
        let desk = Desk(tempfile::tempdir().expect("a folder"));
        let row = |i: i32| {
            let (a, b, c) =
                (f64::from(i * 37 % 50) / 25.0, f64::from(i * 11 % 50) / 25.0, f64::from(i * 7 % 50) / 25.0);
            format!("{a},{b},{c},{}\n", i32::from(a + b > c + 1.0))
        };
        fs::write(desk.at("t.csv"), "a,b,c,y\n".to_owned() + &(0..50).map(row).collect::<String>()).expect("a table");
        fs::write(desk.at("m.nn"), model).expect("a program");
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A run into `out` that is stopped in step `at`; how it ended, and after which epoch it began.
    fn run(&self, out: &str, epochs: usize, resume: bool, at: u64) -> Result<(Ended, u64), Vec<Diagnostic>> {
        let session = Session::open(&self.at("m.nn"), &Request::default());
        assert!(!session.failed(), "{:#?}", session.diagnostics);
        let options =
            RunOptions { out: self.at(out), threads: 1, epochs: Some(epochs), seed: None, data: Vec::new(), resume };
        let stop = AtomicBool::new(false);
        let mut watch = Stopper { at, stop: &stop, begun_after: 0 };
        let report = session.run(&options, &mut watch, &stop)?;
        Ok((report.outcome.ended, watch.begun_after))
    }

    /// The times in a run's log.
    fn seconds(&self, out: &str) -> Vec<f64> {
        let log = fs::read_to_string(self.at(out).join("log.csv")).expect("a log");
        log.lines()
            .skip(1)
            .map(|line| line.split(',').nth(2).and_then(|cell| cell.parse().ok()).expect("seconds"))
            .collect()
    }

    /// What a run left, without the time that it took.
    fn left(&self, out: &str) -> (Vec<u8>, Vec<String>) {
        let log = fs::read_to_string(self.at(out).join("log.csv")).expect("a log");
        let timeless = |line: &str| {
            line.split(',').enumerate().filter(|(at, _)| *at != 2).map(|(_, cell)| cell.to_owned() + " ").collect()
        };
        (fs::read(self.at(out).join("weights.safetensors")).expect("weights"), log.lines().map(timeless).collect())
    }
}

#[test]
fn a_run_that_was_stopped_ends_as_if_it_had_not_been() {
    for (model, steps) in [(MODEL, 7), (RIVALS, 4)] {
        let desk = Desk::with(model);
        assert_eq!(desk.run("whole", 6, false, 0).expect("a run").0, Ended::Done);
        // In the first step of all, in the middle of an epoch, in its last step, and twice.
        for (stops, epochs) in
            [(&[1][..], &[0][..]), (&[2 * steps + 2], &[2]), (&[3 * steps], &[3]), (&[2, 3 * steps + 1], &[0, 3])]
        {
            for (turn, at) in stops.iter().enumerate() {
                let (ended, _) = desk.run("parts", 6, turn > 0, *at).expect("a run");
                assert_eq!(ended, Ended::Stopped, "step {at}");
            }
            let (ended, after) = desk.run("parts", 6, true, 0).expect("a run");
            assert_eq!((ended, after), (Ended::Done, epochs[epochs.len() - 1]));
            assert_eq!(desk.left("parts"), desk.left("whole"), "stopped in {stops:?}");
        }
    }
}

#[test]
fn the_log_tells_the_rate_of_each_step() {
    let desk = Desk::with(RIVALS);
    desk.run("r", 2, false, 0).expect("a run");
    let log = desk.left("r").1;
    assert!(log[0].ends_with(" lr.d lr.g "), "{}", log[0]);
    // An epoch is four iterations of 16 samples; the rates fall after each four: in step 4 they are whole, in step 8 times 0.9.
    assert!(log[1].ends_with(" 0.02 0.1 "), "{}", log[1]);
    let rates: Vec<f64> = log[2].split_whitespace().rev().take(2).filter_map(|cell| cell.parse().ok()).collect();
    assert!((rates[0] - 0.09).abs() < 1e-12 && (rates[1] - 0.018).abs() < 1e-12, "{rates:?}");
    let desk = Desk::with(MODEL);
    desk.run("r", 1, false, 0).expect("a run");
    assert!(!desk.left("r").1[0].contains("lr."), "one step needs no name");
}

#[test]
fn a_run_that_is_over_goes_on_when_it_is_made_longer() {
    let constant = MODEL.replace("schedule = cosine(warmup = 5)", "").replace("weight 1 + progress", "");
    let desk = Desk::with(&constant);
    desk.run("whole", 5, false, 0).expect("a run");
    desk.run("parts", 2, false, 0).expect("a run");
    assert_eq!(desk.run("parts", 2, true, 0).expect("a run"), (Ended::Done, 2), "there is nothing left to do");
    assert_eq!(desk.run("parts", 5, true, 0).expect("a run"), (Ended::Done, 2));
    assert_eq!(desk.left("parts"), desk.left("whole"));
    let seconds = desk.seconds("parts");
    assert!(seconds.is_sorted() && seconds.len() == 5, "time goes on: {seconds:?}");
}

#[test]
fn what_is_no_run_of_this_program_is_refused() {
    let desk = Desk::with(MODEL);
    let refused = |resume: bool| {
        let faults = desk.run("r", 6, resume, 0).expect_err("a fault");
        format!("{}: {}", faults[0].code.as_str(), faults[0].title)
    };
    let text = refused(true);
    assert!(text.starts_with("E0403: there is no run to go on with in `"), "{text}");
    desk.run("r", 6, false, 9).expect("a run");
    let change = |from: &str, to: &str| fs::write(desk.at("m.nn"), MODEL.replace(from, to)).expect("a program");
    change("batch = 8", "batch = 9");
    assert!(refused(true).ends_with("cannot go on: batch was 8, it is 9 now"), "{}", refused(true));
    change("lr = 0.02", "lr = 0.03");
    assert!(refused(true).contains("optimizer was `adam(lr = 0.02, "), "{}", refused(true));
    change("Affine(8)", "Affine(9)");
    assert!(refused(true).ends_with("the program has other parameters now"), "{}", refused(true));
    change("metric right", "metric correct");
    assert!(refused(true).starts_with("E0803: "), "{}", refused(true));
    change("batch = 8", "batch = 8");
    fs::write(desk.at("r/checkpoint.safetensors"), "no checkpoint").expect("a file");
    assert!(refused(true).starts_with("E0803: the run in `"), "{}", refused(true));
    // A run that begins anew leaves nothing of the old one to go on with.
    desk.run("r", 6, false, 1).expect("a run");
    assert_eq!(desk.run("r", 6, true, 0).expect("a run"), (Ended::Done, 0));
    assert!(Path::new(&desk.at("r/checkpoint.safetensors")).exists());
}
