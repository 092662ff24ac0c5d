//! The dataset format of Neural Network Console: a CSV whose header cells are `name`, `name__index`, each with an optional
//! `:label`; `__index` cells make a vector; cells that begin with `#` head comments.

use std::path::Path;

use super::error::{DataError, DataErrorKind};
use super::table::{Cells, unknown};

/// A variable and where its cells stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub name: String,
    pub cells: Cells,
}

/// A header cell's index, if it has one, and its place in a row.
type IndexedCell = (Option<usize>, usize);

/// The variables that the header cells declare, in order of first mention.
pub(super) fn variables(path: &Path, header: &[String]) -> Result<Vec<Variable>, DataError> {
    let mut parts: Vec<(&str, Vec<IndexedCell>)> = Vec::new();
    for (place, cell) in header.iter().enumerate().filter(|(_, cell)| !cell.starts_with('#')) {
        let (name, index) = split(cell);
        match parts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, cells)) => cells.push((index, place)),
            None => parts.push((name, vec![(index, place)])),
        }
    }
    parts.into_iter().map(|(name, cells)| variable(path, name, cells)).collect()
}

/// The variable of that name.
pub(super) fn find(path: &Path, header: &[String], name: &str) -> Result<Cells, DataError> {
    let variables = variables(path, header)?;
    match variables.iter().find(|variable| variable.name == name) {
        Some(variable) => Ok(variable.cells.clone()),
        None => {
            let names: Vec<String> = variables.into_iter().map(|variable| variable.name).collect();
            Err(unknown(path, "variable", name, if header.len() == 1 { header } else { &names }))
        }
    }
}

/// The name and the index of a header cell.
fn split(cell: &str) -> (&str, Option<usize>) {
    let name = cell.split_once(':').map_or(cell, |(name, _)| name);
    match name.rsplit_once("__") {
        Some((stem, digits)) if !stem.is_empty() => match digits.parse() {
            Ok(index) => (stem, Some(index)),
            Err(_) => (name, None),
        },
        _ => (name, None),
    }
}

fn variable(path: &Path, name: &str, mut cells: Vec<IndexedCell>) -> Result<Variable, DataError> {
    let fault = |message: String| Err(DataError::new(path, DataErrorKind::Malformed, message).at_line(1));
    if let [(None, place)] = cells[..] {
        return Ok(Variable { name: name.to_string(), cells: Cells { places: vec![place], shape: Vec::new() } });
    }
    cells.sort();
    for (expected, (index, _)) in cells.iter().enumerate() {
        match index {
            None if cells.iter().all(|(index, _)| index.is_none()) => {
                return fault(format!("{} columns are named `{name}`", cells.len()));
            }
            None => return fault(format!("the columns of `{name}` are both with and without an index")),
            Some(index) if *index < expected => return fault(format!("the header names `{name}__{index}` twice")),
            Some(index) if *index > expected => {
                let last = cells.last().and_then(|(last, _)| *last).unwrap_or(*index);
                return fault(format!("the header names `{name}__{last}` but no `{name}__{expected}`"));
            }
            Some(_) => {}
        }
    }
    let places: Vec<usize> = cells.into_iter().map(|(_, place)| place).collect();
    let shape = vec![places.len()];
    Ok(Variable { name: name.to_string(), cells: Cells { places, shape } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| cell.to_string()).collect()
    }

    fn fault(cells: &[&str]) -> String {
        variables(Path::new("d.csv"), &names(cells)).unwrap_err().to_string()
    }

    #[test]
    fn headers_declare_scalars_and_vectors() {
        let header = names(&["x__1:pixel", "#note", "x__0:a:b", "y:label", "z__w"]);
        let found = variables(Path::new("d.csv"), &header).unwrap();
        let shown: Vec<_> = found.iter().map(|v| (v.name.as_str(), &v.cells.places[..], &v.cells.shape[..])).collect();
        assert_eq!(shown, [("x", &[2, 0][..], &[2][..]), ("y", &[3], &[]), ("z__w", &[4], &[])]);
        let error = find(Path::new("d.csv"), &header, "z_w").unwrap_err();
        assert_eq!(error.help.as_deref(), Some("it has `z__w`"));
    }

    #[test]
    fn gaps_and_repetitions_are_faults() {
        assert_eq!(fault(&["x__0", "x__2"]), "`d.csv`, line 1: the header names `x__2` but no `x__1`");
        assert_eq!(fault(&["x__0", "x__0"]), "`d.csv`, line 1: the header names `x__0` twice");
        assert_eq!(fault(&["x", "x"]), "`d.csv`, line 1: 2 columns are named `x`");
        assert_eq!(fault(&["x__0", "x"]), "`d.csv`, line 1: the columns of `x` are both with and without an index");
    }
}
