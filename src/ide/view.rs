//! What is known of a file: its syntax as it stands, and what the last check saw.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::names::{Kind, Names, SymbolId};
use crate::base::Idx;
use crate::check::Notes;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast::Ast;
use crate::syntax::{self, Token, TokenKind};

/// A text and what its syntax tells.
#[derive(Debug)]
pub struct Syntax {
    /// The text.
    pub text: String,
    /// Its tokens, without gaps.
    pub tokens: Vec<Token>,
    /// Its syntax tree.
    pub ast: Ast,
    /// Its names.
    pub names: Names,
}

impl Syntax {
    /// The syntax of a text.
    pub fn new(text: impl Into<String>) -> Syntax {
        let text = text.into();
        let (ast, _) = syntax::parse(FileId::new(0), &text);
        let names = Names::of(&ast, text.len() as u32);
        Syntax { tokens: syntax::tokenize(&text), ast, names, text }
    }

    /// The text of a span.
    pub fn text_of(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// The place of the first token that ends behind byte `at`; their number at the end of the text.
    pub fn token_after(&self, at: u32) -> usize {
        self.tokens.partition_point(|token| token.end <= at)
    }

    /// The word around byte `at`, or ending there.
    pub fn word_at(&self, at: u32) -> Option<Token> {
        let place = self.token_after(at);
        let is_word = |token: &Token| matches!(token.kind, TokenKind::Name | TokenKind::Keyword);
        let here = self.tokens.get(place).filter(|token| is_word(token) && token.start <= at);
        let before = place.checked_sub(1).and_then(|place| self.tokens.get(place));
        here.or(before.filter(|token| is_word(token) && token.end == at)).copied()
    }

    /// The text of a token.
    pub fn token_text(&self, token: Token) -> &str {
        &self.text[token.range()]
    }

    /// The place in this file from `start` to `end`.
    pub fn span(&self, start: u32, end: u32) -> Span {
        Span::new(FileId::new(0), start as usize, end as usize)
    }
}

/// A file that a program imports.
#[derive(Debug)]
pub struct Module {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub syntax: Arc<Syntax>,
}

/// What a check of a file saw.
#[derive(Debug)]
pub struct Facts {
    /// All texts; the file's among them.
    pub sources: SourceMap,
    /// The file.
    pub file: FileId,
    /// What its names and calls stand for.
    pub notes: Notes,
    /// What is wrong with it and what it imports.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that it imports, by the paths that it writes.
    pub modules: BTreeMap<String, Module>,
}

/// A file as it stands, with what was seen in it before.
pub struct View<'a> {
    /// The text as it stands.
    pub syntax: &'a Syntax,
    /// What the last check saw.
    pub facts: Option<&'a Facts>,
    /// How many bytes at the start and at the end are the same in both texts.
    same: (u32, u32),
}

impl<'a> View<'a> {
    /// A file as it stands, with what was seen in it before.
    pub fn new(syntax: &'a Syntax, facts: Option<&'a Facts>) -> View<'a> {
        let old = facts.map_or("", |facts| facts.text());
        let new = &syntax.text;
        if old == new {
            return View { syntax, facts, same: (new.len() as u32, 0) };
        }
        let start = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
        let rest = old.len().min(new.len()) - start;
        let end = old.bytes().rev().zip(new.bytes().rev()).take(rest).take_while(|(a, b)| a == b).count();
        View { syntax, facts, same: (start as u32, end as u32) }
    }

    /// Where a place of this text was in the text that was checked, if it was there.
    pub fn seen_at(&self, span: Span) -> Option<Span> {
        let facts = self.facts?;
        let moved = self.moved(span, self.syntax.text.len(), facts.text().len())?;
        Some(Span { file: facts.file, ..moved })
    }

    /// Where a place of the text that was checked is in this text, if it is still there.
    pub fn now_at(&self, span: Span) -> Option<Span> {
        let facts = self.facts.filter(|facts| facts.file == span.file)?;
        let moved = self.moved(span, facts.text().len(), self.syntax.text.len())?;
        Some(Span { file: FileId::new(0), ..moved })
    }

    fn moved(&self, span: Span, from: usize, to: usize) -> Option<Span> {
        let (start, end) = self.same;
        let (from, to) = (from as u32, to as u32);
        if span.end <= start {
            Some(span)
        } else if span.start >= from.saturating_sub(end) && span.end <= from {
            Some(Span { start: to - (from - span.start), end: to - (from - span.end), ..span })
        } else {
            None
        }
    }

    /// The imported file that a symbol stands for, or comes from.
    pub fn module(&self, symbol: SymbolId) -> Option<&'a Module> {
        let symbol = &self.syntax.names.symbols[symbol];
        self.facts?.modules.get(symbol.from.as_ref()?)
    }

    /// The imported file and its symbol that the name at `span` means: `m.name`, or a name that an `import` brings.
    pub fn imported(&self, span: Span) -> Option<(&'a Module, SymbolId)> {
        let names = &self.syntax.names;
        let member = names.members.iter().find(|(place, _)| *place == span).map(|(_, module)| *module);
        let symbol = member.or_else(|| {
            let own = names.at(span.start).filter(|occurrence| occurrence.span == span)?.symbol;
            Some(own).filter(|own| names.symbols[*own].kind == Kind::Imported)
        })?;
        let module = self.module(symbol)?;
        Some((module, module.syntax.names.exported(self.syntax.text_of(span))?))
    }
}

impl Facts {
    /// The text that was checked.
    pub fn text(&self) -> &str {
        &self.sources.file(self.file).text
    }
}
