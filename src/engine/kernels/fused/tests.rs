//! Fused loops against loops over single elements in `f64`, and all instruction sets against each other.

use super::super::block::{Fold, Map1, Map2, Map3};
use super::super::buffer::AlignedBuf;
use super::super::simd::Isa;
use super::super::tiling::{Order, Tiling};
use super::{Access, Element, Fused, Instr, Program, Scratch};

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 * 2.0 - 1.0
        })
        .collect()
}

fn at(buffer: usize, strides: &[isize]) -> Access {
    Access { buffer, offset: 0, strides: strides.to_vec() }
}

/// Runs the program on copies of the buffers, on every instruction set, with tiles in reverse order (order must not
/// matter), checks that all leave the same bits, and returns the buffers.
fn run(program: &Program, tiling: Option<Tiling>, buffers: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut first: Option<Vec<Vec<f32>>> = None;
    for &isa in Isa::available() {
        let fused = match tiling {
            Some(tiling) => Fused::with_tiling(program, tiling),
            None => Fused::new(program.clone()),
        };
        let fused = fused.on(isa);
        let mut memory: Vec<AlignedBuf> = buffers.iter().map(|b| AlignedBuf::from_slice(b)).collect();
        let pointers: Vec<*mut f32> = memory.iter_mut().map(|b| b.as_mut_ptr()).collect();
        let mut partials = AlignedBuf::zeroed(fused.partials_len());
        let mut scratch = Scratch::new();
        for tile in (0..fused.tiles()).rev() {
            // SAFETY: the programs below address their buffers within bounds.
            unsafe { fused.run_tiles(tile..tile + 1, &pointers, partials.as_mut_ptr(), &mut scratch) };
        }
        // SAFETY: all tiles ran.
        unsafe { fused.finish(&pointers, partials.as_ptr()) };
        let result: Vec<Vec<f32>> = memory.iter().map(|b| b.to_vec()).collect();
        let bits =
            |r: &[Vec<f32>]| -> Vec<Vec<u32>> { r.iter().map(|b| b.iter().map(|x| x.to_bits()).collect()).collect() };
        match &first {
            Some(first) => assert!(bits(first) == bits(&result), "{isa:?} differs from portable code"),
            None => first = Some(result),
        }
    }
    first.expect("portable code ran")
}

fn close(got: f32, want: f64) {
    assert!((f64::from(got) - want).abs() <= 2e-6 * want.abs().max(1.0), "{got} is not {want}");
}

#[test]
fn broadcasts_and_transposes() {
    for (rows, columns) in [(1, 1), (3, 5), (16, 16), (7, 130), (64, 784), (5, 1000), (0, 4), (4, 0)] {
        let (r, c) = (rows as isize, columns as isize);
        let mut p = Program::new(&[rows], &[columns]);
        let x = p.push(Instr::Load(at(0, &[c, 1]), Element::Word));
        let transposed = p.push(Instr::Load(at(1, &[1, r]), Element::Word));
        let bias = p.push(Instr::Load(at(2, &[0, 1]), Element::Word));
        let scale = p.push(Instr::Load(at(3, &[1, 0]), Element::Word));
        let two = p.push(Instr::Const(2.0));
        let a = p.push(Instr::Map3(Map3::MulAdd, x, scale, bias));
        let b = p.push(Instr::Map2(Map2::Mul, transposed, two));
        let y = p.push(Instr::Map2(Map2::Sub, a, b));
        p.push(Instr::Store(y, at(4, &[1, r]), Element::Word));
        p.push(Instr::Store(b, at(5, &[c, 1]), Element::Word));
        let n = rows * columns;
        let input = [numbers(n, 1), numbers(n, 2), numbers(columns, 3), numbers(rows, 4), vec![0.0; n], vec![0.0; n]];
        for tiling in [None, Some(Tiling { rows, columns, row_step: 2, column_step: 48, order: Order::Down })] {
            let out = run(&p, tiling, &input);
            for row in 0..rows {
                for column in 0..columns {
                    let b = 2.0 * f64::from(input[1][column * rows + row]);
                    let a = f64::from(input[0][row * columns + column]) * f64::from(input[3][row])
                        + f64::from(input[2][column]);
                    close(out[4][column * rows + row], a - b);
                    close(out[5][row * columns + column], b);
                }
            }
        }
    }
}

