//! What expressions denote while a program is checked: tensors of the graph, and compile-time values.

#![allow(missing_docs, reason = "private to the room")]
use std::rc::Rc;

use crate::ir;
use crate::newtype_index;
use crate::ops::Primitive;
use crate::syntax::ast::{Ast, Function, LayerDef};
use crate::tensor::{DType, Dim, Ordering3};

newtype_index! {
    /// A scope of a check.
    pub struct ScopeId;
}

/// The value of an expression.
#[derive(Clone)]
pub enum Val<'a> {
    /// The value of something that was reported already; whatever uses it stays silent.
    Error,
    /// A tensor.
    Tensor(ir::Value),
    /// A compile-time integer or size.
    Int(Dim),
    /// A quotient of sizes that is whole for some values of their symbols only.
    Ratio(Dim, Dim),
    /// A compile-time number.
    Float(f64),
    /// A compile-time truth value.
    Bool(Truth),
    /// A text.
    Str(Rc<str>),
    /// A list.
    List(Rc<Vec<Val<'a>>>),
    /// A dtype's name.
    DType(DType),
    /// A function, possibly with arguments given already.
    Fn(Rc<FnVal<'a>>),
    /// A layer's definition.
    Layer(Rc<LayerVal<'a>>),
    /// A layer's instance, which owns parameters.
    Instance(Rc<Instance<'a>>),
    /// A primitive.
    Primitive(&'static Primitive),
    /// A function of the checker's own.
    Builtin(Builtin),
    /// `prim`: the primitives behind library functions of the same name.
    Primitives,
    /// The functions, layers and constants of an imported file.
    Module(ScopeId),
}

/// A truth value known now, or known once Main is told from MainValidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Always this.
    Known(bool),
    /// True in training only.
    Training,
    /// False in training only.
    NotTraining,
}

impl std::ops::Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::Known(value) => Truth::Known(!value),
            Truth::Training => Truth::NotTraining,
            Truth::NotTraining => Truth::Training,
        }
    }
}

impl Truth {
    /// Both hold.
    pub fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Known(true), other) | (other, Truth::Known(true)) => other,
            (a, b) if a == b => a,
            _ => Truth::Known(false),
        }
    }
}

/// A function definition and the scope it sees.
pub struct FnVal<'a> {
    pub ast: &'a Ast,
    pub def: &'a Function,
    pub scope: ScopeId,
    /// Arguments given already, by name: what makes an initialiser wait for its shape.
    pub given: Vec<(String, Val<'a>)>,
}

/// A layer definition and the scope it sees.
pub struct LayerVal<'a> {
    pub ast: &'a Ast,
    pub def: &'a LayerDef,
    pub scope: ScopeId,
}

/// A layer with its hyperparameters, at a path of its own.
pub struct Instance<'a> {
    pub layer: Rc<LayerVal<'a>>,
    /// The scope that holds the hyperparameters.
    pub scope: ScopeId,
    /// The dotted path under which its parameters stand.
    pub path: String,
    /// The hyperparameters that the user gave, as text.
    pub given: String,
}

/// Functions that only the checker can compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Shape,
    Rank,
    Size,
    Len,
    IsList,
    IsStr,
    Min,
    Max,
    Tensor,
    Close,
    GradientsMatch,
    Grad,
    Ema,
    Scan,
    Einsum,
    Rearrange,
    File,
}

impl Builtin {
    /// All of them with their names.
    pub const ALL: [(&'static str, Builtin); 17] = [
        ("shape", Builtin::Shape),
        ("rank", Builtin::Rank),
        ("size", Builtin::Size),
        ("len", Builtin::Len),
        ("is_list", Builtin::IsList),
        ("is_str", Builtin::IsStr),
        ("min", Builtin::Min),
        ("max", Builtin::Max),
        ("tensor", Builtin::Tensor),
        ("close", Builtin::Close),
        ("gradients_match", Builtin::GradientsMatch),
        ("grad", Builtin::Grad),
        ("ema", Builtin::Ema),
        ("scan", Builtin::Scan),
        ("einsum", Builtin::Einsum),
        ("rearrange", Builtin::Rearrange),
        ("file", Builtin::File),
    ];

    /// Its name in programs.
    pub fn name(self) -> &'static str {
        Builtin::ALL.iter().find(|(_, builtin)| *builtin == self).map_or("", |(name, _)| name)
    }

