//! Symbolic sizes in a normal form: integer polynomials over symbols and floor, remainder, minimum and maximum atoms.
//!
//! A symbol stands for a size of at least 1. Two dims in normal form are *equal* when the forms are, *different* when their difference
//! is bounded away from zero, and else *undecided*. Constants take no allocation. Overflow is kept out by 128-bit checks at the places that create sizes (`check`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Where a size came from: an opaque tag that whoever made the dim can look up. Zero is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u32);

/// The three answers to "are these sizes equal?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering3 {
    /// For every value of the symbols.
    Equal,
    /// For no value of the symbols.
    Different,
    /// It depends, or cannot be told.
    Undecided,
}

impl Ordering3 {
    /// Whether both pairs are equal.
    pub fn and(self, other: Ordering3) -> Ordering3 {
        match (self, other) {
            (Ordering3::Different, _) | (_, Ordering3::Different) => Ordering3::Different,
            (Ordering3::Equal, Ordering3::Equal) => Ordering3::Equal,
            _ => Ordering3::Undecided,
        }
    }
}

/// A size: a constant or a polynomial. Equality and order look at the normal form alone.
#[derive(Clone)]
pub struct Dim {
    pub(super) form: Form,
    origin: Origin,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    Const(i64),
    Poly(Arc<Poly>),
}

/// A sum of monomials; the empty monomial holds the constant part. No coefficient is zero.
pub(super) type Poly = BTreeMap<Monomial, i64>;

/// A product of atoms with their powers.
pub(super) type Monomial = Vec<(Atom, u32)>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Atom {
    Symbol(Arc<str>),
    Floor(Box<Dim>, Box<Dim>),
    Mod(Box<Dim>, Box<Dim>),
    Min(Box<Dim>, Box<Dim>),
    Max(Box<Dim>, Box<Dim>),
}

impl Dim {
    /// The size `value`.
    pub const fn new(value: i64) -> Dim {
        Dim { form: Form::Const(value), origin: Origin(0) }
    }

    /// The symbol `name`.
    pub fn symbol(name: &str) -> Dim {
        Dim::atom(Atom::Symbol(name.into()))
    }

    /// This size with another origin.
    pub fn with_origin(mut self, origin: Origin) -> Dim {
        self.origin = origin;
        self
    }

    /// Where it came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Its value when it is a constant.
    pub fn constant(&self) -> Option<i64> {
        match self.form {
            Form::Const(value) => Some(value),
            Form::Poly(_) => None,
        }
    }

    /// Whether it is literally 1.
    pub fn is_one(&self) -> bool {
        self.form == Form::Const(1)
    }

    /// Compares two sizes.
    pub fn compare(&self, other: &Dim) -> Ordering3 {
        let difference = self.clone() - other.clone();
        let positive = |dim: &Dim| dim.least().is_some_and(|least| least >= 1);
        match difference.form {
            Form::Const(0) => Ordering3::Equal,
            _ if positive(&difference) || positive(&(Dim::new(0) - difference.clone())) => Ordering3::Different,
            _ => Ordering3::Undecided,
        }
    }

    /// The quotient rounded down; exact division of a polynomial by a constant factor stays a polynomial.
    pub fn floor_div(self, by: Dim) -> Dim {
        match (self.constant(), by.constant()) {
            (Some(a), Some(b)) if b != 0 => Dim::new(a.div_euclid(b)),
            (None, Some(1)) => self,
            (None, Some(b)) if b > 1 => self.divide_by_constant(b),
            _ if self == by => Dim::new(1),
            _ => Dim::atom(Atom::Floor(Box::new(self), Box::new(by))),
        }
    }

    /// The remainder of [`floor_div`](Self::floor_div).
    pub fn modulo(self, by: Dim) -> Dim {
        match (self.constant(), by.constant()) {
            (Some(a), Some(b)) if b != 0 => Dim::new(a.rem_euclid(b)),
            (None, Some(b)) if b > 0 => {
                let rest: Poly = self.poly().into_iter().filter(|(_, c)| c.rem_euclid(b) != 0).collect();
                match Dim::from_poly(rest) {
                    rest if rest.constant().is_some() => rest.modulo(by),
                    rest => Dim::atom(Atom::Mod(Box::new(rest), Box::new(by))),
                }
            }
            _ if self == by => Dim::new(0),
            _ => Dim::atom(Atom::Mod(Box::new(self), Box::new(by))),
        }
    }

