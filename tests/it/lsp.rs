//! The language server, driven in memory as an editor drives it: whole conversations, feature by feature, and every feature at every token
//! of every example.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request, RequestId, ResponseError};
use nnlc::driver::{Request as Asked, Session};
use nnlc::ide::{self, Facts, Module, Syntax, View};
use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An editor with a folder of files.
struct Editor {
    connection: Connection,
    server: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
    requests: i32,
    /// The diagnostics of each file, as they were told last, with the version that they are of.
    told: BTreeMap<String, (Option<i64>, Vec<Value>)>,
    /// What the server asked, by method.
    asked: Vec<String>,
}

impl Editor {
    /// An editor that can do all that the server makes use of.
    fn new() -> Editor {
        Editor::with(json!({
            "textDocument": {
                "completion": { "completionItem": { "snippetSupport": true } },
                "publishDiagnostics": { "relatedInformation": true, "codeDescriptionSupport": true },
            },
            "workspace": { "inlayHint": { "refreshSupport": true }, "didChangeWatchedFiles": { "dynamicRegistration": true } },
        }))
    }

    fn with(capabilities: Value) -> Editor {
        let (connection, other) = Connection::memory();
        let server = std::thread::spawn(move || nnlc::lsp::serve(&other).expect("the protocol is kept"));
        let folder = tempfile::tempdir().unwrap();
        let (told, asked) = Default::default();
        let mut editor = Editor { connection, server: Some(server), folder, requests: 0, told, asked };
        let root = editor.uri("");
        let cache = editor.path("cache");
        let params = json!({
            "processId": null, "rootUri": root, "capabilities": capabilities, "initializationOptions": { "cache": cache },
        });
        let result = editor.ask("initialize", params).expect("it initialises");
        assert_eq!(result["serverInfo"]["name"], "nnlc");
        editor.tell("initialized", json!({}));
        editor
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn tell(&self, method: &str, params: Value) {
        self.connection.sender.send(Message::Notification(Notification::new(method.to_owned(), params))).unwrap();
    }

    fn receive(&mut self) -> Option<(RequestId, Result<Value, Value>)> {
        match self.connection.receiver.recv_timeout(PATIENCE).expect("the server answers") {
            Message::Response(response) => {
                let result = response.response_result;
                let refused = |error: ResponseError| json!({ "code": error.code, "message": error.message });
                return Some((response.id, result.map_err(refused)));
            }
            Message::Notification(told) if told.method == "textDocument/publishDiagnostics" => {
                let all = told.params["diagnostics"].as_array().expect("a list").clone();
                let uri = told.params["uri"].as_str().expect("a URI").to_owned();
                self.told.insert(uri, (told.params["version"].as_i64(), all));
            }
            Message::Notification(told) => panic!("{}: {}", told.method, told.params),
            Message::Request(asked) => self.asked.push(asked.method),
        }
        None
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        self.connection.sender.send(Message::Request(Request::new(id.clone(), method.to_owned(), params))).unwrap();
        loop {
            if let Some((answered, result)) = self.receive() {
                assert_eq!(answered, id);
                return result;
            }
        }
    }

    fn open(&mut self, name: &str, text: &str) -> Vec<Value> {
        let document = json!({ "uri": self.uri(name), "languageId": "nn", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.diagnostics(name, 1)
    }

    /// Changes a text, and waits for what is said of it then.
    fn change(&mut self, name: &str, version: i64, changes: Value) -> Vec<Value> {
        let document = json!({ "uri": self.uri(name), "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
        self.diagnostics(name, version)
    }

    /// What is said of a version of a text.
    fn diagnostics(&mut self, name: &str, version: i64) -> Vec<Value> {
        let uri = self.uri(name);
        loop {
            match self.told.get(&uri) {
                Some((of, all)) if *of == Some(version) => return all.clone(),
                _ => assert!(self.receive().is_none()),
            }
        }
    }

    /// Asks about a place of a text.
    fn at(&mut self, method: &str, name: &str, place: (u32, u32)) -> Result<Value, Value> {
        let position = json!({ "line": place.0, "character": place.1 });
        self.ask(method, json!({ "textDocument": { "uri": self.uri(name) }, "position": position, "context": { "includeDeclaration": true, "triggerKind": 1, "isRetrigger": false } }))
    }

    fn hover(&mut self, name: &str, place: (u32, u32)) -> String {
        let found = self.at("textDocument/hover", name, place).unwrap();
        found["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    fn of(&mut self, method: &str, name: &str, more: Value) -> Value {
        let mut params = json!({ "textDocument": { "uri": self.uri(name) } });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask(method, params).unwrap()
    }

    fn shut_down(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Ok(Value::Null));
        self.tell("exit", Value::Null);
        self.server.take().expect("it runs").join().expect("it ends well");
    }
}

/// The place of the first `needle`, in lines and UTF-16 units.
fn place(text: &str, needle: &str) -> (u32, u32) {
    let at = text.find(needle).unwrap_or_else(|| panic!("no {needle:?}"));
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    (line as u32, text[start..at].encode_utf16().count() as u32)
}

fn range(line: u32, start: u32, end: u32) -> Value {
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}

/// A text after edits, which do not overlap.
fn edited(text: &str, edits: &Value) -> String {
    let byte = |position: &Value| {
        let line = position["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let units = position["character"].as_u64().unwrap() as usize;
        let mut seen = 0;
        let inside = text[start..].char_indices().find(|(_, letter)| {
            let here = seen == units;
            seen += letter.len_utf16();
            here
        });
        start + inside.map_or(text.len() - start, |(at, _)| at)
    };
    let edit = |edit: &Value| {
        let (start, end) = (byte(&edit["range"]["start"]), byte(&edit["range"]["end"]));
        (start, end, edit["newText"].as_str().unwrap().to_owned())
    };
    let mut edits: Vec<(usize, usize, String)> = edits.as_array().unwrap().iter().map(edit).collect();
    edits.sort();
    let mut text = text.to_owned();
    for (start, end, new) in edits.into_iter().rev() {
        text.replace_range(start..end, &new);
    }
    text
}

const MODEL: &str = "\
const width = 8

## What is looked at.
input x: [4]
input y: index<3>

## A few numbers.
layer Encoder(n: int, act: fn = relu)(v: [..S]) -> [n] {
    h = v |> Affine(n)
    return act(h)
}

encode = Encoder(width)
code = encode(x)
logits = code
    |> Affine(16)
    |> relu
    |> Affine(3)

loss = softmax_cross_entropy(logits, y)
metric accuracy = accuracy(logits, y)
output p = softmax(logits)

train {
    optimizer = adam(lr = 1e-2)
    batch = 16
}
";

/// A session of the editor with `MODEL` open, which has nothing wrong but the missing data.
fn modelling() -> Editor {
    let mut editor = Editor::new();
    let told = editor.open("m.nn", MODEL);
    assert!(told.iter().all(|diagnostic| diagnostic["code"] == "E0402"), "{told:?}");
    editor
}

#[test]
fn a_session_begins_and_ends() {
    let mut editor = Editor::new();
    editor.open("m.nn", "input x: [4]\noutput p = x\n");
    let unknown = editor.ask("textDocument/moniker", json!({})).expect_err("it is not answered");
    assert_eq!(unknown["code"], -32601);
    let closed = editor.at("textDocument/hover", "other.nn", (0, 0)).expect_err("it is not open");
    assert_eq!(closed["code"], -32602);
    assert_eq!(editor.asked, ["client/registerCapability", "workspace/inlayHint/refresh"]);
    editor.shut_down();
}

#[test]
fn an_editor_that_goes_away_ends_the_session() {
    let mut editor = Editor::new();
    let server = editor.server.take().unwrap();
    drop(editor);
    server.join().expect("it ends well");
}

#[test]
fn what_is_wrong_is_told_as_it_is_typed() {
    let mut editor = Editor::new();
    let told =
        editor.open("m.nn", "input x: [3]\ninput y: [2]\np = x |> Afine(2)\nq = 1\nloss = (p - y) ^ 2\noutput p\n");
    let unknown = told.iter().find(|diagnostic| diagnostic["code"] == "E0102").expect("it is told");
    assert_eq!(unknown["range"], range(2, 9, 14));
    assert_eq!((&unknown["severity"], &unknown["source"]), (&json!(1), &json!("nnlc")));
    let message = unknown["message"].as_str().unwrap();
    assert_eq!(message, "unknown name `Afine`: not bound anywhere above\nhelp: a similar name exists: `Affine`");
    let page = unknown["codeDescription"]["href"].as_str().unwrap().strip_prefix("file://").unwrap();
    assert_eq!(std::fs::read_to_string(page).unwrap(), nnlc::diagnostic::info("E0102").unwrap().page);

    let insert = json!([{ "range": range(2, 10, 10), "text": "f" }, { "range": range(3, 0, 5), "text": "" }]);
    assert_eq!(editor.change("m.nn", 2, insert), Vec::<Value>::new());

    let wrong = "input x: [3]\ninput y: [2]\np = x |> Affine(3)\nq = x\nloss = (p - y) ^ 2\noutput p\n";
    let told = editor.change("m.nn", 3, json!([{ "text": wrong }]));
    let shapes = &told[0];
    assert_eq!(shapes["code"], "E0202", "{told:?}");
    let related: Vec<&Value> = shapes["relatedInformation"].as_array().unwrap().iter().collect();
    assert!(related.iter().any(|label| label["location"]["range"]["start"]["line"] == 1), "{related:?}");
    assert_eq!(related[0]["location"]["uri"], editor.uri("m.nn"));

    let unused = "input x: [3]\nq = x + 1\noutput p = x\n";
    let told = editor.change("m.nn", 4, json!([{ "text": unused }]));
    assert_eq!((&told[0]["code"], &told[0]["severity"], &told[0]["tags"]), (&json!("W0604"), &json!(2), &json!([1])));
    assert_eq!(told[0]["range"], range(1, 0, 1));

    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": editor.uri("m.nn") } }));
    editor.at("textDocument/hover", "m.nn", (0, 0)).expect_err("it is closed");
    assert_eq!(editor.told[&editor.uri("m.nn")].1, Vec::<Value>::new());
    editor.shut_down();
}

#[test]
fn open_texts_stand_in_for_imported_files() {
    let mut editor = Editor::new();
    std::fs::create_dir(editor.path("lib")).unwrap();
    editor.write("lib/losses.nn", "fn huber(x, t) = abs(x - t)\n");
    let main = "import \"lib/../lib/losses.nn\": huber\ninput x: [4]\ninput y: [4]\np = x |> Affine(4)\nloss = huber(p, y)\noutput p\n";
    assert_eq!(editor.open("m.nn", main), Vec::<Value>::new());
    editor.open("lib/losses.nn", "fn huber(x, t) = abs(x - t)\n");
    // A mistake in the open text of the import, which is not saved.
    let told = editor.change("lib/losses.nn", 2, json!([{ "text": "fn huber(x, t) = abss(x - t)\n" }]));
    assert_eq!(told[0]["code"], "E0102");
    let definition = editor.at("textDocument/definition", "m.nn", place(main, "huber(p")).unwrap();
    assert_eq!(definition["uri"], editor.uri("lib/losses.nn"));
    assert_eq!(definition["range"], range(0, 3, 8));
    let hover = editor.hover("m.nn", place(main, "huber(p"));
    assert!(hover.contains("fn huber(x, t)"), "{hover}");
    // The other name is gone from the import: the program that names it is checked again without being touched.
    editor.change("lib/losses.nn", 3, json!([{ "text": "fn hubert(x, t) = abs(x - t)\n" }]));
    let told = loop {
        let uri = editor.uri("m.nn");
        match editor.diagnostics("m.nn", 1) {
            told if told.is_empty() => drop(editor.told.remove(&uri)),
            told => break told,
        }
    };
    assert_eq!(told[0]["code"], "E0102", "{told:?}");
    editor.shut_down();
}

#[test]
fn headers_of_data_are_checked_and_looked_at_again() {
    let mut editor = Editor::new();
    editor.write("t.csv", "x__0,x__1\n1,2\n3,4\n");
    let text = "input x: [3]\np = x |> Affine(1)\nloss = p ^ 2\noutput p\ndata train { x = csv(\"t.csv\", [\"x__0\", \"x__1\"]) }\n";
    let told = editor.open("m.nn", text);
    assert_eq!(told[0]["code"], "E0401", "{told:?}");
    editor.write("t.csv", "a,b\n1,2\n");
    let uri = editor.uri("m.nn");
    editor.told.remove(&uri);
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    let again = editor.diagnostics("m.nn", 1);
    assert_ne!(again, told);
    editor.shut_down();
}

#[test]
fn hovers_tell_what_was_seen() {
    let mut editor = modelling();
    let mut hover = |needle| editor.hover("m.nn", place(MODEL, needle));
    assert_eq!(hover("code = encode"), "```nn\ncode: [8]\n```");
    assert_eq!(hover("x: [4]"), "```nn\nx: [4]\n```\n\nAn input.\n\nWhat is looked at.");
    assert_eq!(hover("y)"), "```nn\ny: index<3>\n```\n\nAn input.");
    assert_eq!(hover("width)"), "```nn\nwidth = 8\n```\n\nA constant.");
    assert_eq!(
        hover("encode = "),
        "```nn\nencode = Encoder(8)\n```\n\nParameters, 40 numbers:\n\n- `encode.h.Affine.W: [4, 8]`, 32\n- `encode.h.Affine.b: [8]`, 8"
    );
    let made = hover("Encoder(width)");
    let head = "```nn\nlayer Encoder(n: int, act: fn = relu)(v: [..S]) -> [n]\n```\n\nParameters, 40 numbers:";
    assert!(made.starts_with(head) && made.ends_with("A few numbers."), "{made}");
    assert!(made.contains("`encode.h.Affine.W: [4, 8]`, 32"), "{made}");
    let layer = hover("Affine(16)");
    assert!(layer.contains("layer Affine(n,") && layer.contains("Parameters, 144 numbers:"), "{layer}");
    assert!(layer.contains("- `logits.Affine.W: [8, 16]`, 128") && layer.contains("Gives `[16]` here."), "{layer}");
    let stage = hover("relu\n    |> Affine(3)");
    assert!(stage.contains("fn relu(x)") && stage.contains("Gives `[16]` here."), "{stage}");
    let optimizer = hover("adam");
    assert!(optimizer.contains("adam(lr = 0.001"), "{optimizer}");
    assert!(hover("optimizer").contains("There are `adabelief`"));
    assert!(hover("int, act").starts_with("A hyperparameter: an integer"));
    assert_eq!(hover("S]) -> [n]"), "```nn\nS\n```\n\nA size.");
    assert!(hover("batch").contains("samples in a minibatch"));
    assert!(hover("lr = ").contains("lr = 0.001"));
    assert_eq!(hover("h = v"), "```nn\nh: [8]\n```");
    assert!(hover("accuracy = ").contains("A metric."));
    assert_eq!(hover("{\n    h"), "");
    editor.shut_down();
}

#[test]
fn hovers_survive_a_statement_that_is_being_written() {
    let mut editor = modelling();
    let line = place(MODEL, "loss = ").0;
    editor.change("m.nn", 2, json!([{ "range": range(line, 0, 0), "text": "q = softmax(\n" }]));
    assert_eq!(editor.hover("m.nn", place(MODEL, "code = encode")), "```nn\ncode: [8]\n```");
    let hints = editor.of(
        "textDocument/inlayHint",
        "m.nn",
        json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 30, "character": 0 } } }),
    );
    assert!(hints.as_array().unwrap().iter().any(|hint| hint["label"] == ": [8]"), "{hints}");
    editor.shut_down();
}

#[test]
fn completions_are_those_of_the_place() {
    let mut editor = modelling();
    let stage = place(MODEL, "relu\n    |> Affine(3)");
    let found = editor.at("textDocument/completion", "m.nn", (stage.0, stage.1 + 2)).unwrap();
    let find = |label: &str| found.as_array().unwrap().iter().find(|item| item["label"] == label).cloned();
    let tanh = find("tanh").expect("it is offered");
    assert_eq!((&tanh["kind"], &tanh["textEdit"]["newText"]), (&json!(3), &json!("tanh")));
    assert_eq!(tanh["textEdit"]["range"], range(stage.0, stage.1, stage.1 + 2));
    let own = find("Encoder").expect("it is offered");
    assert_eq!((&own["kind"], &own["textEdit"]["newText"]), (&json!(7), &json!("Encoder(${1:n})")));
    assert_eq!(own["detail"], "(n: int, act: fn = relu)(v: [..S]) -> [n]");
    assert!(find("x").is_none());
    let resolved = editor.ask("completionItem/resolve", tanh).unwrap();
    assert!(resolved["documentation"]["value"].as_str().unwrap().contains("tanh(x)"));
    let resolved = editor.ask("completionItem/resolve", own).unwrap();
    assert!(resolved["documentation"]["value"].as_str().unwrap().ends_with("A few numbers."));

    let call = place(MODEL, "y)\nmetric");
    let found = editor.at("textDocument/completion", "m.nn", call).unwrap();
    // Arguments that the call does not have yet, then values.
    let labels: Vec<&str> =
        found.as_array().unwrap().iter().take(3).map(|item| item["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["axis", "t", "code"]);
    let logits = found.as_array().unwrap().iter().find(|item| item["label"] == "logits").expect("it is offered");
    assert_eq!(logits["detail"], "[3]");

    let setting = place(MODEL, "batch");
    let found = editor.at("textDocument/completion", "m.nn", setting).unwrap();
    assert!(found.as_array().unwrap().iter().any(|item| item["label"] == "clip_norm"));
    editor.shut_down();
}

#[test]
fn an_editor_without_snippets_gets_words() {
    let mut editor = Editor::with(json!({}));
    editor.open("m.nn", "y = 1\nz = \n");
    let found = editor.at("textDocument/completion", "m.nn", (1, 4)).unwrap();
    let affine = found.as_array().unwrap().iter().find(|item| item["label"] == "Affine").expect("it is offered");
    assert_eq!((&affine["insertTextFormat"], &affine["textEdit"]["newText"]), (&json!(1), &json!("Affine")));
    editor.shut_down();
}

#[test]
fn definitions_are_found_in_the_library_too() {
    let mut editor = modelling();
    let own = editor.at("textDocument/definition", "m.nn", place(MODEL, "Encoder(width)")).unwrap();
    assert_eq!((&own["uri"], &own["range"]), (&json!(editor.uri("m.nn")), &range(7, 6, 13)));
    let argument = editor.at("textDocument/definition", "m.nn", place(MODEL, "n)\n    return")).unwrap();
    assert_eq!(argument["range"], range(7, 14, 15));
    let library = editor.at("textDocument/definition", "m.nn", place(MODEL, "softmax(logits)")).unwrap();
    let path = library["uri"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().nth(library["range"]["start"]["line"].as_u64().unwrap() as usize).unwrap();
    assert!(line.starts_with("fn softmax("), "{line}");
    assert_eq!(editor.at("textDocument/definition", "m.nn", place(MODEL, "train {")), Ok(Value::Null));

    // The library's file is shown, and nothing is said of it.
    let name = Path::new(&path).strip_prefix(editor.folder.path()).unwrap().to_string_lossy().into_owned();
    let document = json!({ "uri": editor.uri(&name), "languageId": "nn", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    assert!(editor.hover(&name, place(&text, "softmax(")).contains("fn softmax("));
    assert!(!editor.told.contains_key(&editor.uri(&name)));
    editor.shut_down();
}

#[test]
fn names_are_found_and_changed() {
    let mut editor = modelling();
    let found = editor.at("textDocument/references", "m.nn", place(MODEL, "logits, y)\nmetric")).unwrap();
    let lines: Vec<u64> =
        found.as_array().unwrap().iter().map(|place| place["range"]["start"]["line"].as_u64().unwrap()).collect();
    let want = ["logits = ", "loss = ", "metric accuracy", "output p"].map(|line| u64::from(place(MODEL, line).0));
    assert_eq!(lines, want);
    let shown = editor.at("textDocument/documentHighlight", "m.nn", place(MODEL, "logits = ")).unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 4);

    let at = place(MODEL, "encode(x)");
    assert_eq!(editor.at("textDocument/prepareRename", "m.nn", at), Ok(range(at.0, at.1, at.1 + 6)));
    let refused =
        editor.at("textDocument/prepareRename", "m.nn", place(MODEL, "softmax(logits)")).expect_err("it is refused");
    assert_eq!((&refused["code"], &refused["message"]), (&json!(-32803), &json!("`softmax` is the library's")));
    let mut rename = |to: &str| {
        let position = json!({ "line": at.0, "character": at.1 });
        let document = json!({ "uri": editor.uri("m.nn") });
        editor.ask("textDocument/rename", json!({ "textDocument": document, "position": position, "newName": to }))
    };
    assert_eq!(rename("code").expect_err("it is bound")["message"], "`code` is bound already, on line 14");
    let edit = rename("look").unwrap();
    let edits = edit["changes"].as_object().unwrap().values().next().unwrap();
    assert_eq!(edited(MODEL, edits), MODEL.replace("encode = ", "look = ").replace("encode(x)", "look(x)"));
    editor.shut_down();
}

#[test]
fn a_definition_changes_its_name_in_files_that_import_it() {
    let mut editor = Editor::with(json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } }));
    let losses = "fn huber(x, t) = abs(x - t)\n";
    let (one, two) =
        ("import \"losses.nn\": huber\ny = huber(1, 2)\n", "import \"losses.nn\" as l\ny = l.huber(1, 2)\nhuber = 3\n");
    editor.write("losses.nn", losses);
    editor.write("one.nn", one);
    editor.write("two.nn", two);
    editor.open("losses.nn", losses);
    let found = editor.at("textDocument/references", "losses.nn", (0, 4)).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 4, "{found}");
    let params = json!({ "textDocument": { "uri": editor.uri("losses.nn") }, "position": { "line": 0, "character": 4 }, "newName": "robust" });
    let edit = editor.ask("textDocument/rename", params).unwrap();
    let changes = edit["documentChanges"].as_array().unwrap();
    assert_eq!((&changes[0]["textDocument"]["version"], changes.len()), (&json!(1), 3));
    let of = |name: &str| {
        let uri = editor.uri(name);
        changes.iter().find(|change| change["textDocument"]["uri"] == uri).expect("it is changed")["edits"].clone()
    };
    assert_eq!(edited(one, &of("one.nn")), "import \"losses.nn\": robust\ny = robust(1, 2)\n");
    assert_eq!(edited(two, &of("two.nn")), "import \"losses.nn\" as l\ny = l.robust(1, 2)\nhuber = 3\n");
    editor.shut_down();
}

#[test]
fn outlines_folds_hints_and_signatures() {
    let mut editor = modelling();
    let symbols = editor.of("textDocument/documentSymbol", "m.nn", json!({}));
    let names: Vec<&str> = symbols.as_array().unwrap().iter().map(|symbol| symbol["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["width", "x", "y", "Encoder", "encode", "code", "logits", "loss", "accuracy", "p", "train"]);
    assert_eq!(symbols[3]["children"][0]["name"], "h");
    assert_eq!((&symbols[1]["detail"], &symbols[1]["kind"]), (&json!("[4]"), &json!(11)));

    let folds = editor.of("textDocument/foldingRange", "m.nn", json!({}));
    let folded: Vec<(u64, u64)> = folds
        .as_array()
        .unwrap()
        .iter()
        .map(|fold| (fold["startLine"].as_u64().unwrap(), fold["endLine"].as_u64().unwrap()))
        .collect();
    assert_eq!(folded, [(7, 9), (14, 17), (23, 25)]);

    let whole = json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } } });
    let hints = editor.of("textDocument/inlayHint", "m.nn", whole);
    let shown: Vec<String> = hints
        .as_array()
        .unwrap()
        .iter()
        .map(|hint| format!("{}{}", hint["position"]["line"], hint["label"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, ["8: [8]", "13: [8]", "14: [3]", "15: [16]", "16: [16]", "20: f32", "21: [3]"]);

    let call = place(MODEL, "y)\nmetric");
    let help = editor.at("textDocument/signatureHelp", "m.nn", call).unwrap();
    let signature = &help["signatures"][0];
    let label = signature["label"].as_str().unwrap();
    let active = &signature["parameters"][help["activeParameter"].as_u64().unwrap() as usize]["label"];
    assert!(label.starts_with("fn softmax_cross_entropy("), "{label}");
    assert!(
        label[active[0].as_u64().unwrap() as usize..active[1].as_u64().unwrap() as usize].starts_with("t"),
        "{help}"
    );
    editor.shut_down();
}

#[test]
fn the_page_shows_the_hints_of_its_program() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/editors.md")).unwrap();
    let block = |head: &str| {
        let (_, after) = page.split_once(&format!("```{head}\n")).expect("the block is there");
        after.split_once("```").expect("it ends").0.to_owned()
    };
    let program = block("nn");
    let mut editor = Editor::new();
    editor.open("m.nn", &program);
    let whole = json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } } });
    let hints = editor.of("textDocument/inlayHint", "m.nn", whole);
    let edit = |hint: &Value| {
        let range = json!({ "start": hint["position"], "end": hint["position"] });
        json!({ "range": range, "newText": hint["label"] })
    };
    let edits = hints.as_array().unwrap().iter().map(edit).collect();
    assert_eq!(edited(&program, &Value::Array(edits)), block("text with hints"));
    editor.shut_down();
}

