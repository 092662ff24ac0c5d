//! Projects of Neural Network Console (`.sdcproj`): the network that is trained, its data sets and its optimizer.
//!
//! Networks for validation and for use that were made by hand are left out, since a program has them by derivation. A project holds no
//! trained weights; the archive of a run (`.nnp`) does.

mod drawing;
mod layers;
mod project;
mod properties;

use super::nnabla::training::{Set, Solver, Training};
use super::nnabla::write;
use super::{Beside, Imported, Refusal};
use drawing::network_of;
use project::{Drawing, Project};

/// Reads a project.
///
/// # Errors
/// When the text is no project, when it trains several networks in turn, and when layers have no counterpart: all of them at once.
pub fn read(bytes: &[u8], name: &str, beside: &Beside) -> Result<Imported, Refusal> {
    let project = Project::parse(&String::from_utf8_lossy(bytes));
    let drawings = project.networks();
    if drawings.is_empty() {
        return Err(Refusal::new("it is no project of Neural Network Console: it draws no network"));
    }
    let trained = trained(&project, &drawings)?;
    let executor = project.get("Executor_0", "Executor_NetworkName");
    let used = drawings.iter().find(|drawing| drawing.name == executor && drawing.name != trained.name);
    let mut network = network_of(trained, used)?;
    network.title = format!("{name}, imported from {name}.sdcproj.");
    let others: Vec<&str> =
        drawings.iter().map(|drawing| drawing.name.as_str()).filter(|other| *other != trained.name).collect();
    if !others.is_empty() {
        let others = others.join("`, `");
        network.notes.push(format!("left out: `{others}`, drawn by hand; nnlc derives the network for use"));
    }
    network.training = training(&project, beside, &mut network.notes);
    write(&network)
}

/// The network that is trained.
fn trained<'d>(project: &Project, drawings: &'d [Drawing]) -> Result<&'d Drawing, Refusal> {
    let count = project.whole("Config", "NumOptimizer", 1).clamp(0, 100);
    let mut names: Vec<&str> =
        (0..count).map(|i| project.get(&format!("Optimizer_{i}"), "Optimizer_NetworkName")).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 {
        let help = "import each by itself: leave one optimizer in a copy of the project, then join the losses by `loss ... for ...`";
        let title = format!("it trains the networks `{}` in turn", names.join("`, `"));
        return Err(Refusal { help: Some(help.to_owned()), ..Refusal::new(title) });
    }
    let named = |name: &str| drawings.iter().find(|drawing| drawing.name == name);
    Ok(names.first().and_then(|name| named(name)).or_else(|| named("Main")).unwrap_or(&drawings[0]))
}

/// The data sets and the optimizer.
fn training(project: &Project, beside: &Beside, notes: &mut Vec<String>) -> Training {
    let count = project.whole("Dataset", "Num", 0).clamp(0, 100);
    let sections: Vec<String> = (0..count).map(|i| format!("Dataset_{i}")).collect();
    let named = |name: &str| sections.iter().find(|section| project.get(section, "Name") == name);
    let set = project.get("Optimizer_0", "Optimizer_DatasetName");
    let trained_on = named(set).or(sections.first());
    let monitors = project.whole("Config", "NumMonitor", 0).clamp(0, 100);
    let judged =
        (0..monitors).map(|i| project.get(&format!("Monitor_{i}"), "Monitor_DatasetName")).find(|name| *name != set);
    let judged_on = judged.and_then(named);
    let mut sets = Vec::new();
    for (name, section) in [("train", trained_on), ("validation", judged_on)] {
        let Some(section) = section else { continue };
        let file = path(project.get(section, "URI"));
        if file.is_empty() {
            notes.push(format!(
                "the data set `{}` names no file: give one by `data {name}`",
                project.get(section, "Name")
            ));
            continue;
        }
        if beside(&file).is_err() {
            notes.push(format!("`{file}` is not beside the project: put it there, or write its path in `data {name}`"));
        }
        sets.push(Set { name, file, raw: project.get(section, "ImageNormalization") == "0" });
    }
    let whole = |section: &str, key: &str| Some(project.whole(section, key, 0)).filter(|count| *count > 0);
    if project.whole("Executor_0", "NumEvaluations", 1) > 1 {
        notes.push("the executor evaluates several times and takes the mean; here it evaluates once".to_owned());
    }
    Training {
        sets,
        solver: Some(solver(project, notes)),
        batch: whole("Config", "BatchSize"),
        epochs: whole("Config", "MaxEpoch"),
        accumulate: whole("Optimizer_0", "UpdateInterval"),
        in_order: trained_on.is_some_and(|section| project.get(section, "Shuffle") == "0"),
        keep_last: project.get("Config", "SaveBest") == "0",
    }
}

/// A file's path, without the folder of NNC's own samples in front, and with slashes.
fn path(uri: &str) -> String {
    let uri = uri.replace('\\', "/");
    let inside = uri.split_once('}').filter(|(front, _)| front.starts_with('{')).map_or(uri.as_str(), |(_, rest)| rest);
    inside.trim_start_matches(['/', ' ']).to_owned()
}

fn solver(project: &Project, notes: &mut Vec<String>) -> Solver {
    let section = "Optimizer_0";
    let count = project.whole(section, "SolverParameterNum", 0).clamp(0, 100);
    let numbers = (0..count).map(|i| {
        let name = project.get(section, &format!("SolverParameterName_{i}")).to_lowercase();
        (name, project.number(section, &format!("SolverParameter_{i}"), 0.0))
    });
    let solver = Solver {
        kind: project.get(section, "SolverName").to_owned(),
        numbers: numbers.collect(),
        weight_decay: project.number(section, "WeightDecay", 0.0),
        ..Solver::default()
    };
    if solver.text().is_none() {
        notes.push(format!("the optimizer `{}` has no counterpart: `adam` stands in its place", solver.kind));
    }
    if solver.weight_decay > 0.0 {
        notes.push("NNC's weight decay reaches biases too; here it does not".to_owned());
    }
    let gamma = project.number(section, "LearningRateMultiplier", 1.0);
    let kind = match project.get(section, "LearningRateScheduler") {
        "" | "Exponential" if gamma == 1.0 => "",
        "" => "Exponential",
        other => other,
    };
    // NNC counts in epochs where it says 0.
    let per_epoch = |key: &str| project.get(section, key) == "0";
    if kind == "Exponential" && per_epoch("LearningRateUpdateIntervalUnit") {
        notes.push(
            "the learning rate falls by epochs in the project; `every` of the schedule counts iterations".to_owned(),
        );
    }
    let warm = project.get(section, "LearningRateWarmupScheduler") == "Linear";
    let warmup = if warm { project.whole(section, "LearningRateWarmupLength", 0) } else { 0 };
    if warm && per_epoch("LearningRateWarmupLengthUnit") {
        notes.push("the warm-up counts epochs in the project; `warmup` of the schedule counts iterations".to_owned());
    }
    let steps: Vec<i64> =
        project.get(section, "LearningRateSteps").split(',').filter_map(|step| step.trim().parse().ok()).collect();
    let number_of = |name: &str, without: f64| match name {
        "gamma" => gamma,
        "iter_interval" => project.number(section, "LearningRateUpdateInterval", 1.0).max(1.0),
        "power" => project.number(section, "LearningRatePower", 1.0),
        _ => without,
    };
    solver.clone().scheduled(kind, &number_of, &steps, warmup).unwrap_or_else(|note| {
        notes.push(note);
        solver
    })
}
