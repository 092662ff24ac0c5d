//! What a client can do, as it says when it connects.

use std::path::PathBuf;

use gen_lsp_types::{PositionEncodingKind, Uri};
use serde_json::Value;

use super::position::Encoding;
use super::uri::path_of;

/// A client.
#[derive(Debug, Default)]
pub struct Client {
    /// How it counts characters.
    pub encoding: Encoding,
    /// Whether it fills in the places of a snippet.
    pub snippets: bool,
    /// Whether it shows places beside that of a diagnostic.
    pub related: bool,
    /// Whether it follows the link of a code.
    pub code_links: bool,
    /// Whether it takes edits that say which version of a text they are for.
    pub versioned_edits: bool,
    /// Whether it tells of files that change.
    pub watches: bool,
    /// Whether it asks for hints again when it is told to.
    pub refreshes_hints: bool,
    /// The folders that it works in.
    pub roots: Vec<PathBuf>,
    /// Where it wants the texts that the server writes for it, if anywhere in particular.
    pub cache: Option<PathBuf>,
}

impl Client {
    /// The client that initialises a session with `params`.
    pub fn of(params: &Value) -> Client {
        let can = |path: &str| params.pointer(&format!("/capabilities/{path}")).and_then(Value::as_bool) == Some(true);
        let offered = params.pointer("/capabilities/general/positionEncodings").cloned().unwrap_or_default();
        let offered: Vec<PositionEncodingKind> = serde_json::from_value(offered).unwrap_or_default();
        let folders = params["workspaceFolders"].as_array().into_iter().flatten().map(|folder| &folder["uri"]);
        let folders: Vec<&Value> = folders.collect();
        let uris = if folders.is_empty() { vec![&params["rootUri"]] } else { folders };
        let root = |uri: &&Value| path_of(&Uri(uri.as_str()?.to_owned()));
        Client {
            encoding: Encoding::of(&offered),
            snippets: can("textDocument/completion/completionItem/snippetSupport"),
            related: can("textDocument/publishDiagnostics/relatedInformation"),
            code_links: can("textDocument/publishDiagnostics/codeDescriptionSupport"),
            versioned_edits: can("workspace/workspaceEdit/documentChanges"),
            watches: can("workspace/didChangeWatchedFiles/dynamicRegistration"),
            refreshes_hints: can("workspace/inlayHint/refreshSupport"),
            roots: uris.iter().filter_map(root).collect(),
            cache: params["initializationOptions"]["cache"].as_str().map(PathBuf::from),
        }
    }
}
