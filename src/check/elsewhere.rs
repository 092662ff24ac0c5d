//! What is written in Python where a name, a size or an index stands, answered with what to write here: `nn.ReLU`, `None`, a batch axis,
//! `range(n)`. The names of other frameworks are in `foreign`, their arguments in `foreign_keys`; statements are `syntax`'s.

use super::checker::Checker;
use super::foreign;
use super::value::Val;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::ir;
use crate::source::Span;
use crate::syntax::ast::{DimExpr, ExprId, ExprKind, Index, Name};

/// What modules of other frameworks are called in programs.
const MODULES: [&str; 13] =
    ["F", "K", "PF", "jax", "jnp", "keras", "layers", "math", "nn", "np", "numpy", "tf", "torch"];

/// Words for nothing.
const NOTHING: [&str; 4] = ["None", "nil", "null", "undefined"];

/// How a batch axis is written elsewhere.
const BATCH_AXES: [&str; 4] = ["None", "batch", "batch_size", "bs"];

impl<'a> Checker<'a> {
    /// Answers a name of another framework with what it is here.
    pub fn foreign(&mut self, diagnostic: Diagnostic, name: &str, known: &str, span: Span) -> Val<'a> {
        let mut diagnostic = diagnostic.help(format!("in `.nn` this is `{known}`"));
        if let Some(right) = foreign::renamed(name) {
            // `nn.MSELoss()` makes an object first: only a function for a function, or a layer for a layer, is called alike.
            let initial = |name: &str| name.chars().next().is_some_and(char::is_uppercase);
            let sure = if initial(name) == initial(right) { Applicability::Certain } else { Applicability::Maybe };
            diagnostic = diagnostic.fix(format!("write `{right}`"), span, right, sure);
        }
        self.report(diagnostic)
    }

    /// The answer to `value.name` whose front is not bound here: `nn.Linear`, `torch.relu`, `np.pi`.
    pub fn of_module(&mut self, value: ExprId, name: &Name) -> Option<Val<'a>> {
        let root = self.root(value)?;
        if self.scopes.peek(self.here.scope, root).is_some() {
            return None;
        }
        let whole = self.ast_expr(value).span.to(name.span);
        let title = format!("unknown name `{}`", self.sources.text(whole));
        let diagnostic = Diagnostic::at(Code::E0102, whole, title, "not bound anywhere above");
        if let Some(known) = foreign::meaning(&name.text) {
            return Some(self.foreign(diagnostic, &name.text, known, whole));
        }
        if !MODULES.contains(&root) {
            return None;
        }
        let diagnostic = diagnostic.help("the library's names stand alone, without a module before them");
        let alike = self.callable_alike(&name.text).filter(|alike| *alike != name.text);
        Some(self.report(match (alike, name.text.as_str()) {
            (Some(function), _) => diagnostic.help(format!("in `.nn` this is `x |> {function}`")),
            (_, "pi") => diagnostic.fix("write its digits", whole, "3.141592653589793", Applicability::Maybe),
            (_, text) if self.is_callable(text) => {
                diagnostic.fix(format!("write `{text}`"), whole, text, Applicability::Maybe)
            }
            _ => diagnostic,
        }))
    }

    /// The name at the front of `a.b.c`.
    fn root(&self, id: ExprId) -> Option<&'a str> {
        match &self.ast_expr(id).kind {
            ExprKind::Name(name) => Some(name),
            ExprKind::Member { value, .. } => self.root(*value),
            _ => None,
        }
    }

    /// Whether `name` is that of a function or a layer here.
    pub fn is_callable(&self, name: &str) -> bool {
        let binding = self.scopes.peek(self.here.scope, name);
        binding.is_some_and(|binding| {
            matches!(binding.val, Val::Fn(_) | Val::Layer(_) | Val::Builtin(_) | Val::Primitive(_))
        })
    }

    /// The function that is called like `name`, but for capitals and underscores: `relu` for `ReLU`.
    pub fn callable_alike(&self, name: &str) -> Option<&'a str> {
        fn key(name: &str) -> impl Iterator<Item = char> {
            name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase)
        }
        let visible = self.scopes.visible(self.here.scope);
        let function = |known: &&str| known.starts_with(char::is_lowercase) && key(known).eq(key(name));
        visible.into_iter().filter(function).find(|name| self.is_callable(name))
    }

    /// Refuses a batch axis or `None` among the sizes of an input. True when nothing is wrong with them.
    pub fn are_sizes_of_a_sample(&mut self, dims: &'a [DimExpr]) -> bool {
        let named = |dim: &'a DimExpr| match dim {
            DimExpr::Size(id) => match &self.ast_expr(*id).kind {
                ExprKind::Name(name) => Some((name.as_str(), self.ast_expr(*id).span)),
                _ => None,
            },
            DimExpr::Run(_) => None,
        };
        let spans: Vec<Option<(&str, Span)>> = dims.iter().map(named).collect();
        let is_unbound = |name: &str| self.scopes.peek(self.here.scope, name).is_none();
        let found = spans.iter().enumerate().find_map(|(axis, named)| {
            let (name, span) = (*named)?;
            let wrong = name == "None" || axis == 0 && BATCH_AXES.contains(&name) && is_unbound(name);
            wrong.then_some((axis, name, span))
        });
        let Some((axis, name, span)) = found else { return true };
        let diagnostic = match axis {
            0 => {
                let title = format!("`{name}` is no size: the batch axis is never written");
                let next = dims.get(1).map(|dim| match dim {
                    DimExpr::Size(id) => self.ast_expr(*id).span.start,
                    DimExpr::Run(name) => name.span.start.saturating_sub("..".len() as u32),
                });
                let axis = Span { end: next.unwrap_or(span.end), ..span };
                Diagnostic::at(Code::E0102, span, title, "the axis of the samples elsewhere")
                    .note("a program is written for one sample; it runs over whole minibatches")
                    .fix("leave it out", axis, "", Applicability::Maybe)
            }
            _ => Diagnostic::at(Code::E0102, span, format!("`{name}` is no size"), "how many?"),
        };
        self.report(
            diagnostic.help("a size that the data fixes has a name that begins with a capital: `input x: [T, 8]`"),
        );
        false
    }

    /// Answers `reshape(x, [-1, 10])`: true when one of the sizes was left to be worked out.
    pub fn left_a_size_out(&mut self, sizes: &Val<'a>, inputs: &[ir::Value], span: Span) -> bool {
        let (Val::List(items), Some(value)) = (sizes, inputs.first()) else { return false };
        let known: Vec<Option<i64>> = items.iter().map(Val::integer).collect();
        let Some(others) = known.iter().map(|size| size.filter(|size| *size != 0)).collect::<Option<Vec<_>>>() else {
            return false;
        };
        if others.iter().filter(|size| **size == -1).count() != 1 || others.iter().any(|size| *size < -1) {
            return false;
        }
        let product: i64 = others.iter().filter(|size| **size > 0).product();
        let whole = self.graph.ty(*value).shape.size().constant();
        let diagnostic = Diagnostic::at(Code::E0205, span, "a size of -1", "no size is worked out from the others")
            .note("the batch axis is never written: a program is written for one sample");
        let text = self.sources.text(span);
        let rest = whole.filter(|whole| whole % product == 0 && text.matches("-1").count() == 1);
        self.report(match rest {
            Some(whole) => {
                let meant = text.replace("-1", &(whole / product).to_string());
                diagnostic.fix(format!("write `{meant}`"), span, meant, Applicability::Maybe)
            }
            None => diagnostic
                .help("write each size; `size(x)` is how many elements there are, `flatten(x)` joins all axes"),
        });
        true
    }

    /// Answers `x[:, None]`. None when no index is a word for nothing.
    pub fn added_axis(&mut self, indices: &'a [Index]) -> Option<Val<'a>> {
        let (axis, span) = indices.iter().enumerate().find_map(|(axis, index)| {
            let Index::At(id) = index else { return None };
            let expr = self.ast_expr(*id);
            let is_nothing = matches!(&expr.kind, ExprKind::Name(name) if name == "None");
            let is_newaxis = self.sources.text(expr.span).ends_with(".newaxis");
            (is_nothing || is_newaxis).then_some((axis, expr.span))
        })?;
        let diagnostic = Diagnostic::at(Code::E0102, span, "no index adds an axis", "not bound anywhere above");
        Some(self.report(diagnostic.help(format!("`unsqueeze(x, axis = {axis})` gives the axis of size 1"))))
    }
}

