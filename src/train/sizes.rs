//! The sizes that a data set fixes: each symbol in the inputs' shapes, solved for by the shapes of the columns.

use std::fmt;
use std::rc::Rc;

use crate::check::Program;
use crate::data::DataSet;
use crate::diagnostic::Diagnostic;
use crate::ir::{Graph, Place, op};
use crate::tensor::{Ordering3, Shape, Sizes};

/// Gives a program at the sizes of data. A scan is as long in the graph as its sequence.
pub trait Resize {
    /// The graph whose inputs have the symbols that data fixes.
    fn graph(&self) -> &Graph;

    /// The program at `sizes`.
    ///
    /// # Errors
    /// What is wrong with it at these sizes alone.
    fn at(&self, sizes: &Sizes) -> Result<Rc<Program>, Vec<Diagnostic>>;
}

/// A program at any sizes of data.
#[derive(Clone, Copy)]
pub struct Programs<'a> {
    /// The program at some sizes.
    pub program: &'a Program,
    /// How it becomes that of others; none when it is good for all as it is.
    pub resize: Option<&'a dyn Resize>,
}

impl<'a> Programs<'a> {
    /// The graph whose inputs have the symbols that data fixes.
    pub fn graph(&self) -> &'a Graph {
        self.resize.map_or(&self.program.graph, Resize::graph)
    }

    /// What `make` makes of the program at `sizes`.
    ///
    /// # Errors
    /// What is wrong with the program at these sizes.
    pub fn at<R>(&self, sizes: &Sizes, make: impl FnOnce(&Program) -> R) -> Result<R, Vec<Diagnostic>> {
        match self.resize {
            Some(resize) if !sizes.is_empty() => Ok(make(&*resize.at(sizes)?)),
            _ => Ok(make(self.program)),
        }
    }
}

/// The sizes that each kind of samples of a set fixes, in order; those of no set are none. A sample that does not fit was refused when the
/// set was loaded.
pub fn sizes_by_kind(graph: &Graph, set: Option<&DataSet>) -> Vec<Sizes> {
    let Some(set) = set else { return vec![Sizes::new()] };
    let of = |row: &usize| sizes_of(graph, |name| set.shape(name, *row)).unwrap_or_default();
    set.kinds().firsts().iter().map(of).collect()
}

/// A size of a column that cannot be what its input says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The input.
    pub input: String,
    /// The size that its column has.
    pub found: usize,
    /// What was expected, in words.
    pub expected: String,
    /// The inputs whose columns fixed what is in it, each with the symbol and its size.
    pub by: Vec<(String, String, i64)>,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Clash { input, found, expected, by } = self;
        write!(f, "`{input}` has a size of {found}{expected}")?;
        by.iter().try_for_each(|(other, symbol, size)| write!(f, ", where `{symbol}` is {size} by `{other}`"))
    }
}

/// The size of every symbol in the shapes of the graph's inputs, where `shape_of` knows the shape of an input's samples.
///
/// # Errors
/// Two columns that give a symbol different sizes, or a size that no symbol's value gives.
pub fn sizes_of<'a>(graph: &Graph, shape_of: impl Fn(&str) -> Option<&'a [usize]>) -> Result<Sizes, Clash> {
    let mut sizes = Sizes::new();
    let mut fixed: Vec<(String, String)> = Vec::new();
    for input in graph.inputs.iter() {
        let Some(shape) = shape_of(&input.name) else { continue };
        // A lowered graph has the minibatch in front.
        let declared = &graph.ty(input.value).shape;
        let own = declared.iter().skip(declared.rank().saturating_sub(shape.len()));
        for (dim, found) in own.zip(shape) {
            let found = i64::try_from(*found).unwrap_or(i64::MAX);
            let known = dim.bind(&sizes);
            let clash = |expected, by| Clash { input: input.name.clone(), found: found as usize, expected, by };
            match (known.constant(), known.solve(found)) {
                (Some(size), _) if size == found => {}
                (Some(size), _) => {
                    let others = fixed.iter().filter(|(symbol, _)| dim.mentions(symbol));
                    let by = others.map(|(symbol, input)| (input.clone(), symbol.clone(), sizes[symbol])).collect();
                    return Err(clash(format!(" for {dim} = {size}"), by));
                }
                (None, Some((symbol, size))) => {
                    fixed.push((symbol.clone(), input.name.clone()));
                    sizes.insert(symbol, size);
                }
                (None, None) => return Err(clash(format!(", which {dim} never is"), Vec::new())),
            }
        }
    }
    Ok(sizes)
}

/// An `as` that does not hold for what the data fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Where it stands.
    pub place: Place,
    /// What it claims, as written, and what that is.
    pub claimed: (Shape, Shape),
    /// What the value is.
    pub found: Shape,
}

/// The first claim about sizes that `sizes` shows to be wrong.
pub fn unmet_claim(graph: &Graph, sizes: &Sizes) -> Option<Unmet> {
    let mut claims = graph.nodes.iter().filter(|node| node.op == op::CLAIM);
    claims.find_map(|node| {
        let (found, claimed) = (graph.ty(node.inputs[0]).shape.bind(sizes), node.ty.shape.bind(sizes));
        let differ = found.iter().zip(claimed.iter()).any(|(a, b)| a.compare(b) == Ordering3::Different);
        differ.then(|| Unmet { place: node.place, claimed: (node.ty.shape.clone(), claimed), found })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Input, Place};
    use crate::ops::Builder;
    use crate::tensor::{Dim, Type};

    fn graph(shapes: &[(&str, Dim)]) -> Graph {
        let mut graph = Graph::new();
        for (index, (name, dim)) in shapes.iter().enumerate() {
            let shape = [dim.clone(), Dim::new(3)].into_iter().collect::<crate::tensor::Shape>();
            let value = Builder::new(&mut graph, Place::NONE).input(index, Type::f32(shape));
            graph.inputs.push(Input { name: (*name).to_owned(), value, drawn: None });
        }
        graph
    }

    #[test]
    fn a_symbol_has_one_size_in_all_columns() {
        let t = || Dim::symbol("T");
        let graph = graph(&[("x", t()), ("y", t() + Dim::new(1))]);
        let shapes = |x: usize, y: usize| {
            move |name: &str| -> Option<&'static [usize]> { Some(Vec::leak(vec![if name == "x" { x } else { y }, 3])) }
        };
        assert_eq!(sizes_of(&graph, shapes(5, 6)), Ok(Sizes::from([("T".to_owned(), 5)])));
        let error = sizes_of(&graph, shapes(5, 5)).unwrap_err();
        assert_eq!(error.to_string(), "`y` has a size of 5 for T + 1 = 6, where `T` is 5 by `x`");
        let only_y = |name: &str| (name == "y").then_some(&[1, 3][..]);
        assert_eq!(sizes_of(&graph, only_y).unwrap_err().to_string(), "`y` has a size of 1, which T + 1 never is");
    }
}
