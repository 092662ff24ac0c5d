//! `nnlc graph`: a network as a picture.

use std::process::ExitCode;

use super::args::{Graph, Picture};
use super::{ERRORS, FAILED, open_without_data, print};
use crate::diagram::{Unfold, diagram, dot, mermaid, svg};
use crate::driver::write_whole;
use crate::ir::ResultRole;
use crate::networks::Network;
use crate::report::numbers;

/// The most boxes of a picture that is laid out here.
const MOST: usize = 2000;

/// Draws.
pub fn graph(command: &Graph) -> ExitCode {
    let session = match open_without_data(&command.model) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let Some(program) = &session.program else { return ExitCode::from(ERRORS) };
    let trains = program.graph.results.iter().any(|result| result.role != ResultRole::Output);
    let usual = if trains { Network::Main } else { Network::MainRuntime };
    let network = command.network.map_or(usual, |network| network.network());
    let unfold = if command.primitives { Unfold::Primitives } else { Unfold::Definitions(command.unfold) };
    let mut drawn = diagram(&program.graph, network, &session.sources, unfold);
    drawn.title = format!("{}: {}", session.title(), network.name());
    if drawn.parts.is_empty() {
        eprintln!(
            "error: {} of {} is empty: nothing is declared that it would compute",
            network.name(),
            session.title()
        );
        return ExitCode::from(ERRORS);
    }
    let ending = command.out.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    let picture = command.format.or_else(|| Picture::of_ending(ending?)).unwrap_or_default();
    if picture == Picture::Svg && drawn.parts.len() > MOST {
        let boxes = numbers::count(drawn.parts.len() as u64);
        eprintln!("error: {boxes} boxes are too many to lay out; `--format dot` writes them for Graphviz");
        return ExitCode::from(FAILED);
    }
    let text = match picture {
        Picture::Svg => svg(&drawn),
        Picture::Mermaid => mermaid(&drawn),
        Picture::Dot => dot(&drawn),
    };
    let Some(path) = &command.out else {
        print(&text);
        return ExitCode::SUCCESS;
    };
    match write_whole(path, text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: `{}` could not be written: {error}", path.display());
            ExitCode::from(FAILED)
        }
    }
}
