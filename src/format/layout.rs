//! Where lines end: the text of a [`Doc`].

use super::cursor::Comment;
use super::doc::{Doc, Kind};
use super::{STEP, WIDTH};

/// The blanks between code and a comment behind it.
const BEFORE_COMMENT: usize = 2;

/// A line of the text.
#[derive(Default)]
struct Row<'t> {
    indent: usize,
    /// The code, or a comment that stands alone.
    text: String,
    /// The characters of both.
    width: usize,
    /// The comment behind the code.
    comment: Option<Comment<'t>>,
}

/// The text of a file.
pub fn render(file: &Doc<'_>) -> String {
    let mut layout = Layout { rows: Vec::new(), row: Row::default(), space: false, begin: None, limit: WIDTH };
    layout.print(file, false, 0, 0);
    layout.rows.push(layout.row);
    text(&layout.rows)
}

/// The state of a text that is being written.
struct Layout<'t> {
    /// The lines that are finished.
    rows: Vec<Row<'t>>,
    /// The line that is being written.
    row: Row<'t>,
    /// Whether a blank is to stand before what comes next.
    space: bool,
    /// Where a line is to begin before what comes next, since a comment ends this one.
    begin: Option<usize>,
    /// How long a line may get.
    limit: usize,
}

impl<'t> Layout<'t> {
    /// Writes `doc`: on one line when `flat`, otherwise with lines that begin at `indent`, and `tail` characters must fit behind it.
    fn print(&mut self, doc: &Doc<'t>, flat: bool, indent: usize, tail: usize) {
        match &doc.kind {
            Kind::Text(text) => self.text(text, doc.width),
            Kind::Space => self.space = true,
            Kind::Line if flat => self.space = true,
            Kind::Line => self.begin_line(indent),
            Kind::Soft if flat => {}
            Kind::Soft => self.begin_line(indent),
            Kind::Break { blank } => self.hard(indent, *blank),
            Kind::Fill { must, width } => {
                if !flat && (*must || self.column() + 1 + width > self.limit) {
                    self.begin_line(indent);
                }
                self.space = true;
            }
            Kind::Comma if flat => {}
            Kind::Comma => self.text(",", 1),
            Kind::Comment(comment) => self.comment(*comment, indent),
            Kind::Concat(parts) => self.concat(parts, flat, indent, tail),
            Kind::Nest(inner) => self.print(inner, flat, indent + STEP, tail),
            Kind::Group(inner) => {
                let flat = flat || self.fits(doc, tail);
                self.print(inner, flat, indent, tail);
            }
            Kind::Value { below, value } => {
                self.space = true;
                let here = flat || self.fits(value, tail);
                let there = !value.forced && indent + STEP + value.width + tail <= self.limit;
                if !here && *below && there {
                    self.begin_line(indent + STEP);
                    self.print(value, true, indent + STEP, tail);
                } else {
                    self.print(value, here, indent, tail);
                }
            }
            Kind::Pipe(parts) => self.pipe(doc, parts, flat, indent, tail),
            Kind::Limit { whole, doc } => {
                let limit = std::mem::replace(&mut self.limit, if *whole { usize::MAX } else { WIDTH });
                self.print(doc, flat, indent, 0);
                self.limit = limit;
            }
        }
    }

    /// What must fit behind a part is what follows it up to the first place where a line may end.
    fn concat(&mut self, parts: &[Doc<'t>], flat: bool, indent: usize, tail: usize) {
        let mut tails = vec![tail; parts.len()];
        for at in (1..parts.len()).rev() {
            let part = &parts[at];
            tails[at - 1] = if part.ends { part.lead } else { part.lead + tails[at] };
        }
        for (part, tail) in parts.iter().zip(tails) {
            self.print(part, flat, indent, tail);
        }
    }

    fn pipe(&mut self, doc: &Doc<'t>, [name, bar, call]: &[Doc<'t>; 3], flat: bool, indent: usize, tail: usize) {
        let flat = flat || self.fits(doc, tail);
        let below = indent + STEP;
        self.print(name, true, indent, 0);
        self.space = true;
        let own_line = !flat && !call.forced && below + bar.width + 1 + call.width + tail <= self.limit;
        if own_line {
            self.begin_line(below);
        }
        self.print(bar, true, indent, 0);
        self.space = true;
        self.print(call, flat || own_line, indent, tail);
    }

    /// Whether `doc` and `tail` characters behind it fit on this line.
    fn fits(&self, doc: &Doc<'t>, tail: usize) -> bool {
        let space = usize::from(self.space && self.begin.is_none() && !self.row.text.is_empty());
        !doc.forced && self.column() + space + doc.width + tail <= self.limit
    }

    /// The characters in front of what comes next, without the blank before it.
    fn column(&self) -> usize {
        self.begin.unwrap_or(self.row.indent + self.row.width)
    }

    fn text(&mut self, text: &str, width: usize) {
        if let Some(indent) = self.begin {
            self.begin_line(indent);
        }
        if self.space && !self.row.text.is_empty() {
            self.row.text.push(' ');
            self.row.width += 1;
        }
        self.space = false;
        self.row.text.push_str(text);
        self.row.width += width;
    }

    /// Begins a line. A line that is empty yet becomes it.
    fn begin_line(&mut self, indent: usize) {
        if !self.row.text.is_empty() {
            self.rows.push(std::mem::take(&mut self.row));
        }
        self.row.indent = indent;
        self.space = false;
        self.begin = None;
    }

    /// Begins a line, with a blank one above it; the first line has nothing above it.
    fn hard(&mut self, indent: usize, blank: bool) {
        self.begin_line(indent);
        if blank && !self.rows.is_empty() {
            self.rows.push(Row::default());
        }
    }

    /// Puts a comment behind the code of this line or, if it stood alone or another one is there, on a line of its own.
    fn comment(&mut self, comment: Comment<'t>, indent: usize) {
        let code = !self.row.text.is_empty() && self.begin.is_none();
        if code && comment.trailing.is_some() {
            self.row.comment = Some(comment);
            self.begin = Some(indent + STEP);
            return;
        }
        let at = self.begin.unwrap_or(if code { indent + STEP } else { self.row.indent });
        self.begin_line(at);
        self.row.text.push_str(comment.text);
        self.begin = Some(at);
    }
}

/// The lines as text. Comments behind neighbouring lines that stood in one column stand in one column again.
fn text(rows: &[Row<'_>]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < rows.len() {
        let column = |row: &Row<'_>| row.comment.and_then(|comment| comment.trailing);
        let run = match column(&rows[at]) {
            None => 1,
            found => rows[at..].iter().take_while(|row| column(row) == found).count(),
        };
        let run = &rows[at..at + run];
        let widest = run.iter().map(|row| row.indent + row.width).max().unwrap_or(0);
        for row in run {
            if !row.text.is_empty() {
                out.extend(std::iter::repeat_n(' ', row.indent));
                out += &row.text;
            }
            if let Some(comment) = row.comment {
                out.extend(std::iter::repeat_n(' ', widest + BEFORE_COMMENT - row.indent - row.width));
                out += comment.text;
            }
            out.push('\n');
        }
        at += run.len();
    }
    if out == "\n" { String::new() } else { out }
}
