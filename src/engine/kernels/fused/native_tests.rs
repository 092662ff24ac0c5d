//! Machine code against the interpreter, bit for bit, on random programs.

use proptest::prelude::*;

use super::super::block::{Fold, Map1, Map2, Map3};
use super::super::buffer::AlignedBuf;
use super::super::simd::Isa;
use super::super::tiling::{Order, Tiling};
use super::compile::Phase;
use super::{Access, Element, Fused, Instr, Program, Reg, Scratch};

/// What a buffer holds after a run, with every NaN the same: instructions may pass on either operand's.
fn bits(memory: &[AlignedBuf]) -> Vec<Vec<u32>> {
    let bits = |x: &f32| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() };
    memory.iter().map(|buffer| buffer.iter().map(bits).collect()).collect()
}

/// Runs `together` tiles at a time.
fn run(fused: &Fused, buffers: &[Vec<f32>], together: usize, far: bool) -> Vec<Vec<u32>> {
    let mut memory: Vec<AlignedBuf> = buffers.iter().map(|b| AlignedBuf::from_slice(b)).collect();
    let pointers: Vec<*mut f32> = memory.iter_mut().map(|b| b.as_mut_ptr()).collect();
    let mut partials = AlignedBuf::zeroed(fused.partials_len());
    let mut scratch = Scratch::new();
    scratch.set_far(far);
    // SAFETY: the programs address their buffers within bounds, and all tiles run before the end.
    unsafe {
        for first in (0..fused.tiles()).step_by(together) {
            let tiles = first..fused.tiles().min(first + together);
            fused.run_tiles(tiles, &pointers, partials.as_mut_ptr(), &mut scratch);
        }
        fused.finish(&pointers, partials.as_ptr());
    }
    bits(&memory)
}

/// Runs the program as machine code and interpreted, and compares everything that is left; says how many phases were
/// machine code.
fn agree(program: &Program, tiling: Option<Tiling>, buffers: &[Vec<f32>]) -> usize {
    let program = &Program { shared: (0..buffers.len()).collect(), ..program.clone() };
    let new = || tiling.map_or_else(|| Fused::new(program.clone()), |tiling| Fused::with_tiling(program, tiling));
    let native = new();
    let whole = native.native.is_some();
    let is_native = |phase: &&Phase| phase.native.is_some() || whole && !phase.blocks.is_empty();
    let count = native.phases.iter().filter(is_native).count();
    let interpreted = run(&new().on(Isa::Portable), buffers, 1, false);
    for (together, far) in [(1, false), (5, false), (100, true)] {
        let result = run(&native, buffers, together, far);
        assert!(result == interpreted, "{program:#?}\n{tiling:?}, {together} tiles, far: {far}");
    }
    count
}

/// Numbers of all kinds: ordinary, tiny, huge, zeros, infinities and NaN.
fn numbers(count: usize, seed: u64, wild: bool) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    (0..count)
        .map(|_| {
            let x = next() as f32 / (1u32 << 31) as f32 * 8.0 - 4.0;
            match next() % 64 {
                0 if wild => f32::NAN,
                1 if wild => f32::INFINITY,
                2 if wild => f32::NEG_INFINITY,
                3 => 0.0,
                4 => -0.0,
                5 => x * 1e-39,
                6 => x * 1e30,
                7 => x * 30.0,
                _ => x,
            }
        })
        .collect()
}

/// A choice of instructions as plain numbers, from which a program for any shape can be built.
type Choices = Vec<(u8, u8, u8, u8)>;

fn access(buffer: usize, strides: [isize; 2]) -> Access {
    Access { buffer, offset: 0, strides: strides.to_vec() }
}

/// Floats and integers that instructions may read. They do not mix, because the bits of a NaN are anyone's guess.
struct Values {
    floats: Vec<Reg>,
    integers: Vec<Reg>,
}

impl Values {
    /// Two dense inputs, a bias, one number a row, truth values, a constant; positions and a constant.
    fn sources(p: &mut Program, columns: isize) -> Values {
        let floats = vec![
            p.push(Instr::Load(access(0, [columns, 1]), Element::Word)),
            p.push(Instr::Load(access(1, [columns, 1]), Element::Word)),
            p.push(Instr::Load(access(2, [0, 1]), Element::Word)),
            p.push(Instr::Load(access(3, [1, 0]), Element::Word)),
            p.push(Instr::Load(access(4, [columns, 1]), Element::Byte)),
            p.push(Instr::Const(0.75)),
        ];
        let integers = vec![p.push(Instr::Iota { offset: 3, strides: vec![7, 2] }), p.push(Instr::ConstInt(-5))];
        Values { floats, integers }
    }