#[test]
fn softmax_is_one_program() {
    for (rows, columns) in [(1, 1), (64, 10), (3, 16), (2, 513), (5, 2000), (130, 257)] {
        let c = columns as isize;
        let mut p = Program::new(&[rows], &[columns]);
        let x = p.push(Instr::Load(at(0, &[c, 1]), Element::Word));
        let top = p.push(Instr::FoldRow(Fold::Max, x));
        let shifted = p.push(Instr::Map2(Map2::Sub, x, top));
        let e = p.push(Instr::Map1(Map1::Exp, shifted));
        let sum = p.push(Instr::FoldRow(Fold::Sum, e));
        let y = p.push(Instr::Map2(Map2::Div, e, sum));
        let log = p.push(Instr::Map1(Map1::Log, sum));
        p.push(Instr::Store(y, at(0, &[c, 1]), Element::Word));
        p.push(Instr::Store(log, at(1, &[1, 0]), Element::Word));
        let input = [numbers(rows * columns, 9), vec![0.0; rows]];
        let out = run(&p, None, &input);
        for row in 0..rows {
            let x: Vec<f64> = input[0][row * columns..][..columns].iter().map(|x| f64::from(*x)).collect();
            let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = x.iter().map(|x| (x - top).exp()).sum();
            close(out[1][row], sum.ln());
            for (column, x) in x.iter().enumerate() {
                close(out[0][row * columns + column], (x - top).exp() / sum);
            }
        }
    }
}