    /// How it is called, and what it gives, for the reference.
    pub fn documentation(self) -> (&'static str, &'static str) {
        match self {
            Builtin::Shape => ("shape(x)", "The sizes of `x`, a compile-time list of integers."),
            Builtin::Rank => ("rank(x)", "How many axes `x` has, a compile-time integer."),
            Builtin::Size => ("size(x)", "How many elements `x` has, a compile-time integer."),
            Builtin::Len => ("len(values)", "How many entries a list has; of a tensor it is `shape(x)[0]`."),
            Builtin::IsList => ("is_list(value)", "Whether a compile-time value is a list."),
            Builtin::IsStr => ("is_str(value)", "Whether a compile-time value is a text."),
            Builtin::Min => {
                ("min(a, b, ...)", "The least of compile-time numbers or sizes. Of a tensor's entries: see below.")
            }
            Builtin::Max => {
                ("max(a, b, ...)", "The largest of compile-time numbers or sizes. Of a tensor's entries: see below.")
            }
            Builtin::Tensor => {
                ("tensor(list)", "A constant tensor of `f32` from a list of numbers, or of lists of one shape.")
            }
            Builtin::Close => (
                "close(a, b, tolerance = 1e-5)",
                "In a `test`: whether all entries differ by at most `tolerance`, relative to the larger of 1 and |b|.",
            ),
            Builtin::GradientsMatch => (
                "gradients_match(f, arguments..., tolerance = 1e-5)",
                "In a `test`: whether the derivative of `f` by each argument is that of central differences, in double precision.",
            ),
            Builtin::Grad => (
                "grad(y, x)",
                "The derivative of the scalar `y` by an input, a parameter, or a value that `y` was computed from. Of the shape of `x`, \
                 differentiable itself.",
            ),
            Builtin::Ema => (
                "ema(instance, decay)",
                "A copy of a layer's instance whose parameters follow it: `s = decay s + (1 - decay) w` after each iteration.",
            ),
            Builtin::Scan => (
                "scan(step, carries, sequences)",
                "`step(carries..., entries...)` for each entry of the first axis of the sequences; it returns the next carries, then \
                 outputs. Gives the last carries, then each output stacked.",
            ),
            Builtin::Einsum => {
                ("einsum(\"ij,jk->ik\", a, b, ...)", "Products summed over the axes that the result does not name.")
            }
            Builtin::Rearrange => {
                ("rearrange(x, \"(h w) c -> c h w\", h = 8)", "Axes split, moved and joined as the text says.")
            }
            Builtin::File => (
                "file(\"w.npy\")",
                "The array of a `.npy` file; of an `.npz` or `.safetensors` file the one called by a second argument.",
            ),
        }
    }
}

