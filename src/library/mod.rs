//! The standard library: `.nn` sources, embedded.
