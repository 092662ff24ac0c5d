//! What each request is answered with: the text and the place are found, `ide` is asked, and its answer is put in the protocol's words.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gen_lsp_types as lsp;
use gen_lsp_types::{Location, Range, TextEdit, Uri};
use lsp_server::{ErrorCode, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::document::Document;
use super::position::{Encoding, Lines};
use super::server::{Server, named};
use crate::diagnostic::Edit;
use crate::driver::{format_bytes, plain, programs};
use crate::ide::{self, CompletionKind, Kind, NoRename, Syntax, Target};
use crate::library::SOURCES;

/// Why a request has no answer.
struct Refusal {
    code: ErrorCode,
    message: String,
}

impl From<NoRename> for Refusal {
    fn from(why: NoRename) -> Refusal {
        Refusal { code: ErrorCode::RequestFailed, message: why.0 }
    }
}

type Answer<T> = Result<T, Refusal>;

/// What the server can do.
pub fn capabilities(encoding: Encoding) -> Value {
    let kinds = ["quickfix", "source.fixAll"];
    json!({
        "positionEncoding": encoding.kind(),
        "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
        "hoverProvider": true,
        "completionProvider": { "triggerCharacters": [".", "("], "resolveProvider": true },
        "signatureHelpProvider": { "triggerCharacters": ["(", ","] },
        "definitionProvider": true,
        "referencesProvider": true,
        "documentHighlightProvider": true,
        "documentSymbolProvider": true,
        "codeActionProvider": { "codeActionKinds": kinds },
        "documentFormattingProvider": true,
        "renameProvider": { "prepareProvider": true },
        "foldingRangeProvider": true,
        "inlayHintProvider": true,
    })
}

/// The answer to a request.
pub fn answer(server: &mut Server<'_>, request: Request) -> Response {
    match request.method.as_str() {
        "textDocument/hover" => reply(server, request, hover),
        "textDocument/completion" => reply(server, request, completion),
        "completionItem/resolve" => reply(server, request, resolve),
        "textDocument/signatureHelp" => reply(server, request, signature),
        "textDocument/definition" => reply(server, request, definition),
        "textDocument/references" => reply(server, request, references),
        "textDocument/documentHighlight" => reply(server, request, highlights),
        "textDocument/documentSymbol" => reply(server, request, symbols),
        "textDocument/codeAction" => reply(server, request, actions),
        "textDocument/formatting" => reply(server, request, formatting),
        "textDocument/prepareRename" => reply(server, request, prepare_rename),
        "textDocument/rename" => reply(server, request, rename),
        "textDocument/foldingRange" => reply(server, request, folds),
        "textDocument/inlayHint" => reply(server, request, hints),
        #[cfg(test)]
        "test/panic" => panic!("on purpose"),
        method => {
            let message = format!("`{method}` is not answered");
            Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message)
        }
    }
}

fn reply<P: DeserializeOwned, R: Serialize>(
    server: &mut Server<'_>,
    request: Request,
    answer: fn(&mut Server<'_>, P) -> Answer<R>,
) -> Response {
    let params = match serde_json::from_value(request.params) {
        Ok(params) => params,
        Err(error) => return Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string()),
    };
    match answer(server, params) {
        Ok(result) => Response::new_ok(request.id, result),
        Err(refusal) => Response::new_err(request.id, refusal.code as i32, refusal.message),
    }
}

/// The open text that a request is about.
fn document<'s>(server: &'s Server<'_>, uri: &Uri) -> Answer<&'s Document> {
    let unknown = || Refusal { code: ErrorCode::InvalidParams, message: format!("`{}` is not open", uri.0) };
    server.documents.get(&uri.0).ok_or_else(unknown)
}

/// The open text and the place that a request is about, and the text's lines.
fn placed<'s>(
    server: &'s Server<'_>,
    params: &lsp::TextDocumentPositionParams,
) -> Answer<(&'s Document, u32, Lines<'s>)> {
    let document = document(server, &params.text_document.uri)?;
    let lines = Lines::new(document.text(), server.client.encoding);
    Ok((document, lines.byte(params.position), lines))
}

fn markdown(value: String) -> lsp::MarkupContent {
    lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value }
}

fn hover(server: &mut Server<'_>, params: lsp::HoverParams) -> Answer<Option<lsp::Hover>> {
    let (document, at, lines) = placed(server, &params.text_document_position_params)?;
    let found = ide::hover(&document.view(), at);
    Ok(found.map(|found| lsp::Hover {
        contents: lsp::Contents::MarkupContent(markdown(found.text)),
        range: Some(lines.range(found.span.start, found.span.end)),
    }))
}

