//! `nnlc eval`: means that a run's own are, confusion matrices that are counted by hand, and refusals.

use std::fs;

use nnlc::train::{Elements, SavedTensor, Weights};
use serde_json::{Value, json};

use crate::cli::Desk;
use crate::lengths::npy;

/// A classifier with five samples in minibatches of two; the weight of the second loss counts epochs.
const MODEL: &str = "input x: [2]\n\
    input y: index<3>\n\
    logits = x |> Affine(4) |> tanh |> Affine(3)\n\
    loss fit = softmax_cross_entropy(logits, y)\n\
    loss small weight 0.01 * epoch = logits ^ 2\n\
    metric accuracy = accuracy(logits, y)\n\
    metric matrix = confusion_matrix(logits, y)\n\
    output q = softmax(logits)\n\
    data train { x = csv(\"t.csv\", \"a:b\") y = csv(\"t.csv\", \"y\") }\n\
    data validation { x = csv(\"v.csv\", \"a:b\") y = csv(\"v.csv\", \"y\") }\n\
    data test { x = csv(\"v.csv\", \"a:b\") y = csv(\"v.csv\", \"y\") }\n\
    train {\n    optimizer = adam(lr = 1e-1)\n    batch = 2\n    epochs = 3\n    keep = last\n}\n";

const TRAIN: &str = "a,b,y\n0.5,1,0\n1,-0.5,1\n0.25,2,2\n3,1,0\n-1,2,1\n";
const VALIDATION: &str = "a,b,y\n0.1,1,0\n1,-0.7,1\n0.2,2,2\n3,0.5,0\n-1,1,2\n";

fn trained() -> Desk {
    let desk = Desk::with(&[("m.nn", MODEL), ("t.csv", TRAIN), ("v.csv", VALIDATION)]);
    desk.nnlc("run m.nn --out r").is(0, &["test: fit "]);
    desk
}

/// The object that `nnlc eval m.nn --format json` answers with more arguments.
fn evaluated(desk: &Desk, more: &str) -> Value {
    let said = desk.nnlc(&format!("eval m.nn --format json {more}"));
    said.is(0, &[]);
    serde_json::from_str(&said.out).expect("one object")
}

/// Weights of one parameter `w`, which is 1.
fn one(desk: &Desk) {
    let saved = SavedTensor { shape: vec![], elements: Elements::F32(vec![1.0]) };
    let weights = Weights { tensors: [("w".to_owned(), saved)].into(), ..Weights::default() };
    weights.save(&desk.at("w.safetensors")).expect("a file");
}

#[test]
fn the_means_are_those_of_the_run_to_the_last_bit() {
    let desk = trained();
    let log = fs::read_to_string(desk.at("r/log.csv")).unwrap();
    let (head, last) = (log.lines().next().unwrap(), log.lines().last().unwrap());
    let column = |name: &str| {
        let at = head.split(',').position(|column| column == name).expect(name);
        last.split(',').nth(at).unwrap()
    };
    let out = desk.nnlc("eval m.nn --format json --weights r/weights.safetensors --on validation").out;
    let object = evaluated(&desk, "--weights r/weights.safetensors --on validation");
    assert_eq!((&object["model"], &object["set"], &object["samples"]), (&json!("m"), &json!("validation"), &json!(5)));
    for name in ["fit", "small", "accuracy"] {
        let digits = format!("\"{name}\":{}", column(&format!("validation.{name}")));
        assert!(out.contains(&digits), "no {digits} in {out}");
    }
    // The log's total is of the last step; an evaluation is after it, as the run's own of the test set.
    let [fit, small] = ["fit", "small"].map(|name| object["losses"][name].as_f64().unwrap());
    let total = object["losses"]["total"].as_f64().unwrap();
    assert!((total - (fit + 0.04 * small)).abs() < 1e-6, "{total}");
    let told = desk.nnlc("run m.nn --out again").err;
    let told = told.lines().find_map(|line| line.strip_prefix("test: ")).expect("the test set's values");
    let text = desk.nnlc("eval m.nn --weights r/weights.safetensors");
    let shown: Vec<String> = text
        .is(0, &[])
        .out
        .lines()
        .skip(2)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(text.out.starts_with("m on the test set, 5 samples\n"), "{}", text.out);
    // The matrix is no number; the run's line shows the mean of its elements, 1/9.
    assert_eq!(shown.join(", "), told.replace("matrix 0.1111, ", ""));
}

