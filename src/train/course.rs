//! Where a run stands between two epochs, and the file from which it goes on as if it had not been stopped.
//!
//! The file is one of weights: the variables as they are, an optimizer's memory included, under `now/`, and the kept weights under
//! `kept/`. What was measured is in its metadata, each number by its bits.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::weights::{Elements, SavedTensor, Weights, WeightsError};
use crate::engine::plan::Store;
use crate::report::{History, Point};
use crate::tensor::Tensor;

const NOW: &str = "now/";
const KEPT: &str = "kept/";

/// What a run knows between two epochs, beside its variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// The best judged value so far; less is better.
    pub best: Option<f64>,
    /// Epochs since then.
    pub since_best: usize,
    /// The weights that it would leave.
    pub kept: Weights,
    /// What it measured.
    pub history: History,
    /// How long it trained.
    pub elapsed: Duration,
}

/// A run between two epochs, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Every variable: parameters, states, and the optimizers' memory.
    pub variables: BTreeMap<String, SavedTensor>,
    /// Where it stands.
    pub course: Course,
}

impl Checkpoint {
    /// Writes it to `path`, with what the caller says `about` the run.
    ///
    /// # Errors
    /// Those of [`Weights::save`].
    pub fn save(&self, path: &Path, about: &str) -> Result<(), WeightsError> {
        let mut file = Weights::default();
        for (group, tensors) in [(NOW, &self.variables), (KEPT, &self.course.kept.tensors)] {
            file.tensors.extend(tensors.iter().map(|(name, tensor)| (format!("{group}{name}"), tensor.clone())));
        }
        file.metadata.insert("about".to_owned(), about.to_owned());
        file.metadata.insert("course".to_owned(), written(&self.course).to_string());
        file.save(path)
    }

