//! The editors' highlighting knows the compiler's words: the lists in `editors/` are made from the library, the primitives and what the
//! checker answers, and every reserved word of the grammar has its colour. How the rules behave on text is tried in real editors, by
//! `editors/test.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use nnlc::check::builtin_names;
use nnlc::driver::{Request, Session};
use nnlc::library::SOURCES;
use nnlc::ops;
use nnlc::source::SourceMap;
use nnlc::syntax::ast::StmtKind;
use serde_json::{Value, json};

/// No character of a name before, none after.
const BEFORE: &str = r"(?<![_\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}])";
const AFTER: &str = r"(?![_\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}])";

fn editors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("editors")
}

fn read(path: &str) -> String {
    fs::read_to_string(editors().join(path)).unwrap_or_else(|error| panic!("editors/{path}: {error}"))
}

fn tm_grammar() -> Value {
    serde_json::from_str(&read("vscode/syntaxes/nn.tmLanguage.json")).expect("the grammar is JSON")
}

/// The words in backticks of the first note that opens so, among the answers to `program`.
fn answered(program: &str, opening: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.nn");
    fs::write(&path, program).unwrap();
    let session = Session::open(&path, &Request::default());
    let mut notes = session.diagnostics.iter().flat_map(|diagnostic| &diagnostic.notes);
    let note = notes.find(|note| note.starts_with(opening));
    let note = note.unwrap_or_else(|| panic!("no note \"{opening}...\" answers\n{program}{:?}", session.diagnostics));
    note.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What a program can call: the functions, the library's, the primitives and the checker's own; and the layers.
pub fn functions_and_layers() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut functions, mut layers) = (BTreeSet::new(), BTreeSet::new());
    for (name, text) in SOURCES {
        let (ast, _) = nnlc::syntax::parse(SourceMap::new().add_library(*name, *text), text);
        for item in &ast.items {
            match &item.kind {
                StmtKind::Fn(def) => functions.insert(def.name.text.clone()),
                StmtKind::Layer(def) => layers.insert(def.name.text.clone()),
                _ => false,
            };
        }
    }
    let held_by_programs = ["input", "variable", "constant", "select_training", "claim", "stand_in"];
    let primitives = ops::all().map(|primitive| primitive.op.0).filter(|name| !held_by_programs.contains(name));
    functions.extend(primitives.chain(builtin_names()).map(str::to_owned));
    (functions, layers)
}

/// The words that the editors know, each list under the name that it has in both.
struct Words {
    functions: BTreeSet<String>,
    layers: BTreeSet<String>,
    types: Vec<String>,
    readers: Vec<String>,
    optimizers: Vec<String>,
    settings: Vec<String>,
}

impl Words {
    fn collect() -> Words {
        let (functions, layers) = functions_and_layers();
        let model = "input x: f32\nloss = x |> Affine([])\noutput p = x\n";
        let unknown = "qqqqqqqqqqqq";
        Words {
            functions,
            layers,
            types: answered(&format!("input x: {unknown}\n"), "dtypes are"),
            readers: answered(&format!("{model}data train {{ x = {unknown}(\"f\") }}\n"), "the readers are"),
            optimizers: answered(&format!("{model}train {{ optimizer = {unknown}() }}\n"), "the optimizers are"),
            settings: answered(&format!("{model}train {{ {unknown} = 1 }}\n"), "the settings are"),
        }
    }

