//! Tensors in memory, as the reference engine, initialisers and constants hold them.

use ndarray::{ArrayD, IxDyn};

/// A tensor with its elements in row-major order. Indices (`index<K>`) are held as `I32`.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// 32-bit floats.
    F32(ArrayD<f32>),
    /// 64-bit floats: what `f32` values become in the reference engine when it runs in double precision.
    F64(ArrayD<f64>),
    /// 32-bit integers and indices.
    I32(ArrayD<i32>),
    /// Truth values.
    Bool(ArrayD<bool>),
}

impl Tensor {
    /// A scalar float.
    pub fn scalar(value: f32) -> Tensor {
        Tensor::F32(ArrayD::from_elem(IxDyn(&[]), value))
    }

    /// Floats of a shape.
    ///
    /// # Panics
    /// When `values` are not as many as the shape holds.
    pub fn f32(shape: &[usize], values: Vec<f32>) -> Tensor {
        Tensor::F32(ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape holds"))
    }

    /// Integers of a shape.
    ///
    /// # Panics
    /// When `values` are not as many as the shape holds.
    pub fn i32(shape: &[usize], values: Vec<i32>) -> Tensor {
        Tensor::I32(ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape holds"))
    }

    /// Truth values of a shape.
    ///
    /// # Panics
    /// When `values` are not as many as the shape holds.
    pub fn bool(shape: &[usize], values: Vec<bool>) -> Tensor {
        Tensor::Bool(ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape holds"))
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Tensor::F32(array) => array.shape(),
            Tensor::F64(array) => array.shape(),
            Tensor::I32(array) => array.shape(),
            Tensor::Bool(array) => array.shape(),
        }
    }

    /// The elements as f64, row-major, whatever the dtype.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Tensor::F32(array) => array.iter().map(|x| f64::from(*x)).collect(),
            Tensor::F64(array) => array.iter().copied().collect(),
            Tensor::I32(array) => array.iter().map(|x| f64::from(*x)).collect(),
            Tensor::Bool(array) => array.iter().map(|x| f64::from(u8::from(*x))).collect(),
        }
    }

    /// The elements as f32, row-major, whatever the dtype.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Tensor::F32(array) => array.iter().copied().collect(),
            _ => self.to_f64().into_iter().map(|x| x as f32).collect(),
        }
    }

    /// This tensor with floats in double precision; other dtypes unchanged.
    pub fn widen(&self) -> Tensor {
        match self {
            Tensor::F32(array) => Tensor::F64(array.mapv(f64::from)),
            other => other.clone(),
        }
    }
}
