//! `test` blocks: checked with the program, evaluated by `nnlc test`.
//!
//! A test sees all that the file's top level binds, and has a graph of its own: the program's as it stands at the end of the file, and
//! what the test adds. So the program is the same with and without its tests.

use super::call::Given;
use super::checker::{Body, Checker, PathContext};
use super::program::{Claim, ClaimKind, Test};
use super::value::{Builtin, Truth, Val};
use crate::base::IndexVec;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attrs, Input, op};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, Block, CallArg, ExprId, ExprKind, Stmt, StmtKind, Str};
use crate::tensor::DType;

/// How far apart two numbers may be for `close`, relative to the larger of 1 and the second.
const TOLERANCE: f64 = 1e-5;

/// The front of the paths of what a test makes, which no program can write.
const PREFIX: &str = "@test";

impl<'a> Checker<'a> {
    /// Checks the tests of a file, after all its other statements.
    pub fn tests(&mut self, items: &'a [Stmt]) -> Vec<Test> {
        let mut fed = IndexVec::new();
        let tests = items.iter().filter_map(|item| match &item.kind {
            StmtKind::Test { title, body } => Some(self.test(title, body, &mut fed)),
            _ => None,
        });
        tests.collect()
    }

    /// Checks one test. `fed` tells of the program's values which data they depend on, as far as it was found out.
    fn test(&mut self, title: &Str, body: &'a Block, fed: &mut IndexVec<ir::Value, Option<usize>>) -> Test {
        let extent = self.graph.extent();
        let chained = self.chained.clone();
        let path = PathContext { prefix: PREFIX.to_owned(), ..PathContext::default() };
        let (path, site) = (std::mem::replace(&mut self.path, path), self.here.clone());
        self.here.scope = self.scopes.open(Some(site.scope), &body.stmts);
        self.here.body = Body::Test;
        self.hoist(self.here.ast, self.here.scope, &body.stmts);
        self.stmts(&body.stmts);
        let claims = std::mem::take(&mut self.claims);
        self.find_fed(fed);
        for claim in &claims {
            self.reads_no_data(claim, fed);
        }
        fed.split_off(extent.nodes.0 as usize);
        (self.here, self.path, self.chained) = (site, path, chained);
        Test { title: title.value.clone(), span: title.span, added: self.take_back(extent), claims }
    }

    /// Finds out, for the values after those of `fed`, the first input fed from data that each depends on.
    fn find_fed(&self, fed: &mut IndexVec<ir::Value, Option<usize>>) {
        for (_, node) in self.graph.nodes.iter_enumerated().skip(fed.len()) {
            let own = (node.op == op::INPUT).then(|| node.attrs.get_int("index") as usize);
            let own = own.filter(|position| self.graph.inputs[*position].drawn.is_none());
            let behind = node.inputs.iter().filter_map(|input| fed[*input]);
            fed.push(own.into_iter().chain(behind).min());
        }
    }

    /// There is no data in a test: an input has a value only if it is drawn.
    fn reads_no_data(&mut self, claim: &Claim, fed: &IndexVec<ir::Value, Option<usize>>) {
        let first = claim.roots().into_iter().filter_map(|root| fed[root]).min();
        let Some(Input { name, value, .. }) = first.map(|position| self.graph.inputs[position].clone()) else { return };
        let title = format!("a test has no data for input `{name}`");
        let mut diagnostic = Diagnostic::at(Code::E0113, claim.span, title, "this depends on it");
        if let Some(span) = self.graph.node(value).place.span {
            diagnostic = diagnostic.label(span, "fed from a data set");
        }
        self.report(diagnostic.help("make a value in the test: `tensor([...])`, `zeros(...)`, `randn(...)`"));
    }

