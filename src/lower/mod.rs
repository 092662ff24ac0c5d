//! From one sample to a minibatch: the per-sample program becomes a batched graph.