    /// The quotient rounded up: `floor((a - 1) / b) + 1`.
    pub fn ceil_div(self, by: Dim) -> Dim {
        (self - Dim::new(1)).floor_div(by) + Dim::new(1)
    }

    /// The smaller of two sizes.
    pub fn min(self, other: Dim) -> Dim {
        match (self.at_most(&other), other.at_most(&self)) {
            (true, _) => self,
            (_, true) => other,
            _ => Dim::atom(Atom::Min(Box::new(self), Box::new(other))),
        }
    }

    /// The larger of two sizes.
    pub fn max(self, other: Dim) -> Dim {
        match (other.at_most(&self), self.at_most(&other)) {
            (true, _) => self,
            (_, true) => other,
            _ => Dim::atom(Atom::Max(Box::new(self), Box::new(other))),
        }
    }

    /// Whether this is no larger than `other` for every value of the symbols; false also when that cannot be told.
    pub fn at_most(&self, other: &Dim) -> bool {
        (other.clone() - self.clone()).least().is_some_and(|least| least >= 0)
    }

    /// A number that this never falls below, when one is known.
    pub fn least(&self) -> Option<i64> {
        let poly = match &self.form {
            Form::Const(value) => return Some(*value),
            Form::Poly(poly) => poly,
        };
        let mut sum = 0i64;
        for (monomial, coefficient) in poly.iter() {
            let bound = match *coefficient > 0 {
                true => least_product(monomial)?,
                false => most_product(monomial)?,
            };
            sum = sum.checked_add(coefficient.checked_mul(bound)?)?;
        }
        Some(sum)
    }

    /// A number that this never exceeds, when one is known.
    fn most(&self) -> Option<i64> {
        (Dim::new(0) - self.clone()).least()?.checked_neg()
    }

    /// Its value when `value_of` knows every symbol in it.
    pub fn evaluate(&self, value_of: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
        let poly = match &self.form {
            Form::Const(value) => return Some(*value),
            Form::Poly(poly) => poly,
        };
        let mut sum = 0i64;
        for (monomial, coefficient) in poly.iter() {
            let mut product = *coefficient;
            for (atom, power) in monomial {
                product = product.checked_mul(atom.evaluate(value_of)?.checked_pow(*power)?)?;
            }
            sum = sum.checked_add(product)?;
        }
        Some(sum)
    }

    /// The number of samples of a minibatch.
    pub fn batch() -> Dim {
        Dim::symbol(super::BATCH)
    }

    /// `a / b` as it is written.
    pub fn quotient(a: &Dim, b: &Dim) -> String {
        format!("{} / {}", operand(a), operand(b))
    }

    fn atom(atom: Atom) -> Dim {
        Dim::from_poly(Poly::from([(vec![(atom, 1)], 1)]))
    }

    fn poly(&self) -> Poly {
        match &self.form {
            Form::Const(0) => Poly::new(),
            Form::Const(value) => Poly::from([(Vec::new(), *value)]),
            Form::Poly(poly) => (**poly).clone(),
        }
    }

    fn from_poly(poly: Poly) -> Dim {
        let form = match poly.len() {
            0 => Form::Const(0),
            1 if poly.contains_key(&Vec::new()) => Form::Const(poly[&Vec::new()]),
            _ => Form::Poly(Arc::new(poly)),
        };
        Dim { form, origin: Origin(0) }
    }

    /// Terms that `by` divides leave the floor: `floor((4H + 3) / 2) = 2H + 1`.
    fn divide_by_constant(self, by: i64) -> Dim {
        let (whole, rest): (Vec<_>, Vec<_>) = self.poly().into_iter().partition(|(_, c)| c.rem_euclid(by) == 0);
        let whole = Dim::from_poly(whole.into_iter().map(|(monomial, c)| (monomial, c / by)).collect());
        let rest = Dim::from_poly(rest.into_iter().collect());
        match rest.constant() {
            Some(rest) => whole + Dim::new(rest.div_euclid(by)),
            None => whole + Dim::atom(Atom::Floor(Box::new(rest), Box::new(Dim::new(by)))),
        }
    }
}

/// A lower bound of a product of atoms, when there is one atom or none of them can be negative.
fn least_product(monomial: &Monomial) -> Option<i64> {
    if let [(atom, 1)] = monomial.as_slice() {
        return atom.least();
    }
    monomial.iter().try_fold(1i64, |product, (atom, power)| {
        let least = atom.least().filter(|least| *least >= 0)?;
        product.checked_mul(least.checked_pow(*power)?)
    })
}

