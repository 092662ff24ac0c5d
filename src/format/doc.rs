//! A text with places where its lines may end.
//!
//! A group is written on one line when it fits, otherwise all its own places become line breaks, and the groups inside decide anew. All
//! that this needs of a part is known when it is made, so that `layout` looks at each part once.

use super::cursor::Comment;

/// A part of the text.
#[derive(Debug)]
pub struct Doc<'t> {
    /// What it is.
    pub kind: Kind<'t>,
    /// The characters that it takes on one line.
    pub width: usize,
    /// Whether it cannot stand on one line.
    pub forced: bool,
    /// The characters up to the first place where its line may end.
    pub lead: usize,
    /// Whether there is such a place.
    pub ends: bool,
}

/// What a part is.
#[derive(Debug)]
pub enum Kind<'t> {
    /// A token.
    Text(&'t str),
    /// A blank, unless a line begins or ends there.
    Space,
    /// A line break in a broken group, otherwise a blank.
    Line,
    /// A line break in a broken group, otherwise nothing.
    Soft,
    /// A line break, and a blank line.
    Break { blank: bool },
    /// In a broken group a line break if there must be one or what follows, of some width, does not fit; otherwise a blank.
    Fill { must: bool, width: usize },
    /// A comma in a broken group, otherwise nothing.
    Comma,
    /// A comment. What follows stands on another line.
    Comment(Comment<'t>),
    /// One after the other.
    Concat(Vec<Doc<'t>>),
    /// Lines that begin inside are indented a step more.
    Nest(Box<Doc<'t>>),
    /// What stands on one line if it fits.
    Group(Box<Doc<'t>>),
    /// What stands behind a `=`. If it does not fit there but on a line of its own, `below` puts it there.
    Value { below: bool, value: Box<Doc<'t>> },
    /// `name |> call`: broken before the bar if that is enough, otherwise inside the call.
    Pipe(Box<[Doc<'t>; 3]>),
    /// What is judged by the full width again, or, when `whole`, is not broken for its width.
    Limit { whole: bool, doc: Box<Doc<'t>> },
}

impl<'t> Doc<'t> {
    fn new(kind: Kind<'t>, width: usize) -> Doc<'t> {
        Doc { kind, width, forced: false, lead: width, ends: false }
    }

    /// A token.
    pub fn text(text: &'t str) -> Doc<'t> {
        Doc::new(Kind::Text(text), text.chars().count())
    }

    /// A blank.
    pub fn space() -> Doc<'t> {
        Doc::new(Kind::Space, 1)
    }

    /// A blank or a line break.
    pub fn line() -> Doc<'t> {
        Doc { lead: 0, ends: true, ..Doc::new(Kind::Line, 1) }
    }

    /// Nothing or a line break.
    pub fn soft() -> Doc<'t> {
        Doc { lead: 0, ends: true, ..Doc::new(Kind::Soft, 0) }
    }

    /// A line break.
    pub fn hard(blank: bool) -> Doc<'t> {
        Doc { forced: true, lead: 0, ends: true, ..Doc::new(Kind::Break { blank }, 0) }
    }

    /// A blank, or a line break where `next`, or what must follow it on its line, needs one.
    pub fn fill(must: bool, next: &Doc<'t>) -> Doc<'t> {
        let width = next.width + 1;
        Doc { lead: 0, ends: true, ..Doc::new(Kind::Fill { must, width }, 1) }
    }

    /// A comma where the list is broken.
    pub fn comma() -> Doc<'t> {
        Doc::new(Kind::Comma, 0)
    }

    /// A comment.
    pub fn comment(comment: Comment<'t>) -> Doc<'t> {
        Doc { forced: true, lead: 0, ends: true, ..Doc::new(Kind::Comment(comment), 0) }
    }

    /// One after the other.
    pub fn concat(parts: Vec<Doc<'t>>) -> Doc<'t> {
        let width = parts.iter().map(|part| part.width).sum();
        let forced = parts.iter().any(|part| part.forced);
        let first = parts.iter().position(|part| part.ends);
        let lead = parts[..first.map_or(parts.len(), |first| first + 1)].iter().map(|part| part.lead).sum();
        Doc { forced, lead, ends: first.is_some(), ..Doc::new(Kind::Concat(parts), width) }
    }

    fn around(self, kind: impl FnOnce(Box<Doc<'t>>) -> Kind<'t>) -> Doc<'t> {
        let Doc { width, forced, lead, ends, .. } = self;
        Doc { kind: kind(Box::new(self)), width, forced, lead, ends }
    }

    /// With its lines indented a step more.
    pub fn nest(self) -> Doc<'t> {
        self.around(Kind::Nest)
    }

    /// On one line if it fits, and nothing else speaks for breaking it.
    pub fn group(self, broken: bool) -> Doc<'t> {
        let group = self.around(Kind::Group);
        Doc { forced: group.forced || broken, ..group }
    }

    /// With all of it in one piece for what stands in front of it: that is broken first.
    pub fn solid(self) -> Doc<'t> {
        if self.forced { self } else { Doc { lead: self.width, ends: false, ..self } }
    }

    /// What stands behind a `=`, with the blank before it.
    pub fn value(self, below: bool) -> Doc<'t> {
        let value = self.around(|value| Kind::Value { below, value });
        let (lead, ends) = if below { (0, true) } else { (value.lead + 1, value.ends) };
        Doc { width: value.width + 1, lead, ends, ..value }
    }

    /// `name |> call`.
    pub fn pipe(name: Doc<'t>, bar: Doc<'t>, call: Doc<'t>) -> Doc<'t> {
        let width = name.width + bar.width + call.width + 2;
        let forced = name.forced || bar.forced || call.forced;
        let lead = name.lead;
        Doc { forced, lead, ends: true, ..Doc::new(Kind::Pipe(Box::new([name, bar, call])), width) }
    }

    /// A statement. A `whole` one is not broken for its width.
    pub fn statement(self, whole: bool) -> Doc<'t> {
        self.around(|doc| Kind::Limit { whole, doc })
    }

    /// In one piece, unless a comment or the author breaks it.
    pub fn unbroken(self) -> Doc<'t> {
        self.around(|doc| Kind::Limit { whole: true, doc }).solid()
    }
}
