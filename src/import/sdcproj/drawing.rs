//! A drawn network as a network of functions: links become operands, layers that end it losses.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::{Understood, is_known, understand};
use super::project::{Drawing, Layer};
use super::properties::Properties;
use crate::import::Refusal;
use crate::import::nnabla::{Feed, Function, Network, Variable, bounded};

/// Layers that say nothing to the network.
const SILENT: [&str; 1] = ["Comment"];

/// Losses that NNC knows: the network for use is what they compare.
const COMPARES: &str = "SquaredError AbsoluteError HuberLoss EpsilonInsensitiveLoss BinaryCrossEntropy SigmoidCrossEntropy \
    SoftmaxCrossEntropy CategoricalCrossEntropy KLMultinomial";

/// Layers whose second operand is read from data when nothing is linked to it, and what NNC calls it.
const CONNECTORS: &[(&str, &str)] = &[
    (
        "T",
        "SquaredError AbsoluteError HuberLoss EpsilonInsensitiveLoss BinaryCrossEntropy SigmoidCrossEntropy SoftmaxCrossEntropy \
        CategoricalCrossEntropy KLMultinomial TopNError BinaryError",
    ),
    ("R", "Add2 Sub2 Mul2 Div2 Pow2 Maximum2 Minimum2 BatchMatmul"),
];

/// The network that a drawing shows; `used` is a copy for use that was made by hand, which tells what the output is.
///
/// # Errors
/// Layers without a counterpart, all of them at once.
pub fn network_of(drawing: &Drawing, used: Option<&Drawing>) -> Result<Network, Refusal> {
    let mut builder = Builder::new(drawing);
    let unknown: Vec<String> = builder
        .layers()
        .filter(|layer| !["Input", "Parameter"].contains(&layer.kind.as_str()) && !is_known(&layer.kind))
        .map(Layer::shown)
        .collect();
    if !unknown.is_empty() {
        return Err(refused(unknown, "no layer of `.nn` corresponds to it"));
    }
    let faults: Vec<String> = builder
        .order()
        .into_iter()
        .filter_map(|layer| builder.add(layer).err().map(|why| format!("{}: {why}", layer.shown())))
        .filter(|fault| !fault.ends_with(": "))
        .collect();
    if !faults.is_empty() {
        return Err(refused(faults, ""));
    }
    let mut network = builder.network;
    let compares = |function: &Function| COMPARES.split_whitespace().any(|kind| kind == function.kind);
    if let Some(used) = used.filter(|_| !network.functions.iter().any(compares)) {
        network.outputs = marked(used, &network);
    }
    Ok(network)
}

fn refused(mut notes: Vec<String>, each: &str) -> Refusal {
    if !each.is_empty() {
        notes.iter_mut().for_each(|note| note.push_str(&format!(": {each}")));
    }
    let title = match notes.len() {
        1 => "a layer has no counterpart".to_owned(),
        count => format!("{count} layers have no counterpart"),
    };
    Refusal { notes, ..Refusal::new(title) }
}

/// What a network for use ends in, as values of the trained one: layers of the same name and kind.
fn marked(used: &Drawing, network: &Network) -> Vec<(String, String)> {
    let leaves: BTreeSet<i64> = used.links.iter().map(|link| link.from).collect();
    let ends = used.layers.iter().filter(|layer| !leaves.contains(&layer.id));
    let same = |layer: &&Layer| {
        let found =
            network.functions.iter().find(|function| function.name == layer.name && function.kind == layer.kind);
        found.and_then(|function| function.outputs.first())
    };
    ends.filter_map(|layer| same(&layer)).map(|value| (value.clone(), "prediction".to_owned())).collect()
}

struct Builder<'d> {
    drawing: &'d Drawing,
    network: Network,
    /// The sizes of each value, without the batch.
    shapes: BTreeMap<String, Vec<i64>>,
    /// The value of each layer.
    values: BTreeMap<i64, String>,
}

impl<'d> Builder<'d> {
    fn new(drawing: &'d Drawing) -> Builder<'d> {
        let mut values: BTreeMap<i64, String> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for layer in &drawing.layers {
            let free = taken.insert(layer.name.clone());
            let name = if free { layer.name.clone() } else { format!("{}#{}", layer.name, layer.id) };
            values.insert(layer.id, name);
        }
        Builder { drawing, network: Network::default(), shapes: BTreeMap::new(), values }
    }

    fn layers(&self) -> impl Iterator<Item = &'d Layer> + use<'d> {
        self.drawing.layers.iter().filter(|layer| !SILENT.contains(&layer.kind.as_str()))
    }

    /// The layers that a layer reads, each with the pin that it enters: by pins, then as the file has them.
    fn operands(&self, layer: &Layer) -> Vec<(i64, i64)> {
        let links = self.drawing.links.iter().filter(|link| link.to == layer.id);
        let mut operands: Vec<(i64, i64)> = links.map(|link| (link.to_pin, link.from)).collect();
        operands.sort_by_key(|(pin, _)| *pin);
        operands
    }

    /// Layers behind those that they read; those in a circle are left out, and told by what reads them.
    fn order(&self) -> Vec<&'d Layer> {
        let mut left: Vec<&Layer> = self.layers().collect();
        let ids: BTreeSet<i64> = left.iter().map(|layer| layer.id).collect();
        let mut done = BTreeSet::new();
        let mut order = Vec::new();
        loop {
            let ready = |layer: &&Layer| {
                self.operands(layer).iter().all(|(_, from)| done.contains(from) || !ids.contains(from))
            };
            let (now, later): (Vec<&Layer>, Vec<&Layer>) = left.into_iter().partition(ready);
            if now.is_empty() {
                order.extend(later);
                return order;
            }
            done.extend(now.iter().map(|layer| layer.id));
            order.extend(now);
            left = later;
        }
    }

