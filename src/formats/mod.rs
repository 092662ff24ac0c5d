//! What files of other programs consist of: their messages as plain data, read and written.
//!
//! Nothing here knows what a message means to a network; that is for `export` and `import`.

pub mod hdf5;
pub mod nnabla;
pub mod onnx;
