//! A network as the text of a program: values in the order of its functions, a name for each that is used twice.
//!
//! A value that one function reads is not named: it becomes the head of that function's chain, or an operand of its formula. What a
//! function becomes is in the files beside this one; here is how values are kept, read and bound.

use std::collections::{BTreeMap, BTreeSet};

use super::needed::Sharing;
use super::term::{Expr, Formula, Step, list};
use super::{Function, Network};
use crate::import::names::Names;
use crate::import::{Imported, Refusal, canonical};
use crate::tensor::Tensor;

/// A value as it is known while a program is written.
#[derive(Clone, Debug)]
pub struct Term {
    /// What it is computed by, or its name.
    pub expr: Expr,
    /// Its sizes, without the batch.
    pub shape: Vec<i64>,
    /// Whether it differs from sample to sample.
    pub batched: bool,
    /// Whether NNabla took the mean over samples, which a program leaves to `loss`.
    pub averaged: bool,
    /// An axis that NNabla keeps with size 1, and this value lacks.
    pub lost: Option<usize>,
    /// The same as truth values, where NNabla has 0 and 1.
    pub truth: Option<Formula>,
    /// How many classes there are, when it is one.
    pub classes: Option<i64>,
    /// A name that suits it.
    pub hint: Option<String>,
}

/// What a function could not be written for; empty when it reads what could not be written either.
pub type Fault = String;

/// The program so far.
pub struct Writer<'n> {
    pub network: &'n Network,
    /// Functions that are written.
    pub needed: BTreeSet<usize>,
    /// How often each value is read.
    pub uses: BTreeMap<&'n str, usize>,
    /// Classes of inputs that are read as such.
    pub classes: BTreeMap<&'n str, i64>,
    /// What is trained, and what is only measured, of the values that the source adds up.
    pub trained_losses: Vec<&'n str>,
    pub metrics: Vec<&'n str>,
    /// Values that are outputs, and their names.
    pub outputs: Vec<(&'n str, String)>,
    pub terms: BTreeMap<String, Term>,
    pub declared: Vec<String>,
    pub lines: Vec<String>,
    pub names: Names,
    pub weights: Vec<(String, Tensor)>,
    /// Parameters that have no trained value.
    pub untrained: Vec<String>,
    pub notes: Vec<String>,
    /// Instances of layers that several functions share, by their first function.
    pub instances: BTreeMap<usize, String>,
}

/// Writes a network as a program, with its weights.
///
/// # Errors
/// When functions have no counterpart: all of them, by name.
pub fn write(network: &Network) -> Result<Imported, Refusal> {
    let mut writer = Writer::new(network)?;
    let mut faults = writer.inputs();
    for place in writer.needed.clone() {
        let function = &network.functions[place];
        match writer.function(place, function) {
            Ok(()) => {}
            Err(fault) if fault.is_empty() => {}
            Err(fault) => faults.push(format!("{}: {fault}", function.shown())),
        }
    }
    if !faults.is_empty() {
        let title = match faults.len() {
            1 => "a part of the network has no counterpart".to_owned(),
            count => format!("{count} parts of the network have no counterpart"),
        };
        return Err(Refusal { notes: faults, ..Refusal::new(title) });
    }
    let losses = writer.losses().map_err(Refusal::new)?;
    let outputs = writer.written_outputs().map_err(Refusal::new)?;
    let (data, train) = (writer.data(), network.training.text());
    let head = vec![format!("# {}", network.title)];
    let sections = [head, writer.declared, writer.lines, losses, outputs, data, train];
    let filled = sections.iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n"));
    let text = canonical(&filled.collect::<Vec<_>>().join("\n\n"));
    let mut notes = network.notes.clone();
    notes.append(&mut writer.notes);
    let mut weights = writer.weights;
    if !writer.untrained.is_empty() && !weights.is_empty() {
        weights.clear();
        let missing = writer.untrained.join("`, `");
        notes.push(format!("no weights are written, since the file has no trained values of `{missing}`"));
    }
    weights.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Imported { text, weights, notes })
}

impl<'n> Writer<'n> {
    /// Reads a value as a float with NNabla's sizes.
    pub fn read(&mut self, value: &str) -> Result<Term, Fault> {
        let mut term = self.as_it_is(value)?;
        if term.classes.take().is_some() {
            let shape = self.sample_shape(value);
            let floats = format!("float({})", term.expr.text());
            let reshaped = if term.shape == shape { floats } else { format!("reshape({floats}, {})", list(&shape)) };
            term = Term { expr: Expr::Formula(Formula::atom(reshaped)), shape, ..term };
        }
        if let Some(axis) = term.lost.take() {
            let step = Step::function("unsqueeze", if axis == 0 { String::new() } else { format!("axis = {axis}") });
            term.expr = term.expr.then(step);
            term.shape.insert(axis.min(term.shape.len()), 1);
        }
        Ok(term)
    }

    /// Reads a value as the program has it: a class may be one, and an axis of size 1 may be missing.
    pub fn as_it_is(&mut self, value: &str) -> Result<Term, Fault> {
        if self.network.is_parameter(value) && !self.terms.contains_key(value) {
            self.declare_parameter(value)?;
        }
        let known = self.terms.get(value).cloned();
        known.ok_or_else(|| {
            let written = self.network.functions.iter().any(|function| function.outputs.iter().any(|out| out == value));
            if written { String::new() } else { format!("it reads `{value}`, which nothing gives") }
        })
    }

    /// Reads a value for a formula: bound to a name first where it is a chain of layers, or long.
    pub fn operand(&mut self, value: &str) -> Result<(Formula, Term), Fault> {
        let term = self.read(value)?;
        if let Some(formula) = term.expr.called() {
            return Ok((formula, term));
        }
        self.bind(value);
        let term = self.read(value)?;
        let formula = term.expr.called().unwrap_or_else(|| Formula::atom(format!("({})", term.expr.text())));
        Ok((formula, term))
    }

