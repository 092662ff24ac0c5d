//! The `nnlc` program: everything lives in the library.

fn main() {}
