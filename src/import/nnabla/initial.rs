//! How parameters start: NNabla's kinds of initialisers as expressions of the library.

use super::count;
use super::term::number;

/// The expression for a kind and its multiplier, for a weight of these sizes in NNabla; none for what a layer does by itself.
pub fn initializer(kind: Option<&(String, f64)>, shape: &[i64]) -> Option<String> {
    let (kind, multiplier) = kind?;
    let one = *multiplier == 1.0;
    let (inner, outer) = fans(kind, shape);
    let deviation = |variance: f64| format!("normal(0, {})", number(multiplier * variance.sqrt()));
    let limit = |variance: f64| {
        let bound = multiplier * (3.0 * variance).sqrt();
        format!("uniform({}, {})", number(-bound), number(bound))
    };
    Some(match kind.as_str() {
        "Constant" if *multiplier == 0.0 => "zeros()".to_owned(),
        "Constant" if one => "ones()".to_owned(),
        "Constant" => format!("constant({})", number(*multiplier)),
        "Normal" => format!("normal(0, {})", number(*multiplier)),
        "Uniform" => format!("uniform({}, {})", number(-multiplier), number(*multiplier)),
        "NormalAffineGlorot" | "NormalConvolutionGlorot" if one => "glorot_normal()".to_owned(),
        "UniformAffineGlorot" | "UniformConvolutionGlorot" if one => "glorot_uniform()".to_owned(),
        "NormalAffineHeForward" | "NormalConvolutionHeForward" if one => "he_normal()".to_owned(),
        other if other.ends_with("Glorot") && other.starts_with("Normal") => deviation(2.0 / (inner + outer)),
        other if other.ends_with("Glorot") && other.starts_with("Uniform") => limit(2.0 / (inner + outer)),
        other if other.ends_with("HeForward") => deviation(2.0 / inner),
        other if other.ends_with("HeBackward") => deviation(2.0 / outer),
        _ => return None,
    })
}

/// How many values feed an output of a weight, and how many outputs a value feeds.
fn fans(kind: &str, shape: &[i64]) -> (f64, f64) {
    let size = |sizes: &[i64]| count(sizes).max(1) as f64;
    match shape {
        [first, second, rest @ ..] if kind.contains("Conv") => {
            let window = size(rest);
            ((*second).max(1) as f64 * window, (*first).max(1) as f64 * window)
        }
        [first, rest @ ..] => ((*first).max(1) as f64, size(rest)),
        [] => (1.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_the_library_s_or_their_numbers() {
        let written = |kind: &str, multiplier: f64, shape: &[i64]| {
            initializer(Some(&(kind.to_owned(), multiplier)), shape).unwrap_or_default()
        };
        assert_eq!(written("NormalAffineGlorot", 1.0, &[4, 2]), "glorot_normal()");
        assert_eq!(written("Constant", 0.25, &[2]), "constant(0.25)");
        assert_eq!(written("Uniform", 0.5, &[2]), "uniform(-0.5, 0.5)");
        // 8 maps of 3 by 3: a value feeds 72 outputs.
        assert_eq!(
            written("NormalConvolutionHeBackward", 1.0, &[8, 2, 3, 3]),
            format!("normal(0, {})", number((2.0f64 / 72.0).sqrt()))
        );
        assert_eq!(written("NormalAffineGlorot", 2.0, &[6, 2]), "normal(0, 1)");
        assert_eq!(initializer(Some(&("Other".to_owned(), 1.0)), &[2]), None);
    }
}
