//! Diagnostics as people read them: source lines with labels, drawn by `ariadne`, then notes, helps and what to write.

use std::collections::BTreeMap;

use ariadne::{Cache, Color, Config, Label, Report, ReportKind, Source};

use super::{heading, labels, shown, summary};
use crate::diagnostic::{Diagnostic, Edit, Fix, Severity};
use crate::source::{FileId, SourceMap, Span};

const TAB_WIDTH: usize = 4;
/// The longest line, in bytes, that is drawn.
const LONGEST_LINE: usize = 400;

/// The first diagnostics in full, and the summary. With `color`, for a terminal.
pub fn text(diagnostics: &[Diagnostic], sources: &SourceMap, color: bool) -> String {
    let mut files = Files { sources, drawn: BTreeMap::new() };
    let mut text = String::new();
    for diagnostic in shown(diagnostics) {
        text += &draw(diagnostic, &mut files, color);
        text.push('\n');
    }
    text + &summary(diagnostics)
}

/// What `ariadne` names a place by: a file and a range of characters.
type Place = (FileId, std::ops::Range<usize>);

fn draw(diagnostic: &Diagnostic, files: &mut Files<'_>, color: bool) -> String {
    let main = match diagnostic.severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
    };
    let heading = heading(diagnostic);
    let mut labels = labels(diagnostic, files.sources);
    let primary = labels.first().map(|label| label.span);
    let place = primary.map_or((FileId(0), 0..0), |span| files.place(span));
    if labels.iter().any(|label| files.is_too_long(label.span)) {
        return heading_line(diagnostic, &heading, color) + &undrawn(diagnostic, &labels, files.sources);
    }
    let mut report = Report::build(ReportKind::Custom(&heading, main), place.clone())
        .with_config(Config::new().with_color(color).with_tab_width(TAB_WIDTH))
        .with_message("");
    // In source order, or a file would be shown in several parts.
    labels.sort_by_key(|label| (label.span.file != place.0, label.span));
    for label in labels {
        let shade = if Some(label.span) == primary { main } else { Color::Cyan };
        report.add_label(Label::new(files.place(label.span)).with_message(&label.message).with_color(shade));
    }
    report.with_notes(&diagnostic.notes);
    report.with_helps(&diagnostic.helps);
    report.with_helps(diagnostic.fixes.iter().map(|fix| describe(fix, files.sources)));
    let mut bytes = Vec::new();
    report.finish().write(&mut *files, &mut bytes).expect("writing to memory does not fail");
    let drawn = String::from_utf8_lossy(&bytes);
    let mut text = heading_line(diagnostic, &heading, color);
    for line in drawn.lines().skip(1) {
        text += line.trim_end();
        text.push('\n');
    }
    if primary.is_none() {
        text += &remarks(diagnostic, files.sources);
    }
    text
}

/// The heading and the title. It is ours: `ariadne` would colour it always.
fn heading_line(diagnostic: &Diagnostic, heading: &str, color: bool) -> String {
    let (on, off) = match (color, diagnostic.severity) {
        (false, _) => ("", ""),
        (true, Severity::Error) => ("\u{1b}[1;31m", "\u{1b}[0m"),
        (true, Severity::Warning) => ("\u{1b}[1;33m", "\u{1b}[0m"),
    };
    format!("{on}{heading}{off}: {}\n", printable(&diagnostic.title))
}

/// The places in words, for lines that are too long to be drawn.
fn undrawn(diagnostic: &Diagnostic, labels: &[&crate::diagnostic::Label], sources: &SourceMap) -> String {
    let mut text = String::new();
    for label in labels {
        let place = sources.line_column(label.span);
        let name = &sources.file(label.span.file).name;
        text += &format!("  {name}:{}:{}: {}\n", place.line, place.column, printable(&label.message));
    }
    text + &remarks(diagnostic, sources)
}

/// Notes, helps and fixes without a drawing.
fn remarks(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let notes = diagnostic.notes.iter().map(|note| format!("  Note: {note}\n"));
    let helps = diagnostic.helps.iter().map(|help| format!("  Help: {help}\n"));
    let fixes = diagnostic.fixes.iter().map(|fix| format!("  Help: {}\n", describe(fix, sources)));
    notes.chain(helps).chain(fixes).collect()
}

/// A fix in words, with the line as it would be.
fn describe(fix: &Fix, sources: &SourceMap) -> String {
    let Some(first) = fix.edits.first() else { return fix.title.clone() };
    let file = sources.file(first.span.file);
    let number = file.line_column(first.span.start).line;
    let start = file.text[..first.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let mut line = file.line(number).to_owned();
    if line.len() > LONGEST_LINE {
        return fix.title.clone();
    }
    let mut edits: Vec<&Edit> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    for edit in edits {
        let range = (edit.span.start as usize).wrapping_sub(start)..(edit.span.end as usize).wrapping_sub(start);
        if edit.text.contains('\n') || line.get(range.clone()).is_none() || edit.span.file != first.span.file {
            return fix.title.clone();
        }
        line.replace_range(range, &edit.text);
    }
    format!("{}:\n    {}", fix.title, printable(line.trim()))
}

/// The files as `ariadne` reads them: line breaks only where we count them, nothing that a terminal would obey.
struct Files<'s> {
    sources: &'s SourceMap,
    drawn: BTreeMap<FileId, Source<String>>,
}

impl Files<'_> {
    /// Whether a label at `span` would have a line drawn that no terminal shows whole.
    fn is_too_long(&self, span: Span) -> bool {
        let text = &self.sources.file(span.file).text;
        let is_long = |at: u32| {
            let (before, after) = text.split_at(at as usize);
            let length = before.bytes().rev().chain([b'\n']).position(|byte| byte == b'\n').unwrap_or(0)
                + after.bytes().chain([b'\n']).position(|byte| byte == b'\n').unwrap_or(0);
            length > LONGEST_LINE
        };
        is_long(span.start) || is_long(span.end)
    }

    /// A span in characters.
    fn place(&self, span: Span) -> Place {
        let text = &self.sources.file(span.file).text;
        let start = text[..span.start as usize].chars().count();
        (span.file, start..start + text[span.range()].chars().count())
    }
}

impl Cache<FileId> for &mut Files<'_> {
    type Storage = String;

    fn fetch(&mut self, id: &FileId) -> Result<&Source<String>, impl std::fmt::Debug> {
        let sources = self.sources;
        Ok::<_, ()>(self.drawn.entry(*id).or_insert_with(|| Source::from(printable(&sources.file(*id).text))))
    }

    fn display<'a>(&self, id: &'a FileId) -> Option<impl std::fmt::Display + 'a> {
        Some(self.sources.file(*id).name.clone())
    }
}

/// The text with each control character but tabs and line breaks shown as one visible character.
fn printable(text: &str) -> String {
    let mut chars = text.chars().peekable();
    let mut shown = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        shown.push(match c {
            '\n' | '\t' => c,
            '\r' if chars.peek() == Some(&'\n') => c,
            '\u{2028}' | '\u{2029}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        });
    }
    shown
}
