//! `nnlc run`: trains, shows how it goes, and says what it left.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{MessageFormat, Run, default_threads};
use super::progress::Progress;
use super::{FAILED, open, show};
use crate::driver::{RunOptions, RunReport, Session};
use crate::report::History;
use crate::report::numbers;
use crate::train::Ended;

/// Trains.
pub fn run(command: &Run) -> ExitCode {
    let session = match open(&command.model, false, &command.data.data) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let options = RunOptions {
        out: command.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(session.title())),
        threads: command.threads.unwrap_or_else(default_threads),
        epochs: command.epochs,
        seed: command.seed,
        data: command.data.data.clone(),
        resume: command.resume,
    };
    let stop = stop_on_signal();
    let mut progress = Progress::new(&session.title(), command.model.message_format == MessageFormat::Text);
    let result = session.run(&options, &mut progress, &stop);
    progress.finish();
    match result {
        Ok(report) => {
            tell(&report);
            ExitCode::SUCCESS
        }
        Err(diagnostics) => fail(&session, &diagnostics, command.model.message_format),
    }
}

fn fail(session: &Session, diagnostics: &[crate::diagnostic::Diagnostic], format: MessageFormat) -> ExitCode {
    show(diagnostics, &session.sources, format);
    ExitCode::from(FAILED)
}

/// A flag that the first Ctrl-C sets; the second ends the process at once.
fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping: the weights are saved after this step (Ctrl-C again ends at once)");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("warning: Ctrl-C cannot be caught ({error})");
    }
    stop
}

/// What a run came to.
fn tell(report: &RunReport) {
    let history = &report.outcome.history;
    let why = match report.outcome.ended {
        Ended::Done => "trained",
        Ended::Stopped => "stopped",
        Ended::Patience => "no better for as long as `patience` allows",
    };
    eprintln!("{why} after {}", numbers::duration(report.outcome.elapsed));
    if let Some(line) = kept(history) {
        eprintln!("{line}");
    }
    if !report.test.is_empty() {
        let values: Vec<String> =
            report.test.iter().map(|(series, value)| format!("{} {}", series.name, numbers::value(*value))).collect();
        eprintln!("test: {}", values.join(", "));
    }
    if report.outcome.ended == Ended::Stopped {
        eprintln!("go on with the same command and `--resume`");
    }
    eprintln!("weights: {}", report.weights.display());
    eprintln!("curve:   {}", report.weights.with_file_name("curve.svg").display());
}

/// The kept epoch and its values.
fn kept(history: &History) -> Option<String> {
    let position = history.best.or_else(|| history.points.len().checked_sub(1))?;
    let point = history.points.get(position)?;
    let word = if history.best.is_some() { "best" } else { "last" };
    let values: Vec<String> = history
        .series
        .iter()
        .enumerate()
        .filter_map(|(index, series)| {
            let value = point.validation[index].or(point.train[index])?;
            Some(format!("{} {}", series.name, numbers::value(value)))
        })
        .collect();
    Some(format!("{word}: epoch {}, {}", point.epoch, values.join(", ")))
}