    /// The chosen function of values of the kind that it reads.
    fn map(&self, (kind, a, b, c): (u8, u8, u8, u8)) -> Instr {
        let (one, two, three) = (Map1::ALL.len(), Map2::ALL.len(), Map3::ALL.len());
        let kind = usize::from(kind) % (one + two + 4 * three);
        let make = |values: &[Reg]| {
            let [a, b, c] = [a, b, c].map(|choice| values[usize::from(choice) % values.len()]);
            if kind < one {
                Instr::Map1(Map1::ALL[kind], a)
            } else if kind < one + two {
                Instr::Map2(Map2::ALL[kind - one], a, b)
            } else {
                Instr::Map3(Map3::ALL[(kind - one - two) % three], a, b, c)
            }
        };
        let instr = make(&self.floats);
        let instr = if integers(&instr).0 { make(&self.integers) } else { instr };
        if recordable(&instr) { instr } else { Instr::Map1(Map1::Exp, self.floats[usize::from(a) % self.floats.len()]) }
    }
}

/// Whether a function reads integers, and whether it yields one.
fn integers(instr: &Instr) -> (bool, bool) {
    let name = match instr {
        Instr::Map1(op, _) => format!("{op:?}"),
        Instr::Map2(op, ..) => format!("{op:?}"),
        _ => String::new(),
    };
    let truth = ["EqInt", "NeInt", "LtInt", "LeInt"].contains(&name.as_str());
    let reads = name.ends_with("Int") && name != "FloatToInt" || name == "IntToFloat";
    (reads, name.ends_with("Int") && !truth)
}

/// A program that maps as chosen, combines some of what it computes in every way, and stores the last values.
fn program(rows: usize, columns: usize, choices: &Choices, maps: usize, by_row: bool, by_column: bool) -> Program {
    let c = columns as isize;
    let mut p = Program::new(&[rows], &[columns]);
    let mut values = Values::sources(&mut p, c);
    for (number, choice) in choices.iter().enumerate() {
        let instr = values.map(*choice);
        let whole = integers(&instr).1;
        let mut value = p.push(instr);
        if by_row && number % 5 == 4 {
            let fold = if whole { Fold::SumInt } else { [Fold::Sum, Fold::Max, Fold::Min, Fold::Product][number % 4] };
            value = p.push(Instr::FoldRow(fold, value));
        }
        if whole { values.integers.push(value) } else { values.floats.push(value) }
    }
    let Values { floats, integers } = values;
    let last = floats[floats.len() - 1];
    for (place, value) in floats[floats.len() - maps.min(floats.len())..].iter().enumerate().take(10) {
        p.push(Instr::Store(*value, access(5 + place, [c, 1]), Element::Word));
    }
    p.push(Instr::Store(last, access(0, [c, 1]), Element::Word));
    p.push(Instr::Store(last, access(15, [c, 1]), Element::Byte));
    let folds =
        [(Fold::Sum, last), (Fold::Max, floats[floats.len() - 2]), (Fold::SumInt, integers[integers.len() - 1])];
    for (place, (fold, value)) in folds.into_iter().enumerate() {
        p.push(Instr::FoldAll(fold, value, access(16 + place, [0, 0]), if place < 2 { 0.5 } else { 1.0 }));
        if by_column {
            p.push(Instr::FoldColumns(fold, value, access(19 + place, [0, 1]), 1.0));
        }
    }
    if by_row {
        numbers_of_rows(&mut p, last);
    }
    p
}

/// What is computed once a row, of several reductions and what is stored of them.
fn numbers_of_rows(p: &mut Program, value: Reg) {
    let most = p.push(Instr::FoldRow(Fold::Max, value));
    let shifted = p.push(Instr::Map2(Map2::Sub, value, most));
    let sum = p.push(Instr::FoldRow(Fold::Sum, shifted));
    let own = p.push(Instr::Load(access(3, [1, 0]), Element::Word));
    let scaled = p.push(Instr::Map3(Map3::MulAdd, sum, own, most));
    let place = p.push(Instr::Iota { offset: 1, strides: vec![3, 0] });
    let place = p.push(Instr::Map1(Map1::IntToFloat, place));
    let all = p.push(Instr::Map2(Map2::Add, scaled, place));
    p.push(Instr::Store(all, access(22, [1, 0]), Element::Word));
    p.push(Instr::Store(most, access(3, [1, 0]), Element::Word));
}