#[test]
fn texts_are_formatted_by_lines() {
    let mut editor = Editor::new();
    let text = "input x: [4]\r\nh = x|>relu\r\noutput p=h\r\n";
    editor.open("m.nn", text);
    let options = json!({ "options": { "tabSize": 4, "insertSpaces": true } });
    let edits = editor.of("textDocument/formatting", "m.nn", options.clone());
    assert_eq!(edited(text, &edits), "input x: [4]\r\nh = x |> relu\r\noutput p = h\r\n");
    assert_eq!(edits[0]["range"]["start"]["line"], 1);
    editor.change("m.nn", 2, json!([{ "text": "h = (\n" }]));
    assert_eq!(editor.of("textDocument/formatting", "m.nn", options.clone()), Value::Null);
    editor.change("m.nn", 3, json!([{ "text": "input x: [4]\noutput p = x\n" }]));
    assert_eq!(editor.of("textDocument/formatting", "m.nn", options), json!([]));
    editor.shut_down();
}

#[test]
fn fixes_are_offered() {
    let mut editor = Editor::new();
    let text = "input x: [4]\nh = x |> Afine(2) |> sigmod\noutput h\n";
    let told = editor.open("m.nn", text);
    let asked = json!({ "range": range(1, 9, 9), "context": { "diagnostics": told } });
    let found = editor.of("textDocument/codeAction", "m.nn", asked.clone());
    assert_eq!((&found[0]["title"], &found[0]["isPreferred"]), (&json!("write `Affine`"), &json!(true)));
    assert_eq!(found[0]["diagnostics"][0]["code"], "E0102");
    let edits = found[0]["edit"]["changes"].as_object().unwrap().values().next().unwrap();
    assert_eq!(edited(text, edits), text.replace("Afine", "Affine"));
    let all = json!({ "range": range(0, 0, 0), "context": { "diagnostics": [], "only": ["source.fixAll"] } });
    let found = editor.of("textDocument/codeAction", "m.nn", all);
    let edits = found[0]["edit"]["changes"].as_object().unwrap().values().next().unwrap();
    assert_eq!(edited(text, edits), text.replace("Afine", "Affine").replace("sigmod", "sigmoid"));
    let refactor = json!({ "range": range(1, 9, 9), "context": { "diagnostics": [], "only": ["refactor"] } });
    assert_eq!(editor.of("textDocument/codeAction", "m.nn", refactor), json!([]));
    editor.shut_down();
}