fn completion(server: &mut Server<'_>, params: lsp::CompletionParams) -> Answer<Vec<lsp::CompletionItem>> {
    let place = &params.text_document_position_params;
    let (document, at, lines) = placed(server, place)?;
    let word = document.syntax().word_at(at).filter(|word| word.start < at);
    let range = lines.range(word.map_or(at, |word| word.start), at);
    let snippets = server.client.snippets;
    let item = |(order, found): (usize, ide::Completion)| {
        let plain = |snippet: &str| if snippet.contains('$') { found.label.clone() } else { snippet.to_owned() };
        let new_text = if snippets { found.snippet.clone() } else { plain(&found.snippet) };
        let format = if snippets { lsp::InsertTextFormat::Snippet } else { lsp::InsertTextFormat::PlainText };
        lsp::CompletionItem {
            kind: Some(completion_kind(found.kind)),
            detail: Some(found.detail).filter(|detail| !detail.is_empty()),
            sort_text: Some(format!("{order:05}")),
            insert_text_format: Some(format),
            text_edit: Some(lsp::CompletionItemTextEdit::TextEdit(TextEdit { range, new_text })),
            data: Some(json!({ "uri": place.text_document.uri, "kind": kind_number(found.kind) })),
            label: found.label,
            ..Default::default()
        }
    };
    Ok(ide::complete(&document.view(), at).into_iter().enumerate().map(item).collect())
}

const COMPLETION_KINDS: [(CompletionKind, lsp::CompletionItemKind); 9] = [
    (CompletionKind::Value, lsp::CompletionItemKind::Variable),
    (CompletionKind::Constant, lsp::CompletionItemKind::Constant),
    (CompletionKind::Function, lsp::CompletionItemKind::Function),
    (CompletionKind::Layer, lsp::CompletionItemKind::Class),
    (CompletionKind::Argument, lsp::CompletionItemKind::Field),
    (CompletionKind::Setting, lsp::CompletionItemKind::Property),
    (CompletionKind::Type, lsp::CompletionItemKind::TypeParameter),
    (CompletionKind::Keyword, lsp::CompletionItemKind::Keyword),
    (CompletionKind::Module, lsp::CompletionItemKind::Module),
];

fn kind_number(kind: CompletionKind) -> usize {
    COMPLETION_KINDS.iter().position(|(own, _)| *own == kind).unwrap_or(0)
}

fn completion_kind(kind: CompletionKind) -> lsp::CompletionItemKind {
    COMPLETION_KINDS[kind_number(kind)].1
}

fn resolve(server: &mut Server<'_>, mut item: lsp::CompletionItem) -> Answer<lsp::CompletionItem> {
    let data = item.data.clone().unwrap_or_default();
    let kind = data["kind"].as_u64().and_then(|number| COMPLETION_KINDS.get(number as usize));
    let document = data["uri"].as_str().and_then(|uri| server.documents.get(uri));
    if let (Some((kind, _)), Some(document)) = (kind, document) {
        let told = ide::documentation(&document.view(), &item.label, *kind);
        item.documentation = told.map(|told| lsp::Documentation::MarkupContent(markdown(told)));
    }
    Ok(item)
}

fn signature(server: &mut Server<'_>, params: lsp::SignatureHelpParams) -> Answer<Option<lsp::SignatureHelp>> {
    let (document, at, _) = placed(server, &params.text_document_position_params)?;
    let Some(found) = ide::signature(&document.view(), at) else { return Ok(None) };
    let utf16 = |byte: usize| match server.client.encoding {
        Encoding::Utf8 => byte as u32,
        Encoding::Utf16 => found.label[..byte].encode_utf16().count() as u32,
    };
    let parameter = |(start, end): &(usize, usize)| lsp::ParameterInformation {
        label: lsp::ParameterInformationLabel::Tuple((utf16(*start), utf16(*end))),
        documentation: None,
    };
    let active = found.active.map(|active| lsp::ActiveParameter::Int(active as u32));
    let signature = lsp::SignatureInformation {
        parameters: Some(found.parameters.iter().map(parameter).collect()),
        documentation: Some(lsp::Documentation::MarkupContent(markdown(found.doc.clone()))),
        active_parameter: active,
        label: found.label.clone(),
    };
    Ok(Some(lsp::SignatureHelp { signatures: vec![signature], active_signature: Some(0), active_parameter: active }))
}

