//! What programs may call, as people look it up: the compiler's own functions, the primitives, the library, optimizers and schedules.
//!
//! `docs/library.md` and `nnlc doc` are made of it. Everything is read from where it is defined.

use crate::base::closest;
use crate::check;
use crate::library::{self, SOURCES};
use crate::ops::{Default, Gradient, Param, Primitive};
use crate::optimizers::{Parameter, RULES, SCHEDULES};
use crate::syntax::ast::{Ast, Stmt, StmtKind};

/// Names of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// What they are.
    pub title: String,
    /// What is said of all of them, in lines.
    pub about: String,
    /// The names in order.
    pub entries: Vec<Entry>,
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it is called, or the head of its definition.
    pub signature: String,
    /// What it gives.
    pub doc: String,
    /// Its definition, if it is written in `.nn`.
    pub definition: Option<String>,
}

impl Entry {
    /// The name itself.
    pub fn name(&self) -> &str {
        let head =
            ["fn ", "layer "].iter().find_map(|word| self.signature.strip_prefix(word)).unwrap_or(&self.signature);
        head.split(['(', ' ']).next().unwrap_or(head)
    }

    /// A use of it that checks as it stands once its names are bound: the shortest answer to another framework's name that is one.
    pub fn example(&self) -> Option<&'static str> {
        let call = format!("{}(", self.name());
        let uses = |answer: &&str| {
            let before = answer.split_once(&call).map(|(before, _)| before);
            let whole = |before: &str| before.is_empty() || before.ends_with(" |> ") || before.ends_with(" = ");
            before.is_some_and(|before| whole(before) && !before.contains('(')) && !answer.contains("(-")
        };
        check::foreign_names().map(|(_, answer)| answer).filter(uses).min_by_key(|answer| answer.len())
    }

    /// The first sentence of its documentation, on one line.
    pub fn summary(&self) -> String {
        let line = self.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        let outside_code = |at: &usize| line[..*at].matches('`').count() % 2 == 0;
        let end = line.match_indices(". ").map(|(at, _)| at).find(outside_code).unwrap_or(line.len());
        line[..end].trim_end_matches('.').to_owned()
    }
}

/// The functions and layers, as the library's reference has them.
pub fn library_chapters() -> Vec<Chapter> {
    let files: Vec<Chapter> =
        SOURCES.iter().zip(library::asts()).map(|((name, text), ast)| of_file(name, text, ast)).collect();
    let hides = |name: &str| {
        let mut entries = files.iter().flat_map(|file| &file.entries);
        entries.any(|entry| entry.signature.starts_with("fn ") && entry.name() == name)
    };
    // What derivatives, and the library's matrix products and convolutions, are made of.
    let of_the_compiler = |name: &str| name == "contract" || name.contains("pooling_") || name.contains("convolution_");
    let primitives = check::callable_primitives()
        .filter(|primitive| !hides(primitive.op.0) && !of_the_compiler(primitive.op.0))
        .map(of_primitive);
    let builtin = |(signature, doc): (&str, &str)| entry(signature, doc);
    let mut chapters = vec![
        Chapter {
            title: "compile-time and special functions".to_owned(),
            about: "Functions of the compiler's own. The first ones give values that are known while compiling.".to_owned(),
            entries: check::builtin_documentation().map(builtin).collect(),
        },
        Chapter {
            title: "primitives".to_owned(),
            about: "What everything else is made of. The operators are these functions: `a - b` is `sub(a, b)`. Where none is \
                    named, the derivative is the function's own."
                .to_owned(),
            entries: primitives.collect(),
        },
    ];
    chapters.extend(files);
    chapters
}

/// All chapters.
pub fn chapters() -> Vec<Chapter> {
    let mut chapters = library_chapters();
    let rule = |rule: &crate::optimizers::Rule| entry(&called(rule.name, rule.parameters), rule.doc);
    chapters.push(Chapter {
        title: "optimizers".to_owned(),
        about: "Settings of `train`: `w` is a parameter, `g` its gradient, `s` the schedule's factor.".to_owned(),
        entries: RULES.iter().map(rule).collect(),
    });
    let schedule = |(name, doc, parameters): &(&str, &str, &[Parameter])| {
        let list = if *name == "step" { vec!["at".to_owned()] } else { Vec::new() };
        let numbers = list.into_iter().chain(parameters.iter().map(number)).collect::<Vec<_>>().join(", ");
        entry(&format!("{name}({numbers})"), &format!("The learning rate is multiplied by {doc}."))
    };
    chapters.push(Chapter {
        title: "schedules".to_owned(),
        about: "Settings of `train`, by the iteration `t` of `total`.".to_owned(),
        entries: SCHEDULES.iter().map(schedule).collect(),
    });
    chapters
}

