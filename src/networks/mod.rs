//! Main, MainValidation and MainRuntime, derived from the one program.
