//! The optimizers, each in one place: its name, what it is, its hyperparameters with NNC's defaults, what it remembers of each parameter,
//! and its formula, built out of primitives so that every engine runs it and the planned one fuses it.
//!
//! Definitions are NNabla's (`src/nbla/solver/`). What changes from step to step, the learning rate and its bias correction, is fed as
//! scalars; everything else is constant. Loss gradients, clipping and the L2 decay that is part of the gradient are `train`'s business.

mod formula;
mod rules;
mod schedule;

use std::fmt;

pub use formula::Formula;
pub use rules::RULES;
pub use schedule::{Curve, SCHEDULES, Schedule};

use crate::ir::Value;

/// The name of the hyperparameter that decays weights apart from the gradient.
pub const DECAY: &str = "weight_decay";

/// What an optimizer is.
pub struct Rule {
    /// Its name in a `train` block.
    pub name: &'static str,
    /// What it does, as a formula: `w` is the parameter, `g` its gradient, `s` the schedule's factor.
    pub doc: &'static str,
    /// Its hyperparameters in order; the first is the learning rate `lr`.
    pub parameters: &'static [Parameter],
    /// The names of the tensors that it remembers for each parameter, all zero at first.
    pub slots: &'static [&'static str],
    /// The scalars that step `t`, from 1, is fed, when the schedule multiplies the learning rate by `s`: each grows with the rate, so a
    /// parameter's own factor multiplies them all.
    pub fed: fn(optimizer: &Optimizer, s: f64, t: f64) -> Vec<f64>,
    /// Builds the new value of the parameter, then of each slot.
    pub formula: fn(&mut Formula) -> Vec<Value>,
}

/// A hyperparameter, a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is when not given.
    pub default: f64,
    /// What it may be.
    pub range: Range,
}

/// The values that make sense for a hyperparameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Above 0.
    Positive,
    /// 0 or above.
    FromZero,
    /// From 0 up to, not including, 1.
    Fraction,
}

impl Range {
    /// Whether `value` lies in it.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Range::Positive => value > 0.0 && value.is_finite(),
            Range::FromZero => value >= 0.0 && value.is_finite(),
            Range::Fraction => (0.0..1.0).contains(&value),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Range::Positive => "a positive number",
            Range::FromZero => "a number from 0",
            Range::Fraction => "a number from 0 to below 1",
        })
    }
}

/// An optimizer with its hyperparameters' values.
#[derive(Clone)]
pub struct Optimizer {
    /// Which.
    pub rule: &'static Rule,
    /// The values, one for each of the rule's parameters.
    pub values: Vec<f64>,
}

impl Optimizer {
    /// The optimizer called `name` with its defaults.
    pub fn named(name: &str) -> Option<Optimizer> {
        let rule = RULES.iter().find(|rule| rule.name == name)?;
        Some(Optimizer { rule, values: rule.parameters.iter().map(|parameter| parameter.default).collect() })
    }

    /// The same with another value of one hyperparameter.
    ///
    /// # Panics
    /// When it has none of that name.
    pub fn with(mut self, name: &str, value: f64) -> Optimizer {
        let position = self.position(name);
        self.values[position] = value;
        self
    }

    /// The value of a hyperparameter.
    ///
    /// # Panics
    /// When it has none of that name.
    pub fn get(&self, name: &str) -> f64 {
        self.values[self.position(name)]
    }

    /// Whether it decays weights apart from the gradient.
    pub fn decays(&self) -> bool {
        self.rule.parameters.iter().any(|parameter| parameter.name == DECAY)
    }

    fn position(&self, name: &str) -> usize {
        let found = self.rule.parameters.iter().position(|parameter| parameter.name == name);
        found.unwrap_or_else(|| panic!("`{}` has no hyperparameter `{name}`", self.rule.name))
    }
}

impl Default for Optimizer {
    /// NNC's: Adam.
    fn default() -> Optimizer {
        Optimizer::named("adam").expect("adam is in the table")
    }
}

impl PartialEq for Optimizer {
    fn eq(&self, other: &Optimizer) -> bool {
        self.rule.name == other.rule.name && self.values == other.values
    }
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.rule.parameters.iter().zip(&self.values);
        let list: Vec<String> = pairs.map(|(parameter, value)| format!("{} = {value}", parameter.name)).collect();
        write!(f, "{}({})", self.rule.name, list.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_starts_with_its_rate_and_has_sensible_defaults() {
        for rule in &RULES {
            assert_eq!(rule.parameters[0].name, "lr", "{}", rule.name);
            for parameter in rule.parameters {
                assert!(parameter.range.holds(parameter.default), "{} of {}", parameter.name, rule.name);
            }
            assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
        }
    }

    #[test]
    fn an_optimizer_is_shown_as_it_is_written() {
        let text = Optimizer::default().with("lr", 0.5).to_string();
        assert_eq!(text, "adam(lr = 0.5, beta1 = 0.9, beta2 = 0.999, eps = 0.00000001)");
        assert!(Optimizer::named("adamw").expect("a rule").decays() && !Optimizer::default().decays());
    }
}
