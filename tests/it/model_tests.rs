//! `test` blocks of models: what holds passes, what does not fails with both values and the first element that differs, and the
//! program stays what it is without them.

use std::path::PathBuf;

use nnlc::driver::{Request, Session, TestOutcome};

fn session(text: &str) -> Session {
    let session = Session::check("test.nn", text.to_owned(), PathBuf::new(), &Request::default());
    assert!(session.diagnostics.is_empty(), "{text}\n{:#?}", session.diagnostics);
    session
}

/// What the tests of a program come to: for each, the titles, labels and notes of its failures.
fn failures(text: &str) -> Vec<Vec<String>> {
    let texts = |outcome: &TestOutcome| {
        let all = |failure: &nnlc::diagnostic::Diagnostic| {
            assert_eq!(failure.code.as_str(), "E0117");
            let labels: Vec<&str> = failure.labels.iter().map(|label| label.message.as_str()).collect();
            format!("{} | {} | {}", failure.title, labels.join(" | "), failure.notes.join(" | "))
        };
        outcome.failures.iter().map(all).collect()
    };
    session(text).test().iter().map(texts).collect()
}

/// The one failure of `assert ASSERTION` after a few definitions.
fn failure(assertion: &str) -> String {
    let text = format!(
        "fn twice(x) = 2 * x\nfn half_blind(a, b) = stop_gradient(a) * b\nfn noted(a, b) = mean(sin(a) * b ^ 2)\n\
         layer Shifted()(x: [N]) -> [N] {{\n    param b: [N] = constant(0.5)\n    return x + b\n}}\n\
         test \"it\" {{\n    x = tensor([[1, 2, 3], [4, 5, 6]])\n    assert {assertion}\n}}\n"
    );
    failures(&text).concat().join("\n")
}

#[test]
fn what_holds_passes() {
    for assertion in [
        "close(huber_loss(0.5, 0.0), 0.25)",
        "close(twice(x), x + x)",
        "close(x, 1, tolerance = 5)",
        "shape(twice(x)) == [2, 3]",
        "x > 0",
        "all(x > 0) and not any(x > 6)",
        "gradients_match(noted, randn([4, 3]), randn([4, 3]))",
        "gradients_match(softmax_cross_entropy, randn([3]), argmax(randn([3])))",
        "close(Shifted()(zeros([4])), 0.5)",
        "gradients_match(Shifted(), randn([4]))",
        "close(Dropout(0.5)(x), x)",
        "close(mean(all_samples(x), axis = 0), x)",
    ] {
        assert_eq!(failure(assertion), "", "{assertion}");
    }
}

#[test]
fn what_fails_shows_both_values_and_the_first_difference() {
    let cases = [
        ("close(twice(x), tensor([[2, 4, 6], [8, 11, 12]]))", "10 is not close to 11 | element [1, 1]: 10 against 11"),
        ("close(x, 1, tolerance = 4)", "6 is not close to 1 | element [1, 2]"),
        ("close(x / 0, x)", "inf is not close to 1"),
        ("close(0 / (x - x), x)", "NaN is not close to 1"),
        ("x < 5", "element [1, 1]: the left side is 5, the right side 5"),
        ("x < tensor([9, 2, 9])", "element [0, 1]: the left side is 2, the right side 2"),
        ("shape(x) == [3, 2]", "an assertion fails: [2, 3] against [3, 2]"),
        ("false, \"never\"", "never"),
        ("training", "this is false"),
        ("gradients_match(half_blind, x, x)", "by argument 1: element [0, 0]: 0 against 0.7727273"),
    ];
    for (assertion, expected) in cases {
        let found = failure(assertion);
        assert!(found.contains(expected), "{assertion}: {found}");
        assert!(found.contains("in this test"), "{assertion}: {found}");
    }
}

#[test]
fn tests_see_the_file_and_leave_the_program_alone() {
    let model = "const width = 3\ninput x: [2]\nh = Affine(width)\ny = h(x)\nloss = y ^ 2\noutput y\n";
    let tests = "test \"one\" {\n    y = Affine(5)(zeros([2]))\n    assert shape(y) == [5]\n    assert shape(h(ones([2]))) == [width]\n}\n\
                 test \"two\" {\n    for n in [2, 3] {\n        assert size(zeros([n])) == n\n    }\n}\n";
    let (with, without) = (session(&format!("{model}{tests}")), session(model));
    assert!(with.test().iter().all(|outcome| outcome.failures.is_empty()));
    assert_eq!(with.test().iter().map(|outcome| outcome.claims).collect::<Vec<_>>(), [2, 2]);
    let (with, without) = (with.program.unwrap().graph, without.program.unwrap().graph);
    assert_eq!(with.to_string(), without.to_string());
}