    /// `assert e, "message"` in a test.
    pub fn claim(&mut self, condition: ExprId, message: Option<&Str>) {
        let expr = self.ast_expr(condition);
        let kind = match &expr.kind {
            ExprKind::Call { callee, args, parens } if self.names_builtin(*callee, Builtin::Close) => {
                self.claim_close(args, *parens)
            }
            ExprKind::Call { callee, args, parens } if self.names_builtin(*callee, Builtin::GradientsMatch) => {
                self.claim_gradients(args, *parens)
            }
            ExprKind::Binary { op, op_span, left, right } if is_comparison(*op) => {
                let (a, b) = (self.expr(*left), self.expr(*right));
                let shown = (a.show(), b.show());
                let spans = (self.ast_expr(*left).span, self.ast_expr(*right).span);
                let val = self.operate(*op, *op_span, (a, spans.0), (b, spans.1), expr.span);
                self.claim_holds(val, Some(shown), expr.span)
            }
            _ => {
                let val = self.expr(condition);
                self.claim_holds(val, None, expr.span)
            }
        };
        if let Some(kind) = kind {
            let message = message.map(|message| self.interpolate(&message.value));
            self.claims.push(Claim { span: expr.span, message, kind });
        }
    }

    fn names_builtin(&self, callee: ExprId, builtin: Builtin) -> bool {
        let ExprKind::Name(name) = &self.ast_expr(callee).kind else { return false };
        let binding = self.scopes.peek(self.here.scope, name);
        matches!(binding.map(|binding| &binding.val), Some(Val::Builtin(own)) if *own == builtin)
    }

    fn claim_holds(&mut self, val: Val<'a>, shown: Option<(String, String)>, span: Span) -> Option<ClaimKind> {
        match val {
            Val::Error => None,
            // A test evaluates as MainValidation does.
            Val::Bool(truth) => {
                let holds = matches!(truth, Truth::Known(true) | Truth::NotTraining);
                Some(ClaimKind::Known { holds, sides: shown })
            }
            Val::Tensor(value) if self.graph.ty(value).dtype == DType::Bool => {
                let node = self.graph.node(value);
                let sides = match (shown, &node.inputs[..]) {
                    (Some(_), [a, b]) => Some((*a, *b)),
                    _ => None,
                };
                Some(ClaimKind::Holds { value, sides })
            }
            Val::Tensor(value) => {
                let ty = self.graph.ty(value).to_string();
                let diagnostic = Diagnostic::at(
                    Code::E0301,
                    span,
                    format!("an assertion is true or false, not {ty}"),
                    format!("this is {ty}"),
                )
                .help("compare it: `assert close(a, b)`, `assert a < b`");
                self.report(diagnostic);
                None
            }
            other => {
                let title = format!("an assertion is true or false, not {}", other.kind());
                self.error(Code::E0114, span, title, format!("this is {}", other.show()));
                None
            }
        }
    }

