//! Numbers as people read them: counts, durations, bytes, losses.
//!
//! For messages and pictures. Files that programs read (`log.csv`) hold every digit instead.

use std::time::Duration;

/// A count with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things, the noun in the singular: `1 epoch`, `2,000 epochs`.
pub fn count_of(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A duration in the one or two units that matter: `38 µs`, `1.25 s`, `2 min 05 s`, `3 h 07 min`, `2 d 04 h`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let whole = seconds.round() as u64;
    if seconds < 0.999_5e-3 {
        format!("{} µs", significant(seconds * 1e6, 3))
    } else if seconds < 0.999_5 {
        format!("{} ms", significant(seconds * 1e3, 3))
    } else if seconds < 59.95 {
        format!("{} s", significant(seconds, 3))
    } else if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else if whole < 86_400 {
        let minutes = (seconds / 60.0).round() as u64;
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    } else {
        let hours = (seconds / 3600.0).round() as u64;
        format!("{} d {:02} h", hours / 24, hours % 24)
    }
}

/// A size in bytes, in powers of 1000: `812 B`, `1.5 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1000 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", significant(value, 3), UNITS[unit])
}

/// The value of a loss or metric with four significant digits: `0.02346`, `1.500`, `1.234e-7`. Zeros at the end stay, so that values
/// under each other line up.
pub fn value(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_string();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_string();
    }
    if number == 0.0 {
        return "0".to_string();
    }
    let rounded = format!("{number:.3e}");
    let exponent = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    match exponent {
        -4..=3 => format!("{number:.*}", (3 - exponent) as usize),
        4..=6 => format!("{number:.0}"),
        _ => rounded,
    }
}

/// A share as a percentage: `97.24 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// `number`, at least 1 and under 1000, with so many digits that count, without zeros at the end of a fraction.
fn significant(number: f64, digits: usize) -> String {
    let before = if number >= 99.95 {
        3
    } else if number >= 9.995 {
        2
    } else {
        1
    };
    let text = format!("{number:.*}", digits.saturating_sub(before));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!((count_of(1, "epoch"), count_of(2000, "step")), ("1 epoch".into(), "2,000 steps".into()));
    }

    #[test]
    fn durations_change_units_where_they_round_over() {
        let cases = [
            (0.0, "0 µs"),
            (38e-6, "38 µs"),
            (0.9999e-3, "1 ms"),
            (0.0125, "12.5 ms"),
            (0.9999, "1 s"),
            (1.25, "1.25 s"),
            (59.97, "1 min 00 s"),
            (125.0, "2 min 05 s"),
            (3599.6, "1 h 00 min"),
            (11_220.0, "3 h 07 min"),
            (187_200.0, "2 d 04 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1500, "1.5 kB"),
            (999_600, "1 MB"),
            (1_613_405, "1.61 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn values_keep_four_digits() {
        let cases = [
            (0.023_456_7, "0.02346"),
            (1.5, "1.500"),
            (-0.5, "-0.5000"),
            (9.999_96, "10.00"),
            (1234.56, "1235"),
            (65_432.1, "65432"),
            (1.234e-7, "1.234e-7"),
            (1e12, "1.000e12"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in cases {
            assert_eq!(value(number), text);
        }
        assert_eq!(percent(0.9724), "97.24 %");
    }
}
