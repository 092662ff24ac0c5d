//! The graph: values, nodes, builder, verifier, printer. Knows no operation by meaning.
