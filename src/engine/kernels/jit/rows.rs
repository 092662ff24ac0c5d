//! Many rows in one call: what changes from row to row is read, advanced and stored by the code itself.
//!
//! The table of addresses goes on behind those of the streams and the accumulators:
//!
//! | entries | are |
//! |---|---|
//! | 1 | rows that are left |
//! | 1 | lanes of a row |
//! | one a stream | bytes from row to row |
//! | one a number | where the number of this row is |
//! | one a number | bytes to that of the next row |
//! | one a result | where the result of this row goes; results of rows are consecutive words |

use iced_x86::Code as Op;

use super::emit::{COUNT, Place, SPARE, Source};
use super::lower::{HELD_SUMS, Lowering, held};
use crate::engine::kernels::simd::LANES;

/// What a row has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in super::super) struct Rows {
    /// The scalars that are read anew for each row.
    pub numbers: Vec<u32>,
    /// The scalars that are integers and grow from row to row, and by how much.
    pub counts: Vec<(u32, i32)>,
    /// The accumulators that start anew with each row, and the bits of what they start with.
    pub starts: Vec<(usize, u32)>,
}

impl Lowering<'_> {
    /// The entry of the table behind those of streams and accumulators, the tables of the head.
    fn entry(&self, behind: usize) -> u32 {
        (self.streams + self.sums + behind) as u32
    }

    fn stride(&self, stream: usize) -> u32 {
        self.entry(2 + stream)
    }

    fn number(&self, index: usize) -> u32 {
        self.entry(2 + self.streams + index)
    }

    fn result(&self, index: usize) -> u32 {
        let numbers = self.rows.map_or(0, |rows| rows.numbers.len());
        self.entry(2 + self.streams + 2 * numbers + index)
    }

    /// The loop over rows.
    pub(super) fn all_rows(&mut self, rows: &Rows) {
        let top = self.out.label();
        self.out.bind(top);
        for (index, scalar) in rows.numbers.iter().enumerate() {
            let from = self.number(index);
            self.out.read_scalar(*scalar, from);
        }
        rows.starts.iter().for_each(|(sum, bits)| self.start(*sum, *bits));
        let lanes = self.entry(1);
        self.out.address(COUNT, lanes);
        self.row();
        self.behind();
        self.next(rows);
        let left = self.entry(0);
        self.out.step(left, -1);
        self.out.jump(Op::Jne_rel32_64, top);
    }

    /// Everything moves to the next row.
    fn next(&mut self, rows: &Rows) {
        for stream in 0..self.streams {
            let stride = self.stride(stream);
            self.out.advance(stream as u32, stride);
        }
        for index in 0..rows.numbers.len() {
            let (number, stride) = (self.number(index), self.number(rows.numbers.len() + index));
            self.out.advance(number, stride);
        }
        rows.counts.iter().for_each(|(scalar, step)| self.out.count_up(*scalar, *step));
        for index in 0..rows.starts.len() {
            let result = self.result(index);
            self.out.step(result, size_of::<f32>() as i32);
        }
    }

    /// An accumulator starts anew.
    fn start(&mut self, sum: usize, bits: u32) {
        let constant = Source::Constant(self.constants.len());
        self.constants.push(bits);
        for half in [0, 1] {
            if sum < HELD_SUMS {
                self.out.copy(held(sum, half), constant, None);
            } else {
                // No value is in a register between rows.
                self.out.copy(0, constant, None);
                self.out.address(SPARE, (self.streams + sum) as u32);
                let ahead = (half * LANES * size_of::<f32>()) as i64;
                self.out.store(Place { base: SPARE, ahead, size: 0 }, 0);
            }
        }
    }

    /// Stores the first lane as a result of the row.
    pub(super) fn store_result(&mut self, result: u32, from: u8) {
        let entry = self.result(result as usize);
        self.out.store_first(entry, from);
    }
}
