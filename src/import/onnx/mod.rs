//! ONNX files: the network of any framework that writes them.

use prost::Message;

use super::{Beside, Imported, Refusal};
use crate::formats::onnx::Model;

/// Reads an ONNX file.
///
/// # Errors
/// When the bytes are no ONNX file, and when the network holds what has no counterpart: all of that at once.
pub fn read(bytes: &[u8], _name: &str, _beside: &Beside) -> Result<Imported, Refusal> {
    let damaged = |why: String| Refusal::new(format!("it is damaged, cut short or no ONNX file ({why})"));
    let model = Model::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    let graph = model.graph.ok_or_else(|| damaged("it holds no graph".to_owned()))?;
    let nodes = graph.node.iter().map(|node| format!("{} `{}`", node.op_type, node.name));
    Err(Refusal { notes: nodes.collect(), ..Refusal::new("these operators have no counterpart") })
}
