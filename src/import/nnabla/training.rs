//! How a network is trained: the `train` block, and the data sets' files.

use super::term::{list, number};

/// What is known of a training run.
#[derive(Clone, Debug, Default)]
pub struct Training {
    /// The files of its sets.
    pub sets: Vec<Set>,
    /// The optimizer, when it is trained at all.
    pub solver: Option<Solver>,
    /// Samples in a minibatch.
    pub batch: Option<i64>,
    /// Passes over the data.
    pub epochs: Option<i64>,
    /// Minibatches for one step.
    pub accumulate: Option<i64>,
    /// Whether the samples keep their order.
    pub in_order: bool,
    /// Whether the last epoch's weights are kept rather than the best one's.
    pub keep_last: bool,
}

/// A data set.
#[derive(Clone, Debug)]
pub struct Set {
    /// `train`, `validation` or `test`.
    pub name: &'static str,
    /// Its CSV file.
    pub file: String,
    /// Whether pictures are not divided by 255.
    pub raw: bool,
}

/// An optimizer.
#[derive(Clone, Debug, Default)]
pub struct Solver {
    /// NNabla's name.
    pub kind: String,
    /// Its numbers, by NNabla's names in small letters.
    pub numbers: Vec<(String, f64)>,
    /// What a number is that is missing; the library's default when nothing is said.
    pub missing: Option<f64>,
    /// Weight decay that is added to the gradient.
    pub weight_decay: f64,
    /// The schedule, written.
    pub schedule: Option<String>,
}

/// A kind of optimizer: NNabla's name, the library's, and its numbers: NNabla's names, the library's, and the library's defaults.
type Rule = (&'static str, &'static str, &'static [(&'static [&'static str], &'static str, f64)]);

const BETAS: [(&[&str], &str, f64); 4] = [
    (&["alpha", "lr"], "lr", 0.001),
    (&["beta1"], "beta1", 0.9),
    (&["beta2"], "beta2", 0.999),
    (&["eps", "epsilon"], "eps", 1e-8),
];

const RULES: &[Rule] = &[
    ("sgd", "sgd", &[(&["lr", "learningrate"], "lr", 0.01)]),
    ("momentum", "momentum", &[(&["lr", "learningrate"], "lr", 0.01), (&["momentum"], "momentum", 0.9)]),
    ("nesterov", "nesterov", &[(&["lr", "learningrate"], "lr", 0.01), (&["momentum"], "momentum", 0.9)]),
    ("adagrad", "adagrad", &[(&["lr", "learningrate"], "lr", 0.01), (&["eps", "epsilon"], "eps", 1e-8)]),
    (
        "adadelta",
        "adadelta",
        &[(&["lr", "learningrate"], "lr", 1.0), (&["decay"], "decay", 0.95), (&["eps", "epsilon"], "eps", 1e-6)],
    ),
    (
        "rmsprop",
        "rmsprop",
        &[(&["lr", "learningrate"], "lr", 0.001), (&["decay"], "decay", 0.9), (&["eps", "epsilon"], "eps", 1e-8)],
    ),
    ("adam", "adam", &BETAS),
    ("adabelief", "adabelief", &BETAS),
    ("amsgrad", "amsgrad", &BETAS),
    (
        "adamax",
        "adamax",
        &[
            (&["alpha", "lr"], "lr", 0.002),
            (&["beta1"], "beta1", 0.9),
            (&["beta2"], "beta2", 0.999),
            (&["eps", "epsilon"], "eps", 1e-8),
        ],
    ),
    (
        "adabound",
        "adabound",
        &[
            (&["alpha", "lr"], "lr", 0.001),
            (&["beta1"], "beta1", 0.9),
            (&["beta2"], "beta2", 0.999),
            (&["eps", "epsilon"], "eps", 1e-8),
            (&["final_lr"], "final_lr", 0.1),
            (&["gamma"], "gamma", 0.001),
        ],
    ),
    (
        "adamw",
        "adamw",
        &[
            (&["alpha", "lr"], "lr", 0.001),
            (&["beta1"], "beta1", 0.9),
            (&["beta2"], "beta2", 0.999),
            (&["eps", "epsilon"], "eps", 1e-8),
            (&["wd"], "weight_decay", 1e-4),
        ],
    ),
    (
        "sgdw",
        "sgdw",
        &[(&["lr", "learningrate"], "lr", 0.01), (&["momentum"], "momentum", 0.9), (&["wd"], "weight_decay", 1e-4)],
    ),
    ("lion", "lion", &[(&["lr", "learningrate"], "lr", 1e-4), (&["beta1"], "beta1", 0.9), (&["beta2"], "beta2", 0.99)]),
];

