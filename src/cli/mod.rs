//! The command line: the only code that prints, reads arguments or exits.
//!
//! Exit codes: 0 fine, 1 the program has errors, 2 wrong usage, 3 a run failed (data, NaN, disk), 101 a bug of ours.

mod args;
mod completions;
mod difference;
mod doc;
mod eval;
mod explain;
mod export;
mod fix;
mod fmt;
mod graph;
mod import;
mod infer;
mod lsp;
mod new;
mod profile;
mod progress;
mod run;
mod test;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::diagnostic::Diagnostic;
use crate::driver::{Request, Session};
use crate::render;
use crate::source::SourceMap;
use args::{Args, Command, MessageFormat, Model};

/// The program has errors.
const ERRORS: u8 = 1;

/// The arguments make no sense together.
const WRONG_USAGE: u8 = 2;

/// A run failed.
const FAILED: u8 = 3;

/// A bug of ours, as a panic's exit code has it.
const BUG: u8 = 101;

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match args.command {
        Command::New(command) => new::new(&command),
        Command::Run(command) => run::run(&command),
        Command::Check(command) => check(&command),
        Command::Expand(command) => expand(&command),
        Command::Eval(command) => eval::eval(&command),
        Command::Graph(command) => graph::graph(&command),
        Command::Infer(command) => infer::infer(&command),
        Command::Export(command) => export::export(&command),
        Command::Import(command) => import::import(&command),
        Command::Fix(command) => fix::fix(&command),
        Command::Fmt(command) => fmt::fmt(&command),
        Command::Test(command) => test::test(&command),
        Command::Profile(command) => profile::profile(&command),
        Command::Doc { name } => doc::doc(name.as_deref()),
        Command::Explain { code } => explain::explain(&code),
        Command::Lsp { .. } => lsp::lsp(),
        Command::Completions { shell } => completions::completions(shell),
    }
}

/// Opens a session and shows what the compiler says. None when the program has errors.
fn open(model: &Model, no_runtime: bool, data: &[crate::driver::DataOverride]) -> Result<Session, ExitCode> {
    opened(model, &model.request(no_runtime, data))
}

/// The same for what needs no data, which may be elsewhere.
fn open_without_data(model: &Model) -> Result<Session, ExitCode> {
    opened(model, &Request { without_data: true, ..model.request(true, &[]) })
}

fn opened(model: &Model, request: &Request) -> Result<Session, ExitCode> {
    let session = Session::open(&model.path, request);
    show(&session.diagnostics, &session.sources, model.message_format);
    if session.failed() { Err(ExitCode::from(ERRORS)) } else { Ok(session) }
}

/// Shows diagnostics in the format asked for: text on standard error, JSON on standard output.
fn show(diagnostics: &[Diagnostic], sources: &SourceMap, format: MessageFormat) {
    if diagnostics.is_empty() {
        return;
    }
    match format {
        MessageFormat::Text => {
            let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            eprint!("{}", render::text(diagnostics, sources, color));
        }
        MessageFormat::Short => eprint!("{}", render::short(diagnostics, sources)),
        MessageFormat::Json => print(&render::json(diagnostics, sources)),
    }
}

/// Prints a text; a reader that went away is no error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn check(command: &args::Check) -> ExitCode {
    match open(&command.model, command.no_runtime, &command.data.data) {
        Ok(session) => {
            if command.model.message_format == MessageFormat::Text && session.diagnostics.is_empty() {
                eprintln!("{}: no errors", command.model.path.display());
            }
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

fn expand(command: &args::Expand) -> ExitCode {
    let session = match open_without_data(&command.model) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let Some(program) = &session.program else { return ExitCode::from(ERRORS) };
    let networks = match command.network {
        Some(network) => vec![network.network()],
        None => crate::networks::Network::ALL.iter().map(|(network, _)| *network).collect(),
    };
    for network in networks {
        if command.why {
            let rows = crate::networks::why(&program.graph, network, &session.sources);
            print(&format!("{}:\n{}", network.name(), crate::networks::render_why(&rows)));
        } else {
            match session.at_training_sizes(program) {
                Ok(sized) => print(&crate::networks::expand(&sized.graph, network)),
                Err(diagnostics) => {
                    show(&diagnostics, &session.sources, command.model.message_format);
                    return ExitCode::from(ERRORS);
                }
            }
        }
    }
    ExitCode::SUCCESS
}
