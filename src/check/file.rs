//! `file("w.npy")`: an array of a file as a constant tensor, most often what a parameter begins with.

use super::call::Given;
use super::checker::Checker;
use super::value::Val;
use crate::diagnostic::Code;
use crate::source::Span;

impl<'a> Checker<'a> {
    /// `file(path)` or `file(path, key)`.
    pub fn file(&mut self, given: Vec<Given<'a>>, span: Span) -> Val<'a> {
        let mut texts = Vec::new();
        for Given { name, val, at, .. } in &given {
            match (name, val) {
                (_, Val::Error) => return Val::Error,
                (Some(name), _) => return self.report_unknown_argument("file", name, *at, &[]),
                (None, Val::Str(text)) => texts.push(text.clone()),
                (None, other) => {
                    let title = format!("`file` takes texts, not {}", other.kind());
                    return self.error(Code::E0114, *at, title, "the file's name, and an array's key");
                }
            }
        }
        let (path, key) = match &texts[..] {
            [path] => (path, None),
            [path, key] => (path, Some(&**key)),
            _ => {
                let title = "`file` takes a file's name, and an array's key if it holds several";
                return self.error(Code::E0105, span, title, format!("{} given", texts.len()));
            }
        };
        match self.circumstances.files.array(path, key, span) {
            Ok(tensor) => {
                let value = self.builder(span).constant(tensor);
                self.stamp_value(value, span);
                Val::Tensor(value)
            }
            Err(diagnostic) => self.report(diagnostic),
        }
    }
}