impl Solver {
    /// The optimizer as the library calls it: numbers that are its defaults are left out, but for the learning rate. None for
    /// a kind that it lacks.
    pub fn text(&self) -> Option<String> {
        let kind = self.kind.to_lowercase();
        let (_, name, known) = RULES.iter().find(|(nnabla, _, _)| *nnabla == kind)?;
        let mut arguments = Vec::new();
        for (theirs, ours, default) in known.iter() {
            let given = self.numbers.iter().find(|(name, _)| theirs.contains(&name.as_str())).map(|(_, value)| *value);
            let value = given.or(self.missing).unwrap_or(*default);
            if *ours == "lr" || value as f32 != *default as f32 {
                arguments.push(format!("{ours} = {}", number(value)));
            }
        }
        Some(format!("{name}({})", arguments.join(", ")))
    }

    /// The solver with a schedule of NNabla's or NNC's kinds; what it lacks is told.
    pub fn scheduled(
        mut self,
        kind: &str,
        number_of: &dyn Fn(&str, f64) -> f64,
        steps: &[i64],
        warmup: i64,
    ) -> Result<Solver, String> {
        let warm = if warmup > 0 { format!("warmup = {warmup}") } else { String::new() };
        let with = |arguments: Vec<String>| {
            arguments.into_iter().chain((warmup > 0).then(|| warm.clone())).collect::<Vec<_>>().join(", ")
        };
        self.schedule = match kind {
            "" | "None" | "Off" if warmup > 0 => Some(format!("constant({warm})")),
            "" | "None" | "Off" => None,
            "Cosine" => Some(format!("cosine({})", with(Vec::new()))),
            "Polynomial" => {
                Some(format!("polynomial({})", with(vec![format!("power = {}", number(number_of("power", 1.0)))])))
            }
            "Exponential" => {
                let gamma = format!("gamma = {}", number(number_of("gamma", 1.0)));
                let every = number_of("iter_interval", 1.0);
                Some(format!("exponential({})", with(vec![gamma, format!("every = {every:.0}")])))
            }
            "Step" => {
                let gamma = format!("gamma = {}", number(number_of("gamma", 1.0)));
                Some(format!("step({})", with(vec![gamma, format!("at = {}", list(steps))])))
            }
            other => return Err(format!("the learning rate's schedule {other} has no counterpart: it is constant")),
        };
        Ok(self)
    }
}

impl Training {
    /// The lines of the `train` block; none when nothing is known of training.
    pub fn text(&self) -> Vec<String> {
        let Some(solver) = &self.solver else { return Vec::new() };
        let mut settings: Vec<(&str, String)> = Vec::new();
        settings.extend(solver.text().map(|text| ("optimizer", text)));
        settings.extend(solver.schedule.clone().map(|text| ("schedule", text)));
        if solver.weight_decay > 0.0 {
            settings.push(("weight_decay", number(solver.weight_decay)));
        }
        let counts = [("batch", self.batch, 0), ("accumulate", self.accumulate, 1), ("epochs", self.epochs, 0)];
        for (key, count, least) in counts {
            settings.extend(count.filter(|count| *count > least).map(|count| (key, count.to_string())));
        }
        if self.in_order {
            settings.push(("shuffle", "false".to_owned()));
        }
        // Without a validation set an epoch cannot be the best one.
        if self.keep_last || !self.sets.iter().any(|set| set.name == "validation") {
            settings.push(("keep", "last".to_owned()));
        }
        let lines = settings.into_iter().map(|(key, value)| format!("    {key} = {value}"));
        std::iter::once("train {".to_owned()).chain(lines).chain(std::iter::once("}".to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_defaults_are_left_out() {
        let solver = |kind: &str, numbers: &[(&str, f64)]| {
            let numbers = numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            Solver { kind: kind.to_owned(), numbers, ..Solver::default() }.text()
        };
        let adam = solver("Adam", &[("alpha", 0.001_000_000_047), ("beta1", 0.5), ("beta2", 0.999), ("epsilon", 1e-8)]);
        assert_eq!(adam.as_deref(), Some("adam(lr = 0.001, beta1 = 0.5)"));
        assert_eq!(solver("AdamW", &[("wd", 0.01)]).as_deref(), Some("adamw(lr = 0.001, weight_decay = 0.01)"));
        assert_eq!(solver("RMSpropGraves", &[]), None);
    }

    #[test]
    fn schedules_have_their_numbers() {
        let scheduled = |kind: &str, warmup: i64| {
            let number_of = |name: &str, without: f64| if name == "gamma" { 0.5 } else { without };
            Solver::default().scheduled(kind, &number_of, &[10, 20], warmup).map(|solver| solver.schedule)
        };
        assert_eq!(scheduled("Step", 0), Ok(Some("step(gamma = 0.5, at = [10, 20])".into())));
        assert_eq!(scheduled("Exponential", 5), Ok(Some("exponential(gamma = 0.5, every = 1, warmup = 5)".into())));
        assert_eq!(scheduled("", 0), Ok(None));
        assert!(scheduled("Custom", 0).is_err());
    }
}
