//! Constants of a file: weights, sizes that it computes, and what follows from them.

use super::axes::{Count, product};
use crate::formats::onnx::{ElementType, Tensor as Stored};
use crate::import::Beside;
use crate::tensor::Tensor;

/// The most elements that a constant may have which is computed and not stored.
const COMPUTED: usize = 1 << 26;

/// Elements, last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Float(Vec<f32>),
    Int(Vec<Count>),
    Bool(Vec<bool>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    pub shape: Vec<usize>,
    pub data: Data,
    /// What the file calls it, if it is stored as a weight.
    pub name: Option<String>,
}

impl Data {
    pub fn len(&self) -> usize {
        match self {
            Data::Float(values) => values.len(),
            Data::Int(values) => values.len(),
            Data::Bool(values) => values.len(),
        }
    }

    /// The elements at `places`, in their order.
    pub fn pick(&self, places: &[usize]) -> Data {
        match self {
            Data::Float(values) => Data::Float(places.iter().map(|place| values[*place]).collect()),
            Data::Int(values) => Data::Int(places.iter().map(|place| values[*place]).collect()),
            Data::Bool(values) => Data::Bool(places.iter().map(|place| values[*place]).collect()),
        }
    }

    /// These elements, then others; none when they are of another kind.
    pub fn and(mut self, more: &Data) -> Option<Data> {
        match (&mut self, more) {
            (Data::Float(values), Data::Float(more)) => values.extend(more),
            (Data::Int(values), Data::Int(more)) => values.extend(more),
            (Data::Bool(values), Data::Bool(more)) => values.extend(more),
            _ => return None,
        }
        Some(self)
    }

    /// The elements as floats; none when the number of samples is among them.
    pub fn floats(&self) -> Option<Vec<f32>> {
        match self {
            Data::Float(values) => Some(values.clone()),
            Data::Int(values) => values.iter().map(|value| (!value.samples).then_some(value.number as f32)).collect(),
            Data::Bool(values) => Some(values.iter().map(|value| f32::from(u8::from(*value))).collect()),
        }
    }
}

impl Constant {
    pub fn new(shape: &[usize], data: Data) -> Result<Constant, String> {
        if product(shape)? != data.len() {
            return Err("its constant has not as many elements as its sizes say".to_owned());
        }
        Ok(Constant { shape: shape.to_vec(), data, name: None })
    }

    /// A list of integers.
    pub fn ints(values: &[Count]) -> Constant {
        Constant { shape: vec![values.len()], data: Data::Int(values.to_vec()), name: None }
    }

    /// Its only element, if it has one alone.
    pub fn scalar(&self) -> Option<f32> {
        (self.data.len() == 1).then(|| self.data.floats())?.map(|values| values[0])
    }

    /// Its elements as plain integers.
    pub fn integers(&self) -> Option<Vec<i64>> {
        match &self.data {
            Data::Int(values) => values.iter().map(|value| (!value.samples).then_some(value.number)).collect(),
            Data::Float(values) => values.iter().map(|value| (value.fract() == 0.0).then_some(*value as i64)).collect(),
            Data::Bool(_) => None,
        }
    }

    /// Its elements as sizes.
    pub fn counts(&self) -> Option<Vec<Count>> {
        match &self.data {
            Data::Int(values) => Some(values.clone()),
            _ => None,
        }
    }

    /// Its floats as a tensor.
    pub fn tensor(&self) -> Option<Tensor> {
        Some(Tensor::f32(&self.shape, self.data.floats()?))
    }

    /// The same elements with other sizes.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Constant, String> {
        Ok(Constant { name: self.name.clone(), ..Constant::new(shape, self.data.clone())? })
    }

    /// The elements at the places that `at` gives for each index into `shape`.
    pub fn picked(&self, shape: &[usize], at: impl Fn(&[usize]) -> usize) -> Result<Constant, String> {
        let total = product(shape)?;
        if total > COMPUTED {
            return Err("its constant is beyond all sizes that are computed here".to_owned());
        }
        let mut index = vec![0; shape.len()];
        let mut places = Vec::with_capacity(total);
        for _ in 0..total {
            places.push(at(&index));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(Constant { shape: shape.to_vec(), data: self.data.pick(&places), name: self.name.clone() })
    }

    /// The place of the element at `index`.
    pub fn place(&self, index: &[usize]) -> usize {
        index.iter().zip(&self.shape).fold(0, |place, (index, size)| place * size + index)
    }

    /// With its axes in another order.
    pub fn transposed(&self, order: &[usize]) -> Result<Constant, String> {
        let shape: Vec<usize> = order.iter().map(|axis| self.shape[*axis]).collect();
        if let ([rows, columns], [1, 0]) = (&self.shape[..], order) {
            let places = (0..*columns).flat_map(|column| (0..*rows).map(move |row| row * columns + column));
            let data = self.data.pick(&places.collect::<Vec<_>>());
            return Ok(Constant { shape, data, name: self.name.clone() });
        }
        self.picked(&shape, |index| {
            let mut old = vec![0; index.len()];
            order.iter().zip(index).for_each(|(axis, index)| old[*axis] = *index);
            self.place(&old)
        })
    }

    /// Stretched to a shape as NumPy does.
    pub fn stretched(&self, shape: &[usize]) -> Result<Constant, String> {
        let missing = shape.len().checked_sub(self.shape.len()).ok_or("its sizes do not fit together")?;
        let fits = self.shape.iter().zip(&shape[missing..]).all(|(old, new)| *old == 1 || old == new);
        if !fits {
            return Err("its sizes do not fit together".to_owned());
        }
        self.picked(shape, |index| {
            let own = index[missing..].iter().zip(&self.shape).map(|(index, size)| if *size == 1 { 0 } else { *index });
            self.place(&own.collect::<Vec<_>>())
        })
    }
}