fn definition(server: &mut Server<'_>, params: lsp::DefinitionParams) -> Answer<Option<Location>> {
    let place = &params.text_document_position_params;
    let (document, at, lines) = placed(server, place)?;
    let encoding = server.client.encoding;
    Ok(match ide::definition(&document.view(), at) {
        None => None,
        Some(Target::Own(span)) => {
            Some(Location { uri: place.text_document.uri.clone(), range: lines.range(span.start, span.end) })
        }
        Some(Target::Imported(path, span)) => {
            let text = text_of(server, &path).unwrap_or_default();
            let range = Lines::new(&text, encoding).range(span.start, span.end);
            Some(Location { uri: named(&server.documents, &path), range })
        }
        Some(Target::Library(file, span)) => {
            let range = Lines::new(SOURCES[file].1, encoding).range(span.start, span.end);
            server.cache.library(file).map(|path| Location { uri: named(&server.documents, &path), range })
        }
    })
}

/// What the file at `path` holds: as it is open, or as it is on the disk.
fn text_of(server: &Server<'_>, path: &Path) -> Option<String> {
    let open = server.documents.values().find(|document| document.path.as_deref() == Some(path));
    open.map(|document| document.text().to_owned()).or_else(|| std::fs::read_to_string(path).ok())
}

fn references(server: &mut Server<'_>, params: lsp::ReferenceParams) -> Answer<Vec<Location>> {
    let place = &params.text_document_position_params;
    let (document, at, lines) = placed(server, place)?;
    let view = document.view();
    let own = ide::references(&view, at, params.context.include_declaration).into_iter();
    let uri = &place.text_document.uri;
    let mut found: Vec<Location> =
        own.map(|span| Location { uri: uri.clone(), range: lines.range(span.start, span.end) }).collect();
    if let (Some(name), Some(path)) = (ide::exported(&view, at), &document.path) {
        for (uri, syntax, uses) in importers(server, path, name) {
            let lines = Lines::new(&syntax.text, server.client.encoding);
            found.extend(
                uses.iter().map(|span| Location { uri: uri.clone(), range: lines.range(span.start, span.end) }),
            );
        }
    }
    Ok(found)
}

/// The files that import what the file at `path` defines as `name`, each with the places that name it: open ones, and those in the
/// folders that the client works in.
fn importers(server: &Server<'_>, path: &Path, name: &str) -> Vec<(Uri, Syntax, Vec<crate::source::Span>)> {
    let folders: Vec<PathBuf> = server.client.roots.clone();
    let mut paths = programs(&folders).unwrap_or_default();
    paths.extend(server.documents.values().filter_map(|document| document.path.clone()));
    paths.iter_mut().for_each(|path| *path = plain(path));
    paths.sort();
    paths.dedup();
    let mut found = Vec::new();
    for importer in paths.into_iter().filter(|importer| importer != path) {
        let Some(text) = text_of(server, &importer).filter(|text| text.contains("import") && text.contains(name))
        else {
            continue;
        };
        let syntax = Syntax::new(text);
        let folder = importer.parent().unwrap_or(Path::new("")).to_path_buf();
        let uses = ide::uses_of_import(&syntax, name, &|written| plain(&folder.join(written)) == path);
        if !uses.is_empty() {
            found.push((named(&server.documents, &importer), syntax, uses));
        }
    }
    found
}

fn highlights(server: &mut Server<'_>, params: lsp::DocumentHighlightParams) -> Answer<Vec<lsp::DocumentHighlight>> {
    let (document, at, lines) = placed(server, &params.text_document_position_params)?;
    let places = ide::references(&document.view(), at, true).into_iter();
    Ok(places.map(|span| lsp::DocumentHighlight { range: lines.range(span.start, span.end), kind: None }).collect())
}

fn symbols(server: &mut Server<'_>, params: lsp::DocumentSymbolParams) -> Answer<Vec<lsp::DocumentSymbol>> {
    let document = document(server, &params.text_document.uri)?;
    let lines = Lines::new(document.text(), server.client.encoding);
    Ok(ide::outline(document.syntax()).into_iter().map(|entry| symbol(entry, &lines)).collect())
}

