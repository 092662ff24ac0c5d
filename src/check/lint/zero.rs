//! W0506: a logarithm, root, power or quotient whose value or derivative is infinite where its argument is 0, and the arm of a `where`
//! from which a NaN leaks. Silent where the argument cannot be 0.

use super::carried::carried;
use super::fused::{library_callee, source_of};
use super::gradients::trained;
use super::losses;
use super::range::{Range, inverse, range};
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, Node};
use crate::ops::compare::WHERE;
use crate::ops::elementwise::{LOG, LOG1P, RECIPROCAL, RSQRT, SIGMOID, SQRT};
use crate::ops::elementwise_binary::{DIV, MUL, POW};
use crate::ops::reach;

/// The library's functions that are documented to have no derivative at 0; all others guard themselves or say what they take.
const LIBRARY: [&str; 2] = ["norm", "std"];

/// What may go wrong, and what to write.
struct Hazard {
    title: String,
    label: &'static str,
    help: String,
}

impl Checker<'_> {
    /// Judges the operations between the losses and what they train.
    pub fn unsafe_at_zero(&mut self) {
        let parameters: Vec<ir::Value> = trained(&self.graph).into_iter().map(|(_, node)| node).collect();
        let leads = reach::leading(&self.graph, &parameters);
        let receives = reach::receiving(&self.graph, losses(&self.graph).map(|loss| loss.value));
        let readers = first_readers(&self.graph);
        let carried = carried(&self.graph);
        let mut ranges: IndexVec<ir::Value, Range> = IndexVec::new();
        for value in self.graph.nodes.indices() {
            let node = self.graph.node(value).clone();
            let own = carried.get(&value).copied().unwrap_or_else(|| range(&self.graph, &ranges, &node));
            let on_path = receives[value] && node.inputs.iter().any(|input| leads[*input]);
            let told = on_path && self.hazard(value, &node, &ranges, &leads, &readers);
            // What was told once is not told again of what is computed from it.
            ranges.push(if told { Range::POSITIVE } else { own });
        }
    }

    fn hazard(
        &mut self,
        value: ir::Value,
        node: &Node,
        ranges: &IndexVec<ir::Value, Range>,
        leads: &IndexVec<ir::Value, bool>,
        readers: &IndexVec<ir::Value, Option<ir::Value>>,
    ) -> bool {
        let callee = library_callee(&self.graph, self.sources, node);
        let judged = callee.is_none_or(|callee| LIBRARY.contains(&callee));
        let Some(hazard) = hazard(&self.graph, node, callee, ranges, leads).filter(|_| judged) else { return false };
        let Some(span) = self.user_place(node.place) else { return false };
        let mut diagnostic = Diagnostic::at(Code::W0506, span, hazard.title, hazard.label);
        if let Some(choice) = arm_of(&self.graph, readers, value)
            && let Some(at) = self.user_place(self.graph.node(choice).place)
        {
            diagnostic = diagnostic
                .label(at, "`where` differentiates both arms")
                .note("the arm that is not taken gets the gradient 0, and 0 times infinity is NaN")
                .help("make the argument safe inside the arm too: `sqrt(where(x > 0, x, 1))`");
        } else {
            diagnostic = diagnostic.help(hazard.help);
        }
        self.report(diagnostic);
        true
    }
}

