//! What the table says of each primitive.

use super::{BatchCall, EvalCall, GradientCall, InferCall, Misfit};
use crate::ir::{Attrs, Op, Value};
use crate::tensor::random::Stream;
use crate::tensor::{DType, Tensor, Type};

/// One primitive, whole.
pub struct Primitive {
    /// Its name, also in `.nn` where the library exposes it.
    pub op: Op,
    /// One or two sentences for the reference, with the formula.
    pub doc: &'static str,
    /// Its operands and attributes in call order. Attributes carry the parameter's name.
    pub params: &'static [Param],
    /// The type of its result.
    pub infer: fn(&InferCall) -> Result<Type, Misfit>,
    /// Its value, on `ndarray`, obviously right.
    pub eval: fn(&EvalCall) -> Tensor,
    /// Its derivative.
    pub gradient: Gradient,
    /// The same operation on a whole minibatch, the batch axis in front of every batched operand and of the result; called only when
    /// an operand is batched, or when the primitive draws per sample. An error names what cannot be batched.
    pub batch: fn(&mut BatchCall) -> Result<Value, String>,
    /// Inputs to test it with: evaluation on every engine, and its derivative against central differences.
    pub cases: fn() -> Vec<Case>,
}

/// How a gradient passes through.
pub enum Gradient {
    /// Builds, for each wanted input, the gradient by that input, of that input's shape; `None` where it is zero.
    Rule(fn(&mut GradientCall) -> Vec<Option<Value>>),
    /// None does, and why; the reason becomes the user's message.
    Zero(&'static str),
}

/// One parameter of a primitive.
pub struct Param {
    /// Its name in calls by name, and the attribute's name.
    pub name: &'static str,
    /// What may be given.
    pub kind: ParamKind,
    /// What is meant when nothing is given.
    pub default: Default,
}

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A tensor: an input of the node. Numbers become constants.
    Tensor,
    /// A list of tensors: all further inputs.
    Tensors,
    /// An integer.
    Int,
    /// A number.
    Float,
    /// A flag.
    Bool,
    /// An axis of the first tensor, negative from the back; stored counted from the front.
    Axis,
    /// An axis or a list of axes; stored as ascending integers.
    Axes,
    /// A list of integers, or one integer meant for each spatial axis (as many as the second tensor has axes, less two).
    Ints,
    /// A list of sizes.
    Shape,
    /// A dtype by name.
    DType,
    /// A text.
    Str,
}

/// The default of an argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// It must be given.
    Required,
    /// An integer; for [`ParamKind::Axis`] it may be negative.
    Int(i64),
    /// A number.
    Float(f64),
    /// A flag.
    Bool(bool),
    /// For [`ParamKind::Axes`]: all of them.
    AllAxes,
    /// The compiler sets it. Only a text can be given in a call, by name: the path that names a random stream.
    Internal,
}

/// The values that a test input is drawn from, chosen so that the function is smooth there.
#[derive(Clone, Debug)]
pub enum Domain {
    /// Floats from an interval.
    Range(f64, f64),
    /// Floats that are pairwise at least this far apart, shuffled: for maxima and sorting.
    Distinct(f64),
    /// Integers from 0 up to, not including, this.
    Index(i64),
    /// Truth values.
    Bool,
}

/// One input of a test case.
#[derive(Clone, Debug)]
pub struct CaseInput {
    /// Its type, without symbols.
    pub ty: Type,
    /// What its values are drawn from.
    pub domain: Domain,
}

/// A test case of a primitive.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its inputs.
    pub inputs: Vec<CaseInput>,
    /// Its attributes.
    pub attrs: Attrs,
}

impl Case {
    /// A case of float inputs, each a shape and an interval.
    pub fn floats(inputs: &[(&[usize], f64, f64)], attrs: Attrs) -> Case {
        let input = |(shape, low, high): &(&[usize], f64, f64)| CaseInput {
            ty: Type::f32(*shape),
            domain: Domain::Range(*low, *high),
        };
        Case { inputs: inputs.iter().map(input).collect(), attrs }
    }

    /// Inputs drawn from the domains: the same ones for the same `draw`.
    pub fn draw(&self, draw: u32) -> Vec<Tensor> {
        self.inputs
            .iter()
            .zip(0..)
            .map(|(input, place)| input.draw(Stream { seed: 0, key: place, step: 0 }, draw))
            .collect()
    }
}

impl CaseInput {
    /// A tensor of this type from its domain, with the numbers of a sample of a random stream.
    ///
    /// # Panics
    /// When the type holds symbols, which test cases do not.
    pub fn draw(&self, stream: Stream, sample: u32) -> Tensor {
        let shape = self.ty.shape.constant().expect("a test case holds no symbols");
        let mut uniform = vec![0.0; shape.iter().product()];
        stream.fill_uniform(sample, 0, &mut uniform);
        let uniform: Vec<f64> = uniform.into_iter().map(f64::from).collect();
        let numbers: Vec<f64> = match self.domain {
            Domain::Range(low, high) => uniform.iter().map(|u| low + (high - low) * u).collect(),
            Domain::Distinct(gap) => {
                let rank = |own: usize| {
                    uniform.iter().enumerate().filter(|(other, u)| (**u, *other) < (uniform[own], own)).count()
                };
                let middle = uniform.len() as f64 / 2.0;
                (0..uniform.len()).map(|own| (rank(own) as f64 - middle + 0.5 * uniform[own]) * 2.0 * gap).collect()
            }
            Domain::Index(count) => uniform.iter().map(|u| (u * count as f64).floor()).collect(),
            Domain::Bool => uniform.iter().map(|u| f64::from(u8::from(*u < 0.5))).collect(),
        };
        match self.ty.dtype {
            DType::F32 => Tensor::f32(&shape, numbers.iter().map(|x| *x as f32).collect()),
            DType::I32 | DType::Index(_) => Tensor::i32(&shape, numbers.iter().map(|x| *x as i32).collect()),
            DType::Bool => Tensor::bool(&shape, numbers.iter().map(|x| *x != 0.0).collect()),
        }
    }
}