#[test]
fn sums_over_rows_columns_and_everything() {
    for (rows, columns) in [(1, 1), (64, 784), (3, 5), (4000, 20), (0, 3), (3, 0), (700, 600)] {
        let c = columns as isize;
        let mut p = Program::new(&[rows], &[columns]);
        let x = p.push(Instr::Load(at(0, &[c, 1]), Element::Word));
        let square = p.push(Instr::Map1(Map1::Square, x));
        p.push(Instr::FoldColumns(Fold::Sum, square, at(1, &[0, 1]), 0.5));
        p.push(Instr::FoldAll(Fold::Sum, square, at(2, &[0, 0]), 1.0));
        p.push(Instr::FoldAll(Fold::Max, x, at(3, &[0, 0]), 1.0));
        p.push(Instr::FoldColumns(Fold::Min, x, at(4, &[0, 1]), 1.0));
        let input = [numbers(rows * columns, 5), vec![9.0; columns], vec![9.0], vec![9.0], vec![9.0; columns]];
        for tiling in [None, Some(Tiling { rows, columns, row_step: 33, column_step: 17, order: Order::Across })] {
            let out = run(&p, tiling, &input);
            let x = |row: usize, column: usize| f64::from(input[0][row * columns + column]);
            for (column, (half, lowest)) in out[1].iter().zip(&out[4]).enumerate() {
                let sum: f64 = (0..rows).map(|row| x(row, column).powi(2)).sum();
                assert!((f64::from(*half) - 0.5 * sum).abs() <= 1e-5 * sum.max(1.0));
                let least = (0..rows).map(|row| x(row, column)).fold(f64::INFINITY, f64::min);
                assert_eq!(f64::from(*lowest), least);
            }
            let sum: f64 = input[0].iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((f64::from(out[2][0]) - sum).abs() <= 1e-5 * sum.max(1.0));
            assert_eq!(out[3][0], input[0].iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}

/// Batch normalisation's statistics: rows are channels, columns are samples times places.
#[test]
fn rows_may_be_any_axes() {
    for (samples, channels, places) in [(8, 3, 49), (2, 5, 16), (6, 2, 400)] {
        let (s, k) = ((channels * places) as isize, places as isize);
        let mut p = Program::new(&[channels], &[samples, places]);
        let x = p.push(Instr::Load(at(0, &[k, s, 1]), Element::Word));
        let sum = p.push(Instr::FoldRow(Fold::Sum, x));
        let inverse = p.push(Instr::Const(1.0 / (samples * places) as f32));
        let mean = p.push(Instr::Map2(Map2::Mul, sum, inverse));
        let centred = p.push(Instr::Map2(Map2::Sub, x, mean));
        let square = p.push(Instr::Map1(Map1::Square, centred));
        let total = p.push(Instr::FoldRow(Fold::Sum, square));
        let variance = p.push(Instr::Map2(Map2::Mul, total, inverse));
        let factor = p.push(Instr::Map1(Map1::Rsqrt, variance));
        let y = p.push(Instr::Map2(Map2::Mul, centred, factor));
        p.push(Instr::Store(y, at(1, &[k, s, 1]), Element::Word));
        p.push(Instr::Store(mean, at(2, &[1, 0, 0]), Element::Word));
        let n = samples * channels * places;
        let input = [numbers(n, 3), vec![0.0; n], vec![0.0; channels]];
        let out = run(&p, None, &input);
        for channel in 0..channels {
            let of = |sample: usize, place: usize| (sample * channels + channel) * places + place;
            let all: Vec<usize> = (0..samples).flat_map(|a| (0..places).map(move |b| of(a, b))).collect();
            let mean = all.iter().map(|i| f64::from(input[0][*i])).sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|i| (f64::from(input[0][*i]) - mean).powi(2)).sum::<f64>() / all.len() as f64;
            close(out[2][channel], mean);
            all.iter().for_each(|i| close(out[1][*i], (f64::from(input[0][*i]) - mean) / variance.sqrt()));
        }
    }
}

#[test]
fn in_place_updates_read_before_they_write() {
    let n = 1000;
    let mut p = Program::new(&[], &[n]);
    let w = p.push(Instr::Load(at(0, &[1]), Element::Word));
    let m = p.push(Instr::Load(at(1, &[1]), Element::Word));
    let half = p.push(Instr::Const(0.5));
    let new_w = p.push(Instr::Map3(Map3::MulAdd, m, half, w));
    p.push(Instr::Store(new_w, at(0, &[1]), Element::Word));
    let new_m = p.push(Instr::Map2(Map2::Mul, w, m));
    p.push(Instr::Store(new_m, at(1, &[1]), Element::Word));
    let input = [numbers(n, 1), numbers(n, 2)];
    let out = run(&p, None, &input);
    for i in 0..n {
        let (w, m) = (f64::from(input[0][i]), f64::from(input[1][i]));
        close(out[0][i], w + 0.5 * m);
        close(out[1][i], w * m);
    }
}

#[test]
fn integers_booleans_and_positions() {
    let (rows, columns) = (6, 10);
    let mut p = Program::new(&[rows], &[columns]);
    let label = p.push(Instr::Load(at(0, &[1, 0]), Element::Word));
    let place = p.push(Instr::Iota { offset: 0, strides: vec![0, 1] });
    let hit = p.push(Instr::Map2(Map2::EqInt, label, place));
    p.push(Instr::Store(hit, at(1, &[10, 1]), Element::Word));
    p.push(Instr::Store(hit, at(2, &[10, 1]), Element::Byte));
    let again = p.push(Instr::Load(at(3, &[10, 1]), Element::Byte));
    let count = p.push(Instr::FoldRow(Fold::Sum, again));
    let number = p.push(Instr::Map1(Map1::FloatToInt, count));
    p.push(Instr::Store(number, at(4, &[1, 0]), Element::Word));
    let zero = p.push(Instr::Const(0.0));
    p.push(Instr::Store(zero, at(5, &[10, 1]), Element::Word));
    let labels: Vec<f32> = [3, 0, 9, 5, 5, 1].iter().map(|l| f32::from_bits(*l)).collect();
    let bytes: Vec<f32> = (0..15).map(|i| f32::from_bits(u32::from_le_bytes([1, 0, (i % 2) as u8, 7]))).collect();
    let input = [labels.clone(), vec![9.0; 60], vec![0.0; 15], bytes, vec![0.0; rows], vec![1.0; 60]];
    let out = run(&p, None, &input);
    let byte = |words: &[f32], i: usize| words[i / 4].to_bits().to_le_bytes()[i % 4];
    for row in 0..rows {
        for column in 0..columns {
            let want = labels[row].to_bits() as usize == column;
            assert_eq!(out[1][row * columns + column], f32::from(u8::from(want)));
            assert_eq!(byte(&out[2], row * columns + column), u8::from(want));
        }
        let want = (0..columns).filter(|c| byte(&input[3], row * columns + c) != 0).count();
        assert_eq!(out[4][row].to_bits() as usize, want);
    }
    assert!(out[5].iter().all(|x| *x == 0.0));
}

/// Where the words of a value happen to stand as far behind the bytes as if they were those, the bytes are written all the same.
#[test]
fn bytes_are_no_words_at_the_same_distance() {
    const N: usize = 256;
    let mut p = Program::new(&[], &[N]);
    let x = p.push(Instr::Load(at(0, &[1]), Element::Word));
    let y = p.push(Instr::Map1(Map1::Exp, x));
    p.push(Instr::Store(y, at(1, &[1]), Element::Word));
    p.push(Instr::Store(y, Access { buffer: 2, offset: N, strides: vec![1] }, Element::Byte));
    let fused = Fused::new(p).on(Isa::Portable);
    // The bytes stand at N to 2 N, the words from 4 N on: where bytes would be that were words.
    let (mut memory, mut input) = (AlignedBuf::zeroed(2 * N), AlignedBuf::zeroed(N));
    let start = memory.as_mut_ptr();
    // SAFETY: both parts of the memory lie within it and apart.
    unsafe {
        let buffers = [input.as_mut_ptr(), start.add(N), start];
        (0..fused.tiles()).for_each(|tile| {
            fused.run_tiles(tile..tile + 1, &buffers, std::ptr::null_mut(), &mut Scratch::new());
        });
    }
    let bytes = memory[N / 4..N / 2].iter().flat_map(|word| word.to_bits().to_le_bytes());
    assert_eq!(bytes.collect::<Vec<_>>(), [1; N]);
    assert_eq!(memory[N..], [1.0; N]);
}

/// `a b + c` is rounded once if nothing else reads the product: with a = 1 + 2^-12, a² is 1 + 2^-11 and something.
#[test]
fn products_that_only_sums_read_are_not_rounded() {
    let (a, rest) = (1.0 + 2f32.powi(-12), 2f32.powi(-24));
    let c = 1.0 + 2f32.powi(-11);
    for stored in [false, true] {
        let mut p = Program::new(&[2], &[64]);
        let x = p.push(Instr::Load(at(0, &[64, 1]), Element::Word));
        let y = p.push(Instr::Load(at(1, &[64, 1]), Element::Word));
        let product = p.push(Instr::Map2(Map2::Mul, x, y));
        let sum = p.push(Instr::FoldRow(Fold::Sum, product));
        p.push(Instr::Store(sum, at(2, &[1, 0]), Element::Word));
        p.push(Instr::FoldColumns(Fold::Sum, product, at(3, &[0, 1]), 1.0));
        if stored {
            p.push(Instr::Store(product, at(4, &[64, 1]), Element::Word));
        }
        // The first lane of the accumulators of row 1 and of column 32 takes -c, then a².
        let (mut left, mut right) = (vec![0.0; 128], vec![0.0; 128]);
        for (place, x, y) in [(32, -c, 1.0), (64, -c, 1.0), (96, a, a)] {
            (left[place], right[place]) = (x, y);
        }
        let out = run(&p, None, &[left, right, vec![9.0; 2], vec![9.0; 64], vec![9.0; 128]]);
        let rest = if stored { 0.0 } else { rest };
        assert_eq!((out[2][1], out[3][32]), (rest, rest));
    }
    let mut p = Program::new(&[], &[40]);
    let x = p.push(Instr::Load(at(0, &[1]), Element::Word));
    let c = p.push(Instr::Const(c));
    let square = p.push(Instr::Map1(Map1::Square, x));
    let product = p.push(Instr::Map2(Map2::Mul, x, x));
    let negative = p.push(Instr::Map1(Map1::Neg, c));
    let values = [
        p.push(Instr::Map2(Map2::Sub, square, c)),
        p.push(Instr::Map2(Map2::Sub, c, product)),
        p.push(Instr::Map2(Map2::Add, negative, square)),
    ];
    values.iter().zip(1..).for_each(|(value, buffer)| {
        p.push(Instr::Store(*value, at(buffer, &[1]), Element::Word));
    });
    let out = run(&p, None, &[vec![a; 40], vec![0.0; 40], vec![0.0; 40], vec![0.0; 40]]);
    assert_eq!([out[1][39], out[2][39], out[3][39]], [rest, -rest, rest]);
}
