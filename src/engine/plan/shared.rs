//! Loop nests that a plan holds once: a network repeats its layers, so most of its loop nests are the same program over other buffers.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::kernels::{Fused, Program, Tiling};

/// What was compiled so far, by a hash of the program.
#[derive(Default)]
pub(super) struct Nests(FxHashMap<u64, Vec<(Program, Tiling, Arc<Fused>)>>);

impl Nests {
    /// A program cut as given, compiled unless an equal one was before.
    pub fn compiled(&mut self, program: Program, tiling: Tiling) -> Arc<Fused> {
        let alike = self.0.entry(program.fingerprint()).or_default();
        let known = alike.iter().find(|(known, cut, _)| *cut == tiling && known.is_same(&program));
        if let Some((_, _, fused)) = known {
            return fused.clone();
        }
        let fused = Arc::new(Fused::with_tiling(&program, tiling));
        alike.push((program, tiling, fused.clone()));
        fused
    }
}
