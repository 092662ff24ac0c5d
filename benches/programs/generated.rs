//! Programs of any length, to measure checking by: each stresses the checker in another way, and none has an error.

use std::fmt::Write;

/// The generated programs, by name: each of about `lines` lines.
pub fn programs(lines: usize) -> [(&'static str, String); 4] {
    [("mixed", mixed(lines)), ("uncalled", uncalled(lines)), ("nested", nested(lines)), ("wide", wide(lines))]
}

/// Functions, layers, comments, hand-written loss terms and a chain of uses: one network, thousands of losses.
fn mixed(lines: usize) -> String {
    let mut text = String::from("input x: [64]\ninput y: [64]\n\nh = x\n");
    for block in 0..lines / 16 {
        let before = block.saturating_sub(7);
        let _ = write!(
            text,
            "\
## Block {block}: a smooth distance with a margin.
fn distance_{block}(a, b, margin: float = 0.{tenths}) {{
    d = sub(a, b)
    near = pow(d, 2) * 0.5
    far = margin * (abs(d) - 0.5 * margin)
    return where(abs(d) < margin, near, far)
}}
layer Block{block}(n)(v: [D]) {{
    inner = v |> Affine(n) |> tanh
    return (inner |> Affine(D)) + v
}}
# The {block}th round of the chain.
h = h |> Block{block}({width}) |> tanh
w{block} = h * {factor}.5 + where(h > 0, h, -h)
loss term_{block} weight 0.5 = mean(distance_{block}(w{block}, y)) + mean(distance_{before}(h, y))
",
            tenths = 1 + block % 9,
            width = 8 + block % 5,
            factor = block % 3
        );
    }
    text + "output h\n"
}

/// Functions and layers that nothing calls.
fn uncalled(lines: usize) -> String {
    let mut text = String::from("input x: [64]\nh = x |> Affine(8) |> tanh\n");
    for block in 0..lines / 10 {
        let _ = write!(
            text,
            "\
fn distance_{block}(a: [N], b: [N], margin: float = 0.5) {{
    d = sub(a, b)
    near = pow(d, 2) * 0.5
    far = margin * (abs(d) - 0.5 * margin)
    return where(abs(d) < margin, near, far)
}}
layer Block{block}(n: int = 4)(v: [D]) {{
    inner = v |> Affine(n) |> tanh
    return (inner |> Affine(D)) + v
}}
"
        );
    }
    text + "loss = mean(square(h - 1))\noutput h\n"
}

/// Calls in calls and blocks in blocks.
fn nested(lines: usize) -> String {
    let mut text = String::from("input x: [64]\nh = x |> Affine(8) |> tanh\n");
    for _ in 0..lines / 122 {
        let _ = write!(text, "h = {}h\n{}", "tanh(\n".repeat(40), ")\n".repeat(40));
        let _ = write!(text, "{}h = h + 1\n{}", "if true {\n".repeat(20), "}\n".repeat(20));
    }
    text + "loss = mean(square(h - 1))\noutput h\n"
}

/// Many of everything that stands beside one another: list entries, inputs, parameters, states, losses, outputs, derivatives, tests.
fn wide(lines: usize) -> String {
    let count = lines / 16;
    let mut text = format!("const list = [\n{}]\nh = zeros([8])\n", "    1,\n".repeat(count));
    for part in 0..count {
        let _ = write!(
            text,
            "\
input x{part}: [8]
param p{part}: [8]
state s{part}: [8] = zeros([8])
update s{part} = p{part} + h
e{part} = x{part} * square(p{part}) |> sum
g{part} = grad(e{part}, x{part})
loss l{part} = sum(abs(g{part} - list[0]))
v{part} = h * p{part}
output v{part}
test \"part {part}\" {{
    a = tensor([1.0, -2.0]) * {part}.0
    assert close(abs(a), a * tensor([1.0, -1.0]))
    assert shape(g{part}) == [8]
}}

"
        );
    }
    text
}

/// Names that are unknown, or bound only later: a mistake in every line.
pub fn wrong(lines: usize) -> String {
    let mut text = String::from("input x: [64]\nh = x |> Affine(8)\n");
    for line in 0..lines / 3 {
        let _ = write!(text, "value_{line} = h + {line}\nother_{line} = vlaue_{line} * later_{line}\n");
    }
    for line in 0..lines / 3 {
        let _ = writeln!(text, "later_{line} = h + {line}");
    }
    text + "output h\n"
}