    /// The arguments of `close` or `gradients_match`; none after an error.
    fn claim_arguments(&mut self, args: &'a [CallArg]) -> Option<Vec<Given<'a>>> {
        let given = self.arguments(args);
        (!given.iter().any(|given| matches!(given.val, Val::Error))).then_some(given)
    }

    /// `close(a, b, tolerance = 1e-5)`.
    fn claim_close(&mut self, args: &'a [CallArg], parens: Span) -> Option<ClaimKind> {
        const NAMES: [&str; 3] = ["a", "b", "tolerance"];
        let mut slots: [Option<(Val<'a>, Span)>; 3] = [None, None, None];
        for (position, given) in self.claim_arguments(args)?.into_iter().enumerate() {
            let slot = match given.name {
                None => position,
                Some(name) => match NAMES.iter().position(|own| *own == name) {
                    Some(slot) => slot,
                    None => {
                        self.report_unknown_argument("close", name, given.at, &NAMES);
                        return None;
                    }
                },
            };
            match slots.get_mut(slot) {
                Some(free @ None) => *free = Some((given.val, given.span)),
                _ => {
                    self.error(Code::E0105, given.span, "`close` takes two values and a tolerance", "one too many");
                    return None;
                }
            }
        }
        let [Some((a, a_span)), Some((b, b_span)), tolerance] = slots else {
            self.error(Code::E0105, parens, "`close` compares two values", "one is missing");
            return None;
        };
        let tolerance = match tolerance {
            None => TOLERANCE,
            Some((val, span)) => match val.number().filter(|number| *number >= 0.0) {
                Some(number) => number,
                None => {
                    let title = "the tolerance of `close` is a number that is not negative";
                    self.error(Code::E0114, span, title, format!("this is {}", val.show()));
                    return None;
                }
            },
        };
        let (left, right) = (self.tensor(&a, a_span)?, self.tensor(&b, b_span)?);
        let (one, other) = (self.graph.ty(left).clone(), self.graph.ty(right).clone());
        if one.shape != other.shape && one.shape.rank() != 0 && other.shape.rank() != 0 {
            let title = format!("`close` compares values of one shape, not {one} with {other}");
            let diagnostic = Diagnostic::at(Code::E0202, b_span, title, format!("this is {other}"));
            self.report(diagnostic.label(a_span, format!("this is {one}")));
            return None;
        }
        Some(ClaimKind::Close { left, right, tolerance })
    }

    /// `gradients_match(f, arguments...)`: `f` is called on inputs whose values are the arguments, so that they can be moved.
    fn claim_gradients(&mut self, args: &'a [CallArg], parens: Span) -> Option<ClaimKind> {
        let mut given = self.claim_arguments(args)?;
        if given.len() < 2 {
            let title = "`gradients_match` takes a function and the arguments to call it with";
            self.error(Code::E0105, parens, title, format!("{} given", super::stmt::count(given.len(), "argument")));
            return None;
        }
        let function = given.remove(0);
        let mut arguments = Vec::new();
        for given in &mut given {
            let Val::Tensor(value) = given.val else {
                if matches!(given.val, Val::Float(_) | Val::Int(_)) && given.name.is_none() {
                    let value = self.tensor(&given.val, given.span)?;
                    given.val = self.movable(value, given.span, &mut arguments);
                }
                continue;
            };
            if self.graph.ty(value).dtype.is_float() {
                given.val = self.movable(value, given.span, &mut arguments);
            }
        }
        if arguments.is_empty() {
            let title = "`gradients_match` has no float tensor to differentiate by";
            self.error(Code::E0301, parens, title, "none of these arguments is one");
            return None;
        }
        let (span, head) = (function.span, function.val);
        let results = self.call_value(head, given, span.to(parens), parens);
        let mut values = Vec::new();
        for result in results {
            let value = self.tensor(&result, span)?;
            if self.graph.ty(value).dtype.is_float() {
                values.push(value);
            }
        }
        if values.is_empty() {
            let title = "`gradients_match` needs a function that gives real numbers";
            self.error(Code::E0301, span, title, "this one gives none");
            return None;
        }
        Some(ClaimKind::Gradients { values, arguments })
    }

    /// An input that has the value `value` unless it is fed.
    fn movable(&mut self, value: ir::Value, span: Span, arguments: &mut Vec<usize>) -> Val<'a> {
        let index = self.graph.inputs.len();
        let name = format!("{PREFIX}{index}");
        let (ty, place) = (self.graph.ty(value).clone(), self.place(span));
        let attrs = Attrs::new().int("index", index as i64);
        let node = ir::Node { op: op::INPUT, inputs: Default::default(), attrs, ty, per_sample: true, place };
        let input = self.graph.push(node);
        self.graph.inputs.push(Input { name, value: input, drawn: Some(value) });
        arguments.push(index);
        Val::Tensor(input)
    }
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    matches!(op, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}

impl Claim {
    /// The values that it is about.
    pub fn roots(&self) -> Vec<ir::Value> {
        match &self.kind {
            ClaimKind::Known { .. } => Vec::new(),
            ClaimKind::Holds { value, sides } => {
                [*value].into_iter().chain(sides.iter().flat_map(|(a, b)| [*a, *b])).collect()
            }
            ClaimKind::Close { left, right, .. } => vec![*left, *right],
            ClaimKind::Gradients { values, .. } => values.clone(),
        }
    }
}
