//! `curve.svg`: the learning curve, a picture that stands alone.
//!
//! Losses share the upper panel, metrics the lower one. A series has one colour: its values on the training samples are the thin line,
//! on the validation set the thick one. Colours follow the reader's light or dark setting; they are plain CSS without variables, as
//! not every viewer knows those.

use std::fmt::Write;

use super::history::{Axis, History, Kind, Point};
use super::numbers;
use super::scale::Scale;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 36.0;
const PLOT_WIDTH: f64 = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT: [f64; 2] = [270.0, 190.0];
/// Rough width of a letter of the legend, for breaking it into lines.
const LETTER: f64 = 7.2;

const STYLE: &str = "\
    .page{fill:#ffffff}text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;fill:#24292f}\
    .title{font-size:19px;font-weight:600}.head{font-weight:600}.dim{fill:#656d76}.number{font-variant-numeric:tabular-nums}\
    .grid{stroke:#d8dee4;stroke-width:1}.base{stroke:#8c959f;stroke-width:1}.best{stroke:#8c959f;stroke-width:1;stroke-dasharray:3 4}\
    polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}.train{stroke-width:1.4;stroke-opacity:.6}.validation{stroke-width:2.4}\
    circle{stroke:none}.key{stroke:#656d76}";
const LIGHT: [&str; 6] = ["#0969da", "#d1570a", "#1a7f37", "#a03ac0", "#b98000", "#0e8a8a"];
const DARK: [&str; 6] = ["#58a6ff", "#ff9a57", "#4cc26a", "#d38ae8", "#e3b341", "#4fd1c5"];
const STYLE_DARK: &str = "\
    .page{fill:#0d1117}text{fill:#e6edf3}.dim{fill:#8d96a0}.grid{stroke:#262c36}.base,.best{stroke:#6e7681}.key{stroke:#8d96a0}";

/// The picture of `history` as SVG text.
pub fn svg(history: &History, title: &str) -> String {
    let mut picture = Picture { text: String::new(), top: 40.0, keyed: false };
    let _ = write!(picture.text, "<text class=\"title\" x=\"{LEFT}\" y=\"{}\">{}</text>", picture.top, escaped(title));
    picture.top += 23.0;
    let _ = write!(picture.text, "<text class=\"dim\" x=\"{LEFT}\" y=\"{}\">{}</text>", picture.top, summary(history));
    for (kind, name, height) in [(Kind::Loss, "Loss", PLOT_HEIGHT[0]), (Kind::Metric, "Metric", PLOT_HEIGHT[1])] {
        let chosen: Vec<usize> = (0..history.series.len()).filter(|at| history.series[*at].kind == kind).collect();
        if !chosen.is_empty() {
            picture.top += 34.0;
            picture.panel(history, &chosen, name, height);
        }
    }
    let height = picture.top + 14.0;
    let colours = |table: [&str; 6]| -> String {
        table
            .iter()
            .enumerate()
            .map(|(at, colour)| format!(".s{at}{{stroke:{colour}}}.f{at}{{fill:{colour}}}"))
            .collect()
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}{}@media(prefers-color-scheme:dark){{{STYLE_DARK}{}}}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{}\n</svg>\n",
        escaped(title),
        colours(LIGHT),
        colours(DARK),
        picture.text,
    )
}

/// How long the run was, and which weights it kept.
fn summary(history: &History) -> String {
    let Some(last) = history.points.last() else { return "nothing was measured".to_string() };
    let (length, unit) = match history.axis {
        Axis::Epochs => (numbers::count_of(last.epoch, "epoch"), "epoch"),
        Axis::Steps => (numbers::count_of(last.step, "step"), "step"),
    };
    let kept = match history.best.and_then(|best| history.points.get(best)) {
        Some(point) => format!(", weights kept from {unit} {}", numbers::count(history.place(point) as u64)),
        None => String::new(),
    };
    format!("{length} in {}{kept}", numbers::duration(last.elapsed))
}

/// Which of a series' two lines.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Train,
    Validation,
}

