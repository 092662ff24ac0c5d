//! What `nnlc new` makes is a project: its commands work as its README writes them, and reach what it says.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn nnlc(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().expect("the program starts")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap() + &String::from_utf8(output.stdout.clone()).unwrap()
}

/// Makes a project of a template and does what its README says. Gives the README, what the run told, and the folder.
fn made(template: &str) -> (String, String, tempfile::TempDir) {
    let desk = tempfile::tempdir().unwrap();
    let output = nnlc(desk.path(), &["new", "first/try", "--template", template]);
    assert!(output.status.success(), "{}", err(&output));
    let folder = desk.path().join("first/try");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.starts_with("# try\n"), "{readme}");
    assert!(nnlc(&folder, &["fmt", "--check", "."]).status.success(), "the model is formatted");
    let tests = nnlc(&folder, &["test", "model.nn"]);
    assert!(err(&tests).contains("1 passed, 0 failed"), "{}", err(&tests));
    let mut told = String::new();
    let commands = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    for command in commands.lines() {
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_eq!(arguments[0], "nnlc");
        let output = nnlc(&folder, &arguments[1..]);
        assert!(output.status.success(), "{command}: {}", err(&output));
        assert!(!err(&output).contains("warning"), "{command}: {}", err(&output));
        told += &err(&output);
    }
    assert_eq!(commands.lines().count(), 3);
    let ignored = fs::read_to_string(folder.join(".gitignore")).unwrap();
    assert!(ignored == "runs/\n" && folder.join("runs/model/weights.safetensors").exists());
    (readme, told, desk)
}

/// The number that follows `name` in the line of the best epoch is one of the README's, to a hundredth: processors round sums differently.
fn reaches(template: &str, name: &str, outputs: &[&str]) {
    let (readme, told, desk) = made(template);
    let best = told.lines().find(|line| line.starts_with("best: ")).unwrap_or_else(|| panic!("{told}"));
    let value = best.split(&format!("{name} ")).nth(1).unwrap_or_else(|| panic!("{best}"));
    let value: f64 = value.split(',').next().unwrap().trim().parse().unwrap();
    let words = readme.split_whitespace().map(|word| word.trim_end_matches('.'));
    let mut numbers = words.filter(|word| word.contains('.')).filter_map(|word| word.parse::<f64>().ok());
    assert!(numbers.any(|number| (number - value).abs() <= 0.01 * number), "{best}\n{readme}");
    for output in outputs {
        assert!(desk.path().join(format!("first/try/runs/model/{output}.npy")).exists(), "{output}");
    }
}

#[test]
fn the_classifier_is_as_accurate_as_it_says() {
    reaches("classifier", "accuracy", &["kind"]);
}

#[test]
fn the_regression_is_as_near_as_it_says() {
    reaches("regression", "absolute", &["progression"]);
}

#[test]
fn the_auto_encoder_is_as_near_as_it_says() {
    reaches("auto-encoder", "centimetres", &["code", "recon"]);
}

#[test]
fn a_project_takes_a_new_or_an_empty_folder_and_a_plain_name() {
    let desk = tempfile::tempdir().unwrap();
    let at = |name: &str| desk.path().join(name);
    let says = |arguments: &[&str], code: i32, text: &str| {
        let output = nnlc(desk.path(), arguments);
        assert!(output.status.code() == Some(code) && err(&output).contains(text), "{arguments:?}: {}", err(&output));
    };
    fs::create_dir(at("empty")).unwrap();
    says(&["new", "empty"], 0, "created `empty`: model.nn, data/train.csv");
    let model = fs::read_to_string(at("empty/model.nn")).unwrap();
    says(
        &["new", "empty", "--template", "regression"],
        2,
        "error: `empty` is a folder with files in it: a project needs a new or an empty one",
    );
    assert_eq!(fs::read_to_string(at("empty/model.nn")).unwrap(), model, "nothing is written");
    fs::write(at("file"), "").unwrap();
    says(&["new", "file"], 2, "error: `file`: a file stands where a folder is needed");
    for name in ["two words", ".", "..", ".hidden", "a/b.nn"] {
        says(&["new", name], 2, &format!("error: `{name}` does not name a project"));
    }
    says(&["new"], 2, "required arguments");
    says(&["new", "other", "--template", "gan"], 2, "[possible values: classifier, regression, auto-encoder]");
    let mut names: Vec<_> = fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["empty", "file"], "nothing else is left");
}

#[test]
fn the_page_shows_what_is_answered() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/command-line.md");
    let page = fs::read_to_string(page).unwrap();
    let mut consoles = page.split("```console\n$ nnlc ").filter_map(|rest| rest.split("```").next());
    let shown = consoles.find(|console| console.starts_with("new ")).unwrap();
    let (arguments, told) = shown.split_once('\n').unwrap();
    let desk = tempfile::tempdir().unwrap();
    assert_eq!(err(&nnlc(desk.path(), &arguments.split(' ').collect::<Vec<_>>())), told);
}
