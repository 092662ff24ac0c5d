//! Arrays of numbers as bytes: what `idx`, `npy`, `npz` and `safetensors` share once their headers are read.
//!
//! Bytes are checked in pieces, so memory holds the column, if anything, and no second copy of the file.

use std::io::{self, Read};
use std::path::Path;

use super::column::{Column, misfit};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{cut_short, open_file, surplus};
use super::store::{Budget, Bytes, Form, Sink};
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

/// What is to be read, where, and for whom.
pub(super) struct Reading<'a> {
    /// The file.
    pub path: &'a Path,
    /// What the column feeds.
    pub want: &'a Want,
    /// Whether bytes stay 0 to 255.
    pub raw: bool,
    /// Whether the numbers lie in the file as they are, so that they can be read there again.
    pub plain: bool,
    /// The memory that columns may take.
    pub budget: &'a Budget,
    /// The columns whose numbers make a sample, if there are several.
    pub names: &'a [&'a str],
}

/// How a file's numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Every value fits: as they are.
    AsIs,
    /// As they are, each compared with what is wanted.
    Checked,
    /// As f32, each compared with what is wanted.
    Real,
    /// As i32, each compared with what is wanted.
    Whole,
}

impl Keep {
    fn of(number: Number, element: Element) -> Keep {
        match (number, element) {
            (Number::U8 | Number::Bool, Element::F32) => Keep::AsIs,
            (Number::U8 | Number::Bool | Number::I8 | Number::I16, _) => Keep::Checked,
            (Number::F16 | Number::F32 | Number::F64 | Number::U32 | Number::U64 | Number::I64, Element::F32) => {
                Keep::Real
            }
            _ => Keep::Whole,
        }
    }
}

/// Reads the numbers of a file whose header is read, as a column. 8-bit samples of two or more axes become intensities for an f32
/// input unless `raw`. `body` must end after them.
pub(super) fn load(reading: &Reading, layout: &Layout, body: &mut dyn Read) -> Result<Column, DataError> {
    let Reading { path, want, budget, .. } = *reading;
    let Header { number, shape, rows } = &layout.header;
    let fitted = want.fit(shape).map_err(|fault| misfit(path, DataErrorKind::Shape, fault))?;
    let intensity = *number == Number::U8 && want.element == Element::F32 && !reading.raw && shape.len() >= 2;
    let keep = Keep::of(*number, want.element);
    let file = Form { number: *number, big_endian: layout.big_endian, intensity };
    let kept = match keep {
        Keep::AsIs | Keep::Checked => file,
        Keep::Real => Form::own(Number::F32),
        Keep::Whole => Form::own(Number::I32),
    };
    let count = rows * shape.iter().product::<usize>();
    let mut numbers = Numbers { path, layout, want, names: reading.names, keep, body, left: count };
    let size = (count * kept.size()) as u64;
    if !budget.holds(size) && reading.plain && !layout.fortran {
        numbers.each_piece(&mut |_| Ok(()))?;
        let bytes = Bytes::Disk { file: open_file(path)?, offset: layout.offset, path: path.to_path_buf() };
        return Ok(Column::packed(want.element, fitted, *rows, file, bytes));
    }
    let mut sink = Sink::new(path, budget);
    if layout.fortran && !shape.is_empty() {
        let mut whole = Vec::new();
        numbers.each_piece(&mut |piece| {
            whole.extend_from_slice(piece);
            Ok(())
        })?;
        let size = kept.size();
        layout.fortran_positions().try_for_each(|at| sink.push(&whole[at * size..(at + 1) * size]))?;
    } else {
        numbers.each_piece(&mut |piece| sink.push(piece))?;
    }
    Ok(Column::packed(want.element, fitted, *rows, kept, sink.finish()?))
}

/// One number as it was stored.
#[derive(Clone, Copy)]
pub(super) enum Stored {
    Integer(i64),
    Float(f64),
}

impl Stored {
    /// The nearest f32.
    pub fn as_f32(self) -> f32 {
        match self {
            Stored::Integer(value) => value as f32,
            Stored::Float(value) => value as f32,
        }
    }

    /// The i32, which a check has found it to be.
    pub fn as_i32(self) -> i32 {
        match self {
            Stored::Integer(value) => value as i32,
            Stored::Float(value) => value as i32,
        }
    }

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
    want: &'a Want,
    names: &'a [&'a str],
    keep: Keep,
    body: &'a mut dyn Read,
    left: usize,
}

impl Numbers<'_> {
    /// Hands all numbers to `take` in order, in pieces, as they are kept, and makes sure that nothing follows them.
    fn each_piece(&mut self, take: &mut dyn FnMut(&[u8]) -> Result<(), DataError>) -> Result<(), DataError> {
        let size = self.layout.header.number.size();
        let (mut piece, mut kept) = (vec![0; size << 13], Vec::new());
        let mut done = 0;
        while done < self.left {
            let wanted = piece.len().min((self.left - done) * size);
            let filled =
                fill(self.body, &mut piece[..wanted]).map_err(|error| DataError::from_io(self.path, &error))?;
            if filled < wanted {
                let found = self.layout.offset + (done * size + filled) as u64;
                return Err(cut_short(self.path, self.file_length(), found));
            }
            let bytes = &piece[..wanted];
            kept.clear();
            self.convert(bytes, &mut kept).map_err(|(place, fault)| self.at(done + place, fault))?;
            take(if kept.is_empty() { bytes } else { &kept })?;
            done += wanted / size;
        }
        match fill(self.body, &mut [0]) {
            // Of gzip data this also verifies the checksum.
            Ok(0) => Ok(()),
            Ok(_) => Err(surplus(self.path, self.file_length(), None)),
            Err(error) => Err(DataError::from_io(self.path, &error)),
        }
    }

    /// Checks the numbers in `bytes`; what is not kept as it is goes into `kept`. A fault comes with its place among them.
    fn convert(&self, bytes: &[u8], kept: &mut Vec<u8>) -> Result<(), (usize, Fault)> {
        if self.keep == Keep::AsIs {
            return Ok(());
        }
        let Layout { header, big_endian, .. } = self.layout;
        for (place, word) in bytes.chunks_exact(header.number.size()).enumerate() {
            let value = stored(header.number, word, *big_endian);
            let converted = match self.keep {
                Keep::Real => value.float(self.want).map(|value| kept.extend(value.to_le_bytes())),
                Keep::Whole => value.whole(self.want).map(|value| kept.extend(value.to_le_bytes())),
                Keep::AsIs | Keep::Checked => value.whole(self.want).map(|_| ()),
            };
            converted.map_err(|fault| (place, fault))?;
        }
        Ok(())
    }

    fn file_length(&self) -> u64 {
        self.layout.file_length().unwrap_or(u64::MAX)
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
        if let Some(name) = within.first().and_then(|column| self.names.get(*column)) {
            return error.in_column(*name);
        }
        if !shape.is_empty() {
            error.message = format!("{} (at {} of the sample)", error.message, super::want::list(&within));
        }
        error
    }
}

/// The index, from 0, of the element at `position` of a sample.
pub(super) fn index(mut position: usize, shape: &[usize]) -> Vec<usize> {
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

/// The number that `bytes` hold.
pub(super) fn stored(number: Number, bytes: &[u8], big_endian: bool) -> Stored {
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
