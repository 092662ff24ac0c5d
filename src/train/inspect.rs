//! What a run is made of, for people who look at the compiler: where the time of its steps goes, what its plans are, and what each pass
//! leaves of its graphs. Nothing here changes what a run computes.

use std::collections::BTreeMap;

use super::step::Part;
use super::trainer::{Failure, Trainer};
use super::unit::{self, Unit};
use crate::engine::plan::{Plan, Profile};
use crate::ir::Graph;
use crate::passes::Pipeline;

/// What was measured of one graph of an iteration.
pub struct Profiled<'a> {
    /// The clocks.
    pub profile: Profile,
    /// The steps that they belong to.
    pub plan: &'a Plan,
    /// The graph after passes.
    pub graph: &'a Graph,
}

/// One graph of an iteration.
pub struct Planned<'a> {
    /// What it does, in words.
    pub title: String,
    /// How it is computed.
    pub plan: &'a Plan,
    /// The graph after passes.
    pub graph: &'a Graph,
}

/// The name that [`Trainer::watch_passes`] gives to a graph that no pass has seen.
pub const BUILT: &str = "step";

impl Trainer<'_> {
    /// Runs `steps` steps on the first of the largest minibatches with a clock on every step of the plans, after one without, which makes
    /// room. Each graph that an iteration runs has a profile of its own.
    ///
    /// # Errors
    /// Those of [`step`](Self::step).
    pub fn profile(&mut self, steps: usize) -> Result<Vec<Profiled<'_>>, Failure> {
        let rows = self.largest_minibatch();
        self.step(1, &rows)?;
        let mut profiles: BTreeMap<(usize, usize), Profile> = BTreeMap::new();
        for step in (2..).take(steps) {
            for piece in self.pieces(step, &rows) {
                let plan = self.form(piece.unit, &rows).plan(piece.rows.len());
                let mut profile = profiles
                    .remove(&(piece.unit, piece.rows.len()))
                    .unwrap_or_else(|| Profile::new(plan, &self.engine));
                self.piece(&piece, Some(&mut profile))?;
                profiles.insert((piece.unit, piece.rows.len()), profile);
            }
        }
        let profiled = |((unit, batch), profile)| {
            let form = self.form(unit, &rows);
            Profiled { profile, plan: form.plan(batch), graph: &form.graph }
        };
        Ok(profiles.into_iter().map(profiled).collect())
    }

    /// The plans of a step on the first of the largest minibatches, after it has run once.
    ///
    /// # Errors
    /// Those of [`step`](Self::step).
    pub fn plans(&mut self) -> Result<Vec<Planned<'_>>, Failure> {
        let rows = self.largest_minibatch();
        self.step(1, &rows)?;
        let used: BTreeMap<(usize, usize), ()> =
            self.pieces(1, &rows).iter().map(|piece| ((piece.unit, piece.rows.len()), ())).collect();
        let planned = |(unit, batch)| {
            let form = self.form(unit, &rows);
            Planned { title: self.title(&self.units[unit]), plan: form.plan(batch), graph: &form.graph }
        };
        Ok(used.into_keys().map(planned).collect())
    }

    /// Builds the graphs of an iteration once more and shows each to `watch` with what it does, in words: first as it is built, called
    /// [`BUILT`], then after each pass, by the pass's name.
    ///
    /// # Errors
    /// When a network cannot be batched.
    pub fn watch_passes(&self, watch: &mut dyn FnMut(&str, &'static str, &Graph)) -> Result<(), Failure> {
        for unit in &self.units {
            let title = self.title(unit);
            let graph = unit::built(self.training.programs(), self.training.settings, unit.kind, &self.sizes[0])?;
            watch(&title, BUILT, &graph);
            Pipeline::standard().run_watched(graph, &mut |pass, graph| watch(&title, pass, graph));
        }
        Ok(())
    }

    fn largest_minibatch(&mut self) -> Vec<usize> {
        let minibatches = self.minibatches(1);
        let largest = minibatches.iter().map(Vec::len).max();
        minibatches.into_iter().find(|rows| Some(rows.len()) == largest).unwrap_or_default()
    }

    /// What a unit does: `training step of loss`, and what it has to do with gradients that are averaged over minibatches.
    fn title(&self, unit: &Unit) -> String {
        let (group, part) = unit.kind;
        let losses = self.groups[group].losses.join(", ");
        match part {
            Part::Gather => format!("gathers the gradient of {losses}"),
            Part::Finish { updates: true, .. } => format!("training step of {losses}"),
            Part::Finish { updates: false, .. } => {
                format!("training step of {losses}, before another of its iteration")
            }
        }
    }
}