#[test]
fn threads_change_nothing_and_the_run_that_left_the_weights_says_how_long_it_was() {
    let desk = trained();
    let one = evaluated(&desk, "--weights r/weights.safetensors --threads 1");
    for threads in [2, 5] {
        assert_eq!(evaluated(&desk, &format!("--weights r/weights.safetensors --threads {threads}")), one);
    }
    let mut weights = Weights::load(&desk.at("r/weights.safetensors")).unwrap();
    assert_eq!((weights.metadata["steps"].as_str(), weights.metadata["epochs"].as_str()), ("9", "3"));
    weights.metadata.clear();
    weights.save(&desk.at("bare.safetensors")).unwrap();
    let bare = evaluated(&desk, "--weights bare.safetensors");
    assert_eq!(bare["losses"]["fit"], one["losses"]["fit"]);
    assert_eq!(bare["losses"].get("total"), None, "its weight counts epochs, and how many is not known");
}

/// Scores that are the input: `a > b` is class 0.
const SCORES: &str = "input s: [3]\ninput y: index<3>\nparam w: f32 = ones()\np = w * s\n";

/// Class 2 is never predicted.
const COUNTED: &str = "s__0,s__1,s__2,y\n1,0,0,0\n0,1,0,0\n5,1,2,0\n0,1,0,1\n3,1,0,2\n0,9,0,1\n0,2,1,2\n";

fn counted(statements: &str) -> Value {
    let desk = Desk::with(&[("m.nn", &format!("{SCORES}{statements}\noutput p\ntrain {{ batch = 3 }}\n"))]);
    one(&desk);
    fs::write(desk.at("t.csv"), COUNTED).unwrap();
    evaluated(&desk, "--weights w.safetensors --data test=t.csv")
}

#[test]
fn classes_are_counted_where_the_program_compares_them() {
    let counts = json!([[0, 0, 2], [0, 1, 1], [1, 1, 2], [2, 0, 1], [2, 1, 1]]);
    let recall = json!([2.0 / 3.0, 1.0, 0.0]);
    let precision = json!([2.0 / 3.0, 0.5, null]);
    for statement in [
        "loss = softmax_cross_entropy(p, y)",
        "loss = square(w)\nmetric right = accuracy(p, y)",
        "loss = square(w)\nmetric wrong = 1 - 2 * mean(accuracy(p, y))",
        "loss = categorical_cross_entropy(softmax(p), y)\n",
        "loss = square(w)\nmetric e = top_n_error(p, y, 1)",
        "loss = square(w)\nmetric m = confusion_matrix(p, y)",
    ] {
        let object = counted(statement);
        let [matrix] = &object["confusions"].as_array().unwrap()[..] else { panic!("{statement}: {object}") };
        assert_eq!((&matrix["truth"], &matrix["classes"], &matrix["counts"]), (&json!("y"), &json!(3), &counts));
        assert_eq!((&matrix["recall"], &matrix["precision"]), (&recall, &precision), "{statement}");
        assert_eq!(object["metrics"].get("m"), None, "what is shown as a matrix is no number");
    }
    let two = "q = flip(p, axis = 0)\nloss = softmax_cross_entropy(p, y)\nmetric a = accuracy(p, y)\nmetric b = accuracy(q, y)";
    let two = counted(two);
    let named: Vec<&Value> = two["confusions"].as_array().unwrap().iter().map(|matrix| &matrix["scores"]).collect();
    assert_eq!(named, [&json!("p"), &json!("q")], "what is compared twice is counted once");
    assert_eq!(
        counted("far = float(p[0] - p[1])\nloss = square(w)\nmetric e = binary_error(far, float(y == 0))")["confusions"]
            [0],
        json!({
            "truth": "e", "scores": "far", "classes": 2, "counts": [[0, 0, 3], [0, 1, 1], [1, 0, 1], [1, 1, 2]],
            "recall": [0.75, 2.0 / 3.0], "precision": [0.75, 2.0 / 3.0],
        })
    );
    for statement in [
        "loss = where(s[0] > 0, softmax_cross_entropy(p, y), 0)",
        "loss = s[1] * softmax_cross_entropy(p, y)",
        "loss = square(w)",
    ] {
        assert_eq!(counted(statement)["confusions"], json!([]), "{statement}");
    }
}

