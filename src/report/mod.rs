//! What a run leaves to look at: the log and the learning curve.