impl Line {
    const BOTH: [Line; 2] = [Line::Train, Line::Validation];

    fn name(self) -> &'static str {
        match self {
            Line::Train => "train",
            Line::Validation => "validation",
        }
    }

    /// The line's points as numbers; where nothing was measured, NaN.
    fn values(self, history: &History, series: usize) -> Vec<(f64, f64)> {
        let value = |values: &[Option<f64>]| values.get(series).copied().flatten().unwrap_or(f64::NAN);
        let points = history.points.iter();
        points
            .map(|point| match self {
                Line::Train => (history.place(point), value(&point.train)),
                Line::Validation => (history.place(point), value(&point.validation)),
            })
            .collect()
    }
}

/// One line of a panel.
struct Trace {
    series: usize,
    line: Line,
    values: Vec<(f64, f64)>,
}

/// The lines of the series numbered `chosen` that have something to show.
fn traces(history: &History, chosen: impl Iterator<Item = usize>) -> Vec<Trace> {
    let both = chosen.flat_map(|series| Line::BOTH.map(|line| (series, line)));
    both.map(|(series, line)| Trace { series, line, values: line.values(history, series) })
        .filter(|trace| trace.values.iter().any(|(_, value)| value.is_finite()))
        .collect()
}

struct Picture {
    text: String,
    /// The lower edge of what is drawn.
    top: f64,
    /// Whether a legend has said what thin and thick lines are.
    keyed: bool,
}

impl Picture {
    /// Draws a panel for the series numbered `chosen` below what is there.
    fn panel(&mut self, history: &History, chosen: &[usize], name: &str, height: f64) {
        let lines = traces(history, chosen.iter().copied());
        let all: Vec<f64> = lines.iter().flat_map(|trace| trace.values.iter().map(|(_, value)| *value)).collect();
        let place = |point: Option<&Point>| point.map_or(0.0, |point| history.place(point));
        let across = Scale::whole(place(history.points.first()), place(history.points.last()), 9);
        let up = Scale::around(&all, 5);
        let name = if up.logarithmic { format!("{name} (log scale)") } else { name.to_string() };
        self.legend(history, chosen, &lines, &name);
        self.top += 16.0;
        let (x, y) = (
            |place: f64| LEFT + PLOT_WIDTH * across.share(place),
            |top: f64, value: f64| top + height * (1.0 - up.share(value)),
        );
        self.grid(&across, &up, height, history.axis);
        let best = history.best.and_then(|best| history.points.get(best)).map(|point| history.place(point));
        let top = self.top;
        if let Some(best) = best {
            let at = x(best);
            let _ = write!(
                self.text,
                "<line class=\"best\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top:.1}\" y2=\"{:.1}\"/>",
                top + height
            );
        }
        for Trace { series, line, values } in &lines {
            let colour = series % LIGHT.len();
            let placed: Vec<(f64, f64)> = values
                .iter()
                .map(|(place, value)| (x(*place), if value.is_finite() { y(top, *value) } else { f64::NAN }))
                .collect();
            self.line(&thinned(&placed), *line, colour);
            if let (Some(best), Line::Validation) = (best, line)
                && let Some((at, value)) = values.iter().find(|(place, value)| *place == best && value.is_finite())
            {
                self.dot(x(*at), y(top, *value), 4.0, colour);
            }
        }
        self.top += height + 40.0;
    }

