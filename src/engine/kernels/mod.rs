//! Kernels behind one seam, each with a scalar twin.