/// Whether a function has vector code without branches.
fn recordable(instr: &Instr) -> bool {
    match instr {
        Instr::Map1(op, _) => !matches!(
            op,
            Map1::Sin
                | Map1::Cos
                | Map1::Tan
                | Map1::Asin
                | Map1::Acos
                | Map1::Atan
                | Map1::Asinh
                | Map1::Acosh
                | Map1::Atanh
        ),
        Instr::Map2(op, ..) => !matches!(op, Map2::Pow | Map2::Atan2 | Map2::DivInt | Map2::ModInt),
        _ => true,
    }
}

fn buffers(rows: usize, columns: usize, seed: u64, wild: bool) -> Vec<Vec<f32>> {
    let n = rows * columns;
    let mut all = vec![
        numbers(n, seed, wild),
        numbers(n, seed + 2, wild),
        numbers(columns, seed + 4, wild),
        numbers(rows, seed + 6, wild),
        numbers(n.div_ceil(4), seed + 8, false).iter().map(|x| if *x > 0.0 { *x } else { 0.0 }).collect(),
    ];
    all.extend((5..15).map(|_| vec![7.0; n]));
    all.push(vec![7.0; n.div_ceil(4)]);
    all.extend((0..3).map(|_| vec![7.0]));
    all.extend((0..3).map(|_| vec![7.0; columns]));
    all.push(vec![7.0; rows]);
    all
}

#[test]
fn every_function_is_the_same() {
    let n = 1000;
    let mut counts = 0;
    let unary = Map1::ALL.iter().map(|op| Instr::Map1(*op, 0));
    let binary = Map2::ALL.iter().map(|op| Instr::Map2(*op, 0, 1));
    let ternary = Map3::ALL.iter().map(|op| Instr::Map3(*op, 0, 1, 2));
    for instr in unary.chain(binary).chain(ternary) {
        let mut p = Program::new(&[], &[n]);
        for buffer in 0..3 {
            p.push(Instr::Load(Access { buffer, offset: 0, strides: vec![1] }, Element::Word));
        }
        let y = p.push(instr.clone());
        p.push(Instr::Store(y, Access { buffer: 3, offset: 0, strides: vec![1] }, Element::Word));
        let input = [numbers(n, 1, true), numbers(n, 3, true), numbers(n, 5, true), vec![0.0; n]];
        let native = agree(&p, None, &input);
        let wanted = usize::from(recordable(&instr) && Isa::detect() == Isa::Avx512);
        assert_eq!(native, wanted, "{instr:?}");
        counts += native;
    }
    assert!(counts > 50 || Isa::detect() != Isa::Avx512);
}

/// More values than registers, more streams than address registers, more accumulators than either.
#[test]
fn crowded_loops_spill() {
    let n = 333;
    let mut p = Program::new(&[], &[n]);
    let at = |buffer| Access { buffer, offset: 0, strides: vec![1] };
    let loads: Vec<Reg> = (0..40).map(|b| p.push(Instr::Load(at(b), Element::Word))).collect();
    let exps: Vec<Reg> = loads.iter().map(|x| p.push(Instr::Map1(Map1::Tanh, *x))).collect();
    let mut sum = exps[39];
    for i in (0..39).rev() {
        sum = p.push(Instr::Map3(Map3::MulAdd, exps[i], loads[39 - i], sum));
        if i % 4 == 0 {
            let point = Access { buffer: 41 + i / 4, offset: 0, strides: vec![0] };
            p.push(Instr::FoldAll(Fold::Sum, sum, point, 1.0));
        }
    }
    p.push(Instr::Store(sum, at(40), Element::Word));
    let mut input: Vec<Vec<f32>> = (0..41).map(|b| numbers(n, 2 * b + 1, false)).collect();
    input.extend((0..10).map(|_| vec![0.0]));
    assert_eq!(agree(&p, None, &input), usize::from(Isa::detect() == Isa::Avx512));
}