/// What somebody may mean by a name that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Another framework's name, and what to write for it.
    Elsewhere(&'static str),
    /// The name as it is here, of one that another framework keeps in a module.
    Here(String),
    /// A name that is written much alike.
    Alike(String),
    /// Nothing that is known.
    Nothing,
}

/// What may be meant by `name`, which no entry has. It may stand in a module, as in `nn.Linear`.
pub fn meant(name: &str, chapters: &[Chapter]) -> Meant {
    let bare = name.rsplit('.').next().unwrap_or(name);
    if let Some(known) = check::foreign_meaning(bare) {
        return Meant::Elsewhere(known);
    }
    let names: Vec<&str> = chapters.iter().flat_map(|chapter| &chapter.entries).map(Entry::name).collect();
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let other_letters = names.iter().copied().find(|known| plain(known) == plain(bare));
    if let Some(known) = other_letters.filter(|_| bare != name) {
        return Meant::Here(known.to_owned());
    }
    match other_letters.or_else(|| closest(bare, names.iter().copied())) {
        Some(near) => Meant::Alike(near.to_owned()),
        None => Meant::Nothing,
    }
}

fn entry(signature: &str, doc: &str) -> Entry {
    Entry { signature: signature.to_owned(), doc: doc.to_owned(), definition: None }
}

fn called(name: &str, parameters: &[Parameter]) -> String {
    format!("{name}({})", parameters.iter().map(number).collect::<Vec<_>>().join(", "))
}

fn number(parameter: &Parameter) -> String {
    match parameter.default {
        small if small > 0.0 && small < 1e-3 => format!("{} = {small:e}", parameter.name),
        value => format!("{} = {value}", parameter.name),
    }
}

fn of_primitive(primitive: &Primitive) -> Entry {
    let params = primitive.params.iter().filter_map(parameter).collect::<Vec<_>>().join(", ");
    let mut doc = primitive.doc.to_owned();
    if let Gradient::Zero(reason) = primitive.gradient {
        doc += &format!("\nNo gradient passes: it {reason}.");
    }
    entry(&format!("{}({params})", primitive.op), &doc)
}

/// A primitive's parameter as it stands in its signature; none that the compiler sets.
fn parameter(param: &Param) -> Option<String> {
    Some(match param.default {
        Default::Required => param.name.to_owned(),
        Default::Int(value) => format!("{} = {value}", param.name),
        Default::Float(value) => format!("{} = {value}", param.name),
        Default::Bool(value) => format!("{} = {value}", param.name),
        Default::AllAxes => format!("{} = all", param.name),
        Default::Internal => return None,
    })
}

/// One file of the library.
fn of_file(name: &str, text: &str, ast: &Ast) -> Chapter {
    let about: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
    let defined = |stmt: &Stmt| Entry {
        signature: signature(ast, stmt, text),
        doc: stmt.doc.clone().unwrap_or_default(),
        definition: Some(text[stmt.span.range()].to_owned()),
    };
    Chapter {
        title: name.trim_end_matches(".nn").to_owned(),
        about: about.join("\n"),
        entries: ast.items.iter().map(defined).collect(),
    }
}

/// The head of a function's or layer's definition, up to its conditions and its body, on one line.
pub fn signature(ast: &Ast, stmt: &Stmt, text: &str) -> String {
    let first =
        |wheres: &[crate::syntax::ast::Where]| wheres.first().map(|clause| ast.exprs[clause.condition].span.start);
    let end = match &stmt.kind {
        StmtKind::Fn(def) => first(&def.wheres),
        StmtKind::Layer(def) => first(&def.wheres).or(Some(def.body.span.start)),
        _ => None,
    };
    let end = end.map_or(stmt.span.end, |end| end.min(stmt.span.end));
    let head = &text[stmt.span.start as usize..end as usize];
    let (mut depth, mut stop) = (0, head.len());
    for (at, letter) in head.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '=' | '{' if depth == 0 => {
                stop = at;
                break;
            }
            _ => {}
        }
    }
    let line = head[..stop].split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(", )", ")");
    line.strip_suffix(" where").unwrap_or(&line).to_owned()
}