#[expect(deprecated, reason = "the protocol's type still has the field")]
fn symbol(entry: ide::Entry, lines: &Lines<'_>) -> lsp::DocumentSymbol {
    let kind = match entry.kind {
        Some(Kind::Function) => lsp::SymbolKind::Function,
        Some(Kind::Layer) => lsp::SymbolKind::Class,
        Some(Kind::Const) => lsp::SymbolKind::Constant,
        Some(Kind::Input) => lsp::SymbolKind::Interface,
        Some(Kind::Param | Kind::State) => lsp::SymbolKind::Field,
        Some(Kind::Loss | Kind::Metric | Kind::Output) => lsp::SymbolKind::Event,
        Some(_) => lsp::SymbolKind::Variable,
        None => lsp::SymbolKind::Namespace,
    };
    let inside: Vec<lsp::DocumentSymbol> = entry.inside.into_iter().map(|entry| symbol(entry, lines)).collect();
    lsp::DocumentSymbol {
        name: entry.name,
        detail: Some(entry.detail).filter(|detail| !detail.is_empty()),
        kind,
        tags: None,
        deprecated: None,
        range: lines.range(entry.span.start, entry.span.end),
        selection_range: lines.range(entry.name_span.start, entry.name_span.end),
        children: Some(inside).filter(|inside| !inside.is_empty()),
    }
}

/// Edits of one text as the protocol has them.
fn text_edits(edits: &[Edit], lines: &Lines<'_>) -> Vec<TextEdit> {
    let edit =
        |edit: &Edit| TextEdit { range: lines.range(edit.span.start, edit.span.end), new_text: edit.text.clone() };
    edits.iter().map(edit).collect()
}

/// Edits of several texts as the client takes them.
fn workspace_edit(server: &Server<'_>, changes: Vec<(Uri, Vec<TextEdit>)>) -> lsp::WorkspaceEdit {
    if !server.client.versioned_edits {
        let changes: HashMap<Uri, Vec<TextEdit>> = changes.into_iter().collect();
        return lsp::WorkspaceEdit { changes: Some(changes), ..Default::default() };
    }
    let change = |(uri, edits): (Uri, Vec<TextEdit>)| {
        let version = server.documents.get(&uri.0).map(|document| document.version);
        let text_document_identifier = lsp::TextDocumentIdentifier { uri };
        lsp::DocumentChange::TextDocumentEdit(lsp::TextDocumentEdit {
            text_document: lsp::OptionalVersionedTextDocumentIdentifier { version, text_document_identifier },
            edits: edits.into_iter().map(lsp::Edit::TextEdit).collect(),
        })
    };
    lsp::WorkspaceEdit { document_changes: Some(changes.into_iter().map(change).collect()), ..Default::default() }
}

fn actions(server: &mut Server<'_>, params: lsp::CodeActionParams) -> Answer<Vec<lsp::CodeAction>> {
    let uri = params.text_document.uri;
    let document = document(server, &uri)?;
    let lines = Lines::new(document.text(), server.client.encoding);
    let view = document.view();
    let wanted = |kind: &str| {
        let asks = |asked: &lsp::CodeActionKind| kind == asked.to_string() || kind.starts_with(&format!("{asked}."));
        params.context.only.as_ref().is_none_or(|only| only.iter().any(asks))
    };
    let mut found = Vec::new();
    if wanted("quickfix") {
        let (start, end) = (lines.byte(params.range.start), lines.byte(params.range.end));
        let facts = document.facts.as_deref();
        for action in ide::actions(&view, start, end) {
            let code = facts.map(|facts| facts.diagnostics[action.answers].code.to_string());
            let is_it = |shown: &&lsp::Diagnostic| matches!(&shown.code, Some(lsp::Code::String(own)) if Some(own) == code.as_ref());
            let answered: Vec<lsp::Diagnostic> = params.context.diagnostics.iter().filter(is_it).cloned().collect();
            found.push(lsp::CodeAction {
                title: action.title,
                kind: Some(lsp::CodeActionKind::QuickFix),
                diagnostics: Some(answered).filter(|answered| !answered.is_empty()),
                is_preferred: action.certain.then_some(true),
                edit: Some(workspace_edit(server, vec![(uri.clone(), text_edits(&action.edits, &lines))])),
                ..Default::default()
            });
        }
    }
    if wanted("source.fixAll")
        && let Some(text) = ide::fix_all(&view)
    {
        found.push(lsp::CodeAction {
            title: "apply all certain fixes".to_owned(),
            kind: Some(lsp::CodeActionKind::SourceFixAll),
            edit: Some(workspace_edit(server, vec![(uri.clone(), line_edits(document.text(), &text, &lines))])),
            ..Default::default()
        });
    }
    Ok(found)
}

fn formatting(server: &mut Server<'_>, params: lsp::DocumentFormattingParams) -> Answer<Option<Vec<TextEdit>>> {
    let document = document(server, &params.text_document.uri)?;
    let text = document.text();
    let lines = Lines::new(text, server.client.encoding);
    let formatted = format_bytes(&document.uri.0, text.as_bytes().to_vec());
    Ok(formatted.new.map(|new| {
        let new = if text.contains("\r\n") { new.replace('\n', "\r\n") } else { new };
        line_edits(text, &new, &lines)
    }))
}

