//! The session: open texts, checks that are due, and the loop that waits for either.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::select;
use gen_lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    LogMessageParams, MessageType, PublishDiagnosticsParams, Uri,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, ProtocolError, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers;
use super::cache::Cache;
use super::check::{Checking, Done, Job, message_of};
use super::client::Client;
use super::document::Document;
use super::publish::{Published, by_file};
use super::uri::uri_of;
use crate::driver::plain;

/// How long the letters must have stopped for a check to begin, at least and at most. Between, it is half of what the last check took.
const PAUSE: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(800));

/// How long the loop waits when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// The files whose change is told: programs, and the data that they name.
const WATCHED: &str = "**/*.{nn,csv,gz,idx,npy,npz,parquet,safetensors,txt}";

/// A session with a client.
pub struct Server<'c> {
    connection: &'c Connection,
    /// What the client can do.
    pub client: Client,
    /// The texts of the compiler's own.
    pub cache: Cache,
    /// The open texts, by their URIs.
    pub documents: BTreeMap<String, Document>,
    published: Published,
    checking: Checking,
    /// Whether a check runs.
    busy: bool,
    /// How long the last check took.
    took: Duration,
    next_request: i32,
}

impl<'c> Server<'c> {
    /// A session with a client that is connected.
    pub fn new(connection: &'c Connection, client: Client) -> Server<'c> {
        let cache = Cache::new(client.cache.clone());
        let (documents, published) = Default::default();
        let (took, checking) = (Duration::ZERO, Checking::start());
        Server { connection, client, cache, documents, published, checking, busy: false, took, next_request: 1 }
    }

    /// Answers until the client shuts the session down, or goes away.
    ///
    /// # Errors
    /// When it breaks the protocol.
    pub fn run(mut self) -> Result<(), ProtocolError> {
        if self.client.watches {
            let watched = json!({ "watchers": [{ "globPattern": WATCHED }] });
            let registration =
                json!({ "id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": watched });
            self.request("client/registerCapability", json!({ "registrations": [registration] }));
        }
        let (messages, done) = (self.connection.receiver.clone(), self.checking.done.clone());
        loop {
            let wait = self.begin_check().unwrap_or(IDLE);
            select! {
                recv(messages) -> message => match message {
                    Ok(Message::Request(request)) => {
                        if self.connection.handle_shutdown(&request)? {
                            return Ok(());
                        }
                        self.answer(request);
                    }
                    Ok(Message::Notification(notification)) => self.note(notification),
                    Ok(Message::Response(_)) => {}
                    Err(_) => return Ok(()),
                },
                recv(done) -> done => match done {
                    Ok(done) => self.finish_check(done),
                    Err(_) => return Ok(()),
                },
                default(wait) => {}
            }
        }
    }

    fn answer(&mut self, request: Request) {
        let (id, method) = (request.id.clone(), request.method.clone());
        let response = catch_unwind(AssertUnwindSafe(|| answers::answer(self, request))).unwrap_or_else(|panic| {
            let message = format!("{method}: {}", message_of(&*panic));
            self.log(MessageType::Error, &format!("a bug of nnlc: {message}"));
            Response::new_err(id, ErrorCode::InternalError as i32, message)
        });
        self.send(Message::Response(response));
    }

    /// Takes note of what the client tells.
    fn note(&mut self, notification: Notification) {
        let method = notification.method.clone();
        let noted = catch_unwind(AssertUnwindSafe(|| match method.as_str() {
            "textDocument/didOpen" => self.told(notification, Self::open),
            "textDocument/didChange" => self.told(notification, Self::change),
            "textDocument/didSave" => self.told(notification, Self::saved),
            "textDocument/didClose" => self.told(notification, Self::close),
            "workspace/didChangeWatchedFiles" => self.check_all(),
            _ => {}
        }));
        if let Err(panic) = noted {
            self.log(MessageType::Error, &format!("a bug of nnlc: {method}: {}", message_of(&*panic)));
        }
    }

    fn told<P: DeserializeOwned>(&mut self, notification: Notification, take: fn(&mut Self, P)) {
        match serde_json::from_value(notification.params) {
            Ok(params) => take(self, params),
            Err(error) => self.log(MessageType::Error, &format!("{}: {error}", notification.method)),
        }
    }

    fn open(&mut self, params: DidOpenTextDocumentParams) {
        let opened = params.text_document;
        let mut document = Document::new(opened.uri, opened.version, opened.text);
        if document.path.as_ref().is_some_and(|path| self.cache.holds(path)) {
            // The library is right, and no program.
            document.due = None;
        }
        let path = document.path.clone();
        self.documents.insert(document.uri.0.clone(), document);
        self.check_importers(path.as_deref());
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let pause = (self.took / 2).clamp(PAUSE.0, PAUSE.1);
        let Some(document) = self.documents.get_mut(&params.text_document.text_document_identifier.uri.0) else {
            return;
        };
        document.change(params.text_document.version, params.content_changes, self.client.encoding);
        if document.path.as_ref().is_none_or(|path| !self.cache.holds(path)) {
            document.due = Some(Instant::now() + pause);
        }
        let path = document.path.clone();
        self.check_importers(path.as_deref());
    }

    /// What a program names may have been saved with it.
    fn saved(&mut self, params: DidSaveTextDocumentParams) {
        if let Some(document) = self.documents.get_mut(&params.text_document.uri.0) {
            document.due.get_or_insert_with(Instant::now);
        }
    }

    fn close(&mut self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        let Some(document) = self.documents.remove(&uri.0) else { return };
        for (file, diagnostics) in self.published.replace(&uri, BTreeMap::new()) {
            self.publish(file, diagnostics);
        }
        // The file itself counts again.
        self.check_importers(document.path.as_deref());
    }

    fn check_all(&mut self) {
        let cache = &self.cache;
        let own = |document: &&mut Document| document.path.as_ref().is_none_or(|path| !cache.holds(path));
        for document in self.documents.values_mut().filter(own) {
            document.due.get_or_insert_with(Instant::now);
        }
    }

    /// The programs that read the file at `path` are to be checked again.
    fn check_importers(&mut self, path: Option<&Path>) {
        let Some(path) = path else { return };
        let due = Instant::now() + PAUSE.1.min(self.took + PAUSE.0);
        for document in self.documents.values_mut().filter(|document| document.path.as_deref() != Some(path)) {
            let reads = document.facts.as_ref().is_some_and(|facts| {
                let mut own = facts.sources.files().filter(|(_, file)| !file.library);
                own.any(|(_, file)| plain(Path::new(&file.name)) == path)
            });
            if reads {
                document.due.get_or_insert(due);
            }
        }
    }

    /// Begins the check that has been due longest, unless one runs; how long to wait for the next to be due.
    fn begin_check(&mut self) -> Option<Duration> {
        if self.busy {
            return None;
        }
        let (due, uri) = self.documents.values().filter_map(|document| Some((document.due?, &document.uri.0))).min()?;
        let wait = due.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            return Some(wait);
        }
        let uri = uri.clone();
        let open = self.documents.values().filter_map(|own| Some((own.path.clone()?, own.text().to_owned())));
        let texts = open.collect();
        let document = self.documents.get_mut(&uri)?;
        document.due = None;
        let (path, text) = (document.path.clone(), document.text().to_owned());
        self.checking.send(Job { uri: document.uri.clone(), version: document.version, path, text, texts });
        self.busy = true;
        None
    }

