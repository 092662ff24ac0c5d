//! `Session`: the public API; the pipeline on one page.