impl<'a> Val<'a> {
    /// A list of sizes.
    pub fn sizes(dims: &[Dim]) -> Val<'a> {
        Val::List(Rc::new(dims.iter().cloned().map(Val::Int).collect()))
    }

    /// The kind in people's words, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Val::Error => "an unknown value",
            Val::Tensor(_) => "a tensor",
            Val::Int(_) => "an integer",
            Val::Float(_) | Val::Ratio(..) => "a number",
            Val::Bool(_) => "a truth value",
            Val::Str(_) => "a text",
            Val::List(_) => "a list",
            Val::DType(_) => "a dtype",
            Val::Fn(_) | Val::Primitive(_) | Val::Builtin(_) => "a function",
            Val::Layer(_) => "a layer",
            Val::Instance(_) => "an instance of a layer",
            Val::Primitives => "a name space",
            Val::Module(_) => "an imported file",
        }
    }

    /// A compile-time number as f64.
    pub fn number(&self) -> Option<f64> {
        match self {
            Val::Int(dim) => dim.constant().map(|value| value as f64),
            Val::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A compile-time integer; a fraction-free number counts.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Val::Int(dim) => dim.constant(),
            Val::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
            _ => None,
        }
    }

    /// Whether this is a number, truth value, text or list of such: known before anything runs.
    pub fn is_compile_time(&self) -> bool {
        match self {
            Val::Int(_) | Val::Ratio(..) | Val::Float(_) | Val::Bool(_) | Val::Str(_) | Val::DType(_) => true,
            Val::List(items) => items.iter().all(Val::is_compile_time),
            _ => false,
        }
    }

    /// Whether it is a number that depends on the symbols of sizes.
    pub fn is_symbolic(&self) -> bool {
        match self {
            Val::Int(dim) => dim.constant().is_none(),
            Val::Ratio(..) => true,
            _ => false,
        }
    }

    /// Whether two compile-time values are the same; `None` when they cannot be compared.
    pub fn same(&self, other: &Val<'a>) -> Option<Ordering3> {
        let decided = |same| Some(if same { Ordering3::Equal } else { Ordering3::Different });
        match (self, other) {
            (Val::Int(a), Val::Int(b)) => Some(a.compare(b)),
            (Val::Ratio(a, b), Val::Ratio(c, d)) if a == c && b == d => Some(Ordering3::Equal),
            (Val::Ratio(..), Val::Int(_) | Val::Ratio(..)) | (Val::Int(_), Val::Ratio(..)) => {
                Some(Ordering3::Undecided)
            }
            (Val::Bool(Truth::Known(a)), Val::Bool(Truth::Known(b))) => decided(a == b),
            (Val::Str(a), Val::Str(b)) => decided(a == b),
            (Val::DType(a), Val::DType(b)) => decided(a == b),
            (Val::List(a), Val::List(b)) if a.len() != b.len() => decided(false),
            (Val::List(a), Val::List(b)) => {
                let pairs = a.iter().zip(b.iter());
                pairs.map(|(a, b)| a.same(b)).try_fold(Ordering3::Equal, |all, one| Some(all.and(one?)))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => decided(a == b),
                _ if self.is_symbolic() || other.is_symbolic() => Some(Ordering3::Undecided),
                _ if self.is_compile_time() && other.is_compile_time() => decided(false),
                _ => None,
            },
        }
    }

    /// As a program would write it, if it is known while compiling.
    pub fn constant(&self) -> Option<String> {
        Some(match self {
            Val::Int(_) | Val::Ratio(..) | Val::Float(_) | Val::Bool(Truth::Known(_)) | Val::Str(_) | Val::DType(_) => {
                self.show()
            }
            Val::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Val::constant).collect();
                format!("[{}]", items?.join(", "))
            }
            Val::Fn(function) => function.def.name.text.clone(),
            Val::Layer(layer) => layer.def.name.text.clone(),
            Val::Primitive(primitive) => primitive.op.0.to_owned(),
            _ => return None,
        })
    }

    /// As a program would write it, for messages.
    pub fn show(&self) -> String {
        match self {
            Val::Int(dim) => dim.to_string(),
            Val::Ratio(a, b) => Dim::quotient(a, b),
            Val::Float(value) => format!("{value:?}"),
            Val::Bool(Truth::Known(value)) => value.to_string(),
            Val::Str(text) => format!("{text:?}"),
            Val::DType(dtype) => dtype.to_string(),
            Val::List(items) => format!("[{}]", items.iter().map(Val::show).collect::<Vec<_>>().join(", ")),
            other => other.kind().to_owned(),
        }
    }
}
