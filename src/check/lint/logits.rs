//! W0606: an output that is a logit, while a loss reads it as one.

use std::collections::BTreeMap;

use super::fused::{Fused, fused, gives_probabilities, source_of};
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, ResultRole};

impl Checker<'_> {
    /// Judges the outputs. Silent about one from which another output is computed: then both are wanted.
    pub fn logit_outputs(&mut self) {
        let results = self.graph.results.clone();
        let outputs: Vec<_> = results.iter().filter(|result| result.role == ResultRole::Output).collect();
        let mut calls = fused(&self.graph, self.sources);
        // Probabilities in the place of logits are W0505.
        calls.retain(|call| {
            gives_probabilities(&self.graph, self.sources, source_of(&self.graph, call.logits)).is_none()
        });
        let mut readers: BTreeMap<ir::Value, &Fused> = BTreeMap::new();
        for call in &calls {
            readers.entry(source_of(&self.graph, call.logits)).or_insert(call);
        }
        for output in &outputs {
            let source = source_of(&self.graph, output.value);
            let Some(call) = readers.get(&source) else { continue };
            let others = outputs.iter().filter(|other| source_of(&self.graph, other.value) != source);
            let also_used = self.graph.reached_from(others.map(|other| other.value))[source];
            let Some(span) = output.place.span.filter(|_| !also_used) else { continue };
            let title = format!("output `{}` is a logit, not a probability", output.name);
            let diagnostic = Diagnostic::at(Code::W0606, span, title, "given as it is")
                .label(call.call, format!("`{}` applies `{}` to it", call.name, call.applies))
                .help(format!("the probability is `output {} = {}({})`", probability(&output.name), call.applies, {
                    self.graph.names.get(&output.value).map_or("...", String::as_str)
                }));
            self.report(diagnostic);
        }
    }
}

/// A name for the probabilities: the output's own, unless it says that it is a logit.
fn probability(name: &str) -> &str {
    if name.to_lowercase().contains("logit") { "probability" } else { name }
}