    /// The panel's name, then a sample, the name and the value of each series, that of the kept weights or else the last;
    /// the first legend also says what thin and thick lines are.
    fn legend(&mut self, history: &History, chosen: &[usize], lines: &[Trace], name: &str) {
        let top = self.top;
        let _ = write!(self.text, "<text class=\"head\" x=\"{LEFT}\" y=\"{top}\">{}</text>", escaped(name));
        let start = LEFT + 16.0 + LETTER * name.chars().count() as f64;
        let mut x = start;
        for series in chosen {
            let label = &history.series[*series].name;
            let shown = lines.iter().rfind(|trace| trace.series == *series).and_then(|trace| {
                let end = history.best.map_or(trace.values.len(), |best| (best + 1).min(trace.values.len()));
                trace.values[..end].iter().rev().map(|(_, value)| *value).find(|value| value.is_finite())
            });
            let shown = shown.map_or("no finite value".to_string(), numbers::value);
            let width = 30.0 + LETTER * (label.chars().count() + shown.chars().count() + 1) as f64;
            self.turn(&mut x, start, width);
            let (y, colour) = (self.top, series % LIGHT.len());
            let _ = write!(
                self.text,
                "<line class=\"validation s{colour}\" x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{y}\">{} <tspan class=\"dim number\">{shown}</tspan></text>",
                x + 18.0,
                y - 4.5,
                y - 4.5,
                x + 24.0,
                escaped(label),
            );
            x += width + 14.0;
        }
        let keys = if self.keyed { Vec::new() } else { traces(history, 0..history.series.len()) };
        self.keyed = true;
        for line in Line::BOTH.into_iter().filter(|line| keys.iter().any(|trace| trace.line == *line)) {
            let width = 30.0 + LETTER * line.name().len() as f64;
            self.turn(&mut x, start, width);
            let y = self.top;
            let _ = write!(
                self.text,
                "<line class=\"{} key\" x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
                 <text class=\"dim\" x=\"{:.1}\" y=\"{y}\">{}</text>",
                line.name(),
                x + 18.0,
                y - 4.5,
                y - 4.5,
                x + 24.0,
                line.name(),
            );
            x += width + 14.0;
        }
    }

    /// Goes to the next line of the legend if `width` does not fit into this one.
    fn turn(&mut self, x: &mut f64, start: f64, width: f64) {
        if *x > start && *x + width > WIDTH - RIGHT {
            *x = start;
            self.top += 20.0;
        }
    }

    fn grid(&mut self, across: &Scale, up: &Scale, height: f64, axis: Axis) {
        let (top, bottom, right) = (self.top, self.top + height, LEFT + PLOT_WIDTH);
        for tick in &up.ticks {
            let y = top + height * (1.0 - up.share(tick.value));
            let _ = write!(
                self.text,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"dim number\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 9.0,
                y + 4.5,
                tick.text,
            );
        }
        let _ =
            write!(self.text, "<line class=\"base\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>");
        let name = match axis {
            Axis::Epochs => "epoch",
            Axis::Steps => "step",
        };
        // The axis' name stands at the right end, below the ticks' texts.
        let _ = write!(
            self.text,
            "<text class=\"dim\" x=\"{right}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
            bottom + 36.0
        );
        for tick in &across.ticks {
            let x = LEFT + PLOT_WIDTH * across.share(tick.value);
            let _ = write!(
                self.text,
                "<line class=\"base\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{:.1}\"/>\
                 <text class=\"dim number\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 5.0,
                bottom + 20.0,
                tick.text,
            );
        }
    }

    /// Draws a line through `points`, broken where a value is NaN; a point between two breaks is a dot.
    fn line(&mut self, points: &[(f64, f64)], line: Line, colour: usize) {
        for run in points.split(|(_, y)| y.is_nan()).filter(|run| !run.is_empty()) {
            if let [(x, y)] = run {
                self.dot(*x, *y, if line == Line::Train { 2.0 } else { 3.0 }, colour);
                continue;
            }
            let points: Vec<String> = run.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ =
                write!(self.text, "<polyline class=\"{} s{colour}\" points=\"{}\"/>", line.name(), points.join(" "));
        }
    }

    fn dot(&mut self, x: f64, y: f64, radius: f64, colour: usize) {
        let _ = write!(self.text, "<circle class=\"f{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>");
    }
}

/// At most four points for each column of pixels: the first, the lowest, the highest, the last. What is drawn stays the same.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= 2 * PLOT_WIDTH as usize {
        return points.to_vec();
    }
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor() && a.1.is_nan() == b.1.is_nan()) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = [column.first(), column.iter().min_by(by_height), column.iter().max_by(by_height), column.last()];
        kept.extend(ends.into_iter().flatten());
    }
    kept
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
