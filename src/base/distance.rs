//! Edit distance between names, for "a similar name exists" notes.

/// The optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours each cost 1.
/// A change of case alone costs nothing, so that `Relu` is close to `relu`.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitution = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The candidate nearest to `name`, if it is near enough to be what was meant: at most a third of the name's length away.
/// Of equally near ones the first wins.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether the candidate that [`closest`] chose is surely what was meant: one edit away in a name that is long enough, and no other
/// candidate is as near.
pub fn surely_meant<'a>(name: &str, near: &str, candidates: impl IntoIterator<Item = &'a str>) -> bool {
    let distance = edit_distance(name, near);
    let mut others = candidates.into_iter().filter(|other| *other != near && *other != name);
    name.chars().count() >= 4 && distance <= 1 && others.all(|other| edit_distance(name, other) > distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits_and_swaps() {
        assert_eq!(edit_distance("sigmiod", "sigmoid"), 1);
        assert_eq!(edit_distance("relu", "elu"), 1);
        assert_eq!(edit_distance("Relu", "relu"), 0);
        assert_eq!(edit_distance("", "abc"), 3);
    }

    #[test]
    fn only_one_near_candidate_is_sure() {
        assert!(surely_meant("sigmod", "sigmoid", ["sigmoid", "softmax"]));
        assert!(!surely_meant("code1", "code2", ["code2", "code3"]));
        assert!(!surely_meant("rel", "relu", ["relu"]));
    }

    #[test]
    fn closest_is_silent_when_nothing_is_near() {
        assert_eq!(closest("sigmod", ["softmax", "sigmoid"]), Some("sigmoid"));
        assert_eq!(closest("foo", ["softmax", "sigmoid"]), None);
        assert_eq!(closest("x", ["y"]), None);
    }
}
