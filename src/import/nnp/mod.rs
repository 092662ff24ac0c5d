//! NNabla archives (`.nnp`): what NNabla saves and what Neural Network Console exports.
//!
//! An archive holds several networks: one that is trained, and copies of it without Dropout or losses. The trained one is read, since
//! the others follow from it; what an executor gives is looked up in it. An archive that trains nothing gives its executor's network.

mod archive;
mod choice;

use std::collections::{BTreeMap, BTreeSet};

use super::nnabla::training::{Set, Solver, Training};
use super::nnabla::{Args, Feed, Function, Network, Trained, Variable, bounded, write};
use super::{Beside, Imported, Refusal};
use crate::formats::nnabla::text::{Message, Value};
use archive::{Archive, open};
use choice::{Choice, choose};

/// Reads an archive.
///
/// # Errors
/// When the bytes are no archive, and when the network holds what has no counterpart: all of that at once.
pub fn read(bytes: &[u8], name: &str, _beside: &Beside) -> Result<Imported, Refusal> {
    let Archive { tree, trained } = open(bytes)?;
    let choice = choose(&tree)?;
    let mut network = network_of(&choice, trained);
    network.title = format!("{name}, imported from {name}.nnp.");
    if let Some(optimizer) = choice.optimizer {
        network.training = training(&tree, optimizer, &choice, &mut network.notes);
    }
    network.notes.extend(choice.notes.iter().cloned());
    write(&network)
}

/// The functions and values of the chosen network.
fn network_of(choice: &Choice, trained: BTreeMap<String, Trained>) -> Network {
    let mut network =
        Network { losses: choice.losses.clone(), outputs: choice.outputs.clone(), trained, ..Network::default() };
    for variable in choice.network.messages("variable") {
        network.variables.insert(variable.text("name"), variable_of(variable, choice));
    }
    network.functions = choice.network.messages("function").map(function_of).collect();
    network.sort();
    let given: BTreeSet<&String> = network.functions.iter().flat_map(|function| &function.outputs).collect();
    let mut seen = BTreeSet::new();
    let mut feeds = Vec::new();
    for value in network.functions.iter().flat_map(|function| &function.inputs) {
        let parameter = network.variables.get(value).is_some_and(|variable| variable.parameter);
        if !parameter && !given.contains(value) && seen.insert(value) {
            let generator = choice.generators.get(value).cloned();
            let name = choice.data.get(value).unwrap_or(value).clone();
            feeds.push(Feed { variable: value.clone(), name, generator });
        }
    }
    network.feeds = feeds;
    network
}

fn variable_of(message: &Message, choice: &Choice) -> Variable {
    let name = message.text("name");
    let parameter = message.text("type") == "Parameter";
    let sizes = message
        .message("shape")
        .map(|shape| shape.all("dim").filter_map(|size| size.parse().ok().map(bounded)).collect());
    let initializer = message.message("initializer").map(|start| (start.text("type"), start.number("multiplier", 0.0)));
    Variable {
        shape: sizes.unwrap_or_default(),
        parameter,
        frozen: parameter
            && choice.multipliers.as_ref().is_some_and(|rates| rates.get(&name).is_none_or(|rate| *rate == 0.0)),
        initializer: initializer.filter(|(kind, _)| !kind.is_empty()),
    }
}

fn function_of(message: &Message) -> Function {
    let mut args = Args::of_message();
    for (_, parameter) in message.fields.iter().filter(|(name, _)| name.ends_with("_param")) {
        let Value::Message(fields) = parameter else { continue };
        for (name, value) in &fields.fields {
            match value {
                Value::Word(word) | Value::Text(word) => args.push(name, [word.clone()]),
                Value::Message(shape) => args.push(name, shape.all("dim").map(str::to_owned)),
            }
        }
    }
    Function {
        name: message.text("name"),
        kind: message.text("type"),
        inputs: message.all("input").map(str::to_owned).collect(),
        outputs: message.all("output").map(str::to_owned).collect(),
        args,
    }
}

