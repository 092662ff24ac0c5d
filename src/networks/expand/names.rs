//! Names of an expanded text: those of the program where it gave some, each once; short ones for the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{IndexVec, free_name};
use crate::ir::{Graph, VarId};
use crate::syntax::is_keyword;

/// Names that expressions of a text call.
const CALLED: [&str; 6] = ["prim", "tensor", "shape", "f32", "i32", "bool"];

/// The names that are taken.
#[derive(Default)]
pub struct Names {
    taken: BTreeSet<String>,
    numbered: usize,
}

impl Names {
    /// Takes a name as it is: an input's, which data and callers know.
    pub fn take(&mut self, name: &str) -> String {
        self.taken.insert(name.to_owned());
        name.to_owned()
    }

    /// Takes `wanted`, or `wanted_2` and so on when it is taken already.
    pub fn claim(&mut self, wanted: &str) -> String {
        let free = |name: &str| !self.taken.contains(name) && !is_keyword(name) && !CALLED.contains(&name);
        self.take(&free_name(wanted, free))
    }

    /// The next of `t1`, `t2`, ...
    pub fn next(&mut self) -> String {
        loop {
            self.numbered += 1;
            let name = format!("t{}", self.numbered);
            if !self.taken.contains(&name) {
                return self.take(&name);
            }
        }
    }

    /// Whether the text binds `name`.
    pub fn binds(&self, name: &str) -> bool {
        self.taken.contains(name)
    }
}

/// A name for every variable, from its path: `code_W` for `code.Affine.W`; with the layers between where that names several.
/// What `read` does not hold gets a leading underscore, as unused things are called.
pub fn variables(graph: &Graph, names: &mut Names, read: &IndexVec<VarId, bool>) -> IndexVec<VarId, String> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for variable in graph.variables.iter() {
        *count.entry(short(&variable.path)).or_insert(0) += 1;
    }
    let mut named = IndexVec::new();
    for (id, variable) in graph.variables.iter_enumerated() {
        let own = short(&variable.path);
        let wanted = if count[&own] == 1 { own } else { identifier(&variable.path) };
        let wanted = if read[id] { wanted } else { format!("_{}", wanted.trim_start_matches('_')) };
        named.push(names.claim(&wanted));
    }
    named
}

/// The first and the last part of a path.
fn short(path: &str) -> String {
    match (path.split_once('.'), path.rsplit_once('.')) {
        (Some((first, _)), Some((_, last))) => identifier(&format!("{first}.{last}")),
        _ => identifier(path),
    }
}

/// A path as a name.
fn identifier(path: &str) -> String {
    let word = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = path.chars().map(word).collect();
    if name.starts_with(|c: char| c.is_alphabetic() || c == '_') { name } else { format!("v{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        assert_eq!(names.claim("h"), "h");
        assert_eq!(names.claim("h"), "h_2");
        assert_eq!(names.claim("h_2"), "h_2_2");
        assert_eq!(names.claim("loss"), "loss_2");
        assert_eq!(names.claim("t1"), "t1");
        assert_eq!(names.next(), "t2");
    }

    #[test]
    fn paths_become_short_names() {
        assert_eq!(short("code.Affine.W"), "code_W");
        assert_eq!(short("w"), "w");
        assert_eq!(short("h.0.Affine_2.W"), "h_W");
        assert_eq!(identifier("3d filter"), "v3d_filter");
    }
}
