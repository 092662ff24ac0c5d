//! W0604: what nothing uses.

use crate::check::checker::Checker;
use crate::check::scope::Role;
use crate::diagnostic::{Code, Diagnostic};

impl Checker<'_> {
    /// W0604: what nothing uses.
    pub fn unused(&mut self) {
        let own: Vec<_> = self.scopes.own(self.here.scope).map(|(name, binding)| (name, binding.clone())).collect();
        for (name, binding) in own {
            let Some(span) = binding.span else { continue };
            if self.scopes.is_used(span) || name.starts_with('_') {
                continue;
            }
            let what = match binding.role {
                Role::Value => "value",
                Role::Input => "input",
                Role::Param => "parameter",
                Role::State => "state",
                Role::Import => "import",
                Role::Definition | Role::Argument | Role::Size | Role::Given => continue,
            };
            let diagnostic =
                Diagnostic::at(Code::W0604, span, format!("{what} `{name}` is never used"), "not used anywhere")
                    .help(format!("remove it, or call it `_{name}`"));
            self.report(diagnostic);
        }
    }
}
