//! Names from other frameworks: every answer in the compiler's table is a program that checks.

use nnlc::check::foreign_names;
use nnlc::diagnostic::Diagnostic;
use nnlc::driver::check_text;

/// What `x`, `a` and `b` may be in an answer: a vector, a matrix, a channel of a sequence, an image, a volume.
const SHAPES: [&str; 5] = ["[4]", "[4, 4]", "[4, 8, 8]", "[4, 8, 8, 8]", "[4, 8]"];

/// The errors of a program in which an answer stands, with `x` of a shape.
fn errors(answer: &str, shape: &str, label: &str) -> Vec<String> {
    let stands = match answer.split_once(' ').map_or("", |(word, _)| word) {
        "optimizer" => format!("train {{ {answer} }}\nloss = square(x |> Affine(4))\n"),
        "param" | "input" | "hs," => format!("{answer}\n"),
        _ => format!("result = {answer}\n"),
    };
    let program = format!(
        "const n = 4\nconst maps = 4\nconst kernel = 3\ninput x, a, b: {shape}\ninput y: {label}\n{stands}output q = x\n"
    );
    let (_, diagnostics) = check_text("answer.nn", &program);
    let errors = diagnostics.into_iter().filter(Diagnostic::is_error).filter(|d| d.code.as_str() != "E0602");
    errors.map(|diagnostic| format!("{}: {}", diagnostic.code, diagnostic.title)).collect()
}

#[test]
fn every_answer_is_a_program() {
    let mut wrong = String::new();
    let mut count = 0;
    for (foreign, answer) in foreign_names() {
        count += 1;
        let tries: Vec<Vec<String>> = SHAPES
            .iter()
            .flat_map(|shape| ["index<4>", "index<4>[4]"].map(|label| errors(answer, shape, label)))
            .collect();
        if !tries.iter().any(Vec::is_empty) {
            wrong += &format!("{foreign}: `{answer}`: {tries:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 200, "{count} names");
}

#[test]
fn foreign_names_are_answered_wherever_they_stand() {
    for (program, answer) in [
        ("input x: [4]\noutput y = x |> nn.Linear(3)\n", "Affine"),
        ("input x: [4]\noutput y = x |> tf.keras.layers.Dense(3)\n", "Affine"),
        ("input x: [4]\noutput y = torch.cat([x, x])\n", "concatenate"),
        ("input x: [4]\noutput y = F.mse_loss(x, x)\n", "squared_error"),
        ("input x: [4]\noutput y = x.view([2, 2])\n", "reshape"),
        ("input x: [4]\noutput y = Dense(x)\n", "Affine"),
    ] {
        let (_, diagnostics) = check_text("program.nn", program);
        assert_eq!(diagnostics.len(), 1, "{program}{diagnostics:?}");
        assert!(diagnostics[0].helps.iter().any(|help| help.contains(answer)), "{program}{diagnostics:?}");
    }
}
