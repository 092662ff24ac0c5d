//! The confusion matrix: how often each class was taken for each.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::numbers;

/// The most classes whose whole matrix is shown; of more, the pairs that are confused most often.
const SHOWN_WHOLE: usize = 20;

/// How many of these pairs.
const SHOWN_PAIRS: usize = 10;

/// Counts of predictions by their true class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// What the true class is called.
    pub truth: String,
    /// What the predicted one is read off.
    pub scores: String,
    /// How many classes there are.
    pub classes: usize,
    /// How often, by the true class and the predicted one; never 0.
    counts: BTreeMap<(usize, usize), u64>,
}

/// How a class fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfClass {
    /// How often it is true.
    pub truths: u64,
    /// How often it is predicted.
    pub predictions: u64,
    /// How often it is both.
    pub hits: u64,
}

impl OfClass {
    /// The share of its predictions that are right; none when it is never predicted.
    pub fn precision(&self) -> Option<f64> {
        share(self.hits, self.predictions)
    }

    /// The share of it that is found; none when it is never true.
    pub fn recall(&self) -> Option<f64> {
        share(self.hits, self.truths)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Confusion {
    /// Nothing counted yet.
    pub fn new(truth: &str, scores: &str, classes: usize) -> Confusion {
        Confusion { truth: truth.to_owned(), scores: scores.to_owned(), classes, counts: BTreeMap::new() }
    }

    /// Counts one prediction.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        *self.counts.entry((truth, predicted)).or_default() += 1;
    }

    /// How often, by the true class and the predicted one, in their order; what never happened is left out.
    pub fn counts(&self) -> impl Iterator<Item = ((usize, usize), u64)> {
        self.counts.iter().map(|(pair, count)| (*pair, *count))
    }

    /// How every class fares, in their order.
    pub fn by_class(&self) -> Vec<OfClass> {
        let mut classes = vec![OfClass::default(); self.classes];
        for ((truth, predicted), count) in self.counts() {
            classes[truth].truths += count;
            classes[predicted].predictions += count;
            if truth == predicted {
                classes[truth].hits += count;
            }
        }
        classes
    }

    /// As a table for people.
    pub fn text(&self) -> String {
        let classes = self.by_class();
        let (hits, all): (u64, u64) = classes.iter().fold((0, 0), |(hits, all), of| (hits + of.hits, all + of.truths));
        let share = share(hits, all).map_or_else(String::new, |share| format!(" ({})", numbers::percent(share)));
        let (hits, all) = (numbers::count(hits), numbers::count(all));
        let title = format!("`{}` predicted by `{}`: {hits} of {all} right{share}\n", self.truth, self.scores);
        if self.classes <= SHOWN_WHOLE {
            return format!("{title}\n{}", aligned(&self.whole(&classes)));
        }
        match self.pairs(&classes) {
            none if none.len() == 1 => title,
            pairs => format!("{title}\nof {} classes most often confused:\n\n{}", self.classes, aligned(&pairs)),
        }
    }

    fn whole(&self, classes: &[OfClass]) -> Vec<Vec<String>> {
        let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), numbers::percent);
        let most = self.counts.values().copied().max().unwrap_or(0);
        let width = numbers::count(most).len().max((self.classes - 1).to_string().len());
        let mut head = vec!["true \\ predicted".to_owned()];
        head.extend((0..self.classes).map(|class| format!("{class:>width$}")));
        head.extend(["recall".to_owned(), "precision".to_owned()]);
        let mut rows = vec![head];
        for (truth, of) in classes.iter().enumerate() {
            let mut row = vec![truth.to_string()];
            row.extend((0..self.classes).map(|predicted| match self.counts.get(&(truth, predicted)) {
                Some(count) => numbers::count(*count),
                None => ".".to_owned(),
            }));
            row.extend([percent(of.recall()), percent(of.precision())]);
            rows.push(row);
        }
        rows
    }

    /// The pairs that are confused most often, in the order of their true classes where equally often.
    fn pairs(&self, classes: &[OfClass]) -> Vec<Vec<String>> {
        let mut wrong: Vec<_> = self.counts().filter(|((truth, predicted), _)| truth != predicted).collect();
        wrong.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let head = ["true", "predicted", "times", "of the true"].map(str::to_owned);
        let row = |((truth, predicted), count): ((usize, usize), u64)| {
            let share = numbers::percent(count as f64 / classes[truth].truths as f64);
            vec![truth.to_string(), predicted.to_string(), numbers::count(count), share]
        };
        std::iter::once(head.to_vec()).chain(wrong.into_iter().take(SHOWN_PAIRS).map(row)).collect()
    }
}

/// Rows with their cells at the right of columns, two spaces apart.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        let _ = writeln!(out, "{}", cells.join("  "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(classes: usize, pairs: &[(usize, usize, u64)]) -> Confusion {
        let mut confusion = Confusion::new("y", "logits", classes);
        for (truth, predicted, times) in pairs {
            (0..*times).for_each(|_| confusion.add(*truth, *predicted));
        }
        confusion
    }

    #[test]
    fn few_classes_are_shown_whole() {
        let confusion = counted(3, &[(0, 0, 1200), (0, 1, 300), (1, 1, 5)]);
        let classes = confusion.by_class();
        assert_eq!(classes[0], OfClass { truths: 1500, predictions: 1200, hits: 1200 });
        assert_eq!((classes[1].recall(), classes[2].recall(), classes[2].precision()), (Some(1.0), None, None));
        let lines = [
            "`y` predicted by `logits`: 1,205 of 1,505 right (80.07 %)",
            "",
            "true \\ predicted      0      1      2    recall  precision",
            "               0  1,200    300      .   80.00 %   100.00 %",
            "               1      .      5      .  100.00 %     1.64 %",
            "               2      .      .      .         -          -",
        ];
        assert_eq!(confusion.text().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn of_many_classes_the_most_confused_are_shown() {
        let mut pairs: Vec<(usize, usize, u64)> = (0..30).map(|class| (class, class, 4)).collect();
        pairs.extend((0..15).map(|class| (class, class + 1, 1 + class as u64 % 3)));
        let text = counted(30, &pairs).text();
        let lines: Vec<&str> = text.lines().collect();
        let head = [
            "`y` predicted by `logits`: 120 of 150 right (80.00 %)",
            "",
            "of 30 classes most often confused:",
            "",
            "true  predicted  times  of the true",
            "   2          3      3      42.86 %",
            "   5          6      3      42.86 %",
        ];
        assert_eq!((&lines[..7], lines.len()), (&head[..], 5 + SHOWN_PAIRS));
        assert_eq!(counted(30, &[(3, 3, 1)]).text(), "`y` predicted by `logits`: 1 of 1 right (100.00 %)\n");
    }
}
