//! Layers that own parameters: affine maps, embeddings, normalisations, slopes.
//!
//! A layer whose parameters nothing else reads is constructed where it stands. Functions that share all parameters are calls of one
//! instance. Where parameters are kept as they are, computed, or shared in part, the layer is written out with declared ones.

use super::initial::initializer;
use super::needed::Sharing;
use super::term::{Formula, Level, Owned, Step, list, number};
use super::writer::{Fault, Writer, input};
use super::{Function, count, names};

impl Writer<'_> {
    /// Layers but for those that slide windows.
    pub fn layer(&mut self, place: usize, function: &Function) -> Result<bool, Fault> {
        match function.kind.as_str() {
            "Affine" => self.affine(place, function)?,
            "Embed" => self.embed(place, function)?,
            "PReLU" => self.prelu(place, function)?,
            "BatchNormalization" | "FusedBatchNormalization" => self.batch_normalization(place, function)?,
            "LayerNormalization" | "InstanceNormalization" | "GroupNormalization" => {
                self.normalization(place, function)?
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A layer as a step: constructed here, or the instance that its function shares. None where it is to be written out.
    pub fn constructed(
        &mut self,
        place: usize,
        layer: &'static str,
        arguments: &[String],
        owned: Vec<Owned>,
    ) -> Option<Step> {
        let given: Vec<&str> = arguments.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let text = format!("{layer}({})", given.join(", "));
        match self.sharing(place) {
            Sharing::Apart => None,
            Sharing::Alone => Some(Step { text, call: None, layer: Some((layer, owned)) }),
            Sharing::Instance(first) => {
                if let Some(name) = self.instances.get(&first) {
                    return Some(Step::plain(name.clone()));
                }
                let scope = owned.first().and_then(|part| names::scope(&part.variable, layer));
                let name = self.names.claim(&scope.unwrap_or_else(|| "shared".to_owned()));
                self.declared.push(format!("{name} = {text}"));
                for part in &owned {
                    self.weigh(format!("{name}.{}", part.path), &part.variable, &part.shape);
                }
                self.instances.insert(first, name.clone());
                Some(Step::plain(name))
            }
        }
    }

    /// `name = start` for a parameter whose initialiser is not the layer's own.
    pub fn start(&self, name: &str, parameter: &str, own: &str) -> String {
        let variable = self.network.variables.get(parameter);
        let start = variable.and_then(|variable| initializer(variable.initializer.as_ref(), &variable.shape));
        start.filter(|start| start != own).map_or(String::new(), |start| format!("{name} = {start}"))
    }

    /// A parameter of a layer.
    pub fn owned(&self, path: &'static str, function: &Function, i: usize, shape: &[i64]) -> Vec<Owned> {
        let owned = |variable: &String| Owned { path, variable: variable.clone(), shape: shape.to_vec() };
        function.inputs.get(i).map(owned).into_iter().collect()
    }

    fn affine(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        let base = function.args.whole("base_axis", 1);
        let term = self.read(input(function, 0)?)?;
        let weight = self.network.shape(input(function, 1)?).to_vec();
        let axis = usize::try_from(base - 1).map_err(|_| "it mixes the samples of a minibatch".to_owned())?;
        let leading = term.shape.get(..axis).ok_or_else(|| "its axis is none of its input's".to_owned())?.to_vec();
        let outputs = weight.get(1..).unwrap_or_default().to_vec();
        let (rows, columns) = (count(&term.shape[axis..]), count(&outputs));
        if weight.first() != Some(&rows) {
            return Err(format!("its weight `{}` is not of the shape of its input", function.inputs[1]));
        }
        let shape: Vec<i64> = leading.iter().chain(&outputs).copied().collect();
        let mut owned = self.owned("W", function, 1, &[rows, columns]);
        owned.extend(self.owned("b", function, 2, &[columns]));
        let bias = function.inputs.len() > 2;
        let count = if let [one] = outputs.as_slice() { one.to_string() } else { list(&outputs) };
        let last = axis > 0 && axis + 1 == term.shape.len();
        let arguments = [
            count,
            if axis == 0 {
                String::new()
            } else if last {
                "axis = -1".to_owned()
            } else {
                format!("axis = {axis}")
            },
            if bias { String::new() } else { "with_bias = false".to_owned() },
            self.start("w_init", &function.inputs[1], "glorot_normal()"),
            if bias { self.start("b_init", &function.inputs[2], "zeros()") } else { String::new() },
        ];
        if let Some(step) = self.constructed(place, "Affine", &arguments, owned) {
            return self.step(function, step, shape);
        }
        if axis > 0 && !last {
            return Err("its weights are shared or computed, and it maps several axes".to_owned());
        }
        let (w, _) = self.operand(input(function, 1)?)?;
        let (x, _) = self.operand(input(function, 0)?)?;
        let flat = if axis == 0 && term.shape.len() != 1 { Formula::atom(format!("flatten({})", x.text)) } else { x };
        let w = if outputs.len() == 1 { w } else { Formula::atom(format!("reshape({}, [{rows}, {columns}])", w.text)) };
        let mut y = Formula::binary(&flat, "@", &w, Level::Product);
        if outputs.len() != 1 {
            y = Formula::atom(format!("reshape({}, {})", y.text, list(&shape)));
        }
        if bias {
            let (b, _) = self.operand(input(function, 2)?)?;
            y = Formula::binary(&y, "+", &b, Level::Sum);
        }
        self.formula(function, y, shape, &term)
    }

    fn embed(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        let value = input(function, 0)?;
        let places = self.sample_shape(value);
        let class = self.class(function, 0, &places)?;
        let weight = self.network.shape(input(function, 1)?).to_vec();
        let [_, width] = weight.as_slice() else {
            return Err("it gives an array for each class, not a list".to_owned());
        };
        let shape: Vec<i64> = places.iter().chain([width]).copied().collect();
        let owned = self.owned("W", function, 1, &weight);
        let arguments = [width.to_string(), self.start("w_init", &function.inputs[1], "")];
        let term = self.as_it_is(value)?;
        let step = self.constructed(place, "Embed", &arguments, owned);
        let hint = names::scope(input(function, 1)?, "Embed");
        let expr = match step {
            Some(step) => super::term::Expr::Chain(class, vec![step]),
            None => {
                let (w, _) = self.operand(input(function, 1)?)?;
                super::term::Expr::Formula(Formula::atom(format!("gather({}, {})", w.text, class.text)))
            }
        };
        let value = super::writer::output(function)?;
        self.define(value, super::writer::Term { expr, shape, classes: None, hint, ..term });
        Ok(())
    }

    fn prelu(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        let axis = function.args.whole("base_axis", 1) - 1;
        let slope = self.network.shape(input(function, 1)?).to_vec();
        let shared = count(&slope) == 1;
        let shape = self.read(input(function, 0)?)?.shape;
        let owned = self.owned("slope", function, 1, if shared { &[] } else { &slope });
        let arguments = [
            if axis == 0 { String::new() } else { format!("axis = {axis}") },
            if shared { "shared = true".to_owned() } else { String::new() },
        ];
        let usual = self.network.variables.get(&function.inputs[1]).and_then(|variable| variable.initializer.clone());
        if usual.is_some_and(|usual| usual != ("Constant".to_owned(), 0.25)) {
            let note = format!("{} starts at 0.25 here, and otherwise in the file", function.shown());
            self.notes.push(note);
        }
        if let Some(step) = self.constructed(place, "PReLU", &arguments, owned) {
            return self.step(function, step, shape);
        }
        let (slope, _) = self.operand(input(function, 1)?)?;
        let axis = if axis == 0 { String::new() } else { format!(", axis = {axis}") };
        self.step(function, Step::function("prelu", format!("{}{axis}", slope.text)), shape)
    }

    fn batch_normalization(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        let args = &function.args;
        let shape = self.read(input(function, 0)?)?.shape;
        let axes = args.list("axes");
        let [axis] = axes.as_slice() else { return Err("it normalises over several axes of channels".to_owned()) };
        let rank = shape.len() as i64 + 1;
        let axis = if *axis < 0 { axis + rank } else { *axis } - 1;
        let channels = usize::try_from(axis).ok().and_then(|axis| shape.get(axis)).copied();
        let channels = channels.ok_or_else(|| "its axis of channels is none of its input's".to_owned())?;
        if function.inputs.len() != 5 {
            return Err("it lacks a scale, a shift or running statistics".to_owned());
        }
        let owned = ["beta", "gamma", "mean", "var"].into_iter().enumerate();
        let owned = owned.flat_map(|(i, path)| self.owned(path, function, i + 1, &[channels])).collect();
        let (decay, eps) = (args.number("decay_rate", 0.9), args.number("eps", 1e-5));
        let arguments = [
            if axis == 0 { String::new() } else { format!("axis = {axis}") },
            if decay as f32 == 0.9 { String::new() } else { format!("decay = {}", number(decay)) },
            if eps as f32 == 1e-4 { String::new() } else { format!("eps = {}", number(eps)) },
        ];
        for (i, usual) in [(1, 0.0), (2, 1.0)] {
            let start =
                self.network.variables.get(&function.inputs[i]).and_then(|variable| variable.initializer.clone());
            if start.is_some_and(|start| start != ("Constant".to_owned(), usual)) {
                let name = if i == 1 { "shift" } else { "scale" };
                self.notes.push(format!(
                    "the {name} of {} starts at {usual} here, and otherwise in the file",
                    function.shown()
                ));
            }
        }
        let step = self.constructed(place, "BatchNormalization", &arguments, owned);
        let step = step.ok_or_else(|| "its parameters are shared with other layers, or computed".to_owned())?;
        self.step(function, step, shape.clone())?;
        let fused = function.kind == "FusedBatchNormalization";
        match args.word("nonlinearity") {
            "relu" if fused && function.inputs.len() == 5 => {
                let value = super::writer::output(function)?.to_owned();
                if let Some(term) = self.terms.get_mut(&value) {
                    term.expr = term.expr.clone().then(Step::function("relu", String::new()));
                }
                Ok(())
            }
            "" | "identity" => Ok(()),
            other => Err(format!("it applies {other}")),
        }
    }

    fn normalization(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        let args = &function.args;
        let shape = self.read(input(function, 0)?)?.shape;
        let rank = shape.len() as i64 + 1;
        if function.inputs.len() != 3 {
            return Err("it lacks a scale or a shift".to_owned());
        }
        let batch = args.list("batch_axis");
        let eps = args.number("eps", 1e-5);
        let eps = if eps as f32 == 1e-5 { String::new() } else { format!("eps = {}", number(eps)) };
        let size = |value: &str| count(self.network.shape(value));
        let count = size(input(function, 1)?);
        let (layer, first, sizes) = if function.kind == "LayerNormalization" {
            let kept: Vec<i64> = batch.iter().map(|axis| if *axis < 0 { axis + rank } else { *axis }).collect();
            if !kept.contains(&0) {
                return Err("it normalises over the samples of a minibatch".to_owned());
            }
            let axes: Vec<i64> = (1..rank).filter(|axis| !kept.contains(axis)).map(|axis| axis - 1).collect();
            let start = axes.first().copied().unwrap_or(0) as usize;
            let sizes: Vec<i64> =
                (start..shape.len()).map(|axis| if axes.contains(&(axis as i64)) { shape[axis] } else { 1 }).collect();
            let given = match axes.as_slice() {
                [axis] if *axis + 2 == rank => String::new(),
                [axis] => format!("axis = {axis}"),
                several => format!("axis = {}", list(several)),
            };
            ("LayerNormalization", given, sizes)
        } else {
            let axis = args.whole("channel_axis", 1);
            let axis = if axis < 0 { axis + rank } else { axis } - 1;
            if batch != [0] {
                return Err("it normalises each channel of more than a sample".to_owned());
            }
            match function.kind.as_str() {
                "GroupNormalization" if axis == 0 => {
                    ("GroupNormalization", args.whole("num_groups", 1).to_string(), vec![count])
                }
                "InstanceNormalization" => (
                    "InstanceNormalization",
                    if axis == 0 { String::new() } else { format!("axis = {axis}") },
                    vec![count],
                ),
                _ => return Err("its channels are not the first axis".to_owned()),
            }
        };
        let mut owned = self.owned("beta", function, 1, &sizes);
        owned.extend(self.owned("gamma", function, 2, &sizes));
        let step = self.constructed(place, layer, &[first, eps], owned);
        let step = step.ok_or_else(|| "its parameters are shared with other layers, or computed".to_owned())?;
        self.step(function, step, shape)
    }
}
