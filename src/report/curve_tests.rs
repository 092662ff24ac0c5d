//! Tests of the learning curve: what it shows, read back from its text.

use std::time::Duration;

use super::*;
use crate::report::{Point, Series};

fn history(names: &[(&str, Kind)], points: usize, value: impl Fn(usize, usize) -> (f64, f64)) -> History {
    let series = names.iter().map(|(name, kind)| Series { name: name.to_string(), kind: *kind }).collect();
    let mut history = History::new(series, Axis::Epochs);
    for at in 0..points {
        let values: Vec<(f64, f64)> = (0..names.len()).map(|series| value(series, at)).collect();
        history.points.push(Point {
            epoch: at as u64 + 1,
            step: 100 * (at as u64 + 1),
            elapsed: Duration::from_millis(800 * (at as u64 + 1)),
            train: values.iter().map(|(train, _)| Some(*train)).collect(),
            validation: values.iter().map(|(_, validation)| Some(*validation)).collect(),
            rates: Vec::new(),
        });
    }
    history
}

/// The points of each line of the picture.
fn lines(svg: &str) -> Vec<Vec<(f64, f64)>> {
    let points = svg.split("points=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    points
        .map(|(points, _)| {
            let pairs = points.split(' ').filter_map(|pair| pair.split_once(','));
            pairs.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
        })
        .collect()
}

#[test]
fn each_series_has_a_line_for_training_and_one_for_validation() {
    let names = [("loss", Kind::Loss), ("accuracy", Kind::Metric)];
    let mut history = history(&names, 5, |series, at| match series {
        0 => (1.0 / (at + 1) as f64, 1.2 / (at + 1) as f64),
        _ => (0.8, 0.9),
    });
    history.best = Some(4);
    let picture = svg(&history, "A & B");
    let lines = lines(&picture);
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.len() == 5));
    assert!(lines[0].windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "a falling loss goes down");
    assert!(lines[0].iter().zip(&lines[1]).all(|(train, validation)| validation.1 < train.1));
    assert!(picture.contains("A &amp; B") && picture.contains("5 epochs in 4 s, weights kept from epoch 5"));
    assert_eq!(picture.matches("<circle").count(), 2, "the kept weights are marked on both validation lines");
    assert!(!picture.contains("log scale"));
}

#[test]
fn wide_spans_are_logarithmic_and_evenly_spaced_there() {
    let picture = svg(&history(&[("loss", Kind::Loss)], 5, |_, at| (10f64.powi(-(at as i32)), f64::NAN)), "t");
    assert!(picture.contains("Loss (log scale)"));
    let line = &lines(&picture)[0];
    let steps: Vec<f64> = line.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.2), "{steps:?}");
    assert!(!picture.contains(">validation<"), "a line that has no values is not named");
}

#[test]
fn holes_break_a_line_and_nothing_is_ever_nan() {
    let gap = history(&[("loss", Kind::Loss)], 7, |_, at| (if at == 3 { f64::NAN } else { at as f64 }, f64::INFINITY));
    let picture = svg(&gap, "t");
    assert_eq!(lines(&picture).iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    for points in [0, 1] {
        let short = svg(&history(&[("loss", Kind::Loss), ("m", Kind::Metric)], points, |_, _| (0.5, 0.25)), "t");
        assert!(!short.contains("NaN") && !short.contains("inf\""), "{points} points");
        assert_eq!(short.matches("<circle").count(), 4 * points);
    }
    assert!(!picture.contains("NaN"));
}

#[test]
fn long_runs_stay_small_and_keep_their_extremes() {
    let long = history(&[("loss", Kind::Loss)], 100_000, |_, at| (if at == 77_777 { 9.0 } else { 1.0 }, 1.0));
    let picture = svg(&long, "t");
    assert!(picture.len() < 200_000, "{} bytes", picture.len());
    let highest = lines(&picture)[0].iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let usual = lines(&picture)[1][0].1;
    assert!(highest < usual - 100.0);
}
