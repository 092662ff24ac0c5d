//! `nnlc eval`: how trained weights do on a data set, as tables or as one JSON object.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::args::{Eval, EvalFormat, default_threads};
use super::{FAILED, WRONG_USAGE, opened, print, show};
use crate::driver::{EvalOptions, EvalReport, Request, Session, feeds_of};
use crate::report::{Confusion, Kind, numbers};

/// Evaluates and tells.
pub fn eval(command: &Eval) -> ExitCode {
    let data = &command.data.data;
    let request = Request { without_data: true, ..command.model.request(true, data) };
    let session = match opened(&command.model, &request) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let set = match chosen(&session, command) {
        Ok(set) => set,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return ExitCode::from(WRONG_USAGE);
        }
    };
    let options = EvalOptions {
        weights: command.weights.clone(),
        set: set.map(str::to_owned),
        data: data.clone(),
        threads: command.threads.unwrap_or_else(default_threads),
        seed: command.seed,
    };
    match session.eval(&options) {
        Ok(report) => {
            match command.format {
                EvalFormat::Text => print(&text(&session.title(), set, &report)),
                EvalFormat::Json => print(&format!("{}\n", object(&session.title(), set, &report))),
            }
            ExitCode::SUCCESS
        }
        Err(diagnostics) => {
            show(&diagnostics, &session.sources, command.model.message_format);
            ExitCode::from(FAILED)
        }
    }
}

/// The set to evaluate on: the one asked for, or the one that training saw least of. None where every input is drawn.
fn chosen(session: &Session, command: &Eval) -> Result<Option<&'static str>, String> {
    let sets = session.data_sets(&command.data.data);
    let drawn = session.program.as_ref().is_some_and(|program| feeds_of(&program.graph).next().is_none());
    let model = command.model.path.display();
    let known = match sets.as_slice() {
        [] if drawn => "every input is drawn".to_owned(),
        [] => "it declares none".to_owned(),
        [one] => format!("it has `{one}`"),
        [one, more @ ..] => format!("it has `{}` and `{one}`", more.join("`, `")),
    };
    match command.on {
        Some(on) => match sets.iter().find(|set| **set == on.name()) {
            Some(set) => Ok(Some(set)),
            None => Err(format!("{model} has no data set `{}`: {known}", on.name())),
        },
        None if drawn => Ok(None),
        None => match sets.last() {
            Some(set) => Ok(Some(set)),
            None => Err(format!("{model} declares no data set; name a file with `--data test=f.csv`")),
        },
    }
}

fn text(title: &str, set: Option<&str>, report: &EvalReport) -> String {
    let samples = numbers::count_of(report.samples as u64, "sample");
    let mut out = match set {
        Some(set) => format!("{title} on the {} set, {samples}\n\n", set_name(set)),
        None => format!("{title} on drawn inputs, {samples}\n\n"),
    };
    let width = report.values.iter().map(|(series, _)| series.name.chars().count()).max().unwrap_or(0);
    for (series, value) in &report.values {
        let _ = writeln!(out, "{:<width$}  {}", series.name, numbers::value(*value));
    }
    for confusion in &report.confusions {
        let _ = write!(out, "\n{}", confusion.text());
    }
    out
}

fn set_name(set: &str) -> &str {
    if set == "train" { "training" } else { set }
}

/// One object: what docs/command-line.md describes.
fn object(title: &str, set: Option<&str>, report: &EvalReport) -> Value {
    let of = |kind: Kind| -> Map<String, Value> {
        let own = report.values.iter().filter(|(series, _)| series.kind == kind);
        own.map(|(series, value)| (series.name.clone(), json!(value))).collect()
    };
    json!({
        "model": title,
        "set": set,
        "samples": report.samples,
        "losses": of(Kind::Loss),
        "metrics": of(Kind::Metric),
        "confusions": report.confusions.iter().map(confusion).collect::<Vec<_>>(),
    })
}

fn confusion(confusion: &Confusion) -> Value {
    let counts = confusion.counts().map(|((truth, predicted), count)| json!([truth, predicted, count]));
    let classes = confusion.by_class();
    json!({
        "truth": confusion.truth,
        "scores": confusion.scores,
        "classes": confusion.classes,
        "counts": counts.collect::<Vec<_>>(),
        "recall": classes.iter().map(|of| of.recall()).collect::<Vec<_>>(),
        "precision": classes.iter().map(|of| of.precision()).collect::<Vec<_>>(),
    })
}
