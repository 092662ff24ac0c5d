//! Numbers, texts and constant tensors as a program writes them, so that reading them gives the same bits.

use crate::tensor::Tensor;

/// The longest line of a text that is broken at will.
const WIDTH: usize = 100;

/// A float: without a point where it is a small whole number.
pub fn number(value: f32) -> String {
    if value.is_nan() {
        return "(0.0 / 0.0)".to_owned();
    }
    if value.is_infinite() {
        return format!("({}1.0 / 0.0)", if value < 0.0 { "-" } else { "" });
    }
    if value.fract() == 0.0 && value.abs() < 1e6 && !(value == 0.0 && value.is_sign_negative()) {
        return format!("{value:.0}");
    }
    let shortest = format!("{value:?}");
    // A program's number is read in double precision first, which may round the other way.
    match shortest.parse::<f64>() {
        Ok(read) if read as f32 == value => shortest,
        _ => format!("{:?}", f64::from(value)),
    }
}

/// A text in quotes.
pub fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        other => other.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// `[1, 2, 3]`.
pub fn list(items: impl IntoIterator<Item = impl ToString>) -> String {
    format!("[{}]", items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", "))
}

/// `tensor([[1, 0], [0, 1]])`, broken into lines where it is long.
pub fn tensor(tensor: &Tensor) -> String {
    let written = if matches!(tensor, Tensor::Bool(_)) { truth } else { number };
    let values: Vec<String> = tensor.to_f32().into_iter().map(written).collect();
    let text = format!("tensor({})", nested(tensor.shape(), &values));
    if text.len() <= WIDTH { text } else { broken(&text) }
}

fn truth(value: f32) -> String {
    (value != 0.0).to_string()
}

fn nested(shape: &[usize], values: &[String]) -> String {
    match shape {
        [] => values[0].clone(),
        [_] => list(values),
        [count, rest @ ..] => {
            let row = values.len() / count;
            list(values.chunks(row.max(1)).map(|row| nested(rest, row)))
        }
    }
}

/// Line breaks after commas, so that lines stay short; what follows the first is indented.
fn broken(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for part in text.split_inclusive(", ") {
        if column + part.len() > WIDTH {
            out.truncate(out.trim_end().len());
            out.push_str("\n    ");
            column = 4;
        }
        out.push_str(part);
        column += part.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_as_they_were() {
        let values = [0.1, 1e-30, 1.175_494_4e-38, 2.0, -0.5, 16_777_216.0, 1e20, f32::MAX, 1.0 / 3.0];
        for value in values {
            assert_eq!(number(value).parse::<f64>().map(|read| read as f32), Ok(value));
        }
        assert_eq!((number(2.0), number(-0.0), number(0.5)), ("2".into(), "-0.0".into(), "0.5".into()));
    }

    #[test]
    fn tensors_are_nested_lists() {
        let square = Tensor::f32(&[2, 2], vec![1.0, 0.0, 0.5, -1.0]);
        assert_eq!(tensor(&square), "tensor([[1, 0], [0.5, -1]])");
        let long = tensor(&Tensor::f32(&[64], vec![0.125; 64]));
        assert!(long.lines().all(|line| line.len() <= WIDTH) && long.lines().count() > 3, "{long}");
    }
}