    /// The lists, named as in the Vim file.
    fn lists(&self) -> [(&'static str, Vec<&str>); 6] {
        let bare = |word: &'_ str| word.split('<').next().map_or(0, str::len);
        [
            ("nnLibraryFunction", self.functions.iter().map(String::as_str).collect()),
            ("nnLibraryLayer", self.layers.iter().map(String::as_str).collect()),
            ("nnType", self.types.iter().map(|word| &word[..bare(word)]).collect()),
            ("nnReader", self.readers.iter().map(String::as_str).collect()),
            ("nnOptimizer", self.optimizers.iter().map(String::as_str).collect()),
            ("nnSetting", self.settings.iter().map(String::as_str).collect()),
        ]
    }

    /// The lists as rules of the TextMate grammar.
    fn rules(&self) -> [(&'static str, Value); 6] {
        let words = self.lists().map(|(_, words)| words.join("|"));
        let [functions, layers, types, readers, optimizers, settings] = &words;
        let types = types.replace("index", "index(?=<)");
        let called = |words: &str, scope: &str| {
            json!({ "patterns": [
                { "match": format!("{BEFORE}(?:{words})(?=\\()"), "name": scope },
                { "match": format!("(?<=\\|>)\\s*({words}){AFTER}"), "captures": { "1": { "name": scope } } },
            ]})
        };
        let alone = |pattern: String, scope: &str| json!({ "match": pattern, "name": scope });
        [
            ("functions", called(functions, "support.function.nn")),
            ("layers", called(layers, "support.class.nn")),
            ("type", alone(format!("{BEFORE}(?:{types}){AFTER}"), "storage.type.nn")),
            ("readers", alone(format!("{BEFORE}(?:{readers})(?=\\()"), "support.function.reader.nn")),
            ("optimizers", alone(format!("{BEFORE}(?:{optimizers}){AFTER}"), "support.function.optimizer.nn")),
            ("settings", alone(format!("{BEFORE}(?:{settings})(?=[^=\\n]*=)"), "support.variable.setting.nn")),
        ]
    }
}

/// The Vim file with its lists replaced: each is a `syn keyword` line and the continuation lines below it.
fn vim_with(words: &Words, text: &str) -> String {
    let lists = words.lists();
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        let list = lists.iter().find(|(name, _)| line.split_whitespace().nth(2) == Some(*name));
        let Some((_, words)) = list.filter(|_| line.starts_with("syn keyword")) else { continue };
        while lines.next_if(|line| line.starts_with("  \\")).is_some() {}
        let mut row = String::from("  \\");
        for word in words {
            if row.len() + word.len() > 100 {
                out += &format!("{row}\n");
                row = String::from("  \\");
            }
            row += &format!(" {word}");
        }
        out += &format!("{row}\n");
    }
    out
}

#[test]
fn the_word_lists_are_the_compilers() {
    let words = Words::collect();
    let mut grammar = tm_grammar();
    for (key, rule) in words.rules() {
        grammar["repository"][key] = rule;
    }
    let grammar = serde_json::to_string_pretty(&grammar).unwrap() + "\n";
    let vim = vim_with(&words, &read("vim/syntax/nn.vim"));
    for (path, expected) in [("vscode/syntaxes/nn.tmLanguage.json", grammar), ("vim/syntax/nn.vim", vim)] {
        if std::env::var_os("UPDATE").is_some() {
            fs::write(editors().join(path), &expected).unwrap();
        }
        let same = read(path) == expected;
        assert!(same, "editors/{path} lists other words than the compiler has: run `UPDATE=1 cargo test editors`");
    }
}

/// The reserved words and the words of one place, from the grammar of the language.
fn words_of_the_grammar() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/nn.pest");
    let grammar = fs::read_to_string(path).unwrap();
    let rules = grammar.lines().filter(|line| line.starts_with("kw_") || line.starts_with("w_"));
    let words: Vec<String> = rules.map(|rule| rule.split('"').nth(1).unwrap().to_owned()).collect();
    assert!(words.len() > 20, "{words:?}");
    words.into_iter().chain(["training", "and", "or", "not", "true", "false"].map(str::to_owned)).collect()
}

/// Every text under the key, at any depth.
fn texts<'a>(value: &'a Value, keys: &[&str], found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if keys.contains(&key.as_str()) => found.push(text),
                    _ => texts(value, keys, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, keys, found)),
        _ => {}
    }
}

#[test]
fn every_word_of_the_grammar_is_in_a_rule_of_both_editors() {
    let grammar = tm_grammar();
    let mut patterns = Vec::new();
    texts(&grammar, &["match", "begin"], &mut patterns);
    let vim = read("vim/syntax/nn.vim");
    let holds =
        |text: &str, word: &str| Regex::new(&format!(r"(?<![a-z\\]){word}(?![a-z])")).unwrap().is_match(text).unwrap();
    let vim_rules: Vec<&str> = vim.lines().filter(|line| line.starts_with("syn ")).collect();
    for word in words_of_the_grammar() {
        assert!(patterns.iter().any(|pattern| holds(pattern, &word)), "no rule for VS Code has `{word}`");
        assert!(vim_rules.iter().any(|rule| holds(rule, &word)), "no rule for Vim has `{word}`");
    }
}

#[test]
fn every_pattern_compiles_and_every_reference_leads_somewhere() {
    let grammar = tm_grammar();
    let (mut patterns, mut references) = (Vec::new(), Vec::new());
    texts(&grammar, &["match", "begin", "end"], &mut patterns);
    texts(&grammar, &["include"], &mut references);
    assert!(patterns.len() > 40, "{}", patterns.len());
    for pattern in patterns {
        assert!(!pattern.is_empty(), "an empty pattern");
        if let Err(error) = Regex::new(pattern) {
            panic!("{error}: {pattern}");
        }
    }
    let mut unused: BTreeSet<&str> = grammar["repository"].as_object().unwrap().keys().map(String::as_str).collect();
    for reference in references {
        let key = reference.trim_start_matches('#');
        assert!(grammar["repository"].get(key).is_some(), "`{reference}` is nowhere");
        unused.remove(key);
    }
    assert!(unused.is_empty(), "rules that nothing includes: {unused:?}");
}

#[test]
fn the_extension_names_files_that_exist() {
    let package: Value = serde_json::from_str(&read("vscode/package.json")).expect("package.json is JSON");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"), "the extension has the compiler's version");
    let language = &package["contributes"]["languages"][0];
    assert_eq!(language["extensions"], json!([".nn"]));
    let grammar = &package["contributes"]["grammars"][0];
    assert_eq!(grammar["scopeName"], tm_grammar()["scopeName"]);
    assert_eq!(grammar["language"], language["id"]);
    let configuration = language["configuration"].as_str().expect("a configuration");
    for path in [configuration, grammar["path"].as_str().expect("a path")] {
        let text = read(&format!("vscode/{path}"));
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{path} is not JSON");
    }
    let configuration: Value = serde_json::from_str(&read(&format!("vscode/{configuration}"))).unwrap();
    let mut patterns = Vec::new();
    texts(&configuration, &["pattern", "beforeText", "increaseIndentPattern", "decreaseIndentPattern"], &mut patterns);
    assert!(patterns.len() >= 3);
    for pattern in patterns {
        assert!(Regex::new(pattern).is_ok(), "{pattern}");
    }
}
