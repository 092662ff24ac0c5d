//! The attributes of a node: small named constants, in the order of the operation's signature.

use std::fmt;
use std::sync::Arc;

use crate::tensor::{DType, Shape, Tensor};

/// One attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Attr {
    /// An integer, or an axis counted from the front.
    Int(i64),
    /// A number.
    Float(f64),
    /// A flag.
    Bool(bool),
    /// A name or path.
    Str(Arc<str>),
    /// Axes, strides, paddings and the like.
    Ints(Vec<i64>),
    /// Sizes.
    Dims(Shape),
    /// A dtype.
    DType(DType),
    /// A constant's value.
    Tensor(Arc<Tensor>),
}

/// Named attributes. Most operations have none, so they lie outside the node, which passes move from graph to graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attrs(Vec<(&'static str, Attr)>);

impl Attrs {
    /// No attributes.
    pub fn new() -> Attrs {
        Attrs::default()
    }

    /// With one attribute more, or another value for it.
    pub fn with(mut self, name: &'static str, value: Attr) -> Attrs {
        self.set(name, value);
        self
    }

    /// With one integer more.
    pub fn int(self, name: &'static str, value: i64) -> Attrs {
        self.with(name, Attr::Int(value))
    }

    /// With one list of integers more.
    pub fn ints(self, name: &'static str, value: impl Into<Vec<i64>>) -> Attrs {
        self.with(name, Attr::Ints(value.into()))
    }

    /// With one shape more.
    pub fn dims(self, name: &'static str, value: Shape) -> Attrs {
        self.with(name, Attr::Dims(value))
    }

    /// With one flag more.
    pub fn flag(self, name: &'static str, value: bool) -> Attrs {
        self.with(name, Attr::Bool(value))
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &'static str, value: Attr) {
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// An attribute by name.
    pub fn get(&self, name: &str) -> Option<&Attr> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Attr)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// The integer `name`.
    ///
    /// # Panics
    /// Like its siblings below: when the attribute is missing or of another kind, which a verified graph excludes.
    pub fn get_int(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Attr::Int(value)) => *value,
            other => panic!("attribute `{name}` should be an integer, is {other:?}"),
        }
    }

    /// The number `name`.
    pub fn get_float(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Attr::Float(value)) => *value,
            Some(Attr::Int(value)) => *value as f64,
            other => panic!("attribute `{name}` should be a number, is {other:?}"),
        }
    }

    /// The flag `name`.
    pub fn get_bool(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Attr::Bool(value)) => *value,
            other => panic!("attribute `{name}` should be a flag, is {other:?}"),
        }
    }

    /// The text `name`.
    pub fn get_str(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Attr::Str(value)) => value,
            other => panic!("attribute `{name}` should be a text, is {other:?}"),
        }
    }

    /// The integers `name`.
    pub fn get_ints(&self, name: &str) -> &[i64] {
        match self.get(name) {
            Some(Attr::Ints(value)) => value,
            other => panic!("attribute `{name}` should be integers, is {other:?}"),
        }
    }

    /// The sizes `name`.
    pub fn get_dims(&self, name: &str) -> &Shape {
        match self.get(name) {
            Some(Attr::Dims(value)) => value,
            other => panic!("attribute `{name}` should be sizes, is {other:?}"),
        }
    }

    /// The dtype `name`.
    pub fn get_dtype(&self, name: &str) -> &DType {
        match self.get(name) {
            Some(Attr::DType(value)) => value,
            other => panic!("attribute `{name}` should be a dtype, is {other:?}"),
        }
    }

    /// The constant `name`.
    pub fn get_tensor(&self, name: &str) -> &Arc<Tensor> {
        match self.get(name) {
            Some(Attr::Tensor(value)) => value,
            other => panic!("attribute `{name}` should be a tensor, is {other:?}"),
        }
    }
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attr::Int(value) => write!(f, "{value}"),
            Attr::Float(value) => write!(f, "{value:?}"),
            Attr::Bool(value) => write!(f, "{value}"),
            Attr::Str(value) => write!(f, "{value:?}"),
            Attr::Ints(values) => write!(f, "{values:?}"),
            Attr::Dims(shape) => write!(f, "{shape}"),
            Attr::DType(dtype) => write!(f, "{dtype}"),
            Attr::Tensor(tensor) => match &**tensor {
                scalar if scalar.shape().is_empty() => write!(f, "{:?}", scalar.to_f64()[0]),
                other => write!(f, "tensor{:?}", other.shape()),
            },
        }
    }
}
