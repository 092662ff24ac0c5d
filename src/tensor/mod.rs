//! Dtypes, dimensions and shapes, tensors in memory, counter-based random numbers. Knows no graph.
