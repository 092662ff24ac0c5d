//! What an input asks of its column, and the rules by which values and shapes fit it.
//!
//! Pure functions: where a value stands in a file is added by the readers.

use std::fmt;

use super::error::Around;
use super::misfit::misfit;

/// What the elements of an input are, with sizes as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A real number.
    F32,
    /// A 32-bit integer.
    I32,
    /// An integer from 0 to the given count minus 1.
    Index(usize),
    /// 0 or 1.
    Bool,
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::F32 => f.write_str("f32"),
            Element::I32 => f.write_str("i32"),
            Element::Index(classes) => write!(f, "index<{classes}>"),
            Element::Bool => f.write_str("bool"),
        }
    }
}

/// The size of one axis of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// It is this.
    Known(usize),
    /// The data fixes it; the name is the symbol's (`T`).
    Free(String),
}

impl Size {
    fn takes(&self, size: usize) -> bool {
        match self {
            Size::Known(known) => *known == size,
            Size::Free(_) => true,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Known(size) => size.fmt(f),
            Size::Free(name) => f.write_str(name),
        }
    }
}

/// What a column must be to feed an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What its elements are.
    pub element: Element,
    /// The shape of one sample; `None` takes the file's.
    pub shape: Option<Vec<Size>>,
    /// Whether NaN and infinities are faults.
    pub finite: bool,
}

impl Want {
    /// What an input of that element and sample shape takes: finite values.
    pub fn input(element: Element, shape: Vec<Size>) -> Want {
        Want { element, shape: Some(shape), finite: true }
    }

    /// What a column expression takes before it computes: any shape, and any value of `element`.
    pub fn any(element: Element) -> Want {
        Want { element, shape: None, finite: false }
    }

    /// The shape that samples of shape `found` take in this input: equal, or after axes of size 1 are added or removed.
    pub fn fit(&self, found: &[usize]) -> Result<Vec<usize>, Fault> {
        let Some(wanted) = &self.shape else { return Ok(found.to_vec()) };
        if wanted.len() == found.len() && wanted.iter().zip(found).all(|(size, found)| size.takes(*found)) {
            return Ok(found.to_vec());
        }
        fitted(wanted, found).ok_or_else(|| misfit(found, wanted, self.element))
    }

    /// Whether a size of its samples is the data's to fix, so that they may differ in it.
    pub(super) fn is_open(&self) -> bool {
        self.shape.iter().flatten().any(|size| matches!(size, Size::Free(_)))
    }

    /// `value` as an f32 of this input.
    pub(super) fn float(&self, value: f64) -> Result<f32, Fault> {
        let narrow = value as f32;
        if !self.finite || narrow.is_finite() {
            return Ok(narrow);
        }
        if value.is_finite() {
            return Err(Fault::new(format!("{value:e} is too large for f32")));
        }
        let fault = Fault::new(format!("the value is {value}, a finite number was expected"));
        let reset = if value.is_nan() { "reset_nan(" } else { "reset_inf(" };
        Err(fault.around("leave its row out, or put 0 in its place", Around::new(reset, ")")))
    }

    /// `value` as an integer of this input: within i32, within the classes of an index, 0 or 1 for a bool.
    pub(super) fn integer(&self, value: i64) -> Result<i32, Fault> {
        let (within, expected) = match self.element {
            Element::F32 | Element::I32 => (true, String::new()),
            Element::Index(classes) => (
                usize::try_from(value).is_ok_and(|value| value < classes),
                format!("an index<{classes}> from 0 to {}", classes.saturating_sub(1)),
            ),
            Element::Bool => (value == 0 || value == 1, "a bool, 0 or 1".to_string()),
        };
        if within && let Ok(value) = i32::try_from(value) {
            return Ok(value);
        }
        if within {
            return Err(Fault::new(format!("{value} is too large for i32")));
        }
        let fault = Fault::new(format!("found {value}, expected {expected}"));
        match self.element {
            Element::Index(classes) if value == classes as i64 => {
                Err(fault.help("class numbers start at 0; if the file's start at 1, write `- 1` after the column"))
            }
            _ => Err(fault),
        }
    }

    /// `value`, which must be a whole number, as an integer of this input.
    pub(super) fn whole(&self, value: f64) -> Result<i32, Fault> {
        if !value.is_finite() {
            return Err(Fault::new(format!("the value is {value}, a whole number was expected")));
        }
        if value.fract() != 0.0 {
            return Err(Fault::new(format!("{value} is not a whole number, expected {}", self.element)));
        }
        if value.abs() > 9.0e15 {
            return Err(Fault::new(format!("{value:e} is too large for {}", self.element)));
        }
        self.integer(value as i64)
    }
}

