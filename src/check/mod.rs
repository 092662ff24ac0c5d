//! Names, compile-time values, shapes, dtypes and roles: from AST to the typed per-sample program.