#[test]
fn classes_along_another_axis_and_in_sequences_of_different_lengths_are_counted() {
    let text = "input s: [2, T]\ninput y: index<2>[T]\nparam w: f32 = ones()\nfn keep(h, x) = 0.5 * h + x, x\n\
        _h, kept = scan(keep, 0, s[0])\np = w * stack([kept, s[1]])\n\
        loss = softmax_cross_entropy(p, y, axis = 0)\nmetric a = accuracy(p, y, axis = 0)\noutput p\ntrain { batch = 2 }\n";
    let desk = Desk::with(&[("m.nn", text)]);
    one(&desk);
    let mut table = "s,y\n".to_owned();
    let samples: [(&[f32], &[f32]); 4] = [
        (&[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0]),
        (&[1.0, 0.0, 2.0, 0.0, 3.0, 1.0], &[0.0, 1.0, 1.0]),
        (&[0.0, 0.0, 1.0, 1.0], &[1.0, 1.0]),
        (&[2.0, 2.0, 1.0, 1.0], &[0.0, 1.0]),
    ];
    for (number, (scores, classes)) in samples.iter().enumerate() {
        npy(&desk.at(&format!("s{number}.npy")), &[2, classes.len()], scores);
        npy(&desk.at(&format!("y{number}.npy")), &[classes.len()], classes);
        table += &format!("s{number}.npy,y{number}.npy\n");
    }
    fs::write(desk.at("t.csv"), table).unwrap();
    let object = evaluated(&desk, "--weights w.safetensors --data test=t.csv");
    assert_eq!(object["samples"], 4);
    assert_eq!(object["confusions"][0]["counts"], json!([[0, 0, 3], [0, 1, 1], [1, 0, 2], [1, 1, 3]]));
    let of_samples: [f64; 4] = [0.5, 1.0 / 3.0 * 2.0, 1.0, 0.5];
    let mean = of_samples.iter().sum::<f64>() / 4.0;
    assert!((object["metrics"]["a"].as_f64().unwrap() - mean).abs() < 1e-6, "{object}");
}

#[test]
fn the_set_is_the_last_there_is_or_the_one_asked_for() {
    let desk = trained();
    fs::remove_file(desk.at("t.csv")).unwrap();
    let only = |sets: &[&str]| {
        let kept: Vec<&str> = MODEL.lines().filter(|line| !sets.iter().any(|set| line.contains(set))).collect();
        fs::write(desk.at("m.nn"), kept.join("\n")).unwrap();
        evaluated(&desk, "--weights r/weights.safetensors")["set"].clone()
    };
    assert_eq!(only(&[]), "test");
    assert_eq!(only(&["data test"]), "validation");
    fs::write(desk.at("t.csv"), TRAIN).unwrap();
    assert_eq!(only(&["data test", "data validation"]), "train");
    let weights = "--weights r/weights.safetensors";
    desk.nnlc(&format!("eval m.nn {weights} --on test")).is(2, &["error: m.nn has no data set `test`: it has `train`"]);
    desk.nnlc(&format!("eval m.nn {weights} --on test --data test=none.csv"))
        .is(3, &["error[E0403]: `none.csv` is missing"]);
    desk.nnlc(&format!("eval m.nn {weights} --on all")).is(2, &["possible values: train, validation, test"]);
    desk.nnlc("eval m.nn").is(2, &["--weights <FILE>"]);
}

