//! The `test` blocks of a program, evaluated in f64 by the reference engine as MainValidation would be; parameters have the initial
//! values of seed 0.

use super::Session;
use crate::autodiff::gradients;
use crate::base::IndexVec;
use crate::check::{Claim, ClaimKind, Test};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::reference;
use crate::ir::{Graph, Place, ResultRole, ResultValue, Value, VarId};
use crate::lower::{Unbatchable, lower};
use crate::networks::{Choice, slice};
use crate::ops::{Builder, RunContext};
use crate::tensor::Tensor;
use crate::train::initial_values;

/// The step of central differences, relative to the larger of 1 and the element.
const STEP: f64 = 1e-5;

/// How far a derivative may be from central differences, relative to the larger of 1 and the latter.
const GRADIENT_TOLERANCE: f64 = 1e-5;

/// How many elements of a tensor a message shows.
const SHOWN: usize = 8;

/// A test evaluates a minibatch of one sample.
const RUN: RunContext = RunContext { seed: 0, step: 0, batch: 1 };

/// What one test came to.
pub struct TestOutcome {
    /// Its title.
    pub title: String,
    /// How many assertions it makes.
    pub claims: usize,
    /// A diagnostic for each assertion that does not hold.
    pub failures: Vec<Diagnostic>,
}

impl Session {
    /// Evaluates the tests of a program without errors, in order.
    pub fn test(&self) -> Vec<TestOutcome> {
        let Some(program) = &self.program else { return Vec::new() };
        let outcome = |test: &Test| {
            let graph = test.graph(&program.graph);
            let failures = test.claims.iter().filter_map(|claim| self.claim(test, &graph, claim)).collect();
            TestOutcome { title: test.title.clone(), claims: test.claims.len(), failures }
        };
        program.tests.iter().map(outcome).collect()
    }

    /// Why an assertion does not hold.
    fn claim(&self, test: &Test, graph: &Graph, claim: &Claim) -> Option<Diagnostic> {
        let found = match &claim.kind {
            ClaimKind::Known { holds: true, .. } => return None,
            ClaimKind::Known { sides, .. } => Ok(Some(known(sides.as_ref()))),
            ClaimKind::Holds { value, sides } => holds(graph, *value, *sides),
            ClaimKind::Close { left, right, tolerance } => close(graph, *left, *right, *tolerance),
            ClaimKind::Gradients { values, arguments } => gradients_match(graph, values, arguments),
        };
        let Failing { title, label, notes } = match found {
            Ok(failing) => failing?,
            Err(fault) => {
                let span = crate::check::user_place(&self.sources, graph, fault.place).unwrap_or(claim.span);
                return Some(Diagnostic::at(Code::E0116, span, fault.to_string(), "this operation"));
            }
        };
        let mut diagnostic = Diagnostic::at(Code::E0117, claim.span, title, label);
        diagnostic.notes = notes;
        if let Some(message) = &claim.message {
            diagnostic = diagnostic.note(message);
        }
        Some(diagnostic.label(test.span, "in this test"))
    }
}

/// What is said of an assertion that does not hold.
struct Failing {
    title: String,
    label: String,
    notes: Vec<String>,
}

fn known(sides: Option<&(String, String)>) -> Failing {
    match sides {
        Some((a, b)) => Failing {
            title: format!("an assertion fails: {a} against {b}"),
            label: format!("the left side is {a}, the right side {b}"),
            notes: Vec::new(),
        },
        None => {
            Failing { title: "an assertion fails".to_owned(), label: "this is false".to_owned(), notes: Vec::new() }
        }
    }
}

fn holds(graph: &Graph, value: Value, sides: Option<(Value, Value)>) -> Result<Option<Failing>, Unbatchable> {
    let mut roots = vec![value];
    roots.extend(sides.iter().flat_map(|(a, b)| [*a, *b]));
    let values = evaluate(graph, &roots)?;
    let truths = values[0].to_f64();
    let Some(place) = truths.iter().position(|truth| *truth == 0.0) else { return Ok(None) };
    let at = element(values[0].shape(), place);
    let label = match &values[1..] {
        [a, b] => {
            let shown = |side: &Tensor| number(side.to_f64()[stretched(side.shape(), values[0].shape(), place)]);
            format!("{at}the left side is {}, the right side {}", shown(a), shown(b))
        }
        _ => format!("{at}this is false"),
    };
    let notes = values[1..].iter().zip(["left", "right"]).map(|(side, name)| format!("{name}: {}", show(side)));
    Ok(Some(Failing { title: "an assertion fails".to_owned(), label, notes: notes.collect() }))
}

