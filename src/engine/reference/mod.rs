//! The reference engine: one node at a time on `ndarray`, in f32 or f64.