#[test]
fn what_does_not_fit_is_told() {
    let desk = trained();
    desk.nnlc("eval m.nn --weights none.safetensors").is(3, &["error[E0803]: `none.safetensors` could not be read"]);
    one(&desk);
    desk.nnlc("eval m.nn --weights w.safetensors").is(
        3,
        &["error[E0803]: the weights in `w.safetensors` do not fit the network", "`logits.Affine.W` [2, 4] is missing"],
    );
    fs::rename(desk.at("m.nn"), desk.at("other.nn")).unwrap();
    let said = desk.nnlc("eval other.nn --weights r/weights.safetensors");
    said.is(0, &[]);
    let wider = MODEL.replace("Affine(4)", "Affine(5)");
    fs::write(desk.at("other.nn"), wider).unwrap();
    let said = desk.nnlc("eval other.nn --weights r/weights.safetensors");
    said.is(3, &["they are of `m`", "`logits.Affine.W` is [2, 4] in the file, the network has [2, 5]"]);
    fs::write(desk.at("m.nn"), MODEL).unwrap();
    let weights = "eval m.nn --weights r/weights.safetensors";
    for (file, text, told) in [
        (
            "nan.csv",
            "x__0,x__1,y\n1,nan,0\n",
            "error[E0401]: `nan.csv`, row 1 (line 2), column `x__1`: the value is NaN",
        ),
        ("class.csv", "x__0,x__1,y\n1,2,3\n", "found 3, expected an index<3> from 0 to 2"),
        ("wide.csv", "x__0,x__1,x__2,y\n1,2,3,0\n", "error[E0401]: `wide.csv`"),
    ] {
        fs::write(desk.at(file), text).unwrap();
        desk.nnlc(&format!("{weights} --data test={file}")).is(3, &[told]);
    }
    fs::write(desk.at("m.nn"), "input x: [2]\noutput x\n").unwrap();
    fs::write(desk.at("x.csv"), "x__0,x__1\n1,2\n").unwrap();
    Weights::default().save(&desk.at("empty.safetensors")).unwrap();
    let said = desk.nnlc("eval m.nn --weights empty.safetensors --data test=x.csv");
    said.is(3, &["error[E0103]: this program has no loss and no metric, so there is nothing to evaluate"]);
    desk.nnlc("eval m.nn --weights empty.safetensors").is(2, &["m.nn declares no data set; name a file with `--data"]);
}

#[test]
fn a_value_that_is_not_finite_is_told_at_its_expression() {
    let text = "input s: f32\nparam w: f32 = ones()\np = log(w * s)\nloss fit = p ^ 2\noutput p\n";
    let desk = Desk::with(&[("m.nn", text), ("t.csv", "s\n1\n2\n-3\n")]);
    one(&desk);
    let said = desk.nnlc("eval m.nn --weights w.safetensors --data test=t.csv");
    said.is(
        3,
        &[
            "error[E0802]: `fit` is not finite on the data set `test`",
            "m.nn:3:5",
            "`log` gives a NaN or an infinity here",
        ],
    );
    assert_eq!(said.out, "");
    let saved = SavedTensor { shape: vec![], elements: Elements::F32(vec![f32::NAN]) };
    let weights = Weights { tensors: [("w".to_owned(), saved)].into(), ..Weights::default() };
    weights.save(&desk.at("w.safetensors")).unwrap();
    let said = desk.nnlc("eval m.nn --weights w.safetensors --data test=t.csv");
    said.is(3, &["error[E0802]: `fit` is not finite", "the weights hold a NaN or an infinity in `w`"]);
}

#[test]
fn drawn_inputs_are_evaluated_as_a_run_validates() {
    let text = "input z: [2] from normal(0, 1)\np = z |> Affine(1)\nloss = (p - 1) ^ 2\noutput p\ntrain {\n    steps = 5\n    keep = last\n    seed = 3\n}\n";
    let desk = Desk::with(&[("m.nn", text)]);
    desk.nnlc("run m.nn --out r").is(0, &[]);
    let log = fs::read_to_string(desk.at("r/log.csv")).unwrap();
    let last = log.lines().last().unwrap().split(',').nth(4).unwrap();
    let object = evaluated(&desk, "--weights r/weights.safetensors");
    assert_eq!((&object["set"], &object["samples"]), (&Value::Null, &json!(64)));
    let out = desk.nnlc("eval m.nn --weights r/weights.safetensors --format json").out;
    assert!(out.contains(&format!("\"loss\":{last}")), "{last} is not in {out}");
    assert_ne!(evaluated(&desk, "--weights r/weights.safetensors --seed 4")["losses"], object["losses"]);
    let said = desk.nnlc("eval m.nn --weights r/weights.safetensors --on test");
    said.is(2, &["error: m.nn has no data set `test`: every input is drawn"]);
}
