//! What an NNabla archive (`.nnp`) is made of: a network in protobuf's text form, and parameters as messages or in an HDF5 file.
//!
//! The text is kept as the tree of fields that it is: its schema has a message for each of 200 functions, and a reader asks for the few
//! fields of those that it knows. The schema is `src/nbla/proto/nnabla.proto.tmpl` of NNabla 1.39.

pub mod parameters;
pub mod text;
