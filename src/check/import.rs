//! `import`: the functions, layers and constants of other files.
//!
//! The files were read and parsed before; [`Imports`] says which file each path leads to. An imported file is evaluated once, its
//! definitions and constants alone, in a scope that sees the library and its own imports.

use std::collections::BTreeMap;
use std::path::Path;

use super::checker::{Body, Checker, Site};
use super::scope::{Binding, Role};
use super::value::{ScopeId, Truth, Val};
use crate::base::{closest, surely_meant};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{FileId, Span};
use crate::syntax::ast::{Ast, Name, Stmt, StmtKind, Str};

/// The files that a program imports, those that they import in turn among them.
#[derive(Debug, Default)]
pub struct Imports {
    /// The parsed files.
    pub files: BTreeMap<FileId, Ast>,
    /// The file that each written path leads to, by the path's place. A path that leads nowhere was reported and is missing.
    pub links: BTreeMap<Span, FileId>,
}

impl<'a> Checker<'a> {
    /// `import "f.nn" as m`, `import "f.nn": a, b`; without either, the file's own name stands for it.
    pub fn import(&mut self, scope: ScopeId, path: &'a Str, alias: Option<&'a Name>, names: &'a [Name]) {
        let file = self.circumstances.imports.links.get(&path.span).copied();
        let module = file.map(|file| self.module(file));
        for name in names {
            let val = module.map_or(Val::Error, |module| self.exported(module, name, &path.value));
            self.import_as(scope, &name.text, name.span, val);
        }
        if !names.is_empty() {
            return;
        }
        let val = module.map_or(Val::Error, Val::Module);
        match alias {
            Some(alias) => self.import_as(scope, &alias.text, alias.span, val),
            None => self.import_as(scope, stem(&path.value), path.span, val),
        }
    }

    fn import_as(&mut self, scope: ScopeId, name: &'a str, span: Span, val: Val<'a>) {
        let old = self.scopes.bind(scope, name, Binding { val, span: Some(span), role: Role::Import });
        if let Some(first) = old.and_then(|old| old.span) {
            self.defined_twice(name, span, first);
        }
    }

    /// The scope of an imported file, evaluated at its first import.
    fn module(&mut self, file: FileId) -> ScopeId {
        if let Some(scope) = self.modules.get(&file) {
            return *scope;
        }
        let ast = &self.circumstances.imports.files[&file];
        let scope = self.scopes.open(Some(self.library_scope), &ast.items);
        self.modules.insert(file, scope);
        let site = Site { ast, scope, frame: None, body: Body::Top, phase: Truth::Known(true), depth: 0 };
        let before = std::mem::replace(&mut self.here, site);
        self.hoist(ast, scope, &ast.items);
        for item in &ast.items {
            match &item.kind {
                StmtKind::Fn(_) | StmtKind::Layer(_) => self.definition(item),
                StmtKind::Const { name, value } => self.constant(name, *value),
                _ => {}
            }
        }
        self.here = before;
        scope
    }

    /// What an imported file defines under a name.
    pub fn exported(&mut self, module: ScopeId, name: &Name, shown: &str) -> Val<'a> {
        let exports = |binding: &Binding| matches!(binding.role, Role::Definition | Role::Value);
        let own: Vec<(&'a str, Val<'a>)> = self
            .scopes
            .own(module)
            .filter(|(_, binding)| exports(binding))
            .map(|(own, binding)| (own, binding.val.clone()))
            .collect();
        if let Some((_, val)) = own.iter().find(|(own, _)| *own == name.text) {
            return val.clone();
        }
        if self.circumstances.broken.is_some_and(|words| words.contains(&name.text)) {
            return Val::Error;
        }
        let title = format!("`{shown}` defines no `{}`", name.text);
        let mut diagnostic =
            Diagnostic::at(Code::E0102, name.span, title, "not among its functions, layers, constants");
        if let Some(near) = closest(&name.text, own.iter().map(|(own, _)| *own)) {
            diagnostic = diagnostic.help(format!("a similar name exists: `{near}`")).fix(
                format!("write `{near}`"),
                name.span,
                near,
                match surely_meant(&name.text, near, own.iter().map(|(own, _)| *own)) {
                    true => Applicability::Certain,
                    false => Applicability::Maybe,
                },
            );
        } else if self.scopes.peek(module, &name.text).is_none() && !own.is_empty() {
            let names: Vec<&str> = own.iter().map(|(own, _)| *own).collect();
            diagnostic = diagnostic.note(format!("it defines `{}`", names.join("`, `")));
        }
        self.report(diagnostic)
    }
}

/// The path of each file that a program's top level imports.
pub fn imported_paths(items: &[Stmt]) -> impl Iterator<Item = &Str> {
    items.iter().filter_map(|item| match &item.kind {
        StmtKind::Import { path, .. } => Some(path),
        _ => None,
    })
}

/// A file's name without folders and ending.
fn stem(path: &str) -> &str {
    Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or(path)
}
