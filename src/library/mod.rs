//! The standard library: `.nn` sources, embedded.
//!
//! Everything that can be a formula over primitives is defined there, one family a file, and documented in `##` lines that hover and
//! the reference show. All files share one scope: a definition may use those of any other file. Where a definition takes the name
//! of a primitive, it hides it; the primitive stays reachable as `prim.name`.
//!
//! This room holds the texts and their syntax trees; `check` reads them.

mod parsed;

pub use parsed::{asts, sources};

/// The files: name and text, in the order of the reference.
pub static SOURCES: &[(&str, &str)] = &[
    ("elementwise.nn", include_str!("elementwise.nn")),
    ("activation.nn", include_str!("activation.nn")),
    ("reduction.nn", include_str!("reduction.nn")),
    ("linear.nn", include_str!("linear.nn")),
    ("shape.nn", include_str!("shape.nn")),
    ("image.nn", include_str!("image.nn")),
    ("random.nn", include_str!("random.nn")),
    ("loss.nn", include_str!("loss.nn")),
    ("metric.nn", include_str!("metric.nn")),
    ("layers.nn", include_str!("layers.nn")),
    ("recurrent.nn", include_str!("recurrent.nn")),
    ("normalization.nn", include_str!("normalization.nn")),
    ("attention.nn", include_str!("attention.nn")),
    ("initializer.nn", include_str!("initializer.nn")),
    ("list.nn", include_str!("list.nn")),
];