fn hazard(
    graph: &Graph,
    node: &Node,
    callee: Option<&str>,
    ranges: &IndexVec<ir::Value, Range>,
    leads: &IndexVec<ir::Value, bool>,
) -> Option<Hazard> {
    let x = *node.inputs.first()?;
    let may_be = |range: Range| if range.low < 0.0 { "0 or less" } else { "0" };
    match node.op {
        LOG if !ranges[x].is_above(0.0) => Some(Hazard {
            title: format!("`log` of a value that may be {}", may_be(ranges[x])),
            label: "infinite at 0",
            help: if is_probability(graph, x, ranges[x]) {
                "a cross entropy that takes logits is exact: `softmax_cross_entropy`, `sigmoid_cross_entropy`"
                    .to_owned()
            } else {
                "keep the argument above 0: `log(maximum(x, 1e-8))`, or `log1p(x)` for a count".to_owned()
            },
        }),
        LOG1P if !ranges[x].is_above(-1.0) => Some(Hazard {
            title: "`log1p` of a value that may be -1 or less".to_owned(),
            label: "infinite at -1",
            help: "keep the argument above -1: `log1p(maximum(x, -0.999))`".to_owned(),
        }),
        SQRT if callee.is_some() && !ranges[x].is_above(0.0) => {
            let callee = callee.unwrap_or_default();
            let inner = if callee == "std" { "var(x)" } else { "sum(square(x))" };
            Some(Hazard {
                title: format!("`{callee}` of a value that may be 0 everywhere"),
                label: "its derivative does not exist there",
                help: format!("write it out with a small constant: `sqrt({inner} + 1e-12)`"),
            })
        }
        SQRT | RSQRT if !ranges[x].is_above(0.0) => Some(Hazard {
            title: format!("`{}` of a value that may be {}", node.op, may_be(ranges[x])),
            label: "its derivative is infinite at 0",
            help: format!("add a small constant: `{}(x + 1e-12)`", node.op),
        }),
        RECIPROCAL if ranges[x].ends_at_zero() => Some(quotient()),
        DIV if leads[node.inputs[1]] && ranges[node.inputs[1]].ends_at_zero() => Some(quotient()),
        POW => power(ranges[x], ranges[node.inputs[1]], leads[x]),
        _ => None,
    }
}

fn quotient() -> Hazard {
    Hazard {
        title: "division by a value that may be 0".to_owned(),
        label: "infinite or NaN there",
        help: "add a small constant to the divisor, `a / (b + 1e-8)`, or bound it, `a / maximum(b, 1e-8)`".to_owned(),
    }
}

/// A power below 1, or no whole one, of what may be 0.
fn power(base: Range, exponent: Range, leads: bool) -> Option<Hazard> {
    let constant = exponent.low == exponent.high;
    let smooth = exponent.low >= 1.0 && (exponent.low.fract() == 0.0 || base.low >= 0.0) || exponent.low == 0.0;
    let divides = exponent.low < 0.0 && exponent.low.fract() == 0.0;
    let harmless = if divides { !base.ends_at_zero() } else { base.is_above(0.0) };
    (leads && constant && !smooth && !harmless).then(|| Hazard {
        title: format!(
            "the power {} of a value that may be 0{}",
            exponent.low,
            if base.low < 0.0 { " or less" } else { "" }
        ),
        label: "its derivative is infinite or NaN there",
        help: "keep the base above 0: `maximum(x, 1e-8) ^ p`".to_owned(),
    })
}

/// Whether a value looks like what `softmax` or `sigmoid` gives.
fn is_probability(graph: &Graph, value: ir::Value, range: Range) -> bool {
    let node = graph.node(source_of(graph, value));
    let divided = node.op == DIV || (node.op == MUL && inverse(graph, node.inputs[1]).is_some());
    range.low >= 0.0 && (divided || node.op == SIGMOID)
}

/// The first operation that reads each value.
fn first_readers(graph: &Graph) -> IndexVec<ir::Value, Option<ir::Value>> {
    let mut readers: IndexVec<ir::Value, Option<ir::Value>> = graph.nodes.iter().map(|_| None).collect();
    for (reader, node) in graph.nodes.iter_enumerated() {
        for input in &node.inputs {
            readers[*input].get_or_insert(reader);
        }
    }
    readers
}

/// The `where` that chooses a value, or what is computed from it alone.
fn arm_of(graph: &Graph, readers: &IndexVec<ir::Value, Option<ir::Value>>, mut value: ir::Value) -> Option<ir::Value> {
    while let Some(reader) = readers[value] {
        let node = graph.node(reader);
        if node.op == WHERE {
            return node.inputs[1..].contains(&value).then_some(reader);
        }
        if node.ty.shape != graph.ty(value).shape {
            return None;
        }
        value = reader;
    }
    None
}
