//! A diagram in Mermaid's flowchart language, which forges draw in Markdown.

use std::fmt::Write;

use super::{Diagram, Kind, Part};

/// The diagram as Mermaid text.
pub fn mermaid(diagram: &Diagram) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart TB\n", title(&diagram.title));
    inside(&mut out, diagram, None, 1);
    for arrow in &diagram.arrows {
        let line = if arrow.dashed { "-.->" } else { "-->" };
        let label = if arrow.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&arrow.label)) };
        let _ = writeln!(out, "    n{} {line}{label} n{}", arrow.from, arrow.to);
    }
    for kind in Kind::ALL {
        let own: Vec<String> = (0..diagram.parts.len())
            .filter(|number| diagram.parts[*number].kind == kind)
            .map(|number| format!("n{number}"))
            .collect();
        if let (false, Some(style)) = (own.is_empty(), style(kind)) {
            let _ = writeln!(out, "    classDef {0} {style}\n    class {1} {0}", kind.word(), own.join(","));
        }
    }
    out
}

fn inside(out: &mut String, diagram: &Diagram, group: Option<usize>, depth: usize) {
    let indent = "    ".repeat(depth);
    for (number, part) in diagram.parts.iter().enumerate().filter(|(_, part)| part.group == group) {
        let (open, close) = match part.kind {
            Kind::Input | Kind::Output | Kind::Loss | Kind::Metric => ("([", "])"),
            Kind::Formula => ("(", ")"),
            Kind::Variable | Kind::Layer | Kind::Function => ("[", "]"),
        };
        let _ = writeln!(out, "{indent}n{number}{open}\"{}\"{close}", label(part));
    }
    for (number, inner) in diagram.groups.iter().enumerate().filter(|(_, inner)| inner.parent == group) {
        let _ = writeln!(out, "{indent}subgraph g{number} [\"{}\"]", escaped(&inner.title));
        inside(out, diagram, Some(number), depth + 1);
        let _ = writeln!(out, "{indent}end");
    }
}

fn label(part: &Part) -> String {
    let lines: Vec<String> = part.title.iter().chain(&part.details).map(|line| escaped(line)).collect();
    lines.join("<br>")
}

/// A line within quotation marks: what Mermaid, HTML or Markdown would read is written as entities.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for (place, letter) in text.char_indices() {
        match letter {
            '"' | '&' | '<' | '>' | '#' | '`' => {
                let _ = write!(out, "#{};", u32::from(letter));
            }
            // Markdown would begin a list.
            '-' | '+' | '*' if place == 0 => {
                let _ = write!(out, "#{};", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out
}

/// A text as YAML's, on one line.
fn title(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn style(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Input => "fill:#ddf4ff,stroke:#0969da,color:#24292f",
        Kind::Variable => "fill:#fff8c5,stroke:#9a6700,color:#24292f",
        Kind::Loss => "fill:#ffebe9,stroke:#cf222e,color:#24292f",
        Kind::Metric => "fill:#fbefff,stroke:#8250df,color:#24292f",
        Kind::Output => "fill:#dafbe1,stroke:#1a7f37,color:#24292f",
        Kind::Layer => "fill:#ffffff,stroke:#57606a,stroke-width:2px,color:#24292f",
        Kind::Function | Kind::Formula => "fill:#f6f8fa,stroke:#8c959f,color:#24292f",
    })
}
