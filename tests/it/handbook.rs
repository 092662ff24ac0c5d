//! `nnlc doc`: every name has a page, names of other frameworks lead to it, and a file's own definitions are told.

use std::collections::BTreeSet;

use nnlc::check::foreign_names;
use nnlc::driver::{Meant, chapters, meant};

use crate::cli::Desk;

#[test]
fn every_name_is_listed_with_a_sentence_and_has_a_page() {
    let desk = Desk::with(&[]);
    let list = desk.nnlc("doc");
    let list = &list.is(0, &[]).out;
    for chapter in chapters() {
        let start = list.find(&format!("{}:\n", chapter.title)).expect("a heading");
        for entry in &chapter.entries {
            let (name, summary) = (entry.name(), entry.summary());
            assert!(name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'), "{name}");
            assert!(!summary.is_empty() && !summary.contains(". ") || summary.contains('`'), "{name}: {summary}");
            let line = list[start..].lines().find(|line| line.split_whitespace().next() == Some(name));
            assert!(line.is_some_and(|line| line.ends_with(&summary)), "{name} is listed as {line:?}");
        }
    }
    for (name, parts) in [
        (
            "softmax",
            ["fn softmax(x, axis: int = -1)\n", "the largest entry subtracted", "        return e * reciprocal("],
        ),
        ("LSTM", ["layer LSTM(", "Its definition, in the library's recurrent.nn", "scan("]),
        ("exp", ["exp(x)\n", "The exponential function.", "One of the primitives."]),
        ("Embed", ["layer Embed(", "\n\nFor example: `", "Its definition, in the library's layers.nn"]),
        ("adamw", ["adamw(lr = 0.001", "For example: `optimizer = adamw(lr = 1e-3)`", "One of the optimizers."]),
        ("cosine", ["cosine(warmup = 0)\n", "multiplied by `(1 + cos(pi t / total)) / 2`.", "One of the schedules."]),
        ("scan", ["scan(", "each entry of the first axis", "compile-time and special functions"]),
    ] {
        let said = desk.nnlc(&format!("doc {name}"));
        parts.iter().for_each(|part| assert!(said.is(0, &[]).out.contains(part), "no `{part}` in {}", said.out));
    }
    let both = desk.nnlc("doc constant").out;
    assert!(both.contains("fn constant(value: float, shape: list)") && both.contains("constant(warmup = 0)"), "{both}");
}

#[test]
fn names_of_other_frameworks_lead_to_what_is_here() {
    let chapters = chapters();
    let known: BTreeSet<&str> =
        chapters.iter().flat_map(|chapter| &chapter.entries).map(|entry| entry.name()).collect();
    for (foreign, answer) in foreign_names() {
        assert!(known.contains(foreign) || meant(foreign, &chapters) == Meant::Elsewhere(answer), "{foreign}");
    }
    let desk = Desk::with(&[]);
    for (name, parts) in [
        ("nn.Linear", ["`nn.Linear` is `x |> Affine(n)` in `.nn`.", "\n\nlayer Affine(n,"]),
        ("Conv2D", ["`Conv2D` is `x |> Convolution(maps, kernel)` in `.nn`.", "\n\nlayer Convolution("]),
        ("F.mse_loss", ["`F.mse_loss` is `squared_error(a, b)` in `.nn`.", "\n\nfn squared_error(x, t)"]),
        ("nn.ReLU", ["`nn.ReLU` is `relu` in `.nn`.", "\n\nfn relu(x)"]),
        ("AdamOptimizer", ["is `optimizer = adam(lr = 1e-3)` in", "\n\nadam(lr = 0.001"]),
    ] {
        let said = desk.nnlc(&format!("doc {name}"));
        parts.iter().for_each(|part| assert!(said.is(0, &[]).out.contains(part), "no `{part}` in {}", said.out));
    }
    desk.nnlc("doc sofmax").is(2, &["error: nothing is called `sofmax`; a similar name exists: `softmax`"]);
    desk.nnlc("doc affine").is(2, &["a similar name exists: `Affine`"]);
    desk.nnlc("doc zzz").is(2, &["error: nothing is called `zzz`; `nnlc doc` lists all names"]);
}

#[test]
fn a_file_is_told_in_markdown() {
    let text = "# A head,\n# in two lines.\n\nconst n = 2\n\n## Twice as\n## much.\nfn twice(x: [N], by: int = 2) -> [N] = by * x\n\n\
        layer Own(k: int)(x: [N]) -> [k]\n    where k > 0, \"none\"\n{\n    param w: [k, N] = zeros()\n    return w @ x\n}\n\
        input x: [n, 3] from normal(0, 1)\nparam scale: f32 = ones()\nh = x[0] |> Own(4) |> twice\n\
        for i in 0..1 {\n    ## Small.\n    loss small weight 0.5 = scale * h ^ 2\n}\nmetric most = max(h)\noutput h\n\
        ## All of it.\noutput total = sum(h)\n";
    let desk = Desk::with(&[("m.nn", text), ("bare.nn", "fn f(x) = x\n"), ("wrong.nn", "input x: [\n")]);
    let said = desk.nnlc("doc m.nn");
    let told = [
        "# m\n\nA head,\nin two lines.\n",
        "## Constants\n\n- `n = 2`\n",
        "## Inputs\n\n- `x: [n, 3] from normal(0, 1)`\n",
        "## Functions\n\n### `fn twice(x: [N], by: int = 2) -> [N]`\n\nTwice as\nmuch.\n",
        "## Layers\n\n### `layer Own(k: int)(x: [N]) -> [k]`\n",
        "## Parameters\n\n- `scale: f32 = ones()`\n",
        "## Losses\n\n- `small weight 0.5 = scale * h ^ 2`\n  Small.\n",
        "## Metrics\n\n- `most = max(h)`\n",
        "## Outputs\n\n- `h`: [4]\n- `total = sum(h)`: f32\n  All of it.\n",
    ];
    assert_eq!(said.is(0, &[]).out, told.join("\n"));
    assert_eq!(desk.nnlc("doc bare.nn").out, "# bare\n\n## Functions\n\n### `fn f(x)`\n");
    desk.nnlc("doc wrong.nn").is(1, &["error[E0101]"]);
    desk.nnlc("doc none.nn").is(1, &["error[E0403]: cannot read `none.nn`"]);
}