    /// Reads what was written to `path`, and what was said about it. `empty` is the history of the program without points.
    ///
    /// # Errors
    /// Those of [`Weights::load`], and a file that is no checkpoint.
    pub fn load(path: &Path, empty: &History) -> Result<(Checkpoint, String), WeightsError> {
        let mut file = Weights::load(path)?;
        let (mut variables, mut kept) = (BTreeMap::new(), Weights::default());
        for (name, tensor) in std::mem::take(&mut file.tensors) {
            if let Some(name) = name.strip_prefix(NOW) {
                variables.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix(KEPT) {
                kept.tensors.insert(name.to_owned(), tensor);
            }
        }
        let course = file.metadata.get("course").and_then(|text| serde_json::from_str(text).ok());
        let course = course.and_then(|value| read(&value, kept, empty));
        let refused =
            || WeightsError::Read { path: path.to_path_buf(), reason: "it is no checkpoint of a run".to_owned() };
        let course = course.ok_or_else(refused)?;
        Ok((Checkpoint { variables, course }, file.metadata.remove("about").unwrap_or_default()))
    }
}

/// A tensor as a file holds it; truth values as integers.
pub fn saved(tensor: &Tensor) -> SavedTensor {
    let elements = match tensor {
        Tensor::I32(array) => Elements::I32(array.iter().copied().collect()),
        Tensor::Bool(array) => Elements::I32(array.iter().map(|value| i32::from(*value)).collect()),
        other => Elements::F32(other.to_f32()),
    };
    SavedTensor { shape: tensor.shape().to_vec(), elements }
}

/// Puts a saved tensor into a store that holds a variable of its name and shape.
pub fn restore(store: &mut Store, path: &str, saved: &SavedTensor) {
    let Some(known) = store.get(path).filter(|known| known.shape() == saved.shape) else { return };
    let tensor = match (&saved.elements, known) {
        (Elements::F32(values), _) => Tensor::f32(&saved.shape, values.clone()),
        (Elements::I32(values), Tensor::Bool(_)) => {
            Tensor::bool(&saved.shape, values.iter().map(|value| *value != 0).collect())
        }
        (Elements::I32(values), _) => Tensor::i32(&saved.shape, values.clone()),
    };
    store.set(path, &tensor);
}

fn written(course: &Course) -> Value {
    let values = |values: &[Option<f64>]| json!(values.iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>());
    let point = |point: &Point| {
        json!({
            "epoch": point.epoch,
            "step": point.step,
            "seconds": point.elapsed.as_secs_f64(),
            "train": values(&point.train),
            "validation": values(&point.validation),
            "rates": point.rates.iter().map(|rate| rate.to_bits()).collect::<Vec<_>>(),
        })
    };
    json!({
        "step": course.step,
        "epoch": course.epoch,
        "best": course.best.map(f64::to_bits),
        "since_best": course.since_best,
        "seconds": course.elapsed.as_secs_f64(),
        "series": course.history.series.iter().map(|series| &series.name).collect::<Vec<_>>(),
        "points": course.history.points.iter().map(point).collect::<Vec<_>>(),
        "best_point": course.history.best,
    })
}

fn read(value: &Value, kept: Weights, empty: &History) -> Option<Course> {
    let series: Option<Vec<&str>> = value["series"].as_array()?.iter().map(Value::as_str).collect();
    if series? != empty.series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>() {
        return None;
    }
    let mut history = empty.clone();
    for point in value["points"].as_array()? {
        history.points.push(read_point(point)?);
    }
    history.best = value["best_point"].as_u64().map(|best| best as usize);
    Some(Course {
        step: value["step"].as_u64()?,
        epoch: value["epoch"].as_u64()?,
        best: value["best"].as_u64().map(f64::from_bits),
        since_best: usize::try_from(value["since_best"].as_u64()?).ok()?,
        kept,
        history,
        elapsed: seconds(&value["seconds"])?,
    })
}

fn read_point(point: &Value) -> Option<Point> {
    let values = |key: &str| -> Option<Vec<Option<f64>>> {
        Some(point[key].as_array()?.iter().map(|value| value.as_u64().map(f64::from_bits)).collect())
    };
    Some(Point {
        epoch: point["epoch"].as_u64()?,
        step: point["step"].as_u64()?,
        elapsed: seconds(&point["seconds"])?,
        train: values("train")?,
        validation: values("validation")?,
        rates: values("rates")?.into_iter().collect::<Option<Vec<_>>>()?,
    })
}

fn seconds(value: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_f64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Axis, Kind, Series};

    #[test]
    fn a_checkpoint_is_read_back_bit_for_bit() {
        let series = vec![Series { name: "loss".to_owned(), kind: Kind::Loss }];
        let empty = History::new(series, Axis::Epochs);
        let tensor =
            |values: &[f32]| SavedTensor { shape: vec![values.len()], elements: Elements::F32(values.to_vec()) };
        let mut history = empty.clone();
        history.points.push(Point {
            epoch: 1,
            step: 7,
            elapsed: Duration::from_millis(250),
            train: vec![Some(0.1 + 0.2)],
            validation: vec![None],
            rates: vec![1e-3 / 3.0],
        });
        history.best = Some(0);
        let kept = Weights { tensors: BTreeMap::from([("w".to_owned(), tensor(&[0.5]))]), ..Weights::default() };
        let (best, elapsed) = (Some(f64::MIN_POSITIVE / 3.0), Duration::from_millis(1500));
        let course = Course { step: 7, epoch: 1, best, since_best: 2, kept, history, elapsed };
        let variables = BTreeMap::from([("w".to_owned(), tensor(&[1.0])), ("w.m".to_owned(), tensor(&[1e-40]))]);
        let checkpoint = Checkpoint { variables, course };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        checkpoint.save(&path, "it").unwrap();
        assert_eq!(Checkpoint::load(&path, &empty).unwrap(), (checkpoint, "it".to_owned()));
        let other = History::new(vec![], Axis::Epochs);
        assert!(Checkpoint::load(&path, &other).unwrap_err().to_string().ends_with("it is no checkpoint of a run"));
    }
}
