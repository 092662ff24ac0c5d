//! The parser that `pest` makes of `grammar/nn.pest`, and where and why it stops on text that does not parse.

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/nn.pest"]
struct Grammar;

/// A node of the parse tree.
pub(super) type Node<'t> = Pair<'t, Rule>;
/// Neighbouring nodes of the parse tree.
pub(super) type Nodes<'t> = Pairs<'t, Rule>;

/// Where the grammar stopped.
#[derive(Debug)]
pub(super) struct Stop {
    /// The furthest byte that was looked at.
    pub at: usize,
    /// What could have stood there.
    pub expected: Vec<Rule>,
}

/// Parses all of `text` by `rule` and returns the nodes below it.
pub(super) fn parse(rule: Rule, text: &str) -> Result<Nodes<'_>, Stop> {
    match Grammar::parse(rule, text) {
        Ok(mut pairs) => Ok(pairs.next().map_or(pairs, Pair::into_inner)),
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            let expected = match error.variant {
                ErrorVariant::ParsingError { positives, .. } => positives,
                ErrorVariant::CustomError { .. } => Vec::new(),
            };
            Err(Stop { at, expected })
        }
    }
}
