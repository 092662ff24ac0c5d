//! What a training step is inside: its time under clocks, told by step of the plan and by line of the text; its plans and its graphs as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::data::sizes_in;
use super::sized::Resized;
use super::{DataOverride, Session};
use crate::check::TrainSettings;
use crate::diagnostic::Diagnostic;
use crate::engine::plan::{StepProfile, peak_operations};
use crate::ir::Graph;
use crate::passes::Pipeline;
use crate::train::{BUILT, Failure, Planned, Profiled, Trainer, Training};

/// How a program is profiled.
#[derive(Clone, Debug)]
pub struct ProfileOptions {
    /// How many threads.
    pub threads: usize,
    /// How many steps are timed.
    pub steps: usize,
    /// Samples in a minibatch; none is the program's own number.
    pub batch: Option<usize>,
    /// Data files that replace the program's.
    pub data: Vec<DataOverride>,
}

/// What a training step takes on average.
#[derive(Clone, Debug, Default)]
pub struct ProfileReport {
    /// Samples in a minibatch.
    pub batch: usize,
    /// From start to end of a step.
    pub wall: Duration,
    /// Threads.
    pub threads: usize,
    /// The floating-point operations a second that one thread reaches here in a large product.
    pub peak: f64,
    /// The bytes of the arena, and of what is alive at one time at least.
    pub arena: (usize, usize),
    /// The steps of the plan in the order in which they run.
    pub steps: Vec<ProfiledStep>,
    /// Time by line of the program, most first; line 0 is what belongs to no line.
    pub lines: Vec<(usize, Duration)>,
}

/// One step of the plan.
#[derive(Clone, Debug)]
pub struct ProfiledStep {
    /// What the engine measured.
    pub profile: StepProfile,
    /// The lines of the program that it computes, ascending.
    pub lines: Vec<usize>,
    /// The operations that it computes, with how often, in order of their names.
    pub operations: Vec<(&'static str, usize)>,
}

impl ProfiledStep {
    /// The share of the machine's measured peak that the step reached, where its operations are counted.
    pub fn share_of_peak(&self, peak: f64) -> Option<f64> {
        let seconds = self.profile.time.as_secs_f64();
        let operations = self.profile.operations.filter(|operations| *operations > 0 && seconds > 0.0)?;
        Some(operations as f64 / seconds / peak)
    }
}

/// What is printed of a program's steps for people who look at the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside {
    /// The graphs after the pass of this name, each time that it runs; as they are built, before all passes, by the name `step`.
    After(String),
    /// The plans.
    Plan,
}

/// The names that [`Inside::After`] may have, in the order in which they first come.
pub fn stages() -> Vec<&'static str> {
    let mut names = vec![BUILT];
    for name in Pipeline::standard().names() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

impl Session {
    /// The text of what is inside the steps of an iteration. Plans are made for the first of the largest minibatches, graphs for the sizes
    /// of the first sample.
    ///
    /// # Errors
    /// What was wrong with the data or the values.
    pub fn inside(&self, options: &ProfileOptions, inside: &Inside) -> Result<String, Vec<Diagnostic>> {
        let mut text = String::new();
        self.with_trainer(options, |mut trainer| match inside {
            Inside::Plan => {
                for Planned { title, plan, graph } in trainer.plans()? {
                    let _ = writeln!(text, "# {title}, {} samples\n{graph}\n{plan}", plan.batch());
                }
                Ok(())
            }
            Inside::After(wanted) => trainer.watch_passes(&mut |title, pass, graph| {
                if pass == wanted {
                    let _ = writeln!(text, "# {title}, after `{pass}`: {} nodes\n{graph}", graph.nodes.len());
                }
            }),
        })?;
        Ok(text)
    }

    /// Trains for some steps on the first whole minibatch and tells where the time went. Nothing is written.
    ///
    /// # Errors
    /// What was wrong with the data or the values.
    pub fn profile(&self, options: &ProfileOptions) -> Result<ProfileReport, Vec<Diagnostic>> {
        let count = u32::try_from(options.steps).unwrap_or(u32::MAX).max(1);
        let mut report = ProfileReport { threads: options.threads, peak: peak_operations(), ..Default::default() };
        let mut times: BTreeMap<usize, Duration> = BTreeMap::new();
        self.with_trainer(options, |mut trainer| {
            for Profiled { profile, plan, graph } in trainer.profile(options.steps)? {
                report.batch = report.batch.max(plan.batch());
                report.wall += profile.wall() / count;
                report.arena = report.arena.max((plan.arena_bytes(), plan.live_bytes()));
                for step in profile.steps(plan) {
                    let step = StepProfile { time: step.time / count, ..step };
                    self.add_by_line(&mut times, &step, graph);
                    report.steps.push(self.profiled(step, graph));
                }
            }
            Ok(())
        })?;
        report.lines = times.into_iter().collect();
        report.lines.sort_by_key(|(line, time)| (std::cmp::Reverse(*time), *line));
        Ok(report)
    }

    /// Hands a trainer of the program to `look`.
    fn with_trainer(
        &self,
        options: &ProfileOptions,
        look: impl FnOnce(Trainer<'_>) -> Result<(), Failure>,
    ) -> Result<(), Vec<Diagnostic>> {
        let Some(program) = &self.program else { return Err(self.diagnostics.clone()) };
        let sets = self.loaded(program, &options.data)?;
        let resized = Resized::new(self, program);
        let program = &*self.sized(program, &sizes_in(program, sets.train.as_ref()))?;
        let batch = options.batch.unwrap_or(program.train.batch);
        let settings = TrainSettings { batch, ..program.train.clone() };
        let training = Training { resize: resized.resize(), ..sets.training(program, &settings, options.threads) };
        Trainer::new(training, None).and_then(look).map_err(|failure| vec![self.failure(&failure)])
    }

    fn profiled(&self, profile: StepProfile, graph: &Graph) -> ProfiledStep {
        let mut lines: Vec<usize> = profile.values.iter().map(|value| self.line_of(graph, *value)).collect();
        lines.retain(|line| *line > 0);
        lines.sort_unstable();
        lines.dedup();
        let mut operations: BTreeMap<&'static str, usize> = BTreeMap::new();
        profile.values.iter().for_each(|value| *operations.entry(graph.node(*value).op.0).or_default() += 1);
        ProfiledStep { profile, lines, operations: operations.into_iter().collect() }
    }

    /// The line of the user's text that a value of a training step comes from; 0 if there is none.
    fn line_of(&self, graph: &Graph, value: crate::ir::Value) -> usize {
        let Some(program) = &self.program else { return 0 };
        let place = graph.node(value).place;
        let span = crate::check::user_place(&self.sources, &program.graph, place);
        span.filter(|span| span.file == self.file).map_or(0, |span| self.sources.line_column(span).line)
    }

    /// Adds a step's time, shared evenly by the values that it computes, to those of their lines.
    fn add_by_line(&self, times: &mut BTreeMap<usize, Duration>, step: &StepProfile, graph: &Graph) {
        let share = step.time / u32::try_from(step.values.len()).unwrap_or(u32::MAX).max(1);
        for value in &step.values {
            *times.entry(self.line_of(graph, *value)).or_default() += share;
        }
    }
}
