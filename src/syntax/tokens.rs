//! The lossless tokens: every byte of a file belongs to exactly one.
//!
//! They serve what the grammar does not see: comments for the formatter and the documentation, and recovery, which needs to
//! know brackets and statement starts in text that does not parse. What a token means is the grammar's alone.

use logos::Logos;

use super::strings;

/// What a token is.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks and line breaks.
    #[regex(r"[ \t\r\n\u{FEFF}]+")]
    Whitespace,
    /// `# ...` to the line's end.
    #[regex(r"#[^\n]*", priority = 1, allow_greedy = true)]
    Comment,
    /// `## ...`: documents the item below.
    #[regex(r"##([^#\n][^\n]*)?", priority = 5, allow_greedy = true)]
    DocComment,
    /// A reserved word.
    #[token("import")]
    #[token("const")]
    #[token("fn")]
    #[token("layer")]
    #[token("input")]
    #[token("param")]
    #[token("for")]
    #[token("if")]
    #[token("in")]
    #[token("else")]
    #[token("return")]
    #[token("assert")]
    #[token("training")]
    #[token("and")]
    #[token("or")]
    #[token("not")]
    #[token("true")]
    #[token("false")]
    #[token("frozen")]
    #[token("loss")]
    #[token("metric")]
    #[token("output")]
    Keyword,
    /// A name, or a word that is a keyword in one place only.
    #[regex(r"[\p{XID_Start}_]\p{XID_Continue}*", priority = 2)]
    Name,
    /// A number.
    #[regex(r"[0-9](_?[0-9])*(\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?", priority = 4)]
    Number,
    /// A string that ends on its line; its escapes may be wrong.
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Str,
    /// `(`
    #[token("(")]
    OpenParen,
    /// `)`
    #[token(")")]
    CloseParen,
    /// `[`
    #[token("[")]
    OpenBracket,
    /// `]`
    #[token("]")]
    CloseBracket,
    /// `{`
    #[token("{")]
    OpenBrace,
    /// `}`
    #[token("}")]
    CloseBrace,
    /// `,`
    #[token(",")]
    Comma,
    /// `:`
    #[token(":")]
    Colon,
    /// `.`
    #[token(".")]
    Dot,
    /// `..`
    #[token("..")]
    DotDot,
    /// `=`
    #[token("=")]
    Assign,
    /// `->`
    #[token("->")]
    Arrow,
    /// An operator written in punctuation.
    #[token("|>")]
    #[token("==")]
    #[token("!=")]
    #[token("<")]
    #[token("<=")]
    #[token(">")]
    #[token(">=")]
    #[token("+")]
    #[token("-")]
    #[token("*")]
    #[token("/")]
    #[token("%")]
    #[token("@")]
    #[token("^")]
    Operator,
    /// A string without an end on its line.
    #[regex(r#""([^"\\\n]|\\[^\n])*\\?"#, priority = 1)]
    OpenStr,
    /// Digits that run into letters, or an underscore or exponent without digits behind it.
    #[regex(r"[0-9](_?[0-9])*(\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?\p{XID_Continue}+", priority = 3)]
    BadNumber,
    /// What other languages write: `&&`, `**`, `//`, `'text'`, `;` and their like.
    #[token("&&")]
    #[token("||")]
    #[token("!")]
    #[token("**")]
    #[regex(r"//[^\n]*", allow_greedy = true)]
    #[token("+=")]
    #[token("-=")]
    #[token("*=")]
    #[token("/=")]
    #[token(":=")]
    #[token("=>")]
    #[token("...")]
    #[token(";")]
    #[token("?")]
    #[regex(r"'[^'\n]*'")]
    Foreign,
    /// A character that begins no token.
    Stray,
}

impl TokenKind {
    /// Whether the grammar never sees it.
    pub fn is_trivia(self) -> bool {
        matches!(self, TokenKind::Whitespace | TokenKind::Comment | TokenKind::DocComment)
    }

    /// Whether no program holds it.
    pub fn is_fault(self) -> bool {
        matches!(self, TokenKind::OpenStr | TokenKind::BadNumber | TokenKind::Foreign | TokenKind::Stray)
    }

    /// Whether it opens a bracket.
    pub fn is_opener(self) -> bool {
        matches!(self, TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace)
    }

    /// The opener that this closer closes.
    pub fn opener(self) -> Option<TokenKind> {
        match self {
            TokenKind::CloseParen => Some(TokenKind::OpenParen),
            TokenKind::CloseBracket => Some(TokenKind::OpenBracket),
            TokenKind::CloseBrace => Some(TokenKind::OpenBrace),
            _ => None,
        }
    }
}

/// A token: its kind and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Its bytes as a range.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Whether a word is reserved everywhere, so that nothing can be called so.
pub fn is_keyword(word: &str) -> bool {
    TokenKind::lexer(word).next() == Some(Ok(TokenKind::Keyword))
}

/// The tokens of `text`, in order, without gaps. Neighbouring stray characters are one token. A string that lacks a quote ends where it
/// was probably meant to.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 3);
    for (kind, range) in TokenKind::lexer(text).spanned() {
        push(&mut tokens, kind, range);
        if tokens.last().is_some_and(|last| last.kind == TokenKind::OpenStr) {
            let end = tokens.last().map_or(0, |last| last.end as usize);
            let Some(rest) = strings::cut_open(text, &mut tokens) else { continue };
            for (kind, range) in TokenKind::lexer(&text[rest..end]).spanned() {
                push(&mut tokens, kind, rest + range.start..rest + range.end);
            }
        }
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, kind: Result<TokenKind, ()>, range: std::ops::Range<usize>) {
    let kind = kind.unwrap_or(TokenKind::Stray);
    let (start, end) = (range.start as u32, range.end as u32);
    match tokens.last_mut() {
        Some(last) if kind == TokenKind::Stray && last.kind == TokenKind::Stray => last.end = end,
        _ => tokens.push(Token { kind, start, end }),
    }
}
