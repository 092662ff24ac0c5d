//! ONNX files: the network of any framework that writes them.
//!
//! A node becomes a layer where its weights are its own, else a function or an operator. The axis of the samples, the first of the inputs, is
//! followed through the graph and left out; sizes that the file computes are computed here. What has no counterpart is told all at once.

mod axes;
mod constant;
mod elementwise;
mod fold;
mod layers;
mod lower;
mod moves;
mod op;
mod pooling;
mod recurrent;
mod reduce;

use std::rc::Rc;

use prost::Message;

use super::program::Kind;
use super::{Beside, Imported, Refusal, canonical};
use crate::formats::onnx::{ElementType, Graph, Model, Node, Size, Tensor, ValueInfo};
use axes::{Axes, Axis};
use lower::{Computed, Lowering, Value};

/// The oldest version of the operators that is read.
const OLDEST: i64 = 7;

/// Reads an ONNX file.
///
/// # Errors
/// When the bytes are no ONNX file, and when the network holds what has no counterpart: all of that at once.
pub fn read(bytes: &[u8], name: &str, beside: &Beside) -> Result<Imported, Refusal> {
    let damaged = |why: String| Refusal::new(format!("it is damaged, cut short or no ONNX file ({why})"));
    let model = Model::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    let graph = model.graph.as_ref().ok_or_else(|| damaged("it holds no graph".to_owned()))?;
    let version =
        model.opset_import.iter().filter(|set| matches!(&set.domain[..], "" | "ai.onnx")).map(|set| set.version).max();
    let version = version.ok_or_else(|| damaged("it names no set of operators".to_owned()))?;
    if version < OLDEST {
        let title = format!("its operators are of version {version}, versions from {OLDEST} on are read");
        return Err(Refusal {
            help: Some("`onnx.version_converter` makes newer files of old ones".to_owned()),
            ..Refusal::new(title)
        });
    }
    let inputs = inputs(graph)?;
    let fixed = inputs.first().and_then(|input| input.fixed);
    let mut lowering = Lowering::new(&graph.node, version, fixed);
    let mut faults = Vec::new();
    for tensor in &graph.initializer {
        match constant::stored(tensor, beside) {
            Ok(constant) => lowering.set(&tensor.name, Value::Constant(Rc::new(constant))),
            Err(why) => faults.push(format!("weight `{}`: {why}", tensor.name)),
        }
    }
    for Input { info, axes, kind, .. } in &inputs {
        let (node, name) = lowering.program.input(&info.name, &axes.shape(), *kind);
        renamed(&mut lowering, "input", &info.name, &name);
        lowering.set(&info.name, Value::Computed(Computed { node, axes: axes.clone() }));
    }
    faults.extend(lowering.run().err().unwrap_or_default());
    if !faults.is_empty() {
        return Err(refused(faults));
    }
    outputs(&mut lowering, graph).map_err(refused)?;
    for Input { info, .. } in &inputs {
        let unread = matches!(lowering.get(&info.name), Some(Value::Computed(x)) if !lowering.program.is_read(x.node));
        if unread {
            lowering.notes.insert(format!("input `{}` is left out: no output depends on it", info.name));
        }
    }
    let notes = lowering.notes.iter().cloned().collect();
    let (text, weights) = lowering.program.finish();
    let title = format!("# The network `{name}`, as read from an ONNX file.\n\n");
    Ok(Imported { text: canonical(&(title + &text)), weights, notes })
}

/// The refusal of a network of which some nodes cannot be carried over.
fn refused(faults: Vec<String>) -> Refusal {
    let count = faults.len();
    let title = format!(
        "{count} part{} of it ha{} no counterpart",
        if count == 1 { "" } else { "s" },
        if count == 1 { "s" } else { "ve" }
    );
    let across = faults.iter().any(|fault| fault.ends_with(axes::MIXES));
    let help = across.then(|| "a program in `.nn` is written for one sample; the first axis of the inputs is taken for that of the samples".to_owned());
    Refusal { title, notes: faults, help }
}

/// An input of the network.
struct Input<'g> {
    info: &'g ValueInfo,
    axes: Axes,
    kind: Kind,
    /// The number of samples, if the file fixes it.
    fixed: Option<usize>,
}

/// The inputs that are fed. Older files list their weights among them.
fn inputs(graph: &Graph) -> Result<Vec<Input<'_>>, Refusal> {
    let is_weight = |info: &&ValueInfo| graph.initializer.iter().any(|tensor| tensor.name == info.name);
    let fed = graph.input.iter().filter(|info| !is_weight(info));
    let inputs: Vec<Result<Input, String>> = fed.map(|info| input(graph, info)).collect();
    let faults: Vec<String> = inputs.iter().filter_map(|input| input.as_ref().err().cloned()).collect();
    if !faults.is_empty() {
        let help = "write the file with fixed sizes for all axes but that of the samples";
        return Err(Refusal {
            notes: faults,
            help: Some(help.to_owned()),
            ..Refusal::new("sizes of its inputs are open")
        });
    }
    let inputs: Vec<Input> = inputs.into_iter().flatten().collect();
    if inputs.windows(2).any(|pair| pair[0].fixed != pair[1].fixed) {
        return Err(Refusal::new("its inputs do not agree in the number of samples, their first axis"));
    }
    Ok(inputs)
}