/// The edits that make `new` of `old`, by whole lines, so that places in other lines stay.
fn line_edits(old: &str, new: &str, lines: &Lines<'_>) -> Vec<TextEdit> {
    let difference = similar::TextDiff::from_lines(old, new);
    let starts = |text: &str| -> Vec<usize> {
        let ends = text.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some(*at)
        });
        std::iter::once(0).chain(ends).collect()
    };
    let (before, after) = (starts(old), starts(new));
    let place = |starts: &[usize], line: usize| starts.get(line).or(starts.last()).copied().unwrap_or(0);
    let changes = difference.ops().iter().filter(|op| op.tag() != similar::DiffTag::Equal);
    let edit = |op: &similar::DiffOp| {
        let (from, to) = (op.old_range(), op.new_range());
        let (start, end) = (place(&before, from.start), place(&before, from.end));
        TextEdit {
            range: lines.range(start as u32, end as u32),
            new_text: new[place(&after, to.start)..place(&after, to.end)].to_owned(),
        }
    };
    changes.map(edit).collect()
}

fn prepare_rename(server: &mut Server<'_>, params: lsp::PrepareRenameParams) -> Answer<Range> {
    let (document, at, lines) = placed(server, &params.text_document_position_params)?;
    let span = ide::nameable(&document.view(), at)?;
    Ok(lines.range(span.start, span.end))
}

fn rename(server: &mut Server<'_>, params: lsp::RenameParams) -> Answer<lsp::WorkspaceEdit> {
    let place = &params.text_document_position_params;
    let (document, at, lines) = placed(server, place)?;
    let view = document.view();
    let edits = ide::rename(&view, at, &params.new_name)?;
    let mut changes = vec![(place.text_document.uri.clone(), text_edits(&edits, &lines))];
    if let (Some(name), Some(path)) = (ide::exported(&view, at), &document.path) {
        for (uri, syntax, uses) in importers(server, path, name) {
            let followed = ide::follow(&syntax, &uses, &params.new_name);
            let told = |why: NoRename| NoRename(format!("in `{}`: {}", uri.0, why.0));
            let edits = followed.map_err(told)?;
            let lines = Lines::new(&syntax.text, server.client.encoding);
            changes.push((uri, text_edits(&edits, &lines)));
        }
    }
    Ok(workspace_edit(server, changes))
}

fn folds(server: &mut Server<'_>, params: lsp::FoldingRangeParams) -> Answer<Vec<lsp::FoldingRange>> {
    let document = document(server, &params.text_document.uri)?;
    let lines = Lines::new(document.text(), server.client.encoding);
    let fold = |fold: ide::Fold| {
        let Range { start, end } = lines.range(fold.start, fold.end);
        // The line with the closing bracket stays in sight.
        let closes = document.text()[fold.start as usize..].starts_with(['{', '(', '[']);
        let last = if closes { end.line.saturating_sub(1) } else { end.line };
        lsp::FoldingRange {
            start_line: start.line,
            end_line: last.max(start.line),
            kind: Some(match fold.kind {
                ide::FoldKind::Comment => lsp::FoldingRangeKind::Comment,
                ide::FoldKind::Imports => lsp::FoldingRangeKind::Imports,
                ide::FoldKind::Region => lsp::FoldingRangeKind::Region,
            }),
            ..Default::default()
        }
    };
    let mut found: Vec<lsp::FoldingRange> = ide::folds(document.syntax()).into_iter().map(fold).collect();
    found.retain(|fold| fold.start_line < fold.end_line);
    Ok(found)
}

fn hints(server: &mut Server<'_>, params: lsp::InlayHintParams) -> Answer<Vec<lsp::InlayHint>> {
    let document = document(server, &params.text_document.uri)?;
    let lines = Lines::new(document.text(), server.client.encoding);
    let hint = |hint: ide::Hint| lsp::InlayHint {
        position: lines.position(hint.at),
        label: lsp::Label::String(hint.text),
        kind: Some(lsp::InlayHintKind::Type),
        text_edits: None,
        tooltip: None,
        padding_left: None,
        padding_right: None,
        data: None,
    };
    let (start, end) = (lines.byte(params.range.start), lines.byte(params.range.end));
    Ok(ide::hints(&document.view(), start, end).into_iter().map(hint).collect())
}