/// How the network is trained, by its optimizer.
fn training(tree: &Message, optimizer: &Message, choice: &Choice, notes: &mut Vec<String>) -> Training {
    let config = tree.message("training_config");
    let whole = |message: &Message, field: &str| Some(message.number(field, 0.0) as i64).filter(|count| *count > 0);
    let set = optimizer.one("dataset_name").unwrap_or_default();
    let trained_on = tree.messages("dataset").find(|dataset| dataset.text("name") == set);
    let judged_on = tree
        .messages("monitor")
        .filter_map(|monitor| monitor.one("dataset_name"))
        .find(|name| *name != set)
        .and_then(|name| tree.messages("dataset").find(|dataset| dataset.text("name") == name));
    let mut sets = Vec::new();
    for (name, dataset) in [("train", trained_on), ("validation", judged_on)] {
        let Some(dataset) = dataset else { continue };
        let file = dataset.text("uri").replace('\\', "/");
        if file.to_lowercase().ends_with(".csv") {
            sets.push(Set { name, file, raw: dataset.flag("no_image_normalization") });
        } else {
            notes.push(format!("the data set `{}` names no CSV file: give one by `data {name}`", dataset.text("name")));
        }
    }
    Training {
        sets,
        solver: optimizer.message("solver").map(|solver| solver_of(solver, notes)),
        batch: trained_on
            .and_then(|dataset| whole(dataset, "batch_size"))
            .or_else(|| whole(&choice.network, "batch_size")),
        epochs: config.and_then(|config| whole(config, "max_epoch")),
        accumulate: whole(optimizer, "update_interval"),
        in_order: trained_on.is_some_and(|dataset| !dataset.flag("shuffle")),
        keep_last: !config.is_some_and(|config| config.flag("save_best")),
    }
}

fn solver_of(message: &Message, notes: &mut Vec<String>) -> Solver {
    let own = format!("{}_param", message.text("type").to_lowercase());
    let named = |(name, _): &&(String, Value)| name.replace('_', "") == own.replace('_', "");
    let numbers = match message.fields.iter().find(named) {
        Some((_, Value::Message(fields))) => fields
            .fields
            .iter()
            .filter_map(|(name, value)| match value {
                Value::Word(word) => Some((name.clone(), word.parse().ok()?)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let solver = Solver {
        kind: message.text("type"),
        numbers,
        missing: Some(0.0),
        weight_decay: message.number("weight_decay", 0.0),
        schedule: None,
    };
    if solver.text().is_none() {
        notes.push(format!("the optimizer {} has no counterpart: `adam` stands in its place", solver.kind));
    }
    if solver.weight_decay > 0.0 {
        notes.push("NNabla's weight decay reaches biases too; here it does not".to_owned());
    }
    let kind = message.text("lr_scheduler_type");
    let schedule = message.message(&format!("{}_scheduler_param", kind.to_lowercase()));
    let decay = message.number("lr_decay", 1.0);
    if kind.is_empty() && decay != 1.0 && decay != 0.0 {
        let every = message.number("lr_decay_interval", 1.0).max(1.0);
        let number_of = |name: &str, _: f64| if name == "gamma" { decay } else { every };
        return solver.clone().scheduled("Exponential", &number_of, &[], 0).unwrap_or(solver);
    }
    let number_of = |name: &str, without: f64| schedule.map_or(without, |schedule| schedule.number(name, without));
    let steps: Vec<i64> =
        schedule.iter().flat_map(|schedule| schedule.all("iter_steps")).filter_map(|step| step.parse().ok()).collect();
    let warmup =
        message.message("linear_warmup_scheduler_param").map_or(0, |warm| warm.number("warmup_iter", 0.0) as i64);
    solver.clone().scheduled(&kind, &number_of, &steps, warmup).unwrap_or_else(|note| {
        notes.push(note);
        solver
    })
}
