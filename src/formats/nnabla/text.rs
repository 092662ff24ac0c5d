//! Protobuf's text form as a tree of fields: `network { name: "Main" variable { ... } }`. Read without a schema, and written.
//!
//! Reading is total: any text gives a tree or one fault with its line. What a field means is for others.

use std::fmt;

/// How deep messages may nest.
const DEPTH: usize = 32;

/// A message: its fields in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Name and value; a repeated field stands here several times.
    pub fields: Vec<(String, Value)>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, truth value or constant, as it was written.
    Word(String),
    /// A text in quotes.
    Text(String),
    /// A message.
    Message(Message),
}

/// Why a text is none of this form.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Message {
    /// Words and texts of a field, one for each time that it stands there.
    pub fn all<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m str> {
        self.values(name).filter_map(|value| match value {
            Value::Word(text) | Value::Text(text) => Some(text.as_str()),
            Value::Message(_) => None,
        })
    }

    /// The word or text of a field that stands once; of several the last, as protobuf has it.
    pub fn one(&self, name: &str) -> Option<&str> {
        let named = self.fields.iter().rev().filter(|(known, _)| known == name);
        named.filter_map(|(_, value)| value.written()).next()
    }

    /// The word or text of a field, empty when there is none.
    pub fn text(&self, name: &str) -> String {
        self.one(name).unwrap_or_default().to_owned()
    }

    /// A number; `without` when there is none, or none that is finite.
    pub fn number(&self, name: &str, without: f64) -> f64 {
        let read = self.one(name).and_then(|word| word.parse().ok());
        read.filter(|number: &f64| number.is_finite()).unwrap_or(without)
    }

    /// Whether a field is there and true.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.one(name), Some("true" | "True" | "t" | "1"))
    }

    /// The messages of a field.
    pub fn messages<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m Message> {
        self.values(name).filter_map(|value| match value {
            Value::Message(message) => Some(message),
            _ => None,
        })
    }

    /// The message of a field that stands once.
    pub fn message(&self, name: &str) -> Option<&Message> {
        let named = self.fields.iter().rev().filter(|(known, _)| known == name);
        named.filter_map(|(_, value)| if let Value::Message(message) = value { Some(message) } else { None }).next()
    }

    /// Adds a number, truth value or constant.
    pub fn word(mut self, name: &str, word: impl ToString) -> Message {
        self.fields.push((name.to_owned(), Value::Word(word.to_string())));
        self
    }

    /// Adds a text.
    pub fn quoted(mut self, name: &str, text: impl Into<String>) -> Message {
        self.fields.push((name.to_owned(), Value::Text(text.into())));
        self
    }

    /// Adds a message.
    pub fn with(mut self, name: &str, message: Message) -> Message {
        self.fields.push((name.to_owned(), Value::Message(message)));
        self
    }

    fn values<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m Value> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        for (name, value) in &self.fields {
            write!(f, "{:indent$}{name}", "")?;
            match value {
                Value::Word(word) => writeln!(f, ": {word}")?,
                Value::Text(text) => writeln!(f, ": {}", in_quotes(text))?,
                Value::Message(message) => {
                    writeln!(f, " {{")?;
                    message.write(f, indent + 2)?;
                    writeln!(f, "{:indent$}}}", "")?;
                }
            }
        }
        Ok(())
    }
}

impl Value {
    fn written(&self) -> Option<&str> {
        match self {
            Value::Word(text) | Value::Text(text) => Some(text),
            Value::Message(_) => None,
        }
    }
}

/// The text that protobuf's own printer writes: one field a line, messages indented by two blanks.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn in_quotes(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\'' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out + "\""
}