    fn add(&mut self, layer: &Layer) -> Result<(), String> {
        let value = self.values[&layer.id].clone();
        match layer.kind.as_str() {
            "Input" => return self.input(layer, value),
            "Parameter" => return self.parameter(layer, value),
            _ => {}
        }
        let mut linked = Vec::new();
        let mut pins = BTreeMap::new();
        for (pin, from) in self.operands(layer) {
            let name = self
                .values
                .get(&from)
                .cloned()
                .ok_or_else(|| "it is linked to a layer that is not there".to_owned())?;
            let known = self.shapes.get(&name).cloned();
            let shape = known.ok_or_else(|| {
                if self.values.contains_key(&from) { String::new() } else { "it reads nothing".to_owned() }
            })?;
            if pin > 0 {
                pins.insert(pin, name.clone());
            }
            linked.push((name, shape));
        }
        if linked.is_empty() {
            return Err("nothing is linked to it".to_owned());
        }
        let mut shapes: Vec<Vec<i64>> = linked.iter().map(|(_, shape)| shape.clone()).collect();
        let mut names: Vec<String> = linked.into_iter().map(|(name, _)| name).collect();
        if let Some((connector, _)) =
            CONNECTORS.iter().find(|(_, kinds)| kinds.split_whitespace().any(|kind| kind == layer.kind))
            && names.len() == 1
        {
            let (name, shape) = self.connected(layer, connector, &shapes[0])?;
            names.push(name);
            shapes.push(shape);
        }
        let Understood { mut function, parameters, shape } = understand(layer, &shapes)?;
        if !parameters.is_empty() {
            // Links to pins replace the layer's own parameters, in their order.
            names.truncate(1);
            for (i, (name, variable)) in parameters.into_iter().enumerate() {
                match pins.get(&(i as i64 + 1)) {
                    Some(linked) => function.inputs[i] = linked.clone(),
                    None => {
                        self.network.variables.entry(name).or_insert(variable);
                    }
                }
            }
        }
        names.append(&mut function.inputs);
        function.inputs = names;
        function.outputs = vec![value.clone()];
        self.network.functions.push(function);
        let shape: Vec<i64> = shape.into_iter().map(bounded).collect();
        self.variable(&value, &shape);
        self.shapes.insert(value.clone(), shape);
        if !self.drawing.links.iter().any(|link| link.from == layer.id) {
            self.network.losses.push(value);
        }
        Ok(())
    }

    /// A value that differs from sample to sample.
    fn variable(&mut self, value: &str, shape: &[i64]) {
        let shape = std::iter::once(-1).chain(shape.iter().copied()).collect();
        self.network.variables.insert(value.to_owned(), Variable { shape, ..Variable::default() });
    }

    fn input(&mut self, layer: &Layer, value: String) -> Result<(), String> {
        let properties = Properties::of(layer, &[]);
        let shape = properties.sizes("Size", "")?;
        let name = properties.text("Dataset", &layer.name)?;
        let generator = properties.text("Generator", "None")?;
        let multiplier = properties.number("GeneratorMultiplier", 1.0)?;
        let name = if name.is_empty() { layer.name.clone() } else { name };
        self.feed(value, name, generator, multiplier, shape);
        Ok(())
    }

    fn feed(&mut self, value: String, name: String, generator: String, multiplier: f64, shape: Vec<i64>) {
        self.variable(&value, &shape);
        let generator = (generator != "None" && !generator.is_empty()).then_some((generator, multiplier));
        self.network.feeds.push(Feed { variable: value.clone(), name, generator });
        self.shapes.insert(value, shape);
    }

    fn parameter(&mut self, layer: &Layer, value: String) -> Result<(), String> {
        let properties = Properties::of(layer, &[]);
        let shape = properties.sizes("Size", "")?;
        let start = (properties.text("Initializer", "Normal")?, properties.number("InitializerMultiplier", 0.01)?);
        let frozen = properties.number("LRateMultiplier", 1.0)? == 0.0;
        let variable = Variable { shape: shape.clone(), parameter: true, frozen, initializer: Some(start) };
        self.network.variables.insert(value.clone(), variable);
        self.shapes.insert(value, shape);
        Ok(())
    }

    /// The operand that a layer reads from data, or that is drawn, where nothing is linked to its second pin.
    fn connected(&mut self, layer: &Layer, connector: &str, first: &[i64]) -> Result<(String, Vec<i64>), String> {
        let properties = Properties::of(layer, first);
        let name = properties.text(&format!("{connector}.Dataset"), "")?;
        let generator = properties.text(&format!("{connector}.Generator"), "None")?;
        let multiplier = properties.number(&format!("{connector}.GeneratorMultiplier"), 1.0)?;
        let value = format!("{}/{connector}", layer.name);
        let drawn = generator != "None" && !generator.is_empty();
        if name.is_empty() && !drawn {
            return Err(format!("nothing is linked to its pin {connector}"));
        }
        let classes = ["SoftmaxCrossEntropy", "CategoricalCrossEntropy", "TopNError"].contains(&layer.kind.as_str());
        let mut shape = first.to_vec();
        if classes {
            let axis = properties.whole("Axis", 0)?;
            let place = usize::try_from(axis).ok().filter(|axis| *axis < shape.len());
            shape[place.ok_or("its property Axis is no axis of its input")?] = 1;
        }
        let name = if drawn { value.replace('/', "_") } else { name };
        self.feed(value.clone(), name, generator, multiplier, shape.clone());
        Ok((value, shape))
    }
}
