//! `nnlc lsp`: the language server. Speaks the Language Server Protocol with an editor: which texts are open, what it asks, and what it is
//! told. What is known of a program comes from `ide` and `driver`; this room finds the text, and turns bytes into positions and back.
//!
//! One thread answers, in order and at once, from the text as it stands; another one checks, after the letters stop coming. Whatever panics
//! is told as an internal error, and the server goes on.

mod answers;
mod cache;
mod check;
mod client;
mod document;
mod position;
mod publish;
mod server;
mod uri;

use lsp_server::{Connection, ProtocolError};
use serde_json::json;

use client::Client;
use server::Server;

/// Serves the editor that talks over standard input and output, until it is done.
///
/// # Errors
/// When the editor breaks the protocol, or a thread of it ends badly.
pub fn serve_stdio() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (connection, threads) = Connection::stdio();
    serve(&connection)?;
    drop(connection);
    Ok(threads.join()?)
}

/// Serves a client until it shuts the session down, or goes away.
///
/// # Errors
/// When it breaks the protocol.
pub fn serve(connection: &Connection) -> Result<(), ProtocolError> {
    let (id, params) = connection.initialize_start()?;
    let client = Client::of(&params);
    let server = json!({ "name": "nnlc", "version": env!("CARGO_PKG_VERSION") });
    let result = json!({ "capabilities": answers::capabilities(client.encoding), "serverInfo": server });
    connection.initialize_finish(id, result)?;
    Server::new(connection, client).run()
}
