//! Bytes of a text against a client's lines and characters. A client counts characters in units of UTF-16, or of UTF-8 if it offers that.

use gen_lsp_types::{Position, PositionEncodingKind, Range};

/// The units in which a client counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// What JavaScript counts: 1, or 2 for a character beyond the basic plane.
    #[default]
    Utf16,
}

impl Encoding {
    /// The units to use with a client that offers `offered`.
    pub fn of(offered: &[PositionEncodingKind]) -> Encoding {
        if offered.contains(&PositionEncodingKind::UTF8) { Encoding::Utf8 } else { Encoding::Utf16 }
    }

    /// Its name in the protocol.
    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn units(self, letter: char) -> u32 {
        match self {
            Encoding::Utf8 => letter.len_utf8() as u32,
            Encoding::Utf16 => letter.len_utf16() as u32,
        }
    }
}

/// The lines of a text.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<u32>,
    encoding: Encoding,
}

impl<'a> Lines<'a> {
    /// The lines of `text`. They end with `\n`, `\r\n` or `\r`.
    pub fn new(text: &'a str, encoding: Encoding) -> Lines<'a> {
        let bytes = text.as_bytes();
        let ends = (0..bytes.len())
            .filter(|at| bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let starts = std::iter::once(0).chain(ends.map(|at| at as u32 + 1)).collect();
        Lines { text, starts, encoding }
    }

    /// The byte at a position; the end of its line, or of the text, when it lies beyond.
    pub fn byte(&self, position: Position) -> u32 {
        let Some(start) = self.starts.get(position.line as usize).copied() else { return self.text.len() as u32 };
        let (mut at, mut left) = (start, position.character);
        for letter in self.line(position.line as usize).chars() {
            let units = self.encoding.units(letter);
            if left < units {
                break;
            }
            left -= units;
            at += letter.len_utf8() as u32;
        }
        at
    }

    /// The position of a byte.
    pub fn position(&self, at: u32) -> Position {
        let at = at.min(self.text.len() as u32);
        let line = self.starts.partition_point(|start| *start <= at) - 1;
        let before = &self.text[self.starts[line] as usize..at as usize];
        Position { line: line as u32, character: before.chars().map(|letter| self.encoding.units(letter)).sum() }
    }

    /// The range from byte `start` to byte `end`.
    pub fn range(&self, start: u32, end: u32) -> Range {
        Range { start: self.position(start), end: self.position(end) }
    }

    /// A line without its break.
    fn line(&self, line: usize) -> &'a str {
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| *next as usize);
        self.text[self.starts[line] as usize..end].trim_end_matches(['\n', '\r'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn characters_beyond_the_basic_plane_are_two_units_of_utf_16() {
        let text = "# 𝛼 = σ\r\nb = 2\r\n";
        let utf16 = Lines::new(text, Encoding::Utf16);
        assert_eq!(utf16.byte(at(0, 4)), 6);
        assert_eq!(utf16.position(6), at(0, 4));
        assert_eq!(utf16.position(9), at(0, 7));
        let utf8 = Lines::new(text, Encoding::Utf8);
        assert_eq!(utf8.byte(at(0, 6)), 6);
        assert_eq!(utf8.position(11), at(0, 11));
    }

    #[test]
    fn a_line_ends_before_its_break() {
        for (text, second) in [("a = 1\r\nb", 7), ("a = 1\nb", 6), ("a = 1\rb", 6)] {
            let lines = Lines::new(text, Encoding::Utf16);
            assert_eq!(lines.byte(at(0, 99)), 5, "{text:?}");
            assert_eq!(lines.byte(at(1, 0)), second, "{text:?}");
            assert_eq!(lines.position(second), at(1, 0), "{text:?}");
            assert_eq!(lines.byte(at(9, 9)), text.len() as u32, "{text:?}");
        }
    }

    #[test]
    fn half_a_character_is_its_start() {
        assert_eq!(Lines::new("𝛼b", Encoding::Utf16).byte(at(0, 1)), 0);
        assert_eq!(Lines::new("𝛼b", Encoding::Utf8).byte(at(0, 3)), 0);
    }

    #[test]
    fn every_byte_of_a_text_is_found_again() {
        let text = "x = \"𝛼\"\r\n\n# é\ry";
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let lines = Lines::new(text, encoding);
            let places = text.char_indices().filter(|(at, letter)| *letter != '\n' || !text[..*at].ends_with('\r'));
            for (byte, _) in places {
                assert_eq!(lines.byte(lines.position(byte as u32)), byte as u32);
            }
        }
    }
}
