//! Names from other frameworks, and what they are called here.

/// Pairs of a foreign name and the `.nn` way to say it, sorted by the foreign name in lower case.
const NAMES: &[(&str, &str)] = &[
    ("add2", "add(a, b)"),
    ("addscalar", "add(x, 1.0)"),
    ("averagepooling2d", "x |> AveragePooling(2)"),
    ("avgpool2d", "x |> AveragePooling(2)"),
    ("batchnorm1d", "x |> BatchNormalization()"),
    ("batchnorm2d", "x |> BatchNormalization()"),
    ("bceloss", "binary_cross_entropy(x, t)"),
    ("bcewithlogitsloss", "sigmoid_cross_entropy(x, t)"),
    ("binarycrossentropy", "binary_cross_entropy(x, t)"),
    ("cat", "concatenate([a, b])"),
    ("conv1d", "x |> Convolution(maps, kernel)"),
    ("conv2d", "x |> Convolution(maps, kernel)"),
    ("crossentropyloss", "softmax_cross_entropy(x, y)"),
    ("dense", "x |> Affine(n)"),
    ("embedding", "x |> Embed(n)"),
    ("huberloss", "huber_loss(x, t)"),
    ("l1loss", "absolute_error(x, t)"),
    ("layernorm", "x |> LayerNormalization()"),
    ("leakyrelu", "x |> leaky_relu"),
    ("linear", "x |> Affine(n)"),
    ("logsoftmax", "x |> log_softmax"),
    ("maxpool2d", "x |> MaxPooling(2)"),
    ("maxpooling2d", "x |> MaxPooling(2)"),
    ("mseloss", "squared_error(x, t)"),
    ("mul2", "mul(a, b)"),
    ("mulscalar", "mul(x, 2.0)"),
    ("powscalar", "pow(x, 2)"),
    ("reducemean", "mean(x)"),
    ("reducesum", "sum(x)"),
    ("softmaxcrossentropy", "softmax_cross_entropy(x, y)"),
    ("squarederror", "squared_error(x, t)"),
    ("sub2", "sub(a, b)"),
    ("view", "reshape(x, [..])"),
];

/// What the name of another framework is in `.nn`. Underscores and case do not matter.
pub fn meaning(name: &str) -> Option<&'static str> {
    let key: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    NAMES.binary_search_by(|(foreign, _)| (*foreign).cmp(key.as_str())).ok().map(|at| NAMES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_in_any_case() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(meaning("Conv2D"), Some("x |> Convolution(maps, kernel)"));
        assert_eq!(meaning("sigmoid"), None);
    }
}
