//! Two texts as a unified difference.

use similar::TextDiff;

/// How many lines that are alike are shown around those that differ.
const AROUND: usize = 3;

/// The lines of the file `name` that differ, each run of them with the lines around it.
pub fn difference(name: &str, old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(AROUND).header(name, name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_the_changed_lines_and_those_around_them() {
        let shown = difference("m.nn", "a\nb\nc\nd\n", "a\nB\nc\nd\ne\n");
        assert_eq!(shown, "--- m.nn\n+++ m.nn\n@@ -1,4 +1,5 @@\n a\n-b\n+B\n c\n d\n+e\n");
        let ended = difference("m.nn", "a\nb", "a\n");
        assert_eq!(ended, "--- m.nn\n+++ m.nn\n@@ -1,2 +1 @@\n a\n-b\n\\ No newline at end of file\n");
    }
}