/// Adds what stands for a name that Python knows, if it is one of the few.
pub fn explained(diagnostic: Diagnostic, name: &str, span: Span) -> Result<Diagnostic, Diagnostic> {
    if NOTHING.contains(&name) {
        return Ok(diagnostic.help("there is no value for nothing: leave the argument out, or write its default"));
    }
    match name {
        "enumerate" => Ok(diagnostic.help("count in the loop: `for i in 0..len(xs) { x = xs[i] }`")),
        "zip" => Ok(diagnostic.help("a loop takes lists apart: `for a, b in [[1, 3], [2, 4]] { ... }`")),
        "str" => {
            Ok(diagnostic
                .help("texts are not computed; in the message of an `assert` or a `where`, `{n}` shows a value"))
        }
        "self" => Ok(diagnostic.help("a layer has no `self`: what its body binds is known in the lines below")),
        "pi" => Ok(diagnostic.fix("write its digits", span, "3.141592653589793", Applicability::Maybe)),
        _ => Err(diagnostic),
    }
}

/// What to write for `range(n)`, `text` being what stands in its parentheses.
pub fn counted(text: &str) -> Option<String> {
    let end = text.trim_matches(['(', ')']).trim();
    (!end.is_empty() && !end.contains(',')).then(|| format!("0..{end}"))
}
