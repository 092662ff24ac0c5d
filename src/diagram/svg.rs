//! A diagram as SVG: a picture that stands alone. Colours follow the reader's light or dark setting.

use std::fmt::Write;

use super::layout::{LEADING, PADDING, Placed, Point, Rect, SMALL, TITLE, layout, width};
use super::{Diagram, Group, Kind, Part};

/// Around the whole.
const MARGIN: f64 = 20.0;
/// What the picture's title takes.
const HEAD: f64 = 34.0;

const STYLE: &str = "\
    text{font-family:'DejaVu Sans Mono','SFMono-Regular',Menlo,Consolas,'Liberation Mono',monospace;fill:#24292f;text-anchor:middle}\
    .page{fill:#ffffff}.head{font-size:16px;font-weight:600;text-anchor:start}.t{font-size:12.5px}.s{font-size:10.5px;fill:#57606a}\
    .b{stroke-width:1.2}.input{fill:#ddf4ff;stroke:#0969da}.variable{fill:#fff8c5;stroke:#9a6700}.layer{fill:#ffffff;stroke:#24292f;stroke-width:1.6}\
    .function{fill:#f6f8fa;stroke:#8c959f}.formula{fill:#ffffff;stroke:#8c959f}\
    .loss{fill:#ffebe9;stroke:#cf222e}.metric{fill:#fbefff;stroke:#8250df}.output{fill:#dafbe1;stroke:#1a7f37}\
    .group{fill:#8c959f;fill-opacity:.08;stroke:#8c959f;stroke-dasharray:4 3}.name{font-size:10.5px;text-anchor:start;font-weight:600}\
    .arrow{fill:none;stroke:#57606a;stroke-width:1.2}.dashed{stroke-dasharray:4 3}.tip{fill:#57606a}.under{fill:#ffffff;fill-opacity:.85}";
const STYLE_DARK: &str = "\
    .page,.under{fill:#0d1117}text{fill:#e6edf3}.s{fill:#9da7b1}.input{fill:#0c2d4d;stroke:#58a6ff}.variable{fill:#3a2d05;stroke:#d29922}\
    .layer{fill:#161b22;stroke:#e6edf3}.function{fill:#161b22;stroke:#6e7681}.formula{fill:#0d1117;stroke:#6e7681}\
    .loss{fill:#4a1719;stroke:#ff7b72}.metric{fill:#2f1a4f;stroke:#d2a8ff}.output{fill:#0f3a1d;stroke:#3fb950}\
    .arrow{stroke:#9da7b1}.tip{fill:#9da7b1}";

/// The diagram as SVG text.
pub fn svg(diagram: &Diagram) -> String {
    let placed = layout(diagram);
    let wide = placed.size.0.max(width(&diagram.title, 16.0)) + 2.0 * MARGIN;
    let high = placed.size.1 + 2.0 * MARGIN + HEAD;
    let mut body = String::new();
    frames(&mut body, diagram, &placed);
    arrows(&mut body, diagram, &placed);
    for (part, rect) in diagram.parts.iter().zip(&placed.parts) {
        draw(&mut body, part, rect);
    }
    let title = escaped(&diagram.title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" width=\"{wide:.0}\" height=\"{high:.0}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}@media(prefers-color-scheme:dark){{{STYLE_DARK}}}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path class=\"tip\" d=\"M0 0.8L8 4L0 7.2z\"/></marker></defs>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"head\" x=\"{MARGIN}\" y=\"{:.0}\">{title}</text>\n<g transform=\"translate({MARGIN} {:.0})\">\n{body}</g>\n</svg>\n",
        MARGIN + 12.0,
        MARGIN + HEAD,
    )
}

/// The frames of unfolded calls, outer ones first.
fn frames(out: &mut String, diagram: &Diagram, placed: &Placed) {
    for (group, rect) in diagram.groups.iter().zip(&placed.groups) {
        let (left, top) = (rect.left(), rect.top());
        let name = name_at(group, rect, placed);
        let _ = writeln!(
            out,
            "<rect class=\"group\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>\
             <text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            rect.width,
            rect.height,
            name.x,
            name.y,
            escaped(&group.title),
        );
    }
}

/// Where the name of a group begins: at the left, or at the right where an arrow comes in at the left.
fn name_at(group: &Group, rect: &Rect, placed: &Placed) -> Point {
    let (wide, y) = (width(&group.title, SMALL) + 4.0, rect.top() + 13.0);
    let left = rect.left() + 7.0;
    let crossed = |from: f64| {
        let crosses = |pair: &[Point]| {
            let (a, b) = (pair[0], pair[1]);
            let inside = a.y.min(b.y) <= y && a.y.max(b.y) >= rect.top();
            inside && a.x.max(b.x) >= from - 4.0 && a.x.min(b.x) <= from + wide
        };
        placed.arrows.iter().any(|(points, _)| points.windows(2).any(crosses))
    };
    let right = (rect.left() + rect.width - 7.0 - wide).max(left);
    Point { x: if crossed(left) && !crossed(right) { right } else { left }, y }
}

fn arrows(out: &mut String, diagram: &Diagram, placed: &Placed) {
    for (arrow, (points, label)) in diagram.arrows.iter().zip(&placed.arrows) {
        let dashed = if arrow.dashed { " dashed" } else { "" };
        let _ = writeln!(out, "<path class=\"arrow{dashed}\" marker-end=\"url(#tip)\" d=\"{}\"/>", curve(points));
        if !arrow.label.is_empty() {
            let wide = width(&arrow.label, SMALL);
            let _ = writeln!(
                out,
                "<rect class=\"under\" x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\"/>\
                 <text class=\"s\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                label.x - wide / 2.0,
                label.y - SMALL * 0.65,
                SMALL * 1.3,
                label.x,
                label.y + SMALL * 0.35,
                escaped(&arrow.label),
            );
        }
    }
}

/// A way along points as a uniform cubic B-spline from the first to the last.
fn curve(points: &[Point]) -> String {
    let [first, .., last] = points else { return String::new() };
    let mut path = format!("M{:.1} {:.1}", first.x, first.y);
    if points.len() == 2 {
        return path + &format!("L{:.1} {:.1}", last.x, last.y);
    }
    let between = |a: &Point, b: &Point, part: f64| Point { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part };
    for (number, three) in points.windows(3).enumerate() {
        let (a, b, c) = (&three[0], &three[1], &three[2]);
        if number == 0 {
            let start = between(a, b, 0.5);
            path += &format!("L{:.1} {:.1}", start.x, start.y);
        }
        let end = between(b, c, 0.5);
        path += &format!("Q{:.1} {:.1} {:.1} {:.1}", b.x, b.y, end.x, end.y);
    }
    path + &format!("L{:.1} {:.1}", last.x, last.y)
}

fn draw(out: &mut String, part: &Part, rect: &Rect) {
    let round = match part.kind {
        Kind::Input | Kind::Output | Kind::Loss | Kind::Metric => 14.0,
        Kind::Formula => 10.0,
        Kind::Variable | Kind::Layer | Kind::Function => 4.0,
    };
    let _ = writeln!(
        out,
        "<rect class=\"b {}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round}\"/>",
        part.kind.word(),
        rect.left(),
        rect.top(),
        rect.width,
        rect.height,
    );
    let mut y = rect.top() + PADDING.1;
    for (class, size, lines) in [("t", TITLE, &part.title), ("s", SMALL, &part.details)] {
        for line in lines {
            let base = y + size * LEADING * 0.75;
            let _ = writeln!(
                out,
                "<text class=\"{class}\" x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
                rect.centre.x,
                escaped(line)
            );
            y += size * LEADING;
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