fn input<'g>(graph: &'g Graph, info: &'g ValueInfo) -> Result<Input<'g>, String> {
    let fault = |why: &str| format!("input `{}`: {why}", info.name);
    let ty = info.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref()).ok_or_else(|| fault("it is no tensor"))?;
    let shape = ty.shape.as_ref().ok_or_else(|| fault("even the number of its axes is open"))?;
    let sizes: Vec<Option<usize>> = shape
        .dim
        .iter()
        .map(|dim| match &dim.size {
            Some(Size::Value(size)) => usize::try_from(*size).ok().filter(|size| *size > 0),
            _ => None,
        })
        .collect();
    let open: Vec<usize> = (0..sizes.len()).filter(|axis| sizes[*axis].is_none()).collect();
    // The samples are in the first axis, or in the only one that is open.
    let samples = if let [only] = open[..] { only } else { 0 };
    let axis = |axis: usize| match sizes[axis] {
        _ if axis == samples => Ok(Axis::samples()),
        Some(size) => Ok(Axis::of(size)),
        None => Err(fault(&format!("the size of axis {axis} is open"))),
    };
    let axes = Axes((0..sizes.len()).map(axis).collect::<Result<_, _>>()?);
    if sizes.is_empty() {
        return Err(fault("it is a single number, without an axis for the samples"));
    }
    axes::product(&axes.shape()).map_err(|why| fault(&why))?;
    let kind = match ElementType::try_from(ty.elem_type) {
        Ok(ElementType::Float | ElementType::Double | ElementType::Float16 | ElementType::Bfloat16) => Kind::Float,
        Ok(ElementType::Bool) => Kind::Bool,
        Ok(ElementType::String | ElementType::Undefined) | Err(_) => return Err(fault("its elements are no numbers")),
        Ok(_) => classes(graph, &info.name, 4).map_or(Kind::Int, Kind::Index),
    };
    Ok(Input { info, axes, kind, fixed: sizes[samples] })
}

/// Operators that leave classes what they are.
const KEEPING: &[&str] = &[
    "Cast",
    "Identity",
    "Slice",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Expand",
    "Split",
    "Gather",
];

/// How many classes an input tells apart, by the smallest table in which it is looked up, at most `deep` nodes behind it that change nothing.
fn classes(graph: &Graph, name: &str, deep: usize) -> Option<usize> {
    let readers = graph.node.iter().filter(|node| node.input.iter().any(|input| input == name));
    let rows =
        |table: &Tensor| table.dims.first().and_then(|rows| usize::try_from(*rows).ok()).filter(|rows| *rows > 0);
    let first_axis =
        |node: &Node| node.attribute.iter().all(|attribute| attribute.name != "axis" || attribute.i == Some(0));
    let looked_up = readers.filter_map(|node| match (&node.op_type[..], &node.input[..], &node.output[..]) {
        ("Gather", [table, index], _) if index == name && first_axis(node) => {
            graph.initializer.iter().find(|tensor| tensor.name == *table).and_then(rows)
        }
        (kind, [first, ..], [output, ..]) if deep > 0 && first == name && KEEPING.contains(&kind) => {
            classes(graph, output, deep - 1)
        }
        _ => None,
    });
    looked_up.min()
}

/// Tells that an input or output has another name than in the file.
fn renamed(lowering: &mut Lowering, role: &str, old: &str, new: &str) {
    if old != new {
        lowering.notes.insert(format!("{role} `{old}` is called `{new}` here"));
    }
}

/// Declares the outputs.
fn outputs(lowering: &mut Lowering, graph: &Graph) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    for info in &graph.output {
        let name = &info.name;
        let value = lowering.get(name).cloned().ok_or_else(|| "no node gives it".to_owned());
        match value.and_then(|value| lowering.declare(value)) {
            Err(why) => faults.push(format!("output `{name}`: {why}")),
            Ok(Computed { node, axes }) => {
                match axes.samples().map(|place| (place, axes.0[place])) {
                    None => lowering.notes.insert(format!("output `{name}` is the same for all samples")),
                    Some((0, axis)) if axis.is_samples() => false,
                    Some((place, axis)) if axis.is_samples() => lowering.notes.insert(format!(
                        "output `{name}` has its samples in axis {place} in the file, and in the first here, as all outputs"
                    )),
                    Some(_) => lowering.notes.insert(format!(
                        "output `{name}` has rows of all samples in one axis in the file; here each sample has its own"
                    )),
                };
                let taken = lowering.program.output(name, node);
                renamed(lowering, "output", name, &taken);
            }
        }
    }
    if graph.output.is_empty() {
        faults.push("it has no outputs".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