/// An upper bound of a product of atoms, when there is one atom or none of them can be negative, and all are bounded.
fn most_product(monomial: &Monomial) -> Option<i64> {
    if let [(atom, 1)] = monomial.as_slice() {
        return atom.most();
    }
    monomial.iter().try_fold(1i64, |product, (atom, power)| {
        atom.least().filter(|least| *least >= 0)?;
        product.checked_mul(atom.most()?.checked_pow(*power)?)
    })
}

impl Atom {
    fn least(&self) -> Option<i64> {
        match self {
            Atom::Symbol(_) => Some(1),
            Atom::Floor(a, b) => Some(a.least()?.div_euclid(b.constant().filter(|b| *b > 0)?)),
            Atom::Mod(_, b) => b.least().filter(|least| *least >= 1).map(|_| 0),
            Atom::Min(a, b) => Some(a.least()?.min(b.least()?)),
            Atom::Max(a, b) => a.least().max(b.least()),
        }
    }

    fn most(&self) -> Option<i64> {
        match self {
            Atom::Symbol(_) => None,
            Atom::Floor(a, b) => Some(a.most()?.div_euclid(b.constant().filter(|b| *b > 0)?)),
            Atom::Mod(_, b) => b.constant().filter(|b| *b > 0).map(|b| b - 1),
            Atom::Min(a, b) => match (a.most(), b.most()) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            Atom::Max(a, b) => Some(a.most()?.max(b.most()?)),
        }
    }

    fn evaluate(&self, value_of: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
        let both = |a: &Dim, b: &Dim| Some((a.evaluate(value_of)?, b.evaluate(value_of)?));
        match self {
            Atom::Symbol(name) => value_of(name),
            Atom::Floor(a, b) => both(a, b).and_then(|(a, b)| a.checked_div_euclid(b)),
            Atom::Mod(a, b) => both(a, b).and_then(|(a, b)| a.checked_rem_euclid(b)),
            Atom::Min(a, b) => both(a, b).map(|(a, b)| a.min(b)),
            Atom::Max(a, b) => both(a, b).map(|(a, b)| a.max(b)),
        }
    }
}

impl std::ops::Add for Dim {
    type Output = Dim;

    fn add(self, other: Dim) -> Dim {
        if let (Some(a), Some(b)) = (self.constant(), other.constant()) {
            return Dim::new(a.saturating_add(b));
        }
        let mut poly = self.poly();
        for (monomial, coefficient) in other.poly() {
            let sum = poly.get(&monomial).copied().unwrap_or(0) + coefficient;
            if sum == 0 {
                poly.remove(&monomial);
            } else {
                poly.insert(monomial, sum);
            }
        }
        Dim::from_poly(poly)
    }
}

impl std::ops::Sub for Dim {
    type Output = Dim;

    fn sub(self, other: Dim) -> Dim {
        self + other * Dim::new(-1)
    }
}

impl std::ops::Mul for Dim {
    type Output = Dim;

    fn mul(self, other: Dim) -> Dim {
        if let (Some(a), Some(b)) = (self.constant(), other.constant()) {
            return Dim::new(a.saturating_mul(b));
        }
        let mut product = Poly::new();
        for (left, a) in &self.poly() {
            for (right, b) in &other.poly() {
                *product.entry(multiply(left, right)).or_insert(0) += a * b;
            }
        }
        product.retain(|_, coefficient| *coefficient != 0);
        Dim::from_poly(product)
    }
}

fn multiply(left: &Monomial, right: &Monomial) -> Monomial {
    let mut powers: BTreeMap<Atom, u32> = left.iter().cloned().collect();
    for (atom, power) in right {
        *powers.entry(atom.clone()).or_insert(0) += power;
    }
    powers.into_iter().collect()
}

impl PartialEq for Dim {
    fn eq(&self, other: &Dim) -> bool {
        self.form == other.form
    }
}

impl Eq for Dim {}

impl PartialOrd for Dim {
    fn partial_cmp(&self, other: &Dim) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// An arbitrary total order, for use as a key; not the order of sizes.
impl Ord for Dim {
    fn cmp(&self, other: &Dim) -> std::cmp::Ordering {
        self.form.cmp(&other.form)
    }
}

impl std::hash::Hash for Dim {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.form.hash(state);
    }
}

