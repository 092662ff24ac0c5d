//! From text to AST: lossless tokens, the grammar's parser, recovery. Knows no types and no operations.

pub mod ast;
