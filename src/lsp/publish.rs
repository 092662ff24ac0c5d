//! Diagnostics as a client shows them: by file, for each the union of what the checks of open programs found there.

use std::collections::BTreeMap;
use std::path::Path;

use gen_lsp_types::{
    Code, CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location,
    Message, Uri,
};

use super::cache::Cache;
use super::client::Client;
use super::position::Lines;
use crate::diagnostic::{self, Severity};
use crate::driver::plain;
use crate::ide::Facts;
use crate::source::{FileId, Span};

/// The diagnostics of each file, by the program whose check found them.
#[derive(Default)]
pub struct Published {
    files: BTreeMap<String, BTreeMap<String, Vec<Diagnostic>>>,
}

impl Published {
    /// Takes what the check of `program` found in place of what it found before. The files whose diagnostics are others now, each with
    /// all of them; the program's own is always among them.
    pub fn replace(&mut self, program: &Uri, found: BTreeMap<String, Vec<Diagnostic>>) -> Vec<(Uri, Vec<Diagnostic>)> {
        let mut touched: Vec<String> = vec![program.0.clone()];
        for (file, by_program) in &mut self.files {
            if by_program.remove(&program.0).is_some() {
                touched.push(file.clone());
            }
        }
        for (file, diagnostics) in found {
            touched.push(file.clone());
            self.files.entry(file).or_default().insert(program.0.clone(), diagnostics);
        }
        touched.sort();
        touched.dedup();
        let all: Vec<_> = touched.into_iter().map(|file| (Uri(file.clone()), self.of_file(&file))).collect();
        self.files.retain(|_, by_program| !by_program.is_empty());
        all
    }

    /// All diagnostics of a file, each once.
    fn of_file(&self, file: &str) -> Vec<Diagnostic> {
        let mut all: Vec<Diagnostic> = Vec::new();
        for diagnostic in self.files.get(file).into_iter().flat_map(BTreeMap::values).flatten() {
            if !all.contains(diagnostic) {
                all.push(diagnostic.clone());
            }
        }
        all
    }
}

/// What a check found, by the URIs of the files that it is in. The program's own is called `program`; what others are called is for
/// `name` to say.
pub fn by_file(
    facts: &Facts,
    program: &Uri,
    client: &Client,
    name: &dyn Fn(&Path) -> Uri,
    cache: &mut Cache,
) -> BTreeMap<String, Vec<Diagnostic>> {
    let mut texts = Texts { facts, program, client, name, lines: BTreeMap::new() };
    let mut found: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    for diagnostic in &facts.diagnostics {
        let file = diagnostic.span().map_or(facts.file, |span| span.file);
        found.entry(texts.uri(file).0).or_default().push(shown(diagnostic, &mut texts, cache));
    }
    found
}

/// The texts of a check, as a client sees them.
struct Texts<'a> {
    facts: &'a Facts,
    program: &'a Uri,
    client: &'a Client,
    name: &'a dyn Fn(&Path) -> Uri,
    lines: BTreeMap<FileId, Lines<'a>>,
}

impl Texts<'_> {
    fn uri(&self, file: FileId) -> Uri {
        match file == self.facts.file {
            true => self.program.clone(),
            false => (self.name)(&plain(Path::new(&self.facts.sources.file(file).name))),
        }
    }

    fn location(&mut self, span: Span) -> Location {
        let (facts, encoding) = (self.facts, self.client.encoding);
        let lines =
            self.lines.entry(span.file).or_insert_with(|| Lines::new(&facts.sources.file(span.file).text, encoding));
        let range = lines.range(span.start, span.end);
        Location { uri: self.uri(span.file), range }
    }
}

fn shown(diagnostic: &diagnostic::Diagnostic, texts: &mut Texts<'_>, cache: &mut Cache) -> Diagnostic {
    let range = diagnostic.span().map(|span| texts.location(span).range).unwrap_or_default();
    let others = diagnostic.labels.iter().filter(|label| !label.primary);
    let own = others.filter(|label| !texts.facts.sources.is_library(label.span)).cloned().collect::<Vec<_>>();
    let related: Vec<DiagnosticRelatedInformation> = own
        .into_iter()
        .map(|label| DiagnosticRelatedInformation { location: texts.location(label.span), message: label.message })
        .collect();
    let page = texts.client.code_links.then(|| cache.page(diagnostic.code)).flatten();
    let unused = ["W0604", "W0608"].contains(&diagnostic.code.as_str());
    Diagnostic {
        range,
        severity: Some(match diagnostic.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
        }),
        code: Some(Code::String(diagnostic.code.to_string())),
        code_description: page.map(|href| CodeDescription { href }),
        source: Some("nnlc".to_owned()),
        message: Message::String(message(diagnostic)),
        tags: unused.then(|| vec![DiagnosticTag::Unnecessary]),
        related_information: (texts.client.related && !related.is_empty()).then_some(related),
        data: None,
    }
}

/// The title, what is to be seen at the place, why it is so, and what to write instead.
fn message(diagnostic: &diagnostic::Diagnostic) -> String {
    let label = diagnostic.labels.iter().find(|label| label.primary).map(|label| label.message.clone());
    let label = label.filter(|label| !label.is_empty()).map(|label| format!(": {label}")).unwrap_or_default();
    let notes = diagnostic.notes.iter().map(|note| format!("note: {note}"));
    let helps = diagnostic.helps.iter().map(|help| format!("help: {help}"));
    std::iter::once(format!("{}{label}", diagnostic.title)).chain(notes).chain(helps).collect::<Vec<_>>().join("\n")
}
