//! Schedules of the learning rate: the factor on it in each iteration. Definitions are NNabla's
//! (`python/src/nnabla/utils/learning_rate_scheduler.py`), where `iter`, here `t`, counts from 0.

use std::f64::consts::PI;
use std::fmt;

use super::Range::{FromZero, Positive};
use super::{Parameter, Range};

/// How the learning rate changes over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The curve.
    pub curve: Curve,
    /// Over how many iterations the rate rises to the curve: the factor is multiplied by `(t + 1) / warmup` before that.
    pub warmup: f64,
}

/// The factor of iteration `t` of `total`.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// 1.
    Constant,
    /// `gamma` to the number of iterations in `at` that `t` has reached.
    Step {
        /// The factor.
        gamma: f64,
        /// The iterations at which it is multiplied.
        at: Vec<f64>,
    },
    /// `gamma ^ floor(t / every)`.
    Exponential {
        /// The factor.
        gamma: f64,
        /// After how many iterations it is multiplied again.
        every: f64,
    },
    /// `(1 + cos(pi t / total)) / 2`.
    Cosine,
    /// `(1 - t / total) ^ power`.
    Polynomial {
        /// The exponent.
        power: f64,
    },
}

/// The names of the schedules, what each is, and its numbers; `warmup` is the last of all.
pub const SCHEDULES: [(&str, &str, &[Parameter]); 5] = [
    ("constant", "1", &[WARMUP]),
    ("step", "`gamma` to the number of entries of `at` that `t` has reached", &[GAMMA, WARMUP]),
    (
        "exponential",
        "`gamma ^ floor(t / every)`",
        &[number("gamma", 0.95, Positive), number("every", 1.0, Positive), WARMUP],
    ),
    ("cosine", "`(1 + cos(pi t / total)) / 2`", &[WARMUP]),
    ("polynomial", "`(1 - t / total) ^ power`", &[number("power", 1.0, Positive), WARMUP]),
];

const GAMMA: Parameter = number("gamma", 0.1, Positive);
const WARMUP: Parameter = number("warmup", 0.0, FromZero);

const fn number(name: &'static str, default: f64, range: Range) -> Parameter {
    Parameter { name, default, range }
}

impl Schedule {
    /// The schedule called `name` with its numbers, in the order of [`SCHEDULES`]; `at` is `step`'s list.
    pub fn named(name: &str, numbers: &[f64], at: Vec<f64>) -> Option<Schedule> {
        let (curve, warmup) = match (name, numbers) {
            ("constant", [warmup]) => (Curve::Constant, warmup),
            ("step", [gamma, warmup]) => (Curve::Step { gamma: *gamma, at }, warmup),
            ("exponential", [gamma, every, warmup]) => (Curve::Exponential { gamma: *gamma, every: *every }, warmup),
            ("cosine", [warmup]) => (Curve::Cosine, warmup),
            ("polynomial", [power, warmup]) => (Curve::Polynomial { power: *power }, warmup),
            _ => return None,
        };
        Some(Schedule { curve, warmup: *warmup })
    }

    /// The factor in iteration `t`, from 0, of a run of `total` iterations.
    pub fn factor(&self, t: u64, total: u64) -> f64 {
        let (t, total) = (t as f64, total.max(1) as f64);
        let factor = match &self.curve {
            Curve::Constant => 1.0,
            Curve::Step { gamma, at } => gamma.powi(at.iter().filter(|at| t >= **at).count() as i32),
            Curve::Exponential { gamma, every } => gamma.powf((t / every).floor()),
            Curve::Cosine => 0.5 * (1.0 + (PI * t / total).cos()),
            Curve::Polynomial { power } => (1.0 - t / total).max(0.0).powf(*power),
        };
        if t < self.warmup { factor * (t + 1.0) / self.warmup } else { factor }
    }
}

impl Default for Schedule {
    /// Constant, without a warm-up.
    fn default() -> Schedule {
        Schedule { curve: Curve::Constant, warmup: 0.0 }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warmup = self.warmup;
        match &self.curve {
            Curve::Constant => write!(f, "constant(warmup = {warmup})"),
            Curve::Step { gamma, at } => write!(f, "step(gamma = {gamma}, at = {at:?}, warmup = {warmup})"),
            Curve::Exponential { gamma, every } => {
                write!(f, "exponential(gamma = {gamma}, every = {every}, warmup = {warmup})")
            }
            Curve::Cosine => write!(f, "cosine(warmup = {warmup})"),
            Curve::Polynomial { power } => write!(f, "polynomial(power = {power}, warmup = {warmup})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The factors of ten iterations, as NNabla 1.39's schedulers give them with an initial rate of 1.
    #[test]
    fn the_factors_are_nnablas() {
        let factors = |name: &str, numbers: &[f64], at: &[f64]| -> Vec<f64> {
            let schedule = Schedule::named(name, numbers, at.to_vec()).expect("a schedule");
            (0..10).map(|t| schedule.factor(t, 10)).collect()
        };
        let near = |found: Vec<f64>, expected: [f64; 10]| {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} against {expected}");
            }
        };
        near(factors("constant", &[4.0], &[]), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        near(factors("step", &[0.5, 0.0], &[3.0, 7.0]), [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]);
        near(factors("exponential", &[0.5, 4.0, 0.0], &[]), [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
        near(factors("polynomial", &[2.0, 0.0], &[]), [1.0, 0.81, 0.64, 0.49, 0.36, 0.25, 0.16, 0.09, 0.04, 0.01]);
        let half = 0.5f64.sqrt() / 2.0;
        let cosine = factors("cosine", &[2.0], &[]);
        assert!((cosine[0] - 0.5).abs() < 1e-12 && (cosine[5] - 0.5).abs() < 1e-12, "{cosine:?}");
        let quarter = Schedule::default();
        assert_eq!(quarter.factor(3, 10), 1.0);
        let cosine = Schedule { curve: Curve::Cosine, warmup: 0.0 };
        assert!((cosine.factor(1, 4) - (0.5 + half)).abs() < 1e-12);
        assert_eq!(cosine.to_string(), "cosine(warmup = 0)");
    }
}
