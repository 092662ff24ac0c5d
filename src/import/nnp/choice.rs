//! Which of an archive's networks is read, and what its optimizer and executor say of it.

use std::collections::BTreeMap;

use crate::formats::nnabla::text::{Message, Value};
use crate::import::Refusal;

/// A network of an archive and its use.
pub struct Choice<'t> {
    /// The network, with what an executor's copy does behind it.
    pub network: Message,
    pub optimizer: Option<&'t Message>,
    /// Values that are trained.
    pub losses: Vec<String>,
    /// Values that are given, with their names.
    pub outputs: Vec<(String, String)>,
    /// Names of the data that feed values.
    pub data: BTreeMap<String, String>,
    /// Kinds of draws that feed values.
    pub generators: BTreeMap<String, (String, f64)>,
    /// Factors of the learning rate, when the optimizer names its parameters.
    pub multipliers: Option<BTreeMap<String, f64>>,
    pub notes: Vec<String>,
}

/// Chooses the network that is trained, else the executor's, else the one called Main or the first.
///
/// # Errors
/// When there is no network.
pub fn choose(tree: &Message) -> Result<Choice<'_>, Refusal> {
    let networks: Vec<&Message> = tree.messages("network").collect();
    let named = |name: &str| networks.iter().copied().find(|network| network.text("name") == name);
    let optimizers: Vec<&Message> = tree.messages("optimizer").collect();
    let executor = tree.messages("executor").next();
    let used = executor.and_then(|executor| named(&executor.text("network_name")));
    let mut notes = Vec::new();
    let trained = match optimizers.as_slice() {
        [optimizer] => named(&optimizer.text("network_name")).map(|network| (network, *optimizer)),
        [] => None,
        several => {
            let names: Vec<String> = several.iter().map(|optimizer| optimizer.text("network_name")).collect();
            let first =
                several.iter().find_map(|optimizer| Some((named(&optimizer.text("network_name"))?, *optimizer)));
            let shown = names.join("`, `");
            notes.push(format!(
                "the archive trains `{shown}` in turn; one network is carried over, without its training"
            ));
            if used.is_some() { None } else { first }
        }
    };
    let (network, optimizer) = match (trained, used) {
        (Some((network, optimizer)), _) => (network, Some(optimizer)),
        (None, Some(network)) => (network, None),
        (None, None) => match named("Main").or(networks.first().copied()) {
            Some(network) => (network, None),
            None => return Err(Refusal::new("the archive holds no network")),
        },
    };
    let source = optimizer.or(executor);
    let mut whole = network.clone();
    let outputs = executor.map_or(Vec::new(), |executor| outputs(executor, used, &mut whole, &mut notes));
    let mut choice = Choice {
        network: whole,
        optimizer,
        losses: optimizer.iter().flat_map(|optimizer| optimizer.messages("loss_variable")).map(variable).collect(),
        outputs,
        data: pairs(source, "data_variable").map(|pair| (variable(pair), pair.text("data_name"))).collect(),
        generators: pairs(source, "generator_variable")
            .map(|pair| (variable(pair), (pair.text("type"), pair.number("multiplier", 0.0))))
            .collect(),
        multipliers: None,
        notes,
    };
    let rates: BTreeMap<String, f64> = pairs(optimizer, "parameter_variable")
        .map(|pair| (variable(pair), pair.number("learning_rate_multiplier", 0.0)))
        .collect();
    choice.multipliers = (!rates.is_empty()).then_some(rates);
    if choice.losses.is_empty() && choice.outputs.is_empty() {
        choice.outputs = ends(&choice.network);
    }
    Ok(choice)
}

fn pairs<'t>(source: Option<&'t Message>, field: &'t str) -> impl Iterator<Item = &'t Message> {
    source.into_iter().flat_map(move |source| source.messages(field))
}

fn variable(pair: &Message) -> String {
    pair.text("variable_name")
}

/// What an executor gives, as values of the network that is read.
fn outputs(
    executor: &Message,
    used: Option<&Message>,
    network: &mut Message,
    notes: &mut Vec<String>,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for pair in executor.messages("output_variable") {
        let (value, name) = (variable(pair), pair.text("data_name"));
        let name = if name.is_empty() { value.clone() } else { name };
        let there = giver(network, &value).is_some();
        let same = if there { Some(value) } else { used.and_then(|used| counterpart(used, &value, network)) };
        match same {
            Some(value) => found.push((value, name)),
            None => notes.push(format!("the executor's output `{name}` is not in the network that is trained")),
        }
    }
    found
}

/// The function that gives a value.
fn giver<'t>(network: &'t Message, value: &str) -> Option<&'t Message> {
    network.messages("function").find(|function| function.all("output").any(|output| output == value))
}

/// The value of `other` that is computed as `value` of `network` is. Both agree up to a layer with parameters; functions of one value
/// behind it that `other` lacks, such as a softmax that only the network for use has, are added to it.
fn counterpart(network: &Message, value: &str, other: &mut Message) -> Option<String> {
    let parameter = |name: &str| {
        network
            .messages("variable")
            .any(|variable| variable.text("name") == name && variable.text("type") == "Parameter")
    };
    let mut tail = Vec::new();
    let mut at = value.to_owned();
    for _ in 0..network.fields.len() {
        let function = giver(network, &at)?;
        let inputs: Vec<&str> = function.all("input").collect();
        let own: Vec<&str> = inputs.iter().copied().filter(|name| parameter(name)).collect();
        if own.is_empty() {
            let [only] = inputs.as_slice() else { return None };
            at = (*only).to_owned();
            tail.push(function);
            continue;
        }
        let same = |candidate: &&Message| {
            let shared = own.iter().all(|name| candidate.all("input").any(|input| input == *name));
            shared && candidate.text("type") == function.text("type")
        };
        let mut found = other.messages("function").find(same)?.all("output").next()?.to_owned();
        for function in tail.iter().rev() {
            found = followed(network, function, &found, other)?;
        }
        return Some(found);
    }
    None
}

/// What `function` of `network` makes of the value `of` in `other`: there already, or added.
fn followed(network: &Message, function: &Message, of: &str, other: &mut Message) -> Option<String> {
    let kind = function.text("type");
    let reads = |candidate: &&Message| candidate.text("type") == kind && candidate.all("input").eq([of]);
    if let Some(there) = other.messages("function").find(reads) {
        return there.all("output").next().map(str::to_owned);
    }
    let own = function.all("output").next()?;
    let name = format!("{own} in use");
    let renamed = |message: &Message, field: &str, text: &str| {
        let mut message = message.clone();
        for (key, value) in &mut message.fields {
            if key == field {
                *value = Value::Text(text.to_owned());
            }
        }
        message
    };
    let variable = network.messages("variable").find(|variable| variable.text("name") == own)?;
    let function = renamed(&renamed(function, "input", of), "output", &name);
    other.fields.push(("variable".to_owned(), Value::Message(renamed(variable, "name", &name))));
    other.fields.push(("function".to_owned(), Value::Message(function)));
    Some(name)
}

/// Values that no function reads.
fn ends(network: &Message) -> Vec<(String, String)> {
    let read =
        |value: &str| network.messages("function").any(|function| function.all("input").any(|input| input == value));
    let given = network.messages("function").flat_map(|function| function.all("output"));
    given.filter(|value| !read(value)).map(|value| (value.to_owned(), value.to_owned())).collect()
}
