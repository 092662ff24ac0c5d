//! Graph-to-graph passes that never change what a graph computes.