fn close(graph: &Graph, left: Value, right: Value, tolerance: f64) -> Result<Option<Failing>, Unbatchable> {
    let values = evaluate(graph, &[left, right])?;
    let (a, b) = (&values[0], &values[1]);
    let shape = if a.shape().is_empty() { b.shape() } else { a.shape() };
    let (elements_a, elements_b) = (a.to_f64(), b.to_f64());
    for place in 0..shape.iter().product() {
        let x = elements_a[if a.shape().is_empty() { 0 } else { place }];
        let y = elements_b[if b.shape().is_empty() { 0 } else { place }];
        if !agree(x, y, tolerance) {
            let at = element(shape, place);
            let (x, y) = (number(x), number(y));
            return Ok(Some(Failing {
                title: format!("{x} is not close to {y}"),
                label: format!("{at}{x} against {y}, with a tolerance of {tolerance}"),
                notes: vec![format!("left: {}", show(a)), format!("right: {}", show(b))],
            }));
        }
    }
    Ok(None)
}

/// Whether two numbers are close; NaN is close to nothing, an infinity to itself.
fn agree(x: f64, y: f64, tolerance: f64) -> bool {
    x == y || (x - y).abs() <= tolerance * y.abs().max(1.0)
}

/// Compares, for each argument, the derivative of a weighted sum of the values with central differences. The weights differ from
/// element to element, so that no two derivatives can be confused.
fn gradients_match(graph: &Graph, values: &[Value], arguments: &[usize]) -> Result<Option<Failing>, Unbatchable> {
    let drawn: Vec<Value> = arguments.iter().map(|index| graph.inputs[*index].drawn.unwrap_or(values[0])).collect();
    let points = evaluate(graph, &drawn)?;
    let mut asked = graph.clone();
    for index in arguments {
        asked.inputs[*index].drawn = None;
    }
    let mut lowered = lowered(&asked, values)?;
    let results: Vec<Value> = lowered.results.iter().map(|result| result.value).collect();
    let objective = weighted_sum(&mut lowered, &results);
    let variables = initial_variables(graph);
    for (position, (index, point)) in arguments.iter().zip(&points).enumerate() {
        let name = &graph.inputs[*index].name;
        let Some(own) = lowered.inputs.iter().position(|input| input.name == *name) else { continue };
        let input = lowered.inputs[own].value;
        let derivative = gradients(&mut lowered, objective, &[input])[0];
        let at = |inputs: &[Tensor], target: Value| {
            let values = reference::run_nodes(&lowered, &[target], &variables, inputs, &RUN, true);
            values[target].as_ref().map_or_else(Vec::new, Tensor::to_f64)
        };
        let mut feeds: Vec<Tensor> = feeds(&lowered, graph, arguments, &points);
        let elements = point.to_f64();
        let found = derivative.map_or_else(|| vec![0.0; elements.len()], |derivative| at(&feeds, derivative));
        for (place, x) in elements.iter().enumerate() {
            let step = STEP * x.abs().max(1.0);
            let mut moved = |by: f64| {
                let mut elements = elements.clone();
                elements[place] += by;
                feeds[own] = double(feeds[own].shape(), elements);
                at(&feeds, objective)[0]
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            feeds[own] = double(feeds[own].shape(), elements.clone());
            if !agree(found[place], expected, GRADIENT_TOLERANCE) {
                let (found, expected) = (number(found[place]), number(expected));
                let at = element(point.shape(), place);
                return Ok(Some(Failing {
                    title: format!("a derivative is {found}, the central difference {expected}"),
                    label: format!("by argument {}: {at}{found} against {expected}", position + 1),
                    notes: vec![format!("argument {}: {}", position + 1, show(point))],
                }));
            }
        }
    }
    Ok(None)
}

/// The arguments' values for the inputs that are left, with the batch axis in front.
fn feeds(lowered: &Graph, graph: &Graph, arguments: &[usize], points: &[Tensor]) -> Vec<Tensor> {
    let feed = |name: &str| {
        let position = arguments.iter().position(|index| graph.inputs[*index].name == name);
        let point = &points[position.expect("a test reads no other inputs")];
        let sizes: Vec<usize> = std::iter::once(1).chain(point.shape().iter().copied()).collect();
        double(&sizes, point.to_f64())
    };
    lowered.inputs.iter().map(|input| feed(&input.name)).collect()
}

fn double(sizes: &[usize], elements: Vec<f64>) -> Tensor {
    Tensor::F64(ndarray::ArrayD::from_shape_vec(sizes.to_vec(), elements).expect("as many elements as there were"))
}

fn weighted_sum(graph: &mut Graph, values: &[Value]) -> Value {
    let mut total: Option<Value> = None;
    for value in values {
        let node = graph.node(*value);
        let sizes = RUN.sizes(&node.ty.shape).split_off(usize::from(node.per_sample));
        let axes: Vec<i64> = (0..node.ty.shape.rank() as i64).collect();
        let weight = |place: usize| 0.5 + ((place * 7 + 3) % 11) as f32 / 11.0;
        let weights = Tensor::f32(&sizes, (0..sizes.iter().product()).map(weight).collect());
        let mut b = Builder::new(graph, Place::NONE);
        let weights = b.constant(weights);
        let product = b.mul(*value, weights);
        let sum = if axes.is_empty() { product } else { b.sum(product, &axes, false) };
        total = Some(total.map_or(sum, |total| b.add(total, sum)));
    }
    total.expect("a function that gives a value")
}

fn initial_variables(graph: &Graph) -> IndexVec<VarId, Tensor> {
    let values = initial_values(graph, RUN.seed);
    graph.variables.iter().map(|variable| values[&variable.path].clone()).collect()
}

/// The values of `roots` as a batched graph's results, in order.
fn lowered(graph: &Graph, roots: &[Value]) -> Result<Graph, Unbatchable> {
    let mut asked = graph.clone();
    asked.updates.clear();
    asked.results = roots
        .iter()
        .map(|value| ResultValue { name: String::new(), role: ResultRole::Extra, value: *value, place: Place::NONE })
        .collect();
    lower(&slice(&asked, Choice::Evaluation, true))
}

/// The values of `roots` for the one sample.
fn evaluate(graph: &Graph, roots: &[Value]) -> Result<Vec<Tensor>, Unbatchable> {
    let lowered = lowered(graph, roots)?;
    let run = reference::run(&lowered, &initial_variables(graph), &[], &RUN, true);
    let per_sample = lowered.results.iter().map(|result| lowered.node(result.value).per_sample);
    let values = run.results.into_iter().map(|(_, tensor)| tensor).zip(per_sample);
    Ok(values.map(|(tensor, per_sample)| if per_sample { only_sample(tensor) } else { tensor }).collect())
}

/// A value without its batch axis, which has size 1.
fn only_sample(tensor: Tensor) -> Tensor {
    let axis = ndarray::Axis(0);
    match tensor {
        Tensor::F32(array) => Tensor::F32(array.index_axis_move(axis, 0)),
        Tensor::F64(array) => Tensor::F64(array.index_axis_move(axis, 0)),
        Tensor::I32(array) => Tensor::I32(array.index_axis_move(axis, 0)),
        Tensor::Bool(array) => Tensor::Bool(array.index_axis_move(axis, 0)),
    }
}

/// The place in an operand that broadcasting to `shape` puts at `place`.
fn stretched(own: &[usize], shape: &[usize], place: usize) -> usize {
    let (mut rest, mut stride, mut found) = (place, 1, 0);
    for (from_back, size) in shape.iter().rev().enumerate() {
        let index = rest % size;
        rest /= size;
        if let Some(own_size) = own.len().checked_sub(from_back + 1).map(|axis| own[axis]) {
            found += if own_size == 1 { 0 } else { index * stride };
            stride *= own_size;
        }
    }
    found
}

/// `element [1, 0]: ` of a shape; nothing of a scalar.
fn element(shape: &[usize], place: usize) -> String {
    let mut rest = place;
    let mut indices: Vec<String> = Vec::new();
    for size in shape.iter().rev() {
        indices.insert(0, (rest % size).to_string());
        rest /= size;
    }
    if indices.is_empty() { String::new() } else { format!("element [{}]: ", indices.join(", ")) }
}

/// A number with as many digits as tell single-precision values apart.
fn number(x: f64) -> String {
    if x.is_finite() && x != 0.0 && !(1e-4..1e7).contains(&x.abs()) {
        return format!("{x:.6e}");
    }
    let text = format!("{x:.7}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A value's sizes and first elements.
fn show(tensor: &Tensor) -> String {
    let elements = tensor.to_f64();
    let mut shown: Vec<String> = elements.iter().take(SHOWN).map(|x| number(*x)).collect();
    if tensor.shape().is_empty() {
        return shown.concat();
    }
    if elements.len() > SHOWN {
        shown.push("...".to_owned());
    }
    format!("{:?} of {}", tensor.shape(), shown.join(", "))
}