impl From<i64> for Dim {
    fn from(value: i64) -> Dim {
        Dim::new(value)
    }
}

impl From<usize> for Dim {
    fn from(value: usize) -> Dim {
        Dim::new(value as i64)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let poly = match &self.form {
            Form::Const(value) => return write!(f, "{value}"),
            Form::Poly(poly) => poly,
        };
        // The constant part sorts first but reads better last.
        let terms = poly.iter().skip_while(|(monomial, _)| monomial.is_empty());
        let constant = poly.get(&Vec::new()).map(|c| (Vec::new(), *c));
        for (position, (monomial, coefficient)) in terms.map(|(m, c)| (m.clone(), *c)).chain(constant).enumerate() {
            let sign = if coefficient < 0 { "-" } else { "+" };
            match (position, sign) {
                (0, "-") => f.write_str("-")?,
                (0, _) => {}
                _ => write!(f, " {sign} ")?,
            }
            let size = coefficient.unsigned_abs();
            if monomial.is_empty() || size != 1 {
                write!(f, "{size}{}", if monomial.is_empty() { "" } else { "*" })?;
            }
            for (factor, (atom, power)) in monomial.iter().enumerate() {
                let times = if factor == 0 { "" } else { "*" };
                let power = if *power == 1 { String::new() } else { format!("^{power}") };
                write!(f, "{times}{atom}{power}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Symbol(name) => f.write_str(name),
            Atom::Floor(a, b) => write!(f, "floor({})", Dim::quotient(a, b)),
            Atom::Mod(a, b) => write!(f, "{} % {}", operand(a), operand(b)),
            Atom::Min(a, b) => write!(f, "min({a}, {b})"),
            Atom::Max(a, b) => write!(f, "max({a}, {b})"),
        }
    }
}

/// A size as the operand of a quotient: in parentheses when it is a sum or a product.
fn operand(dim: &Dim) -> String {
    let text = dim.to_string();
    if text.contains(' ') || text.contains('*') { format!("({text})") } else { text }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h() -> Dim {
        Dim::symbol("H")
    }

    #[test]
    fn normal_form_decides_equality() {
        let twice = h() + h();
        assert_eq!(twice, h() * Dim::new(2));
        assert_eq!((h() + Dim::new(1)).compare(&h()), Ordering3::Different);
        assert_eq!(h().compare(&Dim::new(3)), Ordering3::Undecided);
        assert_eq!((h() * h()).to_string(), "H^2");
        assert_eq!((h() * Dim::new(-2) + Dim::new(3)).to_string(), "-2*H + 3");
    }

    #[test]
    fn bounds_decide_more() {
        let w = Dim::symbol("W");
        assert_eq!((h() * Dim::new(3)).compare(&(h() * Dim::new(2))), Ordering3::Different);
        assert_eq!((h() * w.clone() + Dim::new(2)).compare(&Dim::new(2)), Ordering3::Different);
        assert_eq!(h().compare(&w), Ordering3::Undecided);
        assert_eq!(h().min(Dim::new(1)), Dim::new(1));
        assert_eq!(h().max(Dim::new(0)), h());
        assert_eq!((h() - Dim::new(1)).max(Dim::new(0)), h() - Dim::new(1));
        assert_eq!(h().floor_div(Dim::new(2)).least(), Some(0));
        assert_eq!((h() - Dim::new(5)).floor_div(Dim::new(2)).least(), Some(-2));
        assert_eq!(h().modulo(Dim::new(4)).compare(&Dim::new(4)), Ordering3::Different);
        assert_eq!(h().min(w).least(), Some(1));
        assert_eq!((Dim::new(7) - h()).least(), None);
    }

    #[test]
    fn floor_keeps_what_divides() {
        assert_eq!((h() * Dim::new(4) + Dim::new(3)).floor_div(Dim::new(2)), h() * Dim::new(2) + Dim::new(1));
        assert_eq!((h() * Dim::new(4) + Dim::new(3)).modulo(Dim::new(2)), Dim::new(1));
        let half = h().floor_div(Dim::new(2));
        assert_eq!(half.to_string(), "floor(H / 2)");
        assert_eq!(half.evaluate(&|name| (name == "H").then_some(7)), Some(3));
        assert_eq!(Dim::new(7).ceil_div(Dim::new(2)), Dim::new(4));
    }

    #[test]
    fn origins_do_not_count() {
        assert_eq!(Dim::new(3).with_origin(Origin(1)), Dim::new(3));
    }
}
