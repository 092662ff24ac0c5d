//! The graph's text form, one line a node, for tests, `--print-after` and faults.

use std::fmt;

use super::{Graph, ResultRole, Value, VarId};
use crate::base::Idx;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.index())
    }
}

impl fmt::Display for VarId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.index())
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, variable) in self.variables.iter_enumerated() {
            writeln!(f, "{id} {:?}: {}", variable.path, variable.ty)?;
        }
        for (value, node) in self.nodes.iter_enumerated() {
            write!(f, "{value}: {} = {}", node.ty, node.op)?;
            for input in &node.inputs {
                write!(f, " {input}")?;
            }
            for (name, attr) in node.attrs.iter() {
                write!(f, " {name}={attr}")?;
            }
            match self.names.get(&value) {
                Some(name) => writeln!(f, "  # {name}")?,
                None => writeln!(f)?,
            }
        }
        for result in &self.results {
            let role = match &result.role {
                ResultRole::Loss { weight: None, .. } => "loss".to_owned(),
                ResultRole::Loss { weight: Some(weight), .. } => format!("loss weight {weight}"),
                ResultRole::Metric => "metric".to_owned(),
                ResultRole::Output => "output".to_owned(),
                ResultRole::Extra => "extra".to_owned(),
            };
            writeln!(f, "{role} {} = {}", result.name, result.value)?;
        }
        for update in &self.updates {
            writeln!(f, "update {} = {}", update.variable, update.value)?;
        }
        Ok(())
    }
}