/// Reads a stored tensor.
///
/// # Errors
/// When its elements are of a kind that is not read, are not as many as its sizes say, or lie in a file that cannot be read.
pub fn stored(tensor: &Stored, beside: &Beside) -> Result<Constant, String> {
    let sizes: Option<Vec<usize>> = tensor.dims.iter().map(|size| usize::try_from(*size).ok()).collect();
    let shape = sizes.ok_or("a size is negative")?;
    let count = product(&shape)?;
    let outside;
    let raw: &[u8] = if tensor.data_location == 1 {
        outside = external(tensor, beside)?;
        &outside
    } else {
        &tensor.raw_data
    };
    let kind = ElementType::try_from(tensor.data_type).unwrap_or(ElementType::Undefined);
    let data = if raw.is_empty() && count > 0 { typed(tensor, kind) } else { from_raw(raw, kind) };
    let data = data.ok_or_else(|| format!("elements of the type {kind:?} are not read"))?;
    if data.len() != count {
        return Err(format!("it should hold {count} elements and holds {}", data.len()));
    }
    Ok(Constant { shape, data, name: Some(tensor.name.clone()).filter(|name| !name.is_empty()) })
}

/// The bytes of a tensor that another file holds.
fn external(tensor: &Stored, beside: &Beside) -> Result<Vec<u8>, String> {
    let entry =
        |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let number =
        |key: &str| entry(key).map(|text| text.parse::<usize>().map_err(|_| format!("its `{key}` is no number")));
    let file = entry("location").ok_or("it does not say which file holds its elements")?;
    let bytes = beside(file).map_err(|error| format!("its elements are in `{file}`, which cannot be read: {error}"))?;
    let start = number("offset").transpose()?.unwrap_or(0);
    let rest = bytes.get(start..).ok_or_else(|| format!("`{file}` is too short for it"))?;
    let length = number("length").transpose()?.unwrap_or(rest.len());
    rest.get(..length).map(<[u8]>::to_vec).ok_or_else(|| format!("`{file}` is too short for it"))
}

fn ints(values: impl Iterator<Item = i64>) -> Option<Data> {
    Some(Data::Int(values.map(Count::of).collect()))
}

/// Elements in the field of their type.
fn typed(tensor: &Stored, kind: ElementType) -> Option<Data> {
    let half = |of: fn(u16) -> f32| Data::Float(tensor.int32_data.iter().map(|bits| of(*bits as u16)).collect());
    match kind {
        ElementType::Float => Some(Data::Float(tensor.float_data.clone())),
        ElementType::Double => Some(Data::Float(tensor.double_data.iter().map(|value| *value as f32).collect())),
        ElementType::Int64 => ints(tensor.int64_data.iter().copied()),
        ElementType::Float16 => Some(half(half_precision)),
        ElementType::Bfloat16 => Some(half(brain_precision)),
        ElementType::Bool => Some(Data::Bool(tensor.int32_data.iter().map(|value| *value != 0).collect())),
        ElementType::Int32 | ElementType::Int16 | ElementType::Int8 | ElementType::Uint8 | ElementType::Uint16 => {
            ints(tensor.int32_data.iter().map(|value| i64::from(*value)))
        }
        _ => None,
    }
}

/// Elements as bytes.
fn from_raw(raw: &[u8], kind: ElementType) -> Option<Data> {
    fn words<const N: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
        raw.chunks_exact(N).map(|chunk| chunk.try_into().expect("a whole chunk"))
    }
    match kind {
        ElementType::Float => Some(Data::Float(words(raw).map(f32::from_le_bytes).collect())),
        ElementType::Double => Some(Data::Float(words(raw).map(|word| f64::from_le_bytes(word) as f32).collect())),
        ElementType::Float16 => {
            Some(Data::Float(words(raw).map(|word| half_precision(u16::from_le_bytes(word))).collect()))
        }
        ElementType::Bfloat16 => {
            Some(Data::Float(words(raw).map(|word| brain_precision(u16::from_le_bytes(word))).collect()))
        }
        ElementType::Bool => Some(Data::Bool(raw.iter().map(|byte| *byte != 0).collect())),
        ElementType::Int64 => ints(words(raw).map(i64::from_le_bytes)),
        ElementType::Int32 => ints(words(raw).map(|word| i64::from(i32::from_le_bytes(word)))),
        ElementType::Uint32 => ints(words(raw).map(|word| i64::from(u32::from_le_bytes(word)))),
        ElementType::Int16 => ints(words(raw).map(|word| i64::from(i16::from_le_bytes(word)))),
        ElementType::Uint16 => ints(words(raw).map(|word| i64::from(u16::from_le_bytes(word)))),
        ElementType::Int8 => ints(raw.iter().map(|byte| i64::from(*byte as i8))),
        ElementType::Uint8 => ints(raw.iter().map(|byte| i64::from(*byte))),
        _ => None,
    }
}

/// The value of IEEE 754's binary16.
fn half_precision(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The value of a bfloat16: the upper half of an f32.
fn brain_precision(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_that_of_ieee() {
        let values = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x7c00].map(half_precision);
        let expected = [1.0, -2.0, 65504.0, 5.960_464_5e-8, 6.103_515_6e-5, 0.333_251_95, f32::INFINITY];
        assert_eq!(values, expected);
        assert_eq!(brain_precision(0x3fc0), 1.5);
    }
}