/// A bias along the last axis of a space that is flattened: the row falls into parts.
#[test]
fn rows_fall_into_parts() {
    for (outer, width) in [(7, 100), (64, 784), (3, 64), (9, 65), (5, 20)] {
        let w = width as isize;
        let mut p = Program::new(&[outer], &[width]);
        let x = p.push(Instr::Load(access(0, [w, 1]), Element::Word));
        let bias = p.push(Instr::Load(access(1, [0, 1]), Element::Word));
        let scale = p.push(Instr::Load(access(2, [1, 0]), Element::Word));
        let place = p.push(Instr::Iota { offset: 0, strides: vec![0, 1] });
        let place = p.push(Instr::Map1(Map1::IntToFloat, place));
        let a = p.push(Instr::Map3(Map3::MulAdd, x, scale, bias));
        let y = p.push(Instr::Map2(Map2::Mul, a, place));
        p.push(Instr::Store(y, access(3, [w, 1]), Element::Word));
        let n = outer * width;
        let input = [numbers(n, 1, true), numbers(width, 3, true), numbers(outer, 5, true), vec![0.0; n]];
        let native = agree(&p, None, &input);
        assert_eq!(native, usize::from(width >= 64 && Isa::detect() == Isa::Avx512));
    }
}

/// A mask that repeats, numbers that do not, and positions, over rows along two axes: rows lie alike in runs.
#[test]
fn rows_lie_alike_in_runs() {
    for (heads, rows, width) in [(3, 5, 64), (2, 1, 80), (1, 7, 33), (4, 16, 16)] {
        let (r, w) = (rows as isize, width as isize);
        let mut p = Program::new(&[heads, rows], &[width]);
        let at = |buffer, strides: [isize; 3]| Access { buffer, offset: 0, strides: strides.to_vec() };
        let x = p.push(Instr::Load(at(0, [r * w, w, 1]), Element::Word));
        let mask = p.push(Instr::Load(at(1, [0, w, 1]), Element::Word));
        let scale = p.push(Instr::Load(at(2, [1, 0, 0]), Element::Word));
        let bias = p.push(Instr::Load(at(3, [0, 1, 0]), Element::Word));
        let place = p.push(Instr::Iota { offset: 0, strides: vec![100, 0, 1] });
        let place = p.push(Instr::Map1(Map1::IntToFloat, place));
        let masked = p.push(Instr::Map3(Map3::MulAdd, x, scale, mask));
        let most = p.push(Instr::FoldRow(Fold::Max, masked));
        let most = p.push(Instr::Map2(Map2::Add, most, bias));
        let y = p.push(Instr::Map2(Map2::Sub, masked, most));
        let sum = p.push(Instr::FoldRow(Fold::Sum, y));
        let y = p.push(Instr::Map3(Map3::MulAdd, y, sum, place));
        p.push(Instr::Store(y, at(0, [r * w, w, 1]), Element::Word));
        p.push(Instr::Store(sum, at(4, [r, 1, 0]), Element::Word));
        let n = heads * rows * width;
        let input = [
            numbers(n, 1, true),
            numbers(rows * width, 3, false),
            numbers(heads, 5, false),
            numbers(rows, 7, false),
            vec![7.0; heads * rows],
        ];
        assert_eq!(agree(&p, None, &input), if Isa::detect() == Isa::Avx512 { 3 } else { 0 });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn random_programs_agree(
        shape in prop_oneof![
            Just((1, 1000)), Just((3, 515)), Just((40, 33)), Just((70, 16)), Just((9, 128)), Just((5, 300)),
            (1usize..20, 1usize..700),
        ],
        choices in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 1..60),
        folds in any::<[bool; 2]>(),
        stores in 0usize..10,
        seed in any::<u32>(),
        wild in any::<bool>(),
        steps in prop::option::of((1usize..8, 1usize..200)),
    ) {
        let (rows, columns) = shape;
        let p = program(rows, columns, &choices, stores, folds[0], folds[1]);
        let tiling = steps.map(|(row_step, column_step)| {
            let order = if stores % 2 == 0 { Order::Across } else { Order::Down };
            Tiling { rows, columns, row_step, column_step: if folds[0] { columns } else { column_step }, order }
        });
        agree(&p, tiling, &buffers(rows, columns, u64::from(seed), wild));
    }
}
