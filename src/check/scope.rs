//! Scopes: names, where they are bound, and whether anything used them.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::value::{ScopeId, Val};
use crate::base::IndexVec;
use crate::source::Span;
use crate::syntax::ast::{Name, Stmt, StmtKind};

/// What a name stands for.
#[derive(Clone)]
pub struct Binding<'a> {
    pub val: Val<'a>,
    /// Where it is bound; none for what the compiler brings.
    pub span: Option<Span>,
    /// What bound it, for the unused lint.
    pub role: Role,
}

/// What kind of statement bound a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Value,
    Input,
    Param,
    State,
    Definition,
    Import,
    Argument,
    /// A size of an input that the data fixes.
    Size,
    Given,
}

/// One scope.
pub struct Scope<'a> {
    parent: Option<ScopeId>,
    names: BTreeMap<&'a str, Binding<'a>>,
    /// The statements that fill it, to tell "bound later" from "bound nowhere".
    stmts: &'a [Stmt],
    /// Where they bind each name, in order; found out when it is first asked for.
    places: OnceCell<BTreeMap<&'a str, Vec<Span>>>,
}

impl<'a> Scope<'a> {
    /// Where the statements bind `name`.
    fn places(&self, name: &str) -> &[Span] {
        let find = || {
            let mut places: BTreeMap<&'a str, Vec<Span>> = BTreeMap::new();
            for bound in self.stmts.iter().flat_map(bound_names) {
                places.entry(&bound.text).or_default().push(bound.span);
            }
            places
        };
        self.places.get_or_init(find).get(name).map_or(&[], Vec::as_slice)
    }
}

/// All scopes of a check. Scopes are never removed: functions keep the ones that they see.
#[derive(Default)]
pub struct Scopes<'a> {
    scopes: IndexVec<ScopeId, Scope<'a>>,
    used: std::collections::BTreeSet<Span>,
}

impl<'a> Scopes<'a> {
    /// Opens a scope.
    pub fn open(&mut self, parent: Option<ScopeId>, stmts: &'a [Stmt]) -> ScopeId {
        self.scopes.push(Scope { parent, names: BTreeMap::new(), stmts, places: OnceCell::new() })
    }

    /// Binds a name; an earlier binding in the same scope is hidden from here on.
    pub fn bind(&mut self, scope: ScopeId, name: &'a str, binding: Binding<'a>) -> Option<Binding<'a>> {
        self.scopes[scope].names.insert(name, binding)
    }

    /// Looks a name up and counts it as used.
    pub fn look_up(&mut self, scope: ScopeId, name: &str) -> Option<Binding<'a>> {
        let found = self.peek(scope, name)?.clone();
        self.used.extend(found.span);
        Some(found)
    }

    /// Looks a name up.
    pub fn peek(&self, scope: ScopeId, name: &str) -> Option<&Binding<'a>> {
        let mut next = Some(scope);
        while let Some(id) = next {
            if let Some(binding) = self.scopes[id].names.get(name) {
                return Some(binding);
            }
            next = self.scopes[id].parent;
        }
        None
    }

    /// What the scope itself binds.
    pub fn own(&self, scope: ScopeId) -> impl Iterator<Item = (&'a str, &Binding<'a>)> {
        self.scopes[scope].names.iter().map(|(name, binding)| (*name, binding))
    }

    /// Counts the binding at `span` as used: something else was said about it.
    pub fn excuse(&mut self, span: Span) {
        self.used.insert(span);
    }

    /// Whether the binding at `span` was ever used.
    pub fn is_used(&self, span: Span) -> bool {
        self.used.contains(&span)
    }

    /// The names visible from a scope, nearest first.
    pub fn visible(&self, scope: ScopeId) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut next = Some(scope);
        while let Some(id) = next {
            names.extend(self.scopes[id].names.keys());
            next = self.scopes[id].parent;
        }
        names
    }

    /// Where a later statement of an enclosing block binds `name`.
    pub fn bound_later(&self, scope: ScopeId, name: &str, after: Span) -> Option<Span> {
        let mut next = Some(scope);
        while let Some(id) = next {
            let later = |place: &&Span| place.file == after.file && place.start >= after.start;
            if let Some(place) = self.scopes[id].places(name).iter().find(later) {
                return Some(*place);
            }
            next = self.scopes[id].parent;
        }
        None
    }
}

/// The names that a statement binds as values.
pub fn bound_names(stmt: &Stmt) -> Vec<&Name> {
    match &stmt.kind {
        StmtKind::Bind { names, .. } | StmtKind::Input { names, .. } => names.iter().collect(),
        StmtKind::Const { name, .. } | StmtKind::State { name, .. } => vec![name],
        StmtKind::Fn(def) => vec![&def.name],
        StmtKind::Layer(def) => vec![&def.name],
        StmtKind::Param(param) => vec![&param.name],
        _ => Vec::new(),
    }
}
