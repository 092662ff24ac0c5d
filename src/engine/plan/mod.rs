//! The planned engine: steps over one arena.
