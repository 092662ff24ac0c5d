//! How a run goes: a bar on a terminal, one plain line an epoch elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::driver::{Prepared, Watch};
use crate::report::{History, Point, numbers};
use crate::train::{Event, Observer};

/// How often the bar is drawn anew at most.
const REFRESH: Duration = Duration::from_millis(66);

/// Shows a run.
pub struct Progress {
    title: String,
    shown: bool,
    bar: Option<ProgressBar>,
    epochs: Option<usize>,
    samples: u64,
    begun: Instant,
    drawn: Instant,
}

impl Progress {
    /// For the program `title`; `shown` is false when standard error should stay quiet.
    pub fn new(title: &str, shown: bool) -> Progress {
        let now = Instant::now();
        Progress { title: title.to_owned(), shown, bar: None, epochs: None, samples: 0, begun: now, drawn: now }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.shown => eprintln!("{text}"),
            None => {}
        }
    }

    fn rate(&self) -> f64 {
        self.samples as f64 / self.begun.elapsed().as_secs_f64().max(1e-9)
    }

    fn epoch(&self, point: &Point, history: &History, best: bool) -> String {
        let of = self.epochs.map_or(String::new(), |epochs| format!("/{epochs}"));
        let mut line = format!("epoch {:>3}{of}", point.epoch);
        for (index, series) in history.series.iter().enumerate() {
            let value = |value: Option<f64>| value.map(numbers::value);
            match (value(point.train[index]), value(point.validation[index])) {
                (Some(train), Some(validation)) => line += &format!("  {} {train} / {validation}", series.name),
                (Some(one), None) | (None, Some(one)) => line += &format!("  {} {one}", series.name),
                (None, None) => {}
            }
        }
        line += &format!("  {} samples/s", numbers::count(self.rate() as u64));
        if best { line + "  best" } else { line }
    }
}

impl Watch for Progress {
    fn prepared(&mut self, prepared: &Prepared) {
        self.epochs = prepared.epochs;
        let parameters = numbers::count_of(prepared.parameters, "parameter");
        let samples = match prepared.samples {
            0 => "drawn inputs".to_owned(),
            n => format!("{} to train on", numbers::count_of(n as u64, "sample")),
        };
        let validation = match prepared.validation {
            0 => String::new(),
            n => format!(", {} to validate", numbers::count(n as u64)),
        };
        self.line(&format!("{}: {parameters}, {samples}{validation}", self.title));
        if prepared.validation > 0 && self.shown {
            self.line("losses are shown as training / validation");
        }
        if prepared.judged_by_training {
            self.line("no validation set: the weights of the epoch with the lowest training loss are kept");
        }
        if prepared.done > 0 {
            self.line(&format!("going on after epoch {}", prepared.done));
        }
        if self.shown && std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {msg}  {eta} left");
            let bar = ProgressBar::new(prepared.steps.0);
            self.bar = Some(match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            });
        }
        self.begun = Instant::now();
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Step { step, samples, objective, .. } => {
                self.samples += samples as u64;
                if let Some(bar) = &self.bar
                    && self.drawn.elapsed() >= REFRESH
                {
                    self.drawn = Instant::now();
                    bar.set_position(step);
                    let rate = numbers::count(self.rate() as u64);
                    bar.set_message(format!("loss {}  {rate} samples/s", numbers::value(f64::from(objective))));
                }
            }
            Event::Epoch { point, history, best, .. } => {
                let line = self.epoch(point, history, best);
                self.line(&line);
            }
        }
        Ok(())
    }
}
