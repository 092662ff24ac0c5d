//! Networks as pictures: the calls of a program as boxes, the values between them as arrows; as SVG, Mermaid and DOT.
//!
//! A [`Diagram`] is plain data, made from a network's graph by [`diagram`]. Only the SVG needs places: `dugong` finds them.

mod dot;
mod layout;
mod mermaid;
mod parts;
mod svg;
mod units;

pub use dot::dot;
pub use mermaid::mermaid;
pub use parts::diagram;
pub use svg::svg;

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An input.
    Input,
    /// A parameter or state of the program's own level.
    Variable,
    /// A call that reads parameters.
    Layer,
    /// A call that reads none.
    Function,
    /// Operators of one expression.
    Formula,
    /// A loss.
    Loss,
    /// A metric.
    Metric,
    /// An output.
    Output,
}

impl Kind {
    /// The word for it in pictures that name their styles.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Input => "input",
            Kind::Variable => "variable",
            Kind::Layer => "layer",
            Kind::Function => "function",
            Kind::Formula => "formula",
            Kind::Loss => "loss",
            Kind::Metric => "metric",
            Kind::Output => "output",
        }
    }

    /// All of them.
    pub const ALL: [Kind; 8] = [
        Kind::Input,
        Kind::Variable,
        Kind::Layer,
        Kind::Function,
        Kind::Formula,
        Kind::Loss,
        Kind::Metric,
        Kind::Output,
    ];
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it stands for.
    pub kind: Kind,
    /// What is written large: a call, a formula, a name.
    pub title: Vec<String>,
    /// What is written small: names, shapes, parameters.
    pub details: Vec<String>,
    /// The group that it stands in, by number.
    pub group: Option<usize>,
}

/// Values that one box gives to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The giver, by number.
    pub from: usize,
    /// The taker, by number.
    pub to: usize,
    /// What is written on it: shapes, where the giver has several.
    pub label: String,
    /// Whether the value itself is not used: a derivative is taken by it.
    pub dashed: bool,
}

/// A call that is shown unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The call.
    pub title: String,
    /// The group that it stands in itself, by number; an earlier one.
    pub parent: Option<usize>,
}

/// A network as boxes and arrows, which never run in a circle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// What it is of.
    pub title: String,
    /// The boxes, in the order of the program.
    pub parts: Vec<Part>,
    /// The arrows, by the boxes that they leave.
    pub arrows: Vec<Arrow>,
    /// The unfolded calls.
    pub groups: Vec<Group>,
}

/// How far calls are unfolded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfold {
    /// The program's own definitions, so many levels deep; the library's stay folded.
    Definitions(usize),
    /// Everything, to single operations.
    Primitives,
}
