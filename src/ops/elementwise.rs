//! Elementwise primitives.

use super::Primitive;

/// The family.
pub static TABLE: &[Primitive] = &[];
