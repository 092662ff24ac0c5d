//! Arrays of numbers as bytes: what `idx`, `npy` and `npz` share once their headers are read.
//!
//! Bytes are decoded in pieces, so memory holds the column and no second copy of the file.

use std::io::{self, Read};
use std::path::Path;

use super::column::{Column, Values, misfit};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{cut_short, surplus};
use super::want::{Element, Fault, Want};

/// How one number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// One byte, 0 or 1.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 64 bits.
    I64,
    /// IEEE 754, 16 bits.
    F16,
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 64 bits.
    F64,
    /// Digits in a text file.
    Text,
}

impl Number {
    /// Bytes of one number; 0 for text.
    pub(super) fn size(self) -> usize {
        match self {
            Number::Text => 0,
            Number::Bool | Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 | Number::F16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::U64 | Number::I64 | Number::F64 => 8,
        }
    }
}

/// How the array's bytes are laid out.
pub(super) struct Layout {
    /// Its numbers, sample shape and rows.
    pub header: Header,
    /// Whether a number's most significant byte comes first.
    pub big_endian: bool,
    /// Whether the first axis, not the last, runs fastest (Fortran's order).
    pub fortran: bool,
    /// Where the numbers begin.
    pub offset: u64,
}

impl Layout {
    /// Bytes of the whole file: header and numbers. `None` if they are more than a u64 counts.
    pub fn file_length(&self) -> Option<u64> {
        let numbers =
            self.header.shape.iter().try_fold(self.header.rows, |product, size| product.checked_mul(*size))?;
        let bytes = numbers.checked_mul(self.header.number.size())?;
        u64::try_from(bytes).ok()?.checked_add(self.offset)
    }

    /// The file's position of each element in turn, for Fortran's order; rows first, then the sample's axes.
    fn fortran_positions(&self) -> impl Iterator<Item = usize> {
        let shape: Vec<usize> = std::iter::once(self.header.rows).chain(self.header.shape.iter().copied()).collect();
        let mut strides = Vec::with_capacity(shape.len());
        let mut stride = 1;
        for size in &shape {
            strides.push(stride);
            stride *= size;
        }
        let mut index = vec![0; shape.len()];
        let mut position = 0;
        (0..stride).map(move |_| {
            let here = position;
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                position += strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                position -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
            here
        })
    }
}

/// Reads the numbers of a file whose header is read, as a column that feeds `want`. 8-bit samples of two or more axes become
/// intensities for an f32 input unless `raw`. `body` must end after them.
pub(super) fn load(
    path: &Path,
    layout: &Layout,
    body: &mut dyn Read,
    want: &Want,
    raw: bool,
) -> Result<Column, DataError> {
    let Header { number, shape, rows } = &layout.header;
    let fitted = want.fit(shape).map_err(|fault| misfit(path, DataErrorKind::Shape, fault))?;
    let per_row = shape.iter().product::<usize>();
    let file_length = layout.file_length().unwrap_or(u64::MAX);
    let mut reader = Numbers { path, layout, body, left: rows * per_row, file_length };
    let values = match (number, want.element) {
        (Number::U8, Element::F32) if !raw && shape.len() >= 2 => Values::Intensity(reader.bytes()?),
        (Number::U8 | Number::Bool, Element::F32) => Values::U8(reader.bytes()?),
        (Number::U8 | Number::Bool, _) => {
            let bytes = reader.bytes()?;
            let misplaced = bytes.iter().position(|byte| want.integer(i64::from(*byte)).is_err());
            if let Some(position) = misplaced {
                let fault = want.integer(i64::from(bytes[position])).expect_err("this byte was just refused");
                return Err(reader.at(position, fault));
            }
            Values::U8(bytes)
        }
        (Number::I8 | Number::I16, _) => {
            Values::I16(reader.decode(|value| value.whole(want).map(|value| value as i16))?)
        }
        (Number::F16 | Number::F32 | Number::F64 | Number::U32 | Number::U64 | Number::I64, Element::F32) => {
            Values::F32(reader.decode(|value| value.float(want))?)
        }
        _ => Values::I32(reader.decode(|value| value.whole(want))?),
    };
    reader.end()?;
    let values = if layout.fortran && per_row > 1 { reorder(layout, values) } else { values };
    Ok(Column::new(want.element, fitted, *rows, values))
}

fn reorder(layout: &Layout, values: Values) -> Values {
    fn permuted<T: Copy>(layout: &Layout, values: &[T]) -> Vec<T> {
        layout.fortran_positions().map(|position| values[position]).collect()
    }
    match values {
        Values::U8(values) => Values::U8(permuted(layout, &values)),
        Values::Intensity(values) => Values::Intensity(permuted(layout, &values)),
        Values::I16(values) => Values::I16(permuted(layout, &values)),
        Values::I32(values) => Values::I32(permuted(layout, &values)),
        Values::F32(values) => Values::F32(permuted(layout, &values)),
    }
}

