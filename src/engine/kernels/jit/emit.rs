//! Writing instructions: what an operand looks like, the instructions that the lowering uses, and jumps.

use iced_x86::{Code, Encoder, IcedError, Instruction, MemoryOperand, Register};

use super::graph::{One, Two};

/// Where an instruction reads its last operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A vector register.
    Register(u8),
    /// The number at an index of the constants, in all lanes.
    Constant(usize),
    /// The number at an index of the scalars, in all lanes.
    Scalar(u32),
    /// A spilled vector.
    Room(usize),
}

/// Elements that lie one after another: the address of the first, and what to add to the loop's index.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub base: Register,
    pub ahead: i64,
    /// Bytes of an element; 0 for a place that does not move with the loop.
    pub size: u32,
}

pub(super) const STREAMS: Register = Register::RDI;
pub(super) const SCALARS: Register = Register::RSI;
pub(super) const CONSTANTS: Register = Register::RDX;
pub(super) const ROOM: Register = Register::RCX;
pub(super) const COUNT: Register = Register::R8;
pub(super) const INDEX: Register = Register::RAX;
/// For addresses that have no register of their own, and other short-lived numbers.
pub(super) const SPARE: Register = Register::R11;
/// The lanes that exist in the last vector.
const LAST: Register = Register::K1;

const WORD: i64 = 4;
const VECTOR: i64 = 64;

pub(super) fn zmm(number: u8) -> Register {
    Register::ZMM0 + u32::from(number)
}

fn general(base: Register, displacement: i64) -> MemoryOperand {
    MemoryOperand::with_base_displ(base, displacement)
}

