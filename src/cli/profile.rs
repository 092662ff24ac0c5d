//! `nnlc profile`: where the time of a training step goes, by line and by step of the plan, and what the step is made of.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use super::args::{Profile, default_threads};
use super::{FAILED, open, print, show};
use crate::driver::{ProfileOptions, ProfileReport, ProfiledStep, Session};
use crate::report::numbers;

/// Measures and tells.
pub fn profile(command: &Profile) -> ExitCode {
    let session = match open(&command.model, true, &command.data.data) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let threads = command.threads.unwrap_or_else(default_threads);
    let data = command.data.data.clone();
    let options = ProfileOptions { threads, steps: command.steps, batch: command.batch, data };
    let said = match command.inside() {
        Some(inside) => session.inside(&options, &inside),
        None => session.profile(&options).map(|report| text(&session, &report)),
    };
    match said {
        Ok(said) => {
            print(&said);
            ExitCode::SUCCESS
        }
        Err(diagnostics) => {
            show(&diagnostics, &session.sources, command.model.message_format);
            ExitCode::from(FAILED)
        }
    }
}

fn text(session: &Session, report: &ProfileReport) -> String {
    let busy: Duration = report.steps.iter().map(|step| step.profile.time).sum();
    let whole = report.wall.as_secs_f64() * report.threads as f64;
    let share = |time: Duration| numbers::percent(if whole > 0.0 { time.as_secs_f64() / whole } else { 0.0 });
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: a training step of {} takes {} on {}; {} of it computing, the rest waiting",
        session.title(),
        numbers::count_of(report.batch as u64, "sample"),
        microseconds(report.wall),
        numbers::count_of(report.threads as u64, "thread"),
        share(busy),
    );
    let _ = writeln!(
        out,
        "peak of one thread: {:.0} GFLOP/s; memory within a step: {}, of which {} is alive at one time\n",
        report.peak / 1e9,
        numbers::bytes(report.arena.0 as u64),
        numbers::bytes(report.arena.1 as u64),
    );
    let _ = writeln!(out, "{:>10} {:>6}  line", "time", "share");
    for (line, time) in &report.lines {
        let source = match line {
            0 => "(no line: bookkeeping of the step)".to_owned(),
            line => format!("{line:>4}  {}", session.sources.file(session.file).line(*line).trim()),
        };
        let _ = writeln!(out, "{:>10} {:>6}  {source}", microseconds(*time), share(*time));
    }
    let _ = writeln!(out, "\n{:>10} {:>6} {:>10} {:>7}  step", "time", "share", "bytes", "of peak");
    for step in &report.steps {
        let peak = step.share_of_peak(report.peak).map_or_else(|| "-".to_owned(), numbers::percent);
        let _ = writeln!(
            out,
            "{:>10} {:>6} {:>10} {:>7}  {}",
            microseconds(step.profile.time),
            share(step.profile.time),
            numbers::bytes(step.profile.bytes as u64),
            peak,
            what(step),
        );
    }
    out
}

/// `gemm, fused (lines 10, 11): add, contract, sigmoid x2`.
fn what(step: &ProfiledStep) -> String {
    let lines: Vec<String> = step.lines.iter().map(usize::to_string).collect();
    let operation = |(name, times): &(&str, usize)| match times {
        1 => (*name).to_owned(),
        times => format!("{name} x{times}"),
    };
    let operations: Vec<String> = step.operations.iter().map(operation).collect();
    let place = match lines.len() {
        0 => String::new(),
        1 => format!(" (line {})", lines[0]),
        _ => format!(" (lines {})", lines.join(", ")),
    };
    match operations.as_slice() {
        [only] if only == step.profile.label => format!("{only}{place}"),
        _ => format!("{}{place}: {}", step.profile.label, operations.join(", ")),
    }
}

fn microseconds(time: Duration) -> String {
    format!("{:.1} us", time.as_secs_f64() * 1e6)
}
