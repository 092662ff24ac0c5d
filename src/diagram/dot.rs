//! A diagram in DOT, Graphviz's language.

use std::fmt::Write;

use super::{Diagram, Kind, Part};

/// The diagram as DOT.
pub fn dot(diagram: &Diagram) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&diagram.title));
    out += "    graph [rankdir = TB, fontname = \"monospace\", fontsize = 11]\n";
    out += "    node [shape = box, style = \"rounded,filled\", fontname = \"monospace\", fontsize = 11]\n";
    out += "    edge [fontname = \"monospace\", fontsize = 9]\n";
    inside(&mut out, diagram, None, 1);
    for arrow in &diagram.arrows {
        let mut attributes = Vec::new();
        if !arrow.label.is_empty() {
            attributes.push(format!("label = {}", quoted(&arrow.label)));
        }
        if arrow.dashed {
            attributes.push("style = dashed".to_owned());
        }
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        let _ = writeln!(out, "    n{} -> n{}{attributes}", arrow.from, arrow.to);
    }
    out + "}\n"
}

/// The boxes of a group, then the groups in it.
fn inside(out: &mut String, diagram: &Diagram, group: Option<usize>, depth: usize) {
    let indent = "    ".repeat(depth);
    for (number, part) in diagram.parts.iter().enumerate().filter(|(_, part)| part.group == group) {
        let _ = writeln!(out, "{indent}n{number} [label = {}, fillcolor = \"{}\"]", label(part), colour(part.kind));
    }
    for (number, inner) in diagram.groups.iter().enumerate().filter(|(_, inner)| inner.parent == group) {
        let _ = writeln!(out, "{indent}subgraph cluster_{number} {{\n{indent}    label = {}", quoted(&inner.title));
        inside(out, diagram, Some(number), depth + 1);
        let _ = writeln!(out, "{indent}}}");
    }
}

fn label(part: &Part) -> String {
    let lines: Vec<&str> = part.title.iter().chain(&part.details).map(String::as_str).collect();
    quoted(&lines.join("\n"))
}

/// A text between quotation marks; line breaks are DOT's `\n`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Input => "#ddf4ff",
        Kind::Variable => "#fff8c5",
        Kind::Layer => "#ffffff",
        Kind::Function | Kind::Formula => "#f6f8fa",
        Kind::Loss => "#ffebe9",
        Kind::Metric => "#fbefff",
        Kind::Output => "#dafbe1",
    }
}
