//! A plan's text form, for engineers: its waves, the steps in them, and where what they touch lies.

use std::collections::BTreeMap;
use std::fmt;

use super::Plan;
use super::memory::Home;
use super::step::Step;
use super::view::BufferId;
use crate::base::Idx;

/// Values of a step that are listed; of more, the number is told.
const LISTED: usize = 12;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} steps in {} waves, {} barriers; arena {} bytes, {} alive at one time; constants {} bytes",
            self.steps.len(),
            self.waves.len(),
            self.barriers(),
            self.arena_bytes,
            self.live_bytes,
            self.bytes() - self.arena_bytes,
        )?;
        let mut steps = self.steps.iter().enumerate();
        for (number, wave) in self.waves.iter().enumerate() {
            let alone = if wave.is_solo(false) { ", one worker" } else { "" };
            writeln!(f, "wave {number}{alone}")?;
            steps.by_ref().take(wave.steps).try_for_each(|(number, step)| self.write_step(f, number, step))?;
        }
        let results: Vec<String> = self.results.iter().map(|(view, _)| self.place(view.buffer)).collect();
        writeln!(f, "results {}", results.join(", "))
    }
}

impl Plan {
    fn write_step(&self, f: &mut fmt::Formatter<'_>, number: usize, step: &Step) -> fmt::Result {
        write!(f, "  {number:>4} {}, {} tiles", step.label, step.work.tiles())?;
        if let Some(operations) = step.work.operations().filter(|operations| *operations > 0) {
            write!(f, ", {operations} operations")?;
        }
        let values = if step.fused.is_empty() { std::slice::from_ref(&step.value) } else { &step.fused };
        write!(f, ":")?;
        values.iter().take(LISTED).try_for_each(|value| write!(f, " {value}"))?;
        if values.len() > LISTED {
            write!(f, " and {} more", values.len() - LISTED)?;
        }
        writeln!(f)?;
        self.write_buffers(f, "reads", &step.reads)?;
        self.write_buffers(f, "writes", &step.writes)
    }

    /// Each buffer once, in the order of their numbers.
    fn write_buffers(&self, f: &mut fmt::Formatter<'_>, what: &str, buffers: &[BufferId]) -> fmt::Result {
        let places: BTreeMap<usize, String> =
            buffers.iter().map(|buffer| (buffer.index(), self.place(*buffer))).collect();
        let places: Vec<String> = places.into_values().collect();
        if places.is_empty() { Ok(()) } else { writeln!(f, "       {what} {}", places.join(", ")) }
    }

    /// `b7 f32[4096] arena+1024`: its number, what it holds, and where it begins, in bytes.
    fn place(&self, id: BufferId) -> String {
        let buffer = &self.buffers[id];
        let home = match buffer.home {
            Home::Arena => format!("arena+{}", self.offsets[id]),
            Home::Plan => format!("constants+{}", self.offsets[id]),
            Home::Input(input) => format!("input {input}"),
            Home::Variable(variable) => format!("variable @{variable}"),
        };
        format!("b{} {}[{}] {home}", id.index(), buffer.kind.name(), buffer.len)
    }
}
