//! What the text of a literal denotes.

/// The value of a number as it is written; none when it does not fit.
pub(super) enum Number {
    Int(i64),
    Float(f64),
    TooLarge,
}

/// Reads `1_000`, `0.5`, `1e-3`: a point or an exponent makes it a float.
pub(super) fn number(text: &str) -> Number {
    let plain: String;
    let digits = if text.contains('_') {
        plain = text.replace('_', "");
        &plain
    } else {
        text
    };
    if text.contains(['.', 'e', 'E']) {
        return match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Number::Float(value),
            _ => Number::TooLarge,
        };
    }
    digits.parse().map_or(Number::TooLarge, Number::Int)
}

/// The text that a string literal, quotes included, denotes.
pub(super) fn unescape(literal: &str) -> String {
    let inner = literal.strip_prefix('"').unwrap_or(literal);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match if c == '\\' { chars.next() } else { None } {
            Some('n') => value.push('\n'),
            Some('t') => value.push('\t'),
            Some('r') => value.push('\r'),
            Some(other) => value.push(other),
            None => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unescape(r#""a\n\"b\\n\"""#), "a\n\"b\\n\"");
        assert_eq!(unescape(r#""""#), "");
    }

    #[test]
    fn a_point_or_an_exponent_makes_a_float() {
        assert!(matches!(number("1_000"), Number::Int(1000)));
        assert!(matches!(number("1e3"), Number::Float(value) if value == 1000.0));
        assert!(matches!(number("0.2_5"), Number::Float(value) if value == 0.25));
        assert!(matches!(number("9223372036854775808"), Number::TooLarge));
        assert!(matches!(number("1e999"), Number::TooLarge));
    }
}
