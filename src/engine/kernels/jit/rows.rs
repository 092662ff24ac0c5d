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

use iced_x86::Code as Op;

use super::emit::{COUNT, Source};
use super::lower::Lowering;

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

    /// The loop over rows. Accumulators that outlive a row stay in registers if only one phase needs those.
    pub(super) fn all_rows(&mut self, rows: &Rows) {
        let alone = self.phases.len() == 1;
        if alone {
            self.take_sums(0);
        }
        let top = self.out.label();
        self.out.bind(top);
        for (index, scalar) in rows.numbers.iter().enumerate() {
            let from = self.number(index);
            self.out.read_scalar(*scalar, from);
        }
        for phase in 0..self.phases.len() {
            if !alone {
                self.take_sums(phase);
            }
            self.phase(phase);
            if !alone {
                self.leave_sums();
            }
        }
        self.next(rows);
        let left = self.entry(0);
        self.out.step(left, -1);
        self.out.jump(Op::Jne_rel32_64, top);
        if alone {
            self.leave_sums();
        }
    }

    /// The lanes of a row are counted anew.
    pub(super) fn count_lanes(&mut self) {
        let lanes = self.entry(1);
        self.out.address(COUNT, lanes);
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
    }

    /// An accumulator starts anew.
    pub(super) fn start(&mut self, sum: usize, bits: u32) {
        let constant = Source::Constant(self.constants.len());
        self.constants.push(bits);
        for half in [0, 1] {
            match self.held(sum, half) {
                Some(register) => self.out.copy(register, constant, None),
                None => {
                    // No value is in a register between the parts of a phase.
                    self.out.copy(0, constant, None);
                    let place = self.sum_place(sum, half);
                    self.out.store(place, 0);
                }
            }
        }
    }
}
