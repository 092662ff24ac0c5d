//! The table of primitives, one file a family.