/// Reads a text.
///
/// # Errors
/// At the first place that is not of this form.
pub fn parse(text: &str) -> Result<Message, Fault> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let message = reader.message(0)?;
    match reader.peek() {
        None => Ok(message),
        Some(byte) => Err(reader.fault(format!("`{}` closes nothing", char::from(byte)))),
    }
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, what: impl Into<String>) -> Fault {
        let before = &self.bytes[..self.at.min(self.bytes.len())];
        Fault { line: 1 + before.iter().filter(|byte| **byte == b'\n').count(), what: what.into() }
    }

    /// The next byte behind blanks and comments.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(*byte),
            }
        }
        None
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn message(&mut self, depth: usize) -> Result<Message, Fault> {
        if depth > DEPTH {
            return Err(self.fault("messages nest too deep"));
        }
        let mut message = Message::default();
        while let Some(byte) = self.peek() {
            if matches!(byte, b'}' | b'>') {
                break;
            }
            let name = self.word()?;
            let colon = self.take(b':');
            if colon && self.take(b'[') {
                while !self.take(b']') {
                    let value = self.value(depth)?;
                    message.fields.push((name.clone(), value));
                    if !self.take(b',') && self.peek() != Some(b']') {
                        return Err(self.fault("a list is not closed"));
                    }
                }
            } else if colon || matches!(self.peek(), Some(b'{' | b'<')) {
                let value = self.value(depth)?;
                message.fields.push((name, value));
            } else {
                return Err(self.fault(format!("`{name}` has no value")));
            }
            let _separator = self.take(b',') || self.take(b';');
        }
        Ok(message)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        match self.peek() {
            Some(open @ (b'{' | b'<')) => {
                self.at += 1;
                let message = self.message(depth + 1)?;
                let close = if open == b'{' { b'}' } else { b'>' };
                if self.take(close) { Ok(Value::Message(message)) } else { Err(self.fault("a message is not closed")) }
            }
            Some(b'"' | b'\'') => self.text().map(Value::Text),
            _ => self.word().map(Value::Word),
        }
    }

    fn word(&mut self) -> Result<String, Fault> {
        self.peek();
        let start = self.at;
        let part_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-');
        while self.bytes.get(self.at).is_some_and(part_of_word) {
            self.at += 1;
        }
        match &self.bytes[start..self.at] {
            [] => Err(self.fault("a name or a value is missing")),
            word => Ok(String::from_utf8_lossy(word).into_owned()),
        }
    }

    /// A text in quotes; several beside each other are one.
    fn text(&mut self) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        while let Some(quote @ (b'"' | b'\'')) = self.peek() {
            self.at += 1;
            loop {
                match self.bytes.get(self.at) {
                    None | Some(b'\n') => return Err(self.fault("a text is not closed")),
                    Some(byte) if *byte == quote => break,
                    Some(b'\\') => bytes.push(self.escaped()),
                    Some(byte) => bytes.push(*byte),
                }
                self.at += 1;
            }
            self.at += 1;
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The byte that an escape stands for; ends at the escape's last byte.
    fn escaped(&mut self) -> u8 {
        let digits = |from: usize, most: usize, radix: u32| {
            let digit = |byte: &u8| char::from(*byte).is_digit(radix);
            self.bytes[from.min(self.bytes.len())..].iter().take(most).take_while(|byte| digit(byte)).count()
        };
        let (start, count, radix) = match self.bytes.get(self.at + 1) {
            Some(b'0'..=b'7') => (self.at + 1, digits(self.at + 1, 3, 8), 8),
            Some(b'x' | b'X') => (self.at + 2, digits(self.at + 2, 2, 16), 16),
            other => {
                self.at += 1;
                return match other {
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(byte) => *byte,
                    None => b'\\',
                };
            }
        };
        let written = String::from_utf8_lossy(&self.bytes[start..start + count]).into_owned();
        self.at = start + count - 1;
        u32::from_str_radix(&written, radix).map_or(b'?', |number| number as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_as_protobuf_writes_it_and_as_people_do() {
        let text = "network {\n  name: \"Main\"\n  shape { dim: -1 dim: 28 }\n}\noptimizer: < solver { lr: 1e-03 } >\nlist: [1, 2]; on: true # end";
        let tree = parse(text).unwrap();
        let network = tree.message("network").unwrap();
        assert_eq!(network.text("name"), "Main");
        assert_eq!(network.message("shape").unwrap().all("dim").collect::<Vec<_>>(), ["-1", "28"]);
        let solver = tree.message("optimizer").unwrap().message("solver").unwrap();
        assert_eq!((solver.number("lr", 0.0), solver.number("none", 2.0)), (1e-3, 2.0));
        assert_eq!((tree.all("list").count(), tree.flag("on"), tree.flag("list")), (2, true, false));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let inside = Message::default().quoted("name", "y\'\n\"損失\\").word("dim", -1).word("dim", 2);
        let tree = Message::default().with("network", inside).word("flag", true);
        assert_eq!(parse(&tree.to_string()), Ok(tree.clone()));
        assert!(tree.to_string().starts_with("network {\n  name: \"y\\'\\n\\\"\\346\\220"), "{tree}");
    }

    #[test]
    fn faults_are_told_with_their_line() {
        let told = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(told("a {\n  b: 1\n"), "line 3: a message is not closed");
        assert_eq!(told("a: 1\n}"), "line 2: `}` closes nothing");
        assert_eq!(told("a: \"x\n"), "line 1: a text is not closed");
        assert_eq!(told("a"), "line 1: `a` has no value");
        assert_eq!(told("a: [1"), "line 1: a list is not closed");
        assert_eq!(told("\u{1}"), "line 1: a name or a value is missing");
        assert_eq!(told(&"a{".repeat(100)), "line 1: messages nest too deep");
    }
}
