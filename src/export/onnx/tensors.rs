//! Constants of ONNX: tensors and attributes.

use crate::formats::onnx::{Attribute, AttributeKind, ElementType, Tensor};
use crate::tensor::{self, DType};

/// A constant tensor. Whole numbers become 64-bit.
pub fn tensor(name: &str, value: &tensor::Tensor) -> Tensor {
    let dims = value.shape().iter().map(|size| *size as i64).collect();
    let (element, raw_data) = match value {
        tensor::Tensor::F32(_) | tensor::Tensor::F64(_) => {
            (ElementType::Float, value.to_f32().into_iter().flat_map(f32::to_le_bytes).collect())
        }
        tensor::Tensor::I32(values) => {
            (ElementType::Int64, values.iter().flat_map(|value| i64::from(*value).to_le_bytes()).collect())
        }
        tensor::Tensor::Bool(values) => (ElementType::Bool, values.iter().map(|value| u8::from(*value)).collect()),
    };
    Tensor { dims, data_type: element as i32, name: name.to_owned(), raw_data, ..Default::default() }
}

/// A constant tensor of integers.
pub fn ints(name: &str, dims: &[i64], values: &[i64]) -> Tensor {
    Tensor {
        dims: dims.to_vec(),
        data_type: ElementType::Int64 as i32,
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// What the elements of a dtype are in a model.
pub fn element(dtype: &DType) -> ElementType {
    match dtype {
        DType::F32 => ElementType::Float,
        DType::I32 | DType::Index(_) => ElementType::Int64,
        DType::Bool => ElementType::Bool,
    }
}

fn attribute(name: &str, kind: AttributeKind) -> Attribute {
    Attribute { name: name.to_owned(), kind: kind as i32, ..Default::default() }
}

/// An attribute that is an integer.
pub fn int(name: &str, value: i64) -> Attribute {
    Attribute { i: Some(value), ..attribute(name, AttributeKind::Int) }
}

/// An attribute that is a list of integers.
pub fn list(name: &str, values: &[i64]) -> Attribute {
    Attribute { ints: values.to_vec(), ..attribute(name, AttributeKind::Ints) }
}

/// An attribute that is a text.
pub fn text(name: &str, value: &str) -> Attribute {
    Attribute { s: Some(value.as_bytes().to_vec()), ..attribute(name, AttributeKind::String) }
}
