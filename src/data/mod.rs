//! Readers of data files, and the data sets that they make.