/// The sizes that are `wanted` of the ones that are `found`, after axes of size 1 are added or removed; none if they do not fit.
fn fitted(wanted: &[Size], found: &[usize]) -> Option<Vec<usize>> {
    let (Some((size, later)), Some((first, rest))) = (wanted.split_first(), found.split_first()) else {
        let ones = wanted.iter().all(|size| *size == Size::Known(1)) && found.iter().all(|size| *size == 1);
        return ones.then(|| vec![1; wanted.len()]);
    };
    let with = |size: usize, fitted: Vec<usize>| [size].into_iter().chain(fitted).collect();
    let take = || fitted(later, rest).filter(|_| size.takes(*first)).map(|fitted| with(*first, fitted));
    let remove = || fitted(wanted, rest).filter(|_| *first == 1);
    let add = || fitted(later, found).filter(|_| *size == Size::Known(1)).map(|fitted| with(1, fitted));
    take().or_else(remove).or_else(add)
}

/// Why a value or a shape does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<Box<str>>,
    /// What to write around the column, as the help says.
    pub around: Option<Around>,
}

impl Fault {
    pub(super) fn new(message: String) -> Fault {
        Fault { message, help: None, around: None }
    }

    /// The same with advice to write something around the column, and why.
    pub(super) fn around(self, why: impl fmt::Display, around: Around) -> Fault {
        let fault = self.help(format!("{why}: write `{around}`"));
        Fault { around: Some(around), ..fault }
    }

    pub(super) fn help(mut self, help: impl Into<Box<str>>) -> Fault {
        self.help = Some(help.into());
        self
    }
}

/// Sizes as they are written in a `.nn` file: `[28, 28]`.
pub(super) fn list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(sizes: &[usize]) -> Want {
        Want::input(Element::F32, sizes.iter().map(|size| Size::Known(*size)).collect())
    }

    #[test]
    fn shapes_fit_up_to_axes_of_size_one() {
        assert_eq!(known(&[1, 28, 28]).fit(&[28, 28]), Ok(vec![1, 28, 28]));
        assert_eq!(known(&[28, 28]).fit(&[1, 28, 28, 1]), Ok(vec![28, 28]));
        assert_eq!(known(&[]).fit(&[1]), Ok(vec![]));
        assert_eq!(known(&[1]).fit(&[]), Ok(vec![1]));
        assert!(known(&[28, 28]).fit(&[784]).is_err());
        assert!(known(&[28]).fit(&[27]).unwrap_err().help.is_none());
        assert!(known(&[2]).fit(&[2, 2]).is_err());
    }

    #[test]
    fn a_free_size_takes_what_the_file_has() {
        let want = Want::input(Element::F32, vec![Size::Free("T".into()), Size::Known(2)]);
        assert_eq!(want.fit(&[7, 2]), Ok(vec![7, 2]));
        assert_eq!(want.fit(&[1, 2]), Ok(vec![1, 2]));
        assert_eq!(want.fit(&[1, 7, 2]), Ok(vec![7, 2]));
        let sequence = Want::input(Element::F32, vec![Size::Free("T".into())]);
        assert_eq!(sequence.fit(&[7, 1]), Ok(vec![7]));
        assert_eq!(sequence.fit(&[1, 1]), Ok(vec![1]));
        assert!(sequence.fit(&[2, 7]).is_err());
        assert_eq!(want.fit(&[2, 7]).unwrap_err().message, "each sample has shape [2, 7], the input takes [T, 2]");
    }

    #[test]
    fn values_fit_their_element() {
        let index = Want::input(Element::Index(10), vec![]);
        assert_eq!(index.integer(9), Ok(9));
        assert!(index.integer(10).unwrap_err().help.unwrap().contains("start at 0"));
        assert_eq!(index.integer(-1).unwrap_err().message, "found -1, expected an index<10> from 0 to 9");
        assert_eq!(index.whole(3.0), Ok(3));
        assert_eq!(index.whole(2.5).unwrap_err().message, "2.5 is not a whole number, expected index<10>");
        assert_eq!(Want::any(Element::I32).integer(1 << 40).unwrap_err().message, "1099511627776 is too large for i32");
        assert!(Want::any(Element::Bool).integer(2).is_err());
        assert!(known(&[]).float(f64::NAN).is_err());
        assert_eq!(known(&[]).float(1e300).unwrap_err().message, "1e300 is too large for f32");
        assert!(Want::any(Element::F32).float(f64::NAN).unwrap().is_nan());
    }
}