pub(super) struct Assembler {
    encoder: Encoder,
    at: u64,
    error: Option<IcedError>,
    /// Ends of jumps and the labels that they lead to.
    jumps: Vec<(u64, usize)>,
    labels: Vec<u64>,
    /// Loads and stores leave out the lanes that do not exist.
    pub last: bool,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Assembler { encoder: Encoder::new(64), at: 0, error: None, jumps: Vec::new(), labels: Vec::new(), last: false }
    }

    fn put(&mut self, instruction: Result<Instruction, IcedError>) {
        match instruction.and_then(|i| self.encoder.encode(&i, self.at)) {
            Ok(len) => self.at += len as u64,
            Err(error) => self.error = Some(error),
        }
    }

    /// Names a place to jump to.
    pub(super) fn label(&mut self) -> usize {
        self.labels.push(0);
        self.labels.len() - 1
    }

    /// The label is here.
    pub(super) fn bind(&mut self, label: usize) {
        self.labels[label] = self.at;
    }

    pub(super) fn jump(&mut self, code: Code, label: usize) {
        self.put(Instruction::with_branch(code, self.at));
        self.jumps.push((self.at, label));
    }

    /// The finished code; `None` if an instruction could not be written.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        let mut bytes = self.encoder.take_buffer();
        for (end, label) in self.jumps {
            // All jumps that are used end with 32 bits that count from their end.
            let distance = self.labels[label] as i32 - end as i32;
            bytes[end as usize - 4..end as usize].copy_from_slice(&distance.to_le_bytes());
        }
        self.error.is_none().then_some(bytes)
    }

    pub(super) fn plain(&mut self, code: Code) {
        self.put(Ok(Instruction::with(code)));
    }

    pub(super) fn one_register(&mut self, code: Code, register: Register) {
        self.put(Instruction::with1(code, register));
    }

    pub(super) fn registers(&mut self, code: Code, to: Register, from: Register) {
        self.put(Instruction::with2(code, to, from));
    }

    pub(super) fn number(&mut self, code: Code, to: Register, number: i32) {
        self.put(Instruction::with2(code, to, number));
    }

    /// The address at an index of the table of streams.
    pub(super) fn address(&mut self, to: Register, stream: u32) {
        self.put(Instruction::with2(Code::Mov_r64_rm64, to, general(STREAMS, 8 * i64::from(stream))));
    }

    /// Adds the entry at one index of that table to the entry at another.
    pub(super) fn advance(&mut self, entry: u32, by: u32) {
        self.address(SPARE, by);
        self.put(Instruction::with2(Code::Add_rm64_r64, general(STREAMS, 8 * i64::from(entry)), SPARE));
    }

    /// Adds a number to an entry of that table.
    pub(super) fn step(&mut self, entry: u32, by: i32) {
        self.put(Instruction::with2(Code::Add_rm64_imm8, general(STREAMS, 8 * i64::from(entry)), by));
    }

    /// Reads a scalar from the address at an index of that table.
    pub(super) fn read_scalar(&mut self, scalar: u32, entry: u32) {
        self.address(SPARE, entry);
        self.put(Instruction::with2(Code::Mov_r32_rm32, Register::R11D, general(SPARE, 0)));
        self.put(Instruction::with2(Code::Mov_rm32_r32, general(SCALARS, WORD * i64::from(scalar)), Register::R11D));
    }

    /// Adds to a scalar that is an integer.
    pub(super) fn count_up(&mut self, scalar: u32, by: i32) {
        self.put(Instruction::with2(Code::Add_rm32_imm32, general(SCALARS, WORD * i64::from(scalar)), by));
    }

    /// Writes the first lane to the address at an index of that table.
    pub(super) fn store_first(&mut self, entry: u32, from: u8) {
        self.address(SPARE, entry);
        let lane = Register::XMM0 + u32::from(from);
        self.put(Instruction::with2(Code::EVEX_Vmovss_m32_k1_xmm, general(SPARE, 0), lane));
    }

    /// Makes the first lane a scalar.
    pub(super) fn set_scalar(&mut self, scalar: u32, from: u8) {
        let lane = Register::XMM0 + u32::from(from);
        let place = general(SCALARS, WORD * i64::from(scalar));
        self.put(Instruction::with2(Code::EVEX_Vmovss_m32_k1_xmm, place, lane));
    }

    /// Quarters of one vector in another order.
    fn turn(&mut self, to: u8, from: Source, order: u32) {
        let from = match from {
            Source::Register(from) => from,
            _ => {
                self.copy(to, from, None);
                to
            }
        };
        let code = Code::EVEX_Vshuff32x4_zmm_k1z_zmm_zmmm512b32_imm8;
        self.put(Instruction::with4(code, zmm(to), zmm(from), zmm(from), order));
    }

    /// Marks as many lanes as are left.
    pub(super) fn mark_last(&mut self) {
        self.number(Code::Mov_r32_imm32, Register::R11D, -1);
        self.put(Instruction::with3(Code::VEX_Bzhi_r32_rm32_r32, Register::R11D, Register::R11D, Register::R8D));
        self.registers(Code::VEX_Kmovw_kr_r32, LAST, Register::R11D);
    }

    fn memory(&self, source: Source) -> (MemoryOperand, bool) {
        match source {
            Source::Register(_) => (general(ROOM, 0), false),
            Source::Constant(index) => (general(CONSTANTS, WORD * index as i64), true),
            Source::Scalar(index) => (general(SCALARS, WORD * i64::from(index)), true),
            Source::Room(index) => (general(ROOM, VECTOR * index as i64), false),
        }
    }

    fn broadcast(instruction: Result<Instruction, IcedError>, broadcast: bool) -> Result<Instruction, IcedError> {
        instruction.map(|mut i| {
            i.set_is_broadcast(broadcast);
            i
        })
    }

    /// An instruction of a destination, a register and a source.
    pub(super) fn three(&mut self, code: Code, to: u8, a: u8, b: Source, mask: Option<Register>) {
        let instruction = if let Source::Register(b) = b {
            Instruction::with3(code, zmm(to), zmm(a), zmm(b))
        } else {
            let (memory, broadcast) = self.memory(b);
            Self::broadcast(Instruction::with3(code, zmm(to), zmm(a), memory), broadcast)
        };
        self.put(instruction.map(|mut i| {
            i.set_op_mask(mask.unwrap_or(Register::None));
            i
        }));
    }

    pub(super) fn one(&mut self, op: One, to: u8, a: Source) {
        let (code, number) = match op {
            One::Sqrt => (Code::EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er, None),
            One::Round => (Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, Some(0x08)),
            One::Floor => (Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, Some(0x09)),
            One::Ceil => (Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, Some(0x0a)),
            One::Trunc => (Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, Some(0x0b)),
            One::ToInt => (Code::EVEX_Vcvttps2dq_zmm_k1z_zmmm512b32_sae, None),
            One::ToFloat => (Code::EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er, None),
            One::Down(16) => return self.turn(to, a, 0x0e),
            One::Down(8) => return self.turn(to, a, 0x01),
            One::Down(4) => (Code::EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8, Some(0x0e)),
            One::Down(_) => (Code::EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8, Some(0x01)),
            One::Shl(bits) => (Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8, Some(bits)),
            One::Sar(bits) => (Code::EVEX_Vpsrad_zmm_k1z_zmmm512b32_imm8, Some(bits)),
        };
        let (memory, broadcast) = self.memory(a);
        self.put(match (a, number) {
            (Source::Register(a), None) => Instruction::with2(code, zmm(to), zmm(a)),
            (Source::Register(a), Some(n)) => Instruction::with3(code, zmm(to), zmm(a), n),
            (_, None) => Self::broadcast(Instruction::with2(code, zmm(to), memory), broadcast),
            (_, Some(n)) => Self::broadcast(Instruction::with3(code, zmm(to), memory, n), broadcast),
        });
    }

    pub(super) fn two(&mut self, op: Two, to: u8, a: u8, b: Source) {
        let code = match op {
            Two::Add => Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er,
            Two::Sub => Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er,
            Two::Mul => Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er,
            Two::Div => Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er,
            Two::Min => Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae,
            Two::Max => Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae,
            Two::Scale => Code::EVEX_Vscalefps_zmm_k1z_zmm_zmmm512b32_er,
            Two::AddInt => Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32,
            Two::SubInt => Code::EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32,
            Two::MulInt => Code::EVEX_Vpmulld_zmm_k1z_zmm_zmmm512b32,
            Two::And => Code::EVEX_Vpandd_zmm_k1z_zmm_zmmm512b32,
            Two::Or => Code::EVEX_Vpord_zmm_k1z_zmm_zmmm512b32,
            Two::Xor => Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32,
        };
        self.three(code, to, a, b, None);
    }

    /// Replaces what a register holds wherever the table says so for the class of numbers that `a` falls into.
    pub(super) fn fix(&mut self, to: u8, a: u8, table: Source) {
        let code = Code::EVEX_Vfixupimmps_zmm_k1z_zmm_zmmm512b32_imm8_sae;
        let (memory, broadcast) = self.memory(table);
        self.put(match table {
            Source::Register(table) => Instruction::with4(code, zmm(to), zmm(a), zmm(table), 0),
            _ => Self::broadcast(Instruction::with4(code, zmm(to), zmm(a), memory, 0), broadcast),
        });
    }

    /// A comparison into a mask register.
    pub(super) fn compare(&mut self, integers: bool, predicate: u32, to: Register, a: u8, b: Source) {
        let code = if integers {
            Code::EVEX_Vpcmpd_kr_k1_zmm_zmmm512b32_imm8
        } else {
            Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae
        };
        let (memory, broadcast) = self.memory(b);
        self.put(match b {
            Source::Register(b) => Instruction::with4(code, to, zmm(a), zmm(b), predicate),
            _ => Self::broadcast(Instruction::with4(code, to, zmm(a), memory, predicate), broadcast),
        });
    }

    /// Copies a source, or where a mask is given zero in the other lanes.
    pub(super) fn copy(&mut self, to: u8, from: Source, mask: Option<Register>) {
        let (memory, broadcast) = self.memory(from);
        let instruction = match from {
            Source::Register(from) => Instruction::with2(Code::EVEX_Vmovaps_zmm_k1z_zmmm512, zmm(to), zmm(from)),
            _ if broadcast => Instruction::with2(Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32, zmm(to), memory),
            _ => Instruction::with2(Code::EVEX_Vmovups_zmm_k1z_zmmm512, zmm(to), memory),
        };
        self.put(instruction.map(|mut i| {
            i.set_op_mask(mask.unwrap_or(Register::None));
            i.set_zeroing_masking(mask.is_some());
            i
        }));
    }

    /// Copies the lanes that exist into an accumulator.
    pub(super) fn keep(&mut self, to: u8, from: u8) {
        let mask = if self.last { LAST } else { Register::None };
        self.put(Instruction::with2(Code::EVEX_Vmovaps_zmm_k1z_zmmm512, zmm(to), zmm(from)).map(|mut i| {
            i.set_op_mask(mask);
            i
        }));
    }

    pub(super) fn spill(&mut self, room: usize, from: u8) {
        let (memory, _) = self.memory(Source::Room(room));
        self.put(Instruction::with2(Code::EVEX_Vmovups_zmmm512_k1z_zmm, memory, zmm(from)));
    }

    fn at(&self, place: Place) -> MemoryOperand {
        if place.size == 0 {
            return general(place.base, place.ahead);
        }
        let ahead = place.ahead * i64::from(place.size);
        MemoryOperand::with_base_index_scale_displ_size(place.base, INDEX, place.size, ahead, u32::from(ahead != 0))
    }

    pub(super) fn load(&mut self, to: u8, place: Place) {
        let bytes = place.size == 1;
        let code = if bytes { Code::EVEX_Vpmovzxbd_zmm_k1z_xmmm128 } else { Code::EVEX_Vmovups_zmm_k1z_zmmm512 };
        let (memory, last) = (self.at(place), self.last && place.size > 0);
        self.put(Instruction::with2(code, zmm(to), memory).map(|mut i| {
            i.set_op_mask(if last { LAST } else { Register::None });
            i.set_zeroing_masking(last);
            i
        }));
    }

    /// Stores a vector past the caches, to an address that is a multiple of its size; one that is not whole as any other.
    pub(super) fn store_through(&mut self, place: Place, from: u8) {
        if self.last {
            return self.store(place, from);
        }
        let memory = self.at(place);
        self.put(Instruction::with2(Code::EVEX_Vmovntps_m512_zmm, memory, zmm(from)));
    }

    pub(super) fn store(&mut self, place: Place, from: u8) {
        let bytes = place.size == 1;
        let code = if bytes { Code::EVEX_Vpmovdb_xmmm128_k1z_zmm } else { Code::EVEX_Vmovups_zmmm512_k1z_zmm };
        let (memory, last) = (self.at(place), self.last);
        self.put(Instruction::with2(code, memory, zmm(from)).map(|mut i| {
            i.set_op_mask(if last { LAST } else { Register::None });
            i
        }));
    }

    /// The loop's index plus `ahead` plus the lane's number; the numbers 0 to 15 stand first among the constants.
    pub(super) fn ramp(&mut self, to: u8, ahead: i64) {
        let memory = MemoryOperand::with_base_displ(INDEX, ahead);
        self.put(Instruction::with2(Code::Lea_r32_m, Register::R11D, memory));
        self.put(Instruction::with2(Code::EVEX_Vpbroadcastd_zmm_k1z_r32, zmm(to), Register::R11D));
        let code = Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32;
        self.put(Instruction::with3(code, zmm(to), zmm(to), general(CONSTANTS, 0)));
    }
}