/// One number as it was stored.
#[derive(Clone, Copy)]
enum Stored {
    Integer(i64),
    Float(f64),
}

impl Stored {
    fn float(self, want: &Want) -> Result<f32, Fault> {
        match self {
            Stored::Integer(value) => Ok(value as f32),
            Stored::Float(value) => want.float(value),
        }
    }

    fn whole(self, want: &Want) -> Result<i32, Fault> {
        match self {
            Stored::Integer(value) => want.integer(value),
            Stored::Float(value) => want.whole(value),
        }
    }
}

struct Numbers<'a> {
    path: &'a Path,
    layout: &'a Layout,
    body: &'a mut dyn Read,
    left: usize,
    file_length: u64,
}

impl Numbers<'_> {
    /// All numbers, each one byte.
    fn bytes(&mut self) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = (&mut *self.body).take(self.left as u64).read_to_end(&mut bytes);
        read.map_err(|error| DataError::from_io(self.path, &error))?;
        if bytes.len() < self.left {
            return Err(cut_short(self.path, self.file_length, self.layout.offset + bytes.len() as u64));
        }
        Ok(bytes)
    }

    /// All numbers, each through `convert`.
    fn decode<T>(&mut self, convert: impl Fn(Stored) -> Result<T, Fault>) -> Result<Vec<T>, DataError> {
        let number = self.layout.header.number;
        let size = number.size();
        let mut piece = vec![0; size << 13];
        let mut values = Vec::new();
        while values.len() < self.left {
            let wanted = piece.len().min((self.left - values.len()) * size);
            let filled =
                fill(self.body, &mut piece[..wanted]).map_err(|error| DataError::from_io(self.path, &error))?;
            if filled < wanted {
                let found = self.layout.offset + (values.len() * size + filled) as u64;
                return Err(cut_short(self.path, self.file_length, found));
            }
            for bytes in piece[..wanted].chunks_exact(size) {
                let value = convert(stored(number, bytes, self.layout.big_endian));
                values.push(value.map_err(|fault| self.at(values.len(), fault))?);
            }
        }
        Ok(values)
    }

    /// `fault` of the number at `position`, with its row and, in a sample with axes, where in the sample.
    fn at(&self, position: usize, fault: Fault) -> DataError {
        let Header { shape, rows, .. } = &self.layout.header;
        let per_row = shape.iter().product::<usize>().max(1);
        let (row, within) = if self.layout.fortran {
            (position % rows, fortran_index(position / rows, shape))
        } else {
            (position / per_row, index(position % per_row, shape))
        };
        let mut error = misfit(self.path, DataErrorKind::Value, fault).at_row(row + 1);
        if !shape.is_empty() {
            error.message = format!("{} (at {} of the sample)", error.message, super::want::list(&within));
        }
        error
    }

    /// Makes sure that nothing follows; of gzip data this also verifies the checksum.
    fn end(&mut self) -> Result<(), DataError> {
        match fill(self.body, &mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(surplus(self.path, self.file_length, None)),
            Err(error) => Err(DataError::from_io(self.path, &error)),
        }
    }
}

/// The index, from 0, of the element at `position` of a sample.
fn index(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, size) in index.iter_mut().zip(shape).rev() {
        *place = position % size;
        position /= size;
    }
    index
}

fn fortran_index(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, size) in index.iter_mut().zip(shape) {
        *place = position % size;
        position /= size;
    }
    index
}

/// Reads until `buffer` is full or the source ends; returns how much of it is filled.
pub(super) fn fill(source: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn stored(number: Number, bytes: &[u8], big_endian: bool) -> Stored {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    if big_endian {
        word[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(word);
    match number {
        Number::Bool | Number::U8 | Number::U16 | Number::U32 => Stored::Integer(bits as i64),
        Number::U64 => i64::try_from(bits).map_or(Stored::Float(bits as f64), Stored::Integer),
        Number::I8 => Stored::Integer(i64::from(bits as i8)),
        Number::I16 => Stored::Integer(i64::from(bits as i16)),
        Number::I32 => Stored::Integer(i64::from(bits as i32)),
        Number::I64 => Stored::Integer(bits as i64),
        Number::F16 => Stored::Float(half(bits as u16)),
        Number::F32 => Stored::Float(f64::from(f32::from_bits(bits as u32))),
        Number::F64 => Stored::Float(f64::from_bits(bits)),
        Number::Text => Stored::Float(f64::NAN),
    }
}

/// The value of an IEEE 754 half-precision number.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}
