//! What stands around the formulas of a program: inputs, parameters, losses, outputs, data.

use std::collections::BTreeMap;

use super::Function;
use super::initial::initializer;
use super::names::{chosen, identifier, snake_case};
use super::term::{Expr, Formula, Level, list, number};
use super::writer::{Fault, Term, Writer};

impl<'n> Writer<'n> {
    /// Declares the inputs that are read. Values that are fed by the same data are one input. Gives what cannot be declared.
    pub fn inputs(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut named: BTreeMap<&str, (String, Vec<i64>)> = BTreeMap::new();
        let network = self.network;
        for feed in network.feeds.iter().filter(|feed| self.uses.contains_key(feed.variable.as_str())) {
            let classes = self.classes.get(feed.variable.as_str()).copied();
            let shape =
                if classes.is_some() { self.class_shape(&feed.variable) } else { self.sample_shape(&feed.variable) };
            let shown = match classes {
                Some(count) if shape.is_empty() => format!("index<{count}>"),
                Some(count) => format!("index<{count}>{}", list(&shape)),
                None if shape.is_empty() => "f32".to_owned(),
                None => list(&shape),
            };
            let name = match named.get(feed.name.as_str()) {
                Some((name, same)) if *same == shape => name.clone(),
                Some(_) => {
                    faults.push(format!("the data `{}` feeds inputs of two shapes", feed.name));
                    continue;
                }
                None => {
                    let name = self.names.claim(&identifier(&feed.name));
                    named.insert(&feed.name, (name.clone(), shape.clone()));
                    let drawn = match &feed.generator {
                        None => String::new(),
                        Some((kind, multiplier)) => match drawn(kind, *multiplier) {
                            Some(from) => format!(" from {from}"),
                            None => {
                                faults.push(format!("the input `{}` is drawn by the generator {kind}", feed.name));
                                continue;
                            }
                        },
                    };
                    self.declared.push(format!("input {name}: {shown}{drawn}"));
                    name
                }
            };
            let expr = Expr::Formula(Formula::atom(name));
            let term =
                Term { expr, shape, batched: true, averaged: false, lost: None, truth: None, classes, hint: None };
            self.terms.insert(feed.variable.clone(), term);
        }
        faults
    }

    /// Declares a parameter by itself: one that no layer owns.
    pub fn declare_parameter(&mut self, value: &str) -> Result<(), Fault> {
        let network = self.network;
        let variable = network.variables.get(value).ok_or_else(|| format!("the parameter `{value}` has no shape"))?;
        let mut shape = variable.shape.clone();
        if shape.len() > 1 && shape.first() == Some(&1) {
            shape.remove(0);
        }
        let parts: Vec<&str> = value.split('/').filter(|part| !part.is_empty()).collect();
        let short = match parts.as_slice() {
            [first, .., last] => format!("{first}_{last}"),
            _ => value.to_owned(),
        };
        let name = self.names.claim(&identifier(&short));
        let marks = match parts.last() {
            _ if variable.frozen => " frozen",
            Some(&"b") => " decay 0",
            _ => "",
        };
        let usual = if parts.last() == Some(&"W") { "glorot_normal()" } else { "zeros()" };
        let start = initializer(variable.initializer.as_ref(), &variable.shape).unwrap_or(usual.to_owned());
        self.declared.push(format!("param {name}: {}{marks} = {start}", list(&shape)));
        self.weigh(name.clone(), value, &shape);
        let expr = Expr::Formula(Formula::atom(name));
        let term =
            Term { expr, shape, batched: false, averaged: false, lost: None, truth: None, classes: None, hint: None };
        self.terms.insert(value.to_owned(), term);
        Ok(())
    }

    /// `loss` and `metric` statements.
    pub fn losses(&mut self) -> Result<Vec<String>, Fault> {
        let network = self.network;
        let parts: Vec<Part> = self.trained_losses.iter().flat_map(|value| summands(network, value)).collect();
        let producers = network.producers();
        let several = parts.len() > 1;
        let mut written = Vec::new();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for Part { value, weight, name } in parts {
            let function = producers.get(value).map(|place| &network.functions[*place]);
            let name = name.unwrap_or_else(|| function.map_or("loss".to_owned(), statement_name));
            let name = once(&mut taken, name);
            let weight = if weight == 1.0 { String::new() } else { format!(" weight {}", number(weight)) };
            let head = if several { format!("loss {name}{weight}") } else { format!("loss{weight}") };
            let path = if several { &name } else { "loss" };
            written.push(self.statement(&head, path, value)?);
        }
        for value in self.metrics.clone() {
            let function = producers.get(value).map(|place| &network.functions[*place]);
            let name = once(&mut taken, function.map_or("metric".to_owned(), statement_name));
            written.push(self.statement(&format!("metric {name}"), &name, value)?);
        }
        Ok(written)
    }

    /// `head = expression`, which takes the parameters of the expression's layers.
    fn statement(&mut self, head: &str, path: &str, value: &str) -> Result<String, Fault> {
        let term = self.as_it_is(value)?;
        self.own(path, &term.expr);
        Ok(format!("{head} = {}", term.expr.text()))
    }

