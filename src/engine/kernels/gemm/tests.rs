//! Products against sums in `f64`, and every instruction set against plain Rust bit for bit.

use super::super::simd::Isa;
use super::{Gemm, Matrix, Scratch};

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn run(gemm: &Gemm, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f32> {
    let mut c = c.to_vec();
    let mut scratch = Scratch::new();
    for tile in (0..gemm.tiles()).rev() {
        // SAFETY: the shapes below fit the slices.
        unsafe { gemm.run_tile(tile, a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), &mut scratch) };
    }
    c
}

fn check(shape: [usize; 4], a: Matrix, b: Matrix, c: Matrix, accumulate: bool) {
    let [batch, m, n, k] = shape;
    let (va, vb, vc) = (numbers(batch * m * k, 1), numbers(batch * k * n, 2), numbers(batch * m * n, 3));
    let mut gemm = Gemm::new(shape, a, b, c);
    if accumulate {
        gemm = gemm.accumulating();
    }
    let results: Vec<Vec<f32>> =
        Isa::available().iter().map(|isa| run(&gemm.clone().on(*isa), &va, &vb, &vc)).collect();
    for other in &results {
        assert!(results[0].iter().zip(other).all(|(x, y)| x.to_bits() == y.to_bits()), "{shape:?}");
    }
    let place = |x: Matrix, i: usize, row: usize, column: usize| {
        (i as isize * x.batch + row as isize * x.row + column as isize * x.column) as usize
    };
    for i in 0..batch {
        for row in 0..m {
            for column in 0..n {
                let start = if accumulate { f64::from(vc[place(c, i, row, column)]) } else { 0.0 };
                let want = (0..k).fold(start, |sum, p| {
                    sum + f64::from(va[place(a, i, row, p)]) * f64::from(vb[place(b, i, p, column)])
                });
                let got = f64::from(results[0][place(c, i, row, column)]);
                assert!(
                    (got - want).abs() < 1e-5 * (k as f64).max(1.0),
                    "{shape:?} [{i},{row},{column}]: {got} is not {want}"
                );
            }
        }
    }
}

#[test]
fn products_with_all_transpositions() {
    for [m, n, k] in [
        [1, 1, 1],
        [6, 64, 5],
        [7, 65, 33],
        [25, 17, 3],
        [64, 130, 20],
        [5, 1, 9],
        [1, 100, 7],
        [30, 63, 1100],
        [100, 300, 20],
    ] {
        let (a, b, c) = (Matrix::dense(m, k), Matrix::dense(k, n), Matrix::dense(m, n));
        let (at, bt, ct) =
            (Matrix::dense(k, m).transposed(), Matrix::dense(n, k).transposed(), Matrix::dense(n, m).transposed());
        check([1, m, n, k], a, b, c, false);
        check([1, m, n, k], at, b, c, true);
        check([1, m, n, k], a, bt, c, false);
        check([1, m, n, k], at, bt, ct, true);
    }
}

#[test]
fn batches_and_empty_shapes() {
    for [batch, m, n, k] in [[3, 4, 5, 6], [40, 7, 9, 8], [2, 100, 70, 30]] {
        check([batch, m, n, k], Matrix::dense(m, k), Matrix::dense(k, n), Matrix::dense(m, n), false);
        let shared = Matrix { batch: 0, ..Matrix::dense(k, n) };
        check([batch, m, n, k], Matrix::dense(m, k), shared, Matrix::dense(m, n), true);
    }
    check([1, 3, 4, 0], Matrix::dense(3, 0), Matrix::dense(0, 4), Matrix::dense(3, 4), false);
    check([1, 0, 4, 3], Matrix::dense(0, 3), Matrix::dense(3, 4), Matrix::dense(0, 4), false);
    check([2, 3, 0, 3], Matrix::dense(3, 3), Matrix::dense(3, 0), Matrix::dense(3, 0), false);
}

/// Heads that lie beside each other in every row, as attention has them.
#[test]
fn matrices_start_where_they_are_said_to() {
    let [samples, heads, rows, depth] = [2, 3, 5, 4];
    let wide = (heads * depth) as isize;
    let (a, b) = (numbers(samples * rows * heads * depth, 1), numbers(samples * rows * heads * depth, 2));
    let start = |i: usize| ((i / heads * rows) as isize * wide) + (i % heads * depth) as isize;
    let starts: Vec<[isize; 2]> = (0..samples * heads).map(|i| [start(i); 2]).collect();
    let side = Matrix { batch: 0, row: wide, column: 1 };
    let gemm = Gemm::new([samples * heads, rows, rows, depth], side, side.transposed(), Matrix::dense(rows, rows));
    let got = run(&gemm.starting_at(starts.clone()), &a, &b, &vec![0.0; samples * heads * rows * rows]);
    for (i, [start, _]) in starts.iter().enumerate() {
        for (row, column) in (0..rows).flat_map(|row| (0..rows).map(move |column| (row, column))) {
            let at = |row: usize, p: usize| (*start + row as isize * wide) as usize + p;
            let want: f64 = (0..depth).map(|p| f64::from(a[at(row, p)]) * f64::from(b[at(column, p)])).sum();
            assert!((f64::from(got[(i * rows + row) * rows + column]) - want).abs() < 1e-5);
        }
    }
}
