//! Sizes that the data fixes: solved for by comparing a declared size with a found one, and put in for their symbols.

use std::collections::{BTreeMap, BTreeSet};

use super::dim::{Atom, Form};
use super::{DType, Dim, Shape, Type};

/// The symbols that have a size, by name.
pub type Sizes = BTreeMap<String, i64>;

impl Dim {
    /// This size with the symbols in `sizes` replaced by their numbers. Keeps its origin.
    pub fn bind(&self, sizes: &Sizes) -> Dim {
        let Form::Poly(poly) = &self.form else { return self.clone() };
        let mut sum = Dim::new(0);
        for (monomial, coefficient) in poly.iter() {
            let mut product = Dim::new(*coefficient);
            for (atom, power) in monomial {
                let factor = atom.bind(sizes);
                product = (0..*power).fold(product, |product, _| product * factor.clone());
            }
            sum = sum + product;
        }
        sum.with_origin(self.origin())
    }

    /// The symbol and its value for which this size is `found`, when it holds one symbol, linearly. None when it does not, or when no
    /// size of at least 1 solves it.
    pub fn solve(&self, found: i64) -> Option<(String, i64)> {
        let Form::Poly(poly) = &self.form else { return None };
        let offset = poly.get(&Vec::new()).copied().unwrap_or(0);
        let mut terms = poly.iter().filter(|(monomial, _)| !monomial.is_empty());
        let (Some((monomial, factor)), None) = (terms.next(), terms.next()) else { return None };
        let [(Atom::Symbol(name), 1)] = monomial.as_slice() else { return None };
        let rest = found.checked_sub(offset)?;
        let value = rest.checked_div(*factor).filter(|value| value * factor == rest && *value >= 1)?;
        Some((name.to_string(), value))
    }

    /// Whether `symbol` occurs in it.
    pub fn mentions(&self, symbol: &str) -> bool {
        self.symbols().contains(symbol)
    }

    /// The symbols that occur in it.
    pub fn symbols(&self) -> BTreeSet<String> {
        let Form::Poly(poly) = &self.form else { return BTreeSet::new() };
        let of = |atom: &Atom| match atom {
            Atom::Symbol(name) => BTreeSet::from([name.to_string()]),
            Atom::Floor(a, b) | Atom::Mod(a, b) | Atom::Min(a, b) | Atom::Max(a, b) => &a.symbols() | &b.symbols(),
        };
        poly.keys().flatten().flat_map(|(atom, _)| of(atom)).collect()
    }
}

impl Atom {
    fn bind(&self, sizes: &Sizes) -> Dim {
        match self {
            Atom::Symbol(name) => sizes.get(&**name).map_or_else(|| Dim::symbol(name), |size| Dim::new(*size)),
            Atom::Floor(a, b) => a.bind(sizes).floor_div(b.bind(sizes)),
            Atom::Mod(a, b) => a.bind(sizes).modulo(b.bind(sizes)),
            Atom::Min(a, b) => a.bind(sizes).min(b.bind(sizes)),
            Atom::Max(a, b) => a.bind(sizes).max(b.bind(sizes)),
        }
    }
}

impl Shape {
    /// This shape with the symbols in `sizes` replaced by their numbers.
    pub fn bind(&self, sizes: &Sizes) -> Shape {
        self.iter().map(|dim| dim.bind(sizes)).collect()
    }
}

impl Type {
    /// This type with the symbols in `sizes` replaced by their numbers.
    pub fn bind(&self, sizes: &Sizes) -> Type {
        let dtype = match &self.dtype {
            DType::Index(classes) => DType::Index(classes.bind(sizes)),
            other => other.clone(),
        };
        Type { dtype, shape: self.shape.bind(sizes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_solved_for_and_put_in() {
        let t = || Dim::symbol("T");
        let size = t() * Dim::new(2) + Dim::new(3);
        assert_eq!(size.solve(11), Some(("T".to_owned(), 4)));
        assert_eq!(size.solve(10), None);
        assert_eq!(size.solve(3), None);
        assert_eq!((t() * Dim::symbol("U")).solve(6), None);
        let sizes = Sizes::from([("T".to_owned(), 4)]);
        assert_eq!(size.bind(&sizes), Dim::new(11));
        assert_eq!((t() - Dim::new(1)).floor_div(Dim::new(2)).bind(&sizes), Dim::new(1));
        assert_eq!((t() * Dim::batch()).bind(&sizes), Dim::batch() * Dim::new(4));
        assert!(t().floor_div(Dim::new(2)).mentions("T"));
        assert!(!size.mentions("batch"));
    }
}