    /// Takes what a check saw. It is told only if nothing was typed meanwhile.
    fn finish_check(&mut self, done: Done) {
        (self.busy, self.took) = (false, done.took);
        let facts = match done.facts {
            Ok(facts) => facts,
            Err(message) => return self.log(MessageType::Error, &format!("a bug of nnlc: checking: {message}")),
        };
        let Some(document) = self.documents.get_mut(&done.uri.0) else { return };
        document.facts = Some(facts.clone());
        if document.version != done.version {
            return;
        }
        let name = |path: &Path| named(&self.documents, path);
        let found = by_file(&facts, &done.uri, &self.client, &name, &mut self.cache);
        for (file, diagnostics) in self.published.replace(&done.uri, found) {
            self.publish(file, diagnostics);
        }
        if self.client.refreshes_hints {
            self.request("workspace/inlayHint/refresh", Value::Null);
        }
    }

    fn publish(&mut self, uri: Uri, diagnostics: Vec<gen_lsp_types::Diagnostic>) {
        let version = self.documents.get(&uri.0).map(|document| document.version);
        self.tell("textDocument/publishDiagnostics", PublishDiagnosticsParams { uri, version, diagnostics });
    }

    fn log(&mut self, kind: MessageType, message: &str) {
        self.tell("window/logMessage", LogMessageParams { kind, message: message.to_owned() });
    }

    fn tell(&self, method: &str, params: impl Serialize) {
        self.send(Message::Notification(Notification::new(method.to_owned(), params)));
    }

    /// Asks something of the client whose answer is of no interest.
    fn request(&mut self, method: &str, params: Value) {
        let id = self.next_request.into();
        self.next_request += 1;
        self.send(Message::Request(Request::new(id, method.to_owned(), params)));
    }

    /// A client that went away is noticed by the loop.
    fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }
}

/// What the client calls the file at `path`: as it did when it opened it.
pub fn named(documents: &BTreeMap<String, Document>, path: &Path) -> Uri {
    let mut open = documents.values().filter(|document| document.path.as_deref() == Some(path));
    open.next().map_or_else(|| uri_of(path), |document| document.uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_the_session_goes_on() {
        let (editor, other) = Connection::memory();
        let server = std::thread::spawn(move || Server::new(&other, Client::default()).run());
        let ask = |id: i32, method: &str| {
            editor
                .sender
                .send(Message::Request(Request::new(id.into(), method.to_owned(), Value::Null)))
                .expect("it runs");
        };
        let next = || editor.receiver.recv_timeout(Duration::from_secs(60)).expect("an answer");
        ask(1, "test/panic");
        let Message::Notification(logged) = next() else { panic!("it is logged first") };
        assert_eq!(logged.params["message"], "a bug of nnlc: test/panic: on purpose");
        let Message::Response(answer) = next() else { panic!("it is answered") };
        let error = answer.response_result.expect_err("it is an error");
        assert_eq!((error.code, error.message.as_str()), (-32603, "test/panic: on purpose"));
        ask(2, "textDocument/unheard");
        let Message::Response(answer) = next() else { panic!("it is answered") };
        assert_eq!(answer.response_result.expect_err("it is an error").code, -32601);
        drop(editor);
        assert!(server.join().expect("it ends well").is_ok());
    }
}
