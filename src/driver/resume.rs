//! Going on with a run that was stopped: the checkpoint in its folder, written now and then and at the end, and what must not have
//! changed since.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::data::Sets;
use super::run::unwritable;
use crate::data::DataSet;
use crate::diagnostic::{Code, Diagnostic};
use crate::report::History;
use crate::train::{Checkpoint, Expected, Trainer, Weights};

/// The least time between two checkpoints of a run.
pub const INTERVAL: Duration = Duration::from_secs(10);

const FILE: &str = "checkpoint.safetensors";

/// What a run may change when it goes on: how long it is, and what changes no step.
const FREE: [&str; 5] = ["nnlc", "epochs", "steps", "keep", "patience"];

/// What a checkpoint says about its run: the settings and the sets' sizes.
pub fn about(config: Value, sets: &Sets) -> Value {
    let rows = |set: &Option<DataSet>| set.as_ref().map(DataSet::rows);
    let mut about = config;
    for name in FREE {
        about.as_object_mut().map(|settings| settings.remove(name));
    }
    about["samples of `train`"] = json!(rows(&sets.train));
    about["samples of `validation`"] = json!(rows(&sets.validation));
    about
}

/// Writes a checkpoint.
pub fn save(folder: &Path, checkpoint: &Checkpoint, about: &Value) -> Result<(), Vec<Diagnostic>> {
    let saved = checkpoint.save(&folder.join(FILE), &about.to_string());
    saved.map_err(|error| vec![Diagnostic::new(Code::E0804, error.to_string())])
}

/// Removes the checkpoint of an earlier run, so that nothing goes on with that one after this; gives back the `empty` history.
pub fn forget(folder: &Path, empty: History) -> Result<History, Vec<Diagnostic>> {
    let path = folder.join(FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritable(&path, &error)),
        _ => Ok(empty),
    }
}

/// Puts the trainer where the stopped run was, and gives what that had measured.
pub fn resume(trainer: &mut Trainer, folder: &Path, about: &Value) -> Result<History, Vec<Diagnostic>> {
    let path = folder.join(FILE);
    if !path.exists() {
        let title = format!("there is no run to go on with in `{}`", folder.display());
        let help = "start one without `--resume`, or name its folder with `--out`";
        return Err(vec![Diagnostic::new(Code::E0403, title).help(help)]);
    }
    let refuse = |reason: String| {
        let title = format!("the run in `{}` cannot go on: {reason}", folder.display());
        vec![Diagnostic::new(Code::E0803, title).help("start anew without `--resume`")]
    };
    let loaded = Checkpoint::load(&path, &trainer.history());
    let (checkpoint, then) = loaded.map_err(|error| refuse(error.to_string()))?;
    let then: Value = serde_json::from_str(&then).unwrap_or_default();
    if let Some(change) = change(&then, about) {
        return Err(refuse(change));
    }
    let variables = trainer.variables();
    let expected: Vec<Expected> = variables.iter().map(|(name, shape)| Expected { name, shape }).collect();
    let held = Weights { tensors: checkpoint.variables.clone(), ..Weights::default() };
    held.check(&expected).map_err(|error| refuse(error.to_string()))?;
    let history = checkpoint.course.history.clone();
    trainer.resume(checkpoint);
    Ok(history)
}

/// The first setting that is not what it was.
fn change(then: &Value, now: &Value) -> Option<String> {
    let (then, now) = (then.as_object()?, now.as_object()?);
    let name = now.keys().find(|name| then.get(*name) != now.get(*name))?;
    let shown = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(value) => value.to_string(),
    };
    Some(match name.as_str() {
        "variables" => "the program has other parameters now".to_owned(),
        "groups" => "the program trains in other steps now".to_owned(),
        name => format!("{name} was {}, it is {} now", shown(then.get(name)), shown(now.get(name))),
    })
}
