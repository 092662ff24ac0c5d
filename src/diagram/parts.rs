//! The boxes and arrows of a network: what units are called, what is written in them, and what they give each other.

use std::collections::{BTreeMap, BTreeSet};

use super::units::{Key, Unit, Units};
use super::{Arrow, Diagram, Group, Kind, Part, Unfold};
use crate::base::Idx;
use crate::check::user_place;
use crate::ir::{FrameId, Graph, ResultRole, ResultValue, Value, VarId, VariableKind, op};
use crate::networks::{Network, undrawn};
use crate::report::numbers;
use crate::source::{SourceMap, Span};

/// The most letters of a line in a box, and the most lines of a formula.
const LINE: usize = 34;
const LINES: usize = 3;

/// The boxes and arrows of one of a program's networks. Inputs that are drawn stay inputs.
pub fn diagram(program: &Graph, network: Network, sources: &SourceMap, unfold: Unfold) -> Diagram {
    let graph = undrawn(program, network);
    let units = Units::new(&graph, sources, unfold);
    let mut drawing = Drawing {
        program,
        graph: &graph,
        sources,
        unfold,
        readers: units.readers(&graph),
        given: units.given(&graph),
        units,
        out: Diagram::default(),
        groups: BTreeMap::new(),
        shown: BTreeMap::new(),
        told: BTreeSet::new(),
    };
    let terminals: Vec<Vec<usize>> = match unfold {
        Unfold::Primitives => graph.results.iter().map(|_| Vec::new()).collect(),
        Unfold::Definitions(_) => graph.results.iter().map(|result| drawing.taken_in(result)).collect(),
    };
    drawing.draw(&terminals);
    drawing.out
}

/// A diagram in the making.
struct Drawing<'g> {
    program: &'g Graph,
    graph: &'g Graph,
    sources: &'g SourceMap,
    unfold: Unfold,
    units: Units,
    readers: Vec<BTreeSet<usize>>,
    given: Vec<BTreeSet<Value>>,
    out: Diagram,
    /// The groups of unfolded calls.
    groups: BTreeMap<FrameId, usize>,
    /// The part that shows each value that is drawn.
    shown: BTreeMap<Value, usize>,
    /// The variables whose number of elements was told.
    told: BTreeSet<Value>,
}