#[test]
fn positions_are_right_behind_characters_beyond_the_basic_plane() {
    let text = "# 𝛼𝛼\r\ninput x: [4]\r\ntest \"𝛼\" { assert qq }\r\noutput p = x\r\n";
    let at = (2, "test \"𝛼\" { assert ".encode_utf16().count() as u32);
    let mut editor = Editor::new();
    let told = editor.open("m.nn", text);
    assert_eq!(told[0]["range"], range(2, at.1, at.1 + 2));
    // Behind the two, the name becomes `true`, letter by letter.
    let changes = json!([{ "range": range(2, at.1, at.1 + 2), "text": "tru" }, { "range": range(2, at.1 + 3, at.1 + 3), "text": "e" }]);
    assert_eq!(editor.change("m.nn", 2, changes), Vec::<Value>::new());
    editor.shut_down();

    let mut editor = Editor::with(json!({ "general": { "positionEncodings": ["utf-8", "utf-16"] } }));
    let told = editor.open("m.nn", text);
    let bytes = "test \"𝛼\" { assert ".len() as u32;
    assert_eq!(told[0]["range"], range(2, bytes, bytes + 2));
    editor.shut_down();
}

#[test]
fn a_text_that_was_never_saved_is_checked() {
    let mut editor = Editor::new();
    let document = json!({ "uri": "untitled:Untitled-1", "languageId": "nn", "version": 1, "text": "y = qq\n" });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    while !editor.told.contains_key("untitled:Untitled-1") {
        assert!(editor.receive().is_none());
    }
    assert_eq!(editor.told["untitled:Untitled-1"].1[0]["code"], "E0102");
    editor.shut_down();
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// What a check of a file sees.
fn facts(path: &Path) -> Facts {
    let session = Session::open(path, &Asked { noting: true, ..Asked::default() });
    let module = |(written, file): (&str, nnlc::source::FileId)| {
        let file = session.sources.file(file);
        (written.to_owned(), Module { path: PathBuf::from(&file.name), syntax: Syntax::new(file.text.as_str()).into() })
    };
    let modules = session.imports().into_iter().map(module).collect();
    let Session { sources, file, notes, diagnostics, .. } = session;
    Facts { sources, file, notes, diagnostics, modules }
}

/// Asks everything at a place.
fn everything(view: &View, at: u32) {
    ide::hover(view, at);
    ide::definition(view, at);
    ide::references(view, at, true);
    ide::signature(view, at);
    ide::actions(view, at, at);
    for completion in ide::complete(view, at).iter().take(5) {
        ide::documentation(view, &completion.label, completion.kind);
    }
    let _ = ide::rename(view, at, "renamed");
}

#[test]
fn every_feature_answers_at_every_token_of_every_example() {
    for path in nnlc::driver::programs(&[examples()]).unwrap() {
        let facts = facts(&path);
        let text = facts.text().to_owned();
        let syntax = Syntax::new(text.as_str());
        let view = View::new(&syntax, Some(&facts));
        for token in syntax.tokens.iter().filter(|token| !token.kind.is_trivia()) {
            everything(&view, token.start);
            everything(&view, token.end);
        }
        // What is told of names agrees with what the text is.
        for (span, note) in &facts.notes.names {
            assert!(!note.seen.is_empty() && !facts.sources.text(*span).is_empty(), "{}", path.display());
        }
        assert!(ide::hints(&view, 0, text.len() as u32).len() > 2, "{}", path.display());
        assert!(!ide::outline(&syntax).is_empty() && !ide::folds(&syntax).is_empty());
    }
}

#[test]
fn every_feature_answers_in_texts_that_are_being_written() {
    let folder = examples();
    for name in ["vae.nn", "transformer.nn"] {
        let facts = facts(&folder.join(name));
        let whole = Syntax::new(facts.text());
        // The text ends in the middle, or a token is missing.
        for token in whole.tokens.iter().filter(|token| !token.kind.is_trivia()).step_by(3) {
            let (start, end) = (token.start as usize, token.end as usize);
            for text in [whole.text[..end].to_owned(), format!("{}{}", &whole.text[..start], &whole.text[end..])] {
                let syntax = Syntax::new(text);
                let view = View::new(&syntax, Some(&facts));
                everything(&view, start as u32);
                ide::hints(&view, 0, syntax.text.len() as u32);
                ide::outline(&syntax);
                ide::folds(&syntax);
                ide::fix_all(&view);
            }
        }
    }
}
