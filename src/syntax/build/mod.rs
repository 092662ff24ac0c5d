//! Parse tree to AST: one function for each rule of the grammar. Reports the few faults that the grammar lets pass, because
//! a message from here knows more: literals out of range, words of other languages, `x[0..4]`.

mod expr;
mod literal;
mod stmt;

use super::ast::{Ast, DimExpr, Name, Str, TypeExpr, TypeKind};
use super::grammar::{Node, Nodes, Rule};
use super::stream::Stream;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

pub(super) use stmt::Signature;

/// Turns nodes into an AST.
pub(super) struct Builder<'s, 't> {
    pub ast: Ast,
    pub diagnostics: Vec<Diagnostic>,
    /// Where the text that is being built begins in the file.
    pub base: usize,
    file: FileId,
    stream: &'s Stream<'t>,
}

/// The nodes of a rule that carry content: no punctuation and no keywords.
struct Parts<'p>(Nodes<'p>);

impl<'p> Iterator for Parts<'p> {
    type Item = Node<'p>;

    fn next(&mut self) -> Option<Node<'p>> {
        self.0.find(|node| !is_mark(node.as_rule()))
    }
}

impl<'p> Parts<'p> {
    fn of(node: Node<'p>) -> Parts<'p> {
        Parts(node.into_inner())
    }

    /// The next node, which the grammar demands.
    fn demand(&mut self) -> Node<'p> {
        self.next().expect("the grammar demands this node")
    }

    /// The next node if it is a `rule`.
    fn take_if(&mut self, rule: Rule) -> Option<Node<'p>> {
        while self.0.peek().is_some_and(|node| is_mark(node.as_rule())) {
            self.0.next();
        }
        if self.0.peek()?.as_rule() == rule { self.0.next() } else { None }
    }
}

/// Punctuation and keywords: what they say, the rule around them says too.
fn is_mark(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, assign | arrow | comma | colon | dot | open_paren | close_paren | open_bracket | close_bracket)
        || matches!(rule, open_brace | close_brace | open_angle | close_angle | EOI)
        || matches!(
            rule,
            kw_import | kw_const | kw_fn | kw_layer | kw_input | kw_param | kw_for | kw_in | kw_if | kw_else
        )
        || matches!(rule, kw_return | kw_assert | kw_loss | kw_metric | kw_output)
        || matches!(
            rule,
            w_state | w_update | w_data | w_train | w_test | w_weight | w_lr | w_decay | w_from | w_as | w_where
        )
}

impl<'s, 't> Builder<'s, 't> {
    pub fn new(file: FileId, stream: &'s Stream<'t>) -> Builder<'s, 't> {
        Builder { ast: Ast::default(), diagnostics: Vec::new(), base: 0, file, stream }
    }

    /// The bytes of a node. Some nodes run on over blanks behind them; see [`Self::trimmed`].
    fn span(&self, node: &Node<'_>) -> Span {
        let span = node.as_span();
        Span::new(self.file, self.base + span.start(), self.base + span.end())
    }

    /// The bytes of a node from its first to its last token.
    fn trimmed(&self, node: &Node<'_>) -> Span {
        let span = self.span(node);
        let end = self.stream.last_end(span.end as usize);
        Span::new(self.file, span.start as usize, end.max(span.start as usize))
    }

    fn name(&self, node: Node<'_>) -> Name {
        Name { text: node.as_str().to_owned(), span: self.span(&node) }
    }

    fn names(&self, node: Node<'_>) -> Vec<Name> {
        Parts::of(node).map(|name| self.name(name)).collect()
    }

    fn string(&self, node: Node<'_>) -> Str {
        Str { value: literal::unescape(node.as_str()), span: self.span(&node) }
    }

    fn type_expr(&mut self, node: Node<'_>) -> TypeExpr {
        let mut span: Option<Span> = None;
        let (mut dtype, mut classes, mut dims) = (None, None, None);
        for part in Parts::of(node) {
            let last = match part.as_rule() {
                Rule::type_name => {
                    let end = part.as_str().trim_end().len();
                    let start = self.span(&part).start as usize;
                    let place = Span::new(self.file, start, start + end);
                    dtype = Some(Name { text: part.as_str().trim_end().to_owned(), span: place });
                    place
                }
                Rule::classes => {
                    let place = self.span(&part);
                    let size = Parts::of(part).demand();
                    classes = Some(self.operators(size.into_inner()).id);
                    place
                }
                _ => {
                    let place = self.span(&part);
                    dims = Some(Parts::of(part).map(|dim| self.dim(dim)).collect());
                    place
                }
            };
            span = Some(span.map_or(last, |first| first.to(last)));
        }
        let span = span.expect("a type has a name or dims");
        TypeExpr { kind: TypeKind::Tensor { dtype, classes, dims }, span }
    }

    fn dim(&mut self, node: Node<'_>) -> DimExpr {
        let part = Parts::of(node).demand();
        if part.as_rule() == Rule::expr {
            return DimExpr::Size(self.expr(part));
        }
        let name = part.into_inner().find(|part| part.as_rule() == Rule::name).expect("a run has a name");
        DimExpr::Run(self.name(name))
    }
}