    /// `output` statements.
    pub fn written_outputs(&mut self) -> Result<Vec<String>, Fault> {
        let mut written = Vec::new();
        for (value, wanted) in self.outputs.clone() {
            let term = self.as_it_is(value)?;
            let text = term.expr.text();
            if text == wanted {
                written.push(format!("output {wanted}"));
                continue;
            }
            let bound = matches!(&term.expr, Expr::Formula(formula) if formula.level == Level::Atom);
            let name = if bound && self.bound_as(&wanted, &text) { text.clone() } else { self.names.claim(&wanted) };
            if name == text {
                written.push(format!("output {name}"));
                continue;
            }
            self.own(&name, &term.expr);
            written.push(format!("output {name} = {text}"));
        }
        Ok(written)
    }

    /// Whether a value was given another name only because the wanted one was taken.
    fn bound_as(&self, wanted: &str, text: &str) -> bool {
        text.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('_') && rest[1..].parse::<usize>().is_ok())
    }

    /// `data` statements.
    pub fn data(&mut self) -> Vec<String> {
        let network = self.network;
        let feeds = network.feeds.iter().filter(|feed| feed.generator.is_none());
        let read: Vec<(&str, String)> = feeds
            .filter(|feed| self.uses.contains_key(feed.variable.as_str()))
            .filter_map(|feed| Some((feed.name.as_str(), self.terms.get(&feed.variable)?.expr.text())))
            .collect();
        let plain = read.iter().all(|(column, name)| column == name);
        let mut written = Vec::new();
        for set in &network.training.sets {
            let file = set.file.replace('\\', "\\\\").replace('"', "\\\"");
            let raw = if set.raw { ", raw = true" } else { "" };
            if plain && !set.raw {
                written.push(format!("data {} = csv(\"{file}\")", set.name));
                continue;
            }
            let mut columns: Vec<String> =
                read.iter().map(|(column, name)| format!("    {name} = csv(\"{file}\", \"{column}\"{raw})")).collect();
            columns.dedup();
            written.push(format!("data {} {{\n{}\n}}", set.name, columns.join("\n")));
        }
        written
    }
}

/// What a drawn input is drawn from.
fn drawn(kind: &str, multiplier: f64) -> Option<String> {
    match kind {
        "Normal" => Some(format!("normal(0, {})", number(multiplier))),
        "Uniform" => Some(format!("uniform({}, {})", number(-multiplier), number(multiplier))),
        "Constant" => Some(format!("constant({})", number(multiplier))),
        _ => None,
    }
}

/// The name of a loss or metric: its layer's, or its function's.
fn statement_name(function: &Function) -> String {
    chosen(&function.name, &function.kind).unwrap_or_else(|| snake_case(&function.kind))
}

fn once(taken: &mut BTreeMap<String, usize>, name: String) -> String {
    let count = taken.entry(name.clone()).or_insert(0);
    *count += 1;
    if *count == 1 { name } else { format!("{name}_{count}") }
}

/// A part of the loss: a value whose mean counts, how much, and the name that a person gave it.
struct Part<'n> {
    value: &'n str,
    weight: f64,
    name: Option<String>,
}

/// The parts that a value is a sum of. A mean over everything is what `loss` takes anyway.
fn summands<'n>(network: &'n super::Network, value: &'n str) -> Vec<Part<'n>> {
    let producers = network.producers();
    let scalar = |value: &String| {
        let shape = network.shape(value);
        shape.len() <= 1 && shape.iter().all(|size| size.abs() == 1)
    };
    let whole = |function: &Function| {
        let rank = function.inputs.first().map_or(0, |value| network.shape(value).len());
        let axes = function.args.list("axes");
        let behind_batch = axes.len() + 1 == rank && !axes.contains(&0);
        axes.is_empty() || axes.len() == rank || behind_batch
    };
    let mut open = vec![Part { value, weight: 1.0, name: None }];
    let mut parts = Vec::new();
    // A value is looked through at most once for each function: a damaged file may go in circles.
    let mut left = network.functions.len();
    while let Some(part) = open.pop() {
        let function = producers.get(part.value).map(|place| &network.functions[*place]);
        let Some(function) = function.filter(|function| left > 0 && !function.inputs.is_empty()) else {
            parts.push(part);
            continue;
        };
        left -= 1;
        let name = part.name.clone().or_else(|| chosen(&function.name, &function.kind));
        let factor = function.args.number("val", 1.0);
        let first = function.inputs[0].as_str();
        match function.kind.as_str() {
            "Mean" if whole(function) => open.push(Part { value: first, weight: part.weight, name }),
            "MulScalar" if factor > 0.0 => open.push(Part { value: first, weight: part.weight * factor, name }),
            "Add2" | "AddN" if function.inputs.iter().all(scalar) => {
                let summand = |value: &'n String| Part { value, weight: part.weight, name: None };
                open.extend(function.inputs.iter().rev().map(summand));
            }
            _ => parts.push(Part { name, ..part }),
        }
    }
    parts
}