    /// Gives a value its name, unless it has one.
    pub fn bind(&mut self, value: &str) -> String {
        let Some(term) = self.terms.get(value).cloned() else { return value.to_owned() };
        if let Expr::Formula(Formula { text, .. }) = &term.expr
            && text.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !text.starts_with(|c: char| c.is_ascii_digit())
        {
            return text.clone();
        }
        let output = self.outputs.iter().find(|(known, _)| *known == value).map(|(_, name)| name.clone());
        let wanted = output.or_else(|| term.hint.clone()).unwrap_or_else(|| "h".to_owned());
        let name = self.names.claim(&wanted);
        self.own(&name, &term.expr);
        self.lines.push(format!("{name} = {}", term.expr.text()));
        let named = Term { expr: Expr::Formula(Formula::atom(name.clone())), truth: None, hint: None, ..term };
        self.terms.insert(value.to_owned(), named);
        name
    }

    /// Keeps a function's value: named at once if it is read several times.
    pub fn define(&mut self, value: &str, mut term: Term) {
        term.shape.iter_mut().for_each(|size| *size = super::bounded(*size));
        self.terms.insert(value.to_owned(), term);
        if self.uses.get(value).copied().unwrap_or(0) > 1 {
            self.bind(value);
        }
    }

    /// The weights of the layers that an expression constructs when it is bound to `name`.
    pub fn own(&mut self, name: &str, expr: &Expr) {
        let Expr::Chain(_, steps) = expr else { return };
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (layer, owned) in steps.iter().filter_map(|step| step.layer.as_ref()) {
            let count = seen.entry(layer).or_insert(0);
            *count += 1;
            let layer = if *count == 1 { (*layer).to_owned() } else { format!("{layer}_{count}") };
            for part in owned {
                self.weigh(format!("{name}.{layer}.{}", part.path), &part.variable, &part.shape);
            }
        }
    }

    /// Takes the trained value of a parameter over, under its path in the program.
    pub fn weigh(&mut self, path: String, variable: &str, shape: &[i64]) {
        let shape: Vec<usize> = shape.iter().filter_map(|size| usize::try_from(*size).ok()).collect();
        match self.network.trained.get(variable) {
            Some(trained) if trained.values.len() == shape.iter().product::<usize>() => {
                self.weights.push((path, Tensor::f32(&shape, trained.values.clone())));
            }
            _ => self.untrained.push(variable.to_owned()),
        }
    }

    /// The sizes of a value without the batch.
    pub fn sample_shape(&self, value: &str) -> Vec<i64> {
        self.network.shape(value).get(1..).unwrap_or_default().to_vec()
    }

    /// A value that is computed from one other by a step behind it.
    pub fn step(&mut self, function: &Function, step: Step, shape: Vec<i64>) -> Result<(), Fault> {
        let before = self.read(input(function, 0)?)?;
        self.linear_only(function, &before)?;
        let hint = step.layer.as_ref().and(self.hint(function));
        // What normalises a layer's values belongs to that layer.
        let attached = function.kind.ends_with("Normalization") || function.kind == "PReLU";
        let hint = if attached && before.hint.is_some() { None } else { hint };
        if hint.is_some() && before.hint.is_some() && matches!(before.expr, Expr::Chain(..)) {
            // Two layers with names of their own are two lines.
            self.bind(input(function, 0)?);
        }
        let before = self.read(input(function, 0)?)?;
        let expr = before.expr.clone().then(step);
        let hint =
            hint.or_else(|| before.hint.clone()).or_else(|| super::names::chosen(&function.name, &function.kind));
        self.define(output(function)?, Term { expr, shape, truth: None, hint, ..before });
        Ok(())
    }

    /// A value that is a formula of others.
    pub fn formula(
        &mut self,
        function: &Function,
        formula: Formula,
        shape: Vec<i64>,
        like: &Term,
    ) -> Result<(), Fault> {
        let hint = super::names::chosen(&function.name, &function.kind);
        let term =
            Term { expr: Expr::Formula(formula), shape, truth: None, hint, lost: None, classes: None, ..like.clone() };
        self.define(output(function)?, term);
        Ok(())
    }

    /// Refuses what is computed from a mean over samples, unless the mean could as well be taken of what is computed.
    fn linear_only(&self, function: &Function, before: &Term) -> Result<(), Fault> {
        let linear = ["MulScalar", "AddScalar", "Identity", "Mean", "Reshape"].contains(&function.kind.as_str());
        if before.averaged && !linear {
            return Err(
                "it is computed from a mean over the samples of a minibatch; a program is written for one sample"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// A name for what a layer gives: the scope of its parameters, if a person chose it.
    fn hint(&self, function: &Function) -> Option<String> {
        let scoped = function.inputs.iter().skip(1).find(|value| self.network.is_parameter(value));
        scoped.and_then(|value| super::names::scope(value, &function.kind))
    }

    /// How the parameters of a function are shared with others.
    pub fn sharing(&self, place: usize) -> Sharing {
        super::needed::sharing(self.network, &self.needed, place)
    }
}

/// A function's operand.
pub fn input(function: &Function, i: usize) -> Result<&str, Fault> {
    function.inputs.get(i).map(String::as_str).ok_or_else(|| format!("its input {} is missing", i + 1))
}

/// A function's only result.
pub fn output(function: &Function) -> Result<&str, Fault> {
    function.outputs.first().map(String::as_str).ok_or_else(|| "it has no output".to_owned())
}
