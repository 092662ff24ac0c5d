//! What a program's own file says of itself, as Markdown: its definitions, inputs, losses, metrics and outputs with their documentation.

use super::Session;
use crate::ide::handbook::signature;
use crate::ir::ResultRole;
use crate::source::Span;
use crate::syntax::ast::{Ast, Stmt, StmtKind};

/// The sections in order.
const SECTIONS: [&str; 9] =
    ["Constants", "Inputs", "Functions", "Layers", "Parameters", "States", "Losses", "Metrics", "Outputs"];

/// The longest text of a statement that is shown whole, in letters.
const SHOWN: usize = 100;

impl Session {
    /// The documentation of the program's own file in Markdown; empty without a program.
    pub fn documentation(&self) -> String {
        let Some(origin) = &self.origin else { return String::new() };
        let mut statements: Vec<&Stmt> = Vec::new();
        flatten(&origin.ast.items, &mut statements);
        let mut out = format!("# {}\n", self.title());
        if let Some(about) = self.about() {
            out += &format!("\n{about}\n");
        }
        for section in SECTIONS {
            let own: Vec<String> = statements
                .iter()
                .filter(|stmt| section_of(&stmt.kind) == Some(section))
                .map(|stmt| self.told(&origin.ast, stmt))
                .collect();
            if !own.is_empty() {
                out += &format!("\n## {section}\n\n{}\n", own.join("\n").trim_end());
            }
        }
        out
    }

    /// The comment at the head of the file, if an empty line follows.
    fn about(&self) -> Option<String> {
        let text = &self.sources.file(self.file).text;
        let lines: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let next = text.lines().nth(lines.len());
        if lines.is_empty() || next.is_some_and(|line| !line.trim().is_empty()) {
            return None;
        }
        let bare = |line: &&str| line.trim_start_matches('#').trim().to_owned();
        Some(lines.iter().map(bare).collect::<Vec<_>>().join("\n"))
    }

    /// One statement with its documentation: a heading of a definition, an item of everything else.
    fn told(&self, ast: &Ast, stmt: &Stmt) -> String {
        let doc = stmt.doc.as_deref().unwrap_or_default();
        if matches!(stmt.kind, StmtKind::Fn(_) | StmtKind::Layer(_)) {
            let head = format!("### `{}`\n", signature(ast, stmt, &self.sources.file(self.file).text));
            return if doc.is_empty() { head } else { format!("{head}\n{doc}\n") };
        }
        let text = self.line(stmt.span);
        let (_, bare) = text.split_once(' ').unwrap_or(("", &text));
        let named = match &stmt.kind {
            StmtKind::Loss(loss) if loss.name.is_none() => text.as_str(),
            _ => bare,
        };
        let ty = self.result_type(&stmt.kind).map(|ty| format!(": {ty}")).unwrap_or_default();
        let doc = if doc.is_empty() { String::new() } else { format!("\n  {}", doc.replace('\n', "\n  ")) };
        format!("- `{named}`{ty}{doc}")
    }

    /// The type of an output.
    fn result_type(&self, kind: &StmtKind) -> Option<String> {
        let StmtKind::Output { name, .. } = kind else { return None };
        let graph = &self.program.as_ref()?.graph;
        let mut outputs = graph.results.iter().filter(|result| result.role == ResultRole::Output);
        let output = outputs.find(|output| output.name == name.text)?;
        Some(graph.ty(output.value).to_string())
    }

    /// A statement's text on one line, cut where it is long.
    fn line(&self, span: Span) -> String {
        let text = &self.sources.file(span.file).text[span.range()];
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.chars().count() > SHOWN {
            true => line.chars().take(SHOWN - 1).chain(['…']).collect(),
            false => line,
        }
    }
}

/// The statements of the top level, with those in its loops and branches.
fn flatten<'a>(stmts: &'a [Stmt], found: &mut Vec<&'a Stmt>) {
    for stmt in stmts {
        match &stmt.kind {
            StmtKind::For { body, .. } => flatten(&body.stmts, found),
            StmtKind::If { then, otherwise, .. } => {
                flatten(&then.stmts, found);
                otherwise.iter().for_each(|block| flatten(&block.stmts, found));
            }
            _ => found.push(stmt),
        }
    }
}

fn section_of(kind: &StmtKind) -> Option<&'static str> {
    Some(match kind {
        StmtKind::Const { .. } => "Constants",
        StmtKind::Input { .. } => "Inputs",
        StmtKind::Fn(_) => "Functions",
        StmtKind::Layer(_) => "Layers",
        StmtKind::Param(_) => "Parameters",
        StmtKind::State { .. } => "States",
        StmtKind::Loss(_) => "Losses",
        StmtKind::Metric { .. } => "Metrics",
        StmtKind::Output { .. } => "Outputs",
        _ => return None,
    })
}
