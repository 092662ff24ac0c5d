//! Names of NNabla and NNC: which of them a person chose, and what they are as names of a program.

/// A text as a name: letters, digits and underscores. NNC's `y'`, a prediction of `y`, is `y_hat`.
pub fn identifier(text: &str) -> String {
    let text = text.replace('\'', "_hat");
    let word: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let mut parts: Vec<&str> = word.split('_').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        parts.push("value");
    }
    let name = parts.join("_");
    if name.starts_with(|c: char| c.is_alphabetic()) { name } else { format!("v{name}") }
}

/// A name that a person chose for a layer of this kind: none when it is the kind itself, or numbered by a program.
pub fn chosen(name: &str, kind: &str) -> Option<String> {
    let own = name.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default().trim_end_matches("_function");
    let bare = match own.rsplit_once('_') {
        Some((bare, number)) if number.chars().all(|c| c.is_ascii_digit()) => bare,
        _ => own,
    };
    let known = ["Input", "Output", kind].iter().any(|known| bare.eq_ignore_ascii_case(known));
    (!known && !bare.is_empty() && !name.starts_with('@')).then(|| snake_case(&identifier(own)))
}

/// The scope of a layer's parameters, if a person chose it: `conv1` for `conv1/conv/W`, none for `Affine_2/affine/W`.
pub fn scope(parameter: &str, kind: &str) -> Option<String> {
    let parts: Vec<&str> = parameter.split('/').filter(|part| !part.is_empty()).collect();
    let kinds = ["affine", "conv", "deconv", "bn", "embed", "prelu", "depthwise_conv", "layer_normalization"];
    let within = parts.len().saturating_sub(1);
    let named: Vec<&str> = parts[..within].iter().copied().filter(|part| !kinds.contains(part)).collect();
    chosen(named.last()?, kind)
}

/// `top_n_error` for `TopNError`: values have small letters.
pub fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map_or('_', |before| letters[before]);
        let next_is_small = letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && before != '_' && (!before.is_uppercase() || next_is_small) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal() {
        assert_eq!(identifier("y'"), "y_hat");
        assert_eq!(identifier("2d/conv-1"), "v2d_conv_1");
        assert_eq!(identifier("''"), "hat_hat");
        assert_eq!(identifier("/"), "value");
    }

    #[test]
    fn values_have_small_letters() {
        let names = ["TopNError", "KLMultinomial", "CodeMean", "q_logvar", "Conv2"];
        assert_eq!(names.map(snake_case), ["top_n_error", "kl_multinomial", "code_mean", "q_logvar", "conv2"]);
    }

    #[test]
    fn only_what_a_person_chose_is_a_name() {
        assert_eq!(chosen("Affine_2", "Affine"), None);
        assert_eq!(chosen("PRelu_3", "PReLU"), None);
        assert_eq!(chosen("mul2_3_function", "Mul2"), None);
        assert_eq!(chosen("@Main/Affine_1", "Affine"), None);
        assert_eq!(chosen("CodeMean", "Affine"), Some("code_mean".into()));
        assert_eq!(scope("conv1/conv/W", "Convolution"), Some("conv1".into()));
        assert_eq!(scope("Affine_2/affine/W", "Affine"), None);
        assert_eq!(scope("affine/W", "Affine"), None);
        assert_eq!(scope("net/q_logvar/W", "Affine"), Some("q_logvar".into()));
    }
}
