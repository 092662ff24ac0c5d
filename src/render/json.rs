//! Diagnostics for programs: one JSON object a line, all of them, nothing folded.
//!
//! ```json
//! {"code": "E0102", "severity": "error", "title": "unknown name `sigmid`",
//!  "labels": [{"file": "model.nn", "primary": true, "message": "not defined", "bytes": [8, 14],
//!              "start": {"line": 2, "column": 6}, "end": {"line": 2, "column": 12}}],
//!  "notes": ["why"], "helps": ["what to write"],
//!  "fixes": [{"title": "write `sigmoid`", "certain": true,
//!             "edits": [{"file": "model.nn", "bytes": [8, 14], "start": ..., "end": ..., "text": "sigmoid"}]}]}
//! ```
//!
//! `severity` is `error` or `warning`. Lines and columns count from 1, columns in characters; `bytes` counts from 0; both ends are
//! exclusive. The first label is the place of the fault; there is none when the fault is in no file.

use serde_json::{Map, Value, json as value};

use crate::diagnostic::{Applicability, Diagnostic, Severity};
use crate::source::{SourceMap, Span};

/// One object a line.
pub fn json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    diagnostics.iter().map(|diagnostic| format!("{}\n", object(diagnostic, sources))).collect()
}

fn object(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let mut entry = place(label.span, sources);
            entry.insert("primary".to_owned(), label.primary.into());
            entry.insert("message".to_owned(), label.message.as_str().into());
            Value::Object(entry)
        })
        .collect();
    let fixes: Vec<Value> = diagnostic
        .fixes
        .iter()
        .map(|fix| {
            let edits: Vec<Value> = fix
                .edits
                .iter()
                .map(|edit| {
                    let mut entry = place(edit.span, sources);
                    entry.insert("text".to_owned(), edit.text.as_str().into());
                    Value::Object(entry)
                })
                .collect();
            value!({"title": fix.title, "certain": fix.applicability == Applicability::Certain, "edits": edits})
        })
        .collect();
    value!({
        "code": diagnostic.code.as_str(),
        "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
        "title": diagnostic.title,
        "labels": labels,
        "notes": diagnostic.notes,
        "helps": diagnostic.helps,
        "fixes": fixes,
    })
}

fn place(span: Span, sources: &SourceMap) -> Map<String, Value> {
    let (start, end) = (sources.line_column(span), sources.line_column(span.after()));
    let mut entry = Map::new();
    entry.insert("file".to_owned(), sources.file(span.file).name.as_str().into());
    entry.insert("bytes".to_owned(), value!([span.start, span.end]));
    entry.insert("start".to_owned(), value!({"line": start.line, "column": start.column}));
    entry.insert("end".to_owned(), value!({"line": end.line, "column": end.column}));
    entry
}