impl Drawing<'_> {
    /// The units that are written in the statement of a result and read by nothing else: the result's box stands for them too.
    fn taken_in(&self, result: &ResultValue) -> Vec<usize> {
        let Some(name) = result.place.span else { return Vec::new() };
        let read_by_results = |unit: usize| {
            let own = |other: &&ResultValue| self.units.of.get(&other.value) == Some(&unit);
            self.graph.results.iter().filter(own).count()
        };
        let mut taken: Vec<usize> = Vec::new();
        for index in (0..self.units.units.len()).rev() {
            let unit = &self.units.units[index];
            let after = unit.span.is_some_and(|span| span.file == name.file && span.start >= name.end);
            let ends_here = self.units.of.get(&result.value) == Some(&index) && self.readers[index].is_empty();
            let inner =
                !self.readers[index].is_empty() && self.readers[index].iter().all(|reader| taken.contains(reader));
            let reads = read_by_results(index);
            let once = ends_here && reads == 1 || inner && reads == 0;
            if once && after && unit.is_plain(self.graph) && unit.within.is_empty() {
                taken.push(index);
            }
        }
        taken
    }

    fn draw(&mut self, terminals: &[Vec<usize>]) {
        let hidden: BTreeSet<usize> = terminals.iter().flatten().copied().collect();
        self.variables();
        for index in 0..self.units.units.len() {
            if !hidden.contains(&index) && !self.units.units[index].nodes.is_empty() {
                self.unit(index);
            }
        }
        for (result, taken) in self.graph.results.iter().zip(terminals) {
            self.terminal(result, taken);
        }
        self.out.arrows.sort_by_key(|arrow| (arrow.from, arrow.to));
    }

    /// The parameters and states that the program's own level declares.
    fn variables(&mut self) {
        let own: Vec<(Value, VarId)> = self
            .graph
            .nodes
            .iter_enumerated()
            .filter(|(_, node)| node.op == op::VARIABLE && node.place.frame.is_none())
            .map(|(value, node)| (value, VarId::new(node.attrs.get_int("index") as usize)))
            .collect();
        for (value, id) in own {
            let variable = &self.graph.variables[id];
            let word = if matches!(variable.kind, VariableKind::Param { .. }) { "param" } else { "state" };
            let title = vec![format!("{word} {}", variable.path)];
            let details = vec![variable.ty.to_string()];
            self.push(Part { kind: Kind::Variable, title, details, group: None }, &[value]);
        }
    }

    fn push(&mut self, part: Part, values: &[Value]) -> usize {
        self.out.parts.push(part);
        let number = self.out.parts.len() - 1;
        self.shown.extend(values.iter().map(|value| (*value, number)));
        number
    }

    fn unit(&mut self, index: usize) {
        let unit = self.units.units[index].clone();
        let group = self.group(&unit.within);
        let part = match unit.nodes.first().map(|value| self.graph.node(*value)) {
            Some(node) if node.op == op::INPUT => self.input(node.attrs.get_int("index") as usize, unit.nodes[0]),
            _ => Part { kind: self.kind(&unit), title: self.title(&unit), details: self.details(index), group },
        };
        let number = self.push(part, &unit.nodes);
        self.arrows(number, &unit.nodes);
    }

    fn input(&self, index: usize, value: Value) -> Part {
        let name = self.graph.inputs[index].name.clone();
        let mut details = vec![self.graph.ty(value).to_string()];
        let declared = self.program.inputs.iter().find(|input| input.name == name);
        if let Some(drawn) = declared.and_then(|input| input.drawn) {
            let from = user_place(self.sources, self.program, self.program.node(drawn).place);
            details.push(format!("from {}", self.text(from)));
        }
        Part { kind: Kind::Input, title: vec![name], details, group: None }
    }

    fn kind(&self, unit: &Unit) -> Kind {
        match unit.key {
            Key::Own(_) => Kind::Formula,
            _ if unit.variables.is_empty() => Kind::Function,
            _ => Kind::Layer,
        }
    }

    fn title(&self, unit: &Unit) -> Vec<String> {
        let text = match unit.key {
            Key::Call(frame) => self.call(frame),
            Key::Scan(parent, span, _) => {
                let steps = |frame: &&crate::ir::Frame| frame.parent == parent && frame.call == span;
                let step = self.graph.frames.iter().find(steps).map_or("", |frame| frame.callee.as_str());
                format!("scan({step})")
            }
            Key::Own(value) => {
                let whole =
                    unit.span.filter(|span| !self.sources.is_library(*span) && self.unfold != Unfold::Primitives);
                whole.map_or_else(|| self.graph.node(value).op.to_string(), |span| self.text(Some(span)))
            }
        };
        wrapped(&text)
    }

    /// A call as the program writes it, with the values of its compile-time arguments.
    fn call(&self, frame: FrameId) -> String {
        let frame = &self.graph.frames[frame];
        match (frame.given.as_str(), &frame.instance) {
            ("", None) => frame.callee.clone(),
            (given, _) => format!("{}({given})", frame.callee),
        }
    }

    /// Names, shapes and parameters.
    fn details(&mut self, index: usize) -> Vec<String> {
        let (unit, given) = (self.units.units[index].clone(), &self.given[index]);
        let mut names: Vec<&str> =
            given.iter().filter_map(|value| self.graph.names.get(value)).map(String::as_str).collect();
        names.retain(|name| !name.starts_with('_'));
        let mut shapes: Vec<String> = given.iter().map(|value| self.graph.ty(*value).to_string()).collect();
        shapes.dedup();
        let mut lines = Vec::new();
        match (names.join(", "), shapes.join(", ")) {
            (name, shape) if name.is_empty() => lines.push(shape),
            (name, shape) => lines.push(format!("{name}: {shape}")),
        }
        lines.extend(self.weights(&unit));
        lines
    }

    /// How many parameters a unit reads, or whose they are.
    fn weights(&mut self, unit: &Unit) -> Option<String> {
        let owned: Vec<Value> =
            unit.variables.iter().copied().filter(|value| self.graph.node(*value).place.frame.is_some()).collect();
        let owner = match unit.key {
            Key::Call(frame) => self.owner(frame),
            _ => None,
        };
        let of = owner.map_or_else(String::new, |owner| format!(" of {owner}"));
        if !owned.is_empty() && owned.iter().all(|value| self.told.contains(value)) {
            return Some(format!("the same parameters{of}"));
        }
        let (mut params, mut states) = (0, 0);
        for value in &owned {
            let variable = &self.graph.variables[VarId::new(self.graph.node(*value).attrs.get_int("index") as usize)];
            let size = variable.ty.shape.size().constant().unwrap_or(0) as u64;
            match variable.kind {
                VariableKind::Param { .. } => params += size,
                _ => states += size,
            }
        }
        self.told.extend(owned);
        match (params, states) {
            (0, 0) => None,
            (0, states) => Some(format!("{} in states{of}", numbers::count(states))),
            (params, _) => Some(format!("{}{of}", numbers::count_of(params, "parameter"))),
        }
    }

    fn terminal(&mut self, result: &ResultValue, taken: &[usize]) {
        let (kind, word) = match &result.role {
            ResultRole::Loss { .. } => (Kind::Loss, "loss"),
            ResultRole::Metric => (Kind::Metric, "metric"),
            ResultRole::Output | ResultRole::Extra => (Kind::Output, "output"),
        };
        let title = if result.name == word { word.to_owned() } else { format!("{word} {}", result.name) };
        let mut details: Vec<String> = Vec::new();
        let whole = taken.iter().find(|unit| self.units.of.get(&result.value) == Some(*unit));
        if let Some(span) = whole.and_then(|unit| self.units.units[*unit].span) {
            details.extend(wrapped(&self.text(Some(span))));
        }
        if let ResultRole::Loss { weight, trains } = &result.role {
            details.extend(weight.map(|weight| self.weight(weight)));
            details.extend(trains.as_ref().map(|trains| self.trains(trains)));
        }
        if kind == Kind::Output {
            details.push(self.graph.ty(result.value).to_string());
        }
        let number = self.push(Part { kind, title: vec![title], details, group: None }, &[]);
        let nodes: Vec<Value> = taken.iter().flat_map(|unit| self.units.units[*unit].nodes.clone()).collect();
        match nodes.is_empty() {
            true => self.arrow(result.value, number, false),
            false => self.arrows(number, &nodes),
        }
    }

    fn weight(&self, weight: Value) -> String {
        let node = self.graph.node(weight);
        let text = match node.op {
            op::CONSTANT => node
                .attrs
                .get_tensor("value")
                .to_f64()
                .first()
                .map_or(String::new(), |value| (*value as f32).to_string()),
            _ => node.place.span.map(|span| self.text(Some(span))).unwrap_or_default(),
        };
        format!("weight {text}")
    }

    /// The instances whose parameters a loss trains.
    fn trains(&self, trains: &[VarId]) -> String {
        let mut owners: Vec<&str> = Vec::new();
        for id in trains {
            let owner = self.graph.variables[*id].path.split('.').next().unwrap_or_default();
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        format!("trains {}", owners.join(", "))
    }

    fn arrows(&mut self, number: usize, nodes: &[Value]) {
        let own: BTreeSet<Value> = nodes.iter().copied().collect();
        for value in nodes {
            let node = self.graph.node(*value);
            for (place, input) in node.inputs.iter().enumerate().filter(|(_, input)| !own.contains(input)) {
                self.arrow(*input, number, node.op == op::GRAD && place == 1);
            }
        }
    }

    /// An arrow from what shows a value, once; on it the shape, where the giver has several.
    fn arrow(&mut self, value: Value, to: usize, dashed: bool) {
        let Some(from) = self.shown.get(&value).copied().filter(|from| *from != to) else { return };
        let several =
            self.units.of.get(&value).is_some_and(|unit| {
                self.given[*unit].iter().any(|other| self.graph.ty(*other) != self.graph.ty(value))
            });
        let label = match (dashed, several) {
            (true, _) => "by".to_owned(),
            (false, true) => {
                let ty = self.graph.ty(value).to_string();
                self.graph.names.get(&value).map_or(ty.clone(), |name| format!("{name}: {ty}"))
            }
            (false, false) => String::new(),
        };
        match self.out.arrows.iter_mut().find(|arrow| (arrow.from, arrow.to) == (from, to)) {
            Some(known) => {
                known.dashed &= dashed;
                if !label.is_empty() && !known.label.contains(&label) {
                    let between = if known.label.is_empty() { "" } else { ", " };
                    known.label += &format!("{between}{label}");
                }
            }
            None => self.out.arrows.push(Arrow { from, to, label, dashed }),
        }
    }

    /// The name of the instance that is called, if the program gave it one: in the path of any other stands the layer's.
    fn owner(&self, frame: FrameId) -> Option<&str> {
        let path = self.graph.frames[frame].instance.as_deref()?;
        let of_layer = |part: &str| part.starts_with(char::is_uppercase);
        (!path.split('.').any(of_layer)).then_some(path)
    }

    /// The group of unfolded calls.
    fn group(&mut self, within: &[FrameId]) -> Option<usize> {
        let mut parent = None;
        for frame in within {
            let call = self.call(*frame);
            let title = self.owner(*frame).map_or_else(|| call.clone(), |owner| format!("{owner}: {call}"));
            let groups = &mut self.out.groups;
            let number = *self.groups.entry(*frame).or_insert_with(|| {
                groups.push(Group { title, parent });
                groups.len() - 1
            });
            parent = Some(number);
        }
        parent
    }

    /// What is written at a place, on one line.
    fn text(&self, span: Option<Span>) -> String {
        let Some(span) = span else { return String::new() };
        let text = &self.sources.file(span.file).text[span.range()];
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A text in lines that are broken between words, cut where there would be too many. A named argument stays whole.
fn wrapped(text: &str) -> Vec<String> {
    const GLUE: &str = "\u{a0}=\u{a0}";
    let mut lines: Vec<String> = Vec::new();
    for word in text.replace(" = ", GLUE).split(' ') {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= LINE) {
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    let cut = |line: &mut String| *line = line.chars().take(LINE - 1).chain(['…']).collect();
    lines.iter_mut().filter(|line| line.chars().count() > LINE).for_each(cut);
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines.last_mut().filter(|last| !last.ends_with('…')).into_iter().for_each(|last| *last += " …");
    }
    lines.into_iter().map(|line| line.replace(GLUE, " = ")).collect()
}
