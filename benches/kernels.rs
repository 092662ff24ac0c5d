//! How fast the kernels are: products of the auto-encoder's shapes, functions, a fused loss, the meeting of two threads.
//!
//! `cargo bench --bench kernels -- gemm` runs one group. Compare figures of one run with each other only.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nnlc::engine::kernels::{
    Access, AlignedBuf, Convolution, Element, Fold, Fused, Gemm, Instr, Map1, Map2, Map3, Matrix, Pooling, Program,
    Reg, Scratch, Team, Tiling, Window,
};

/// A pointer that workers share.
#[derive(Clone, Copy)]
struct Shared(*mut f32);
// SAFETY: the benchmarks write disjoint tiles.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The pointer; a method, so that closures capture the whole value.
    fn at(self) -> *mut f32 {
        self.0
    }
}

fn numbers(count: usize, scale: f32) -> AlignedBuf {
    let mut buffer = AlignedBuf::zeroed(count);
    let mut state = 1u32;
    for x in buffer.iter_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *x = ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale;
    }
    buffer
}

/// Runs `step(worker, scratch)` on the team until criterion has enough.
fn bench_team(
    c: &mut Criterion,
    group: &str,
    name: &str,
    work: u64,
    team: &Team,
    step: &(dyn Fn(usize, &mut Scratch) + Sync),
) {
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(work));
    group.bench_function(BenchmarkId::new(name, team.threads()), |bencher| {
        bencher.iter_custom(|rounds| {
            let time = std::sync::Mutex::new(std::time::Duration::ZERO);
            team.run(&|worker| {
                let mut scratch = Scratch::new();
                step(worker, &mut scratch);
                team.barrier().wait();
                let start = std::time::Instant::now();
                for _ in 0..rounds {
                    step(worker, &mut scratch);
                    team.barrier().wait();
                }
                if worker == 0 {
                    *time.lock().expect("only one worker writes") = start.elapsed();
                }
            });
            time.into_inner().expect("no worker panicked")
        });
    });
}

fn products(c: &mut Criterion, teams: &[Team]) {
    let shapes = [
        ("64x256x784", 64, 256, 784, false, false),
        ("64x784x256", 64, 784, 256, false, false),
        ("64x256x784 nt", 64, 256, 784, false, true),
        ("784x256x64 tn", 784, 256, 64, true, false),
        ("256x784x64 tn", 256, 784, 64, true, false),
        ("256x256x784", 256, 256, 784, false, false),
        ("256x784x256", 256, 784, 256, false, false),
        ("784x256x256 tn", 784, 256, 256, true, false),
        ("1x784x256", 1, 784, 256, false, false),
        ("1024x1024x1024", 1024, 1024, 1024, false, false),
    ];
    for (name, m, n, k, ta, tb) in shapes {
        let (mut a, mut b, mut out) = (numbers(m * k, 1.0), numbers(k * n, 1.0), AlignedBuf::zeroed(m * n));
        let am = if ta { Matrix::dense(k, m).transposed() } else { Matrix::dense(m, k) };
        let bm = if tb { Matrix::dense(n, k).transposed() } else { Matrix::dense(k, n) };
        let gemm = Gemm::new([1, m, n, k], am, bm, Matrix::dense(m, n));
        let [a, b, out] = [&mut a, &mut b, &mut out].map(|x| Shared(x.as_mut_ptr()));
        for team in teams {
            bench_team(c, "gemm", name, (2 * m * n * k) as u64, team, &|worker, scratch| {
                for tile in Tiling::share(gemm.tiles(), worker, team.threads()) {
                    // SAFETY: the operands have the product's shapes, and tiles are disjoint.
                    unsafe { gemm.run_tile(tile, a.at(), b.at(), out.at(), scratch) };
                }
            });
        }
    }
}

fn run_fused(c: &mut Criterion, group: &str, name: &str, team: &Team, program: Program, buffers: &mut [AlignedBuf]) {
    let count = (program.rows() * program.columns()) as u64;
    let fused = Fused::new(program);
    let pointers: Vec<Shared> = buffers.iter_mut().map(|b| Shared(b.as_mut_ptr())).collect();
    let mut partials = AlignedBuf::zeroed(fused.partials_len());
    let partials = Shared(partials.as_mut_ptr());
    bench_team(c, group, name, count, team, &|worker, scratch| {
        let mut memory = [std::ptr::null_mut(); 8];
        memory.iter_mut().zip(&pointers).for_each(|(to, from)| *to = from.at());
        let tiles = Tiling::share(fused.tiles(), worker, team.threads());
        // SAFETY: the programs address their buffers within bounds, and tiles are disjoint.
        unsafe { fused.run_tiles(tiles, &memory[..pointers.len()], partials.at(), scratch) };
        if fused.partials_len() > 0 {
            team.barrier().wait();
            if worker == 0 {
                // SAFETY: all tiles ran.
                unsafe { fused.finish(&memory[..pointers.len()], partials.at()) };
            }
        }
    });
}

fn functions(c: &mut Criterion, teams: &[Team]) {
    for (name, op) in [
        ("exp", Map1::Exp),
        ("sigmoid", Map1::Sigmoid),
        ("tanh", Map1::Tanh),
        ("log", Map1::Log),
        ("erf", Map1::Erf),
        ("sin", Map1::Sin),
        ("square", Map1::Square),
    ] {
        let n = 1 << 14;
        let mut p = Program::new(&[], &[n]);
        let x = p.push(load(0));
        let y = p.push(Instr::Map1(op, x));
        p.push(Instr::Store(y, line(1), Element::Word));
        run_fused(c, "functions", name, &teams[0], p, &mut [numbers(n, 5.0), AlignedBuf::zeroed(n)]);
    }
}

fn line(buffer: usize) -> Access {
    Access { buffer, offset: 0, strides: vec![1] }
}

fn load(buffer: usize) -> Instr {
    Instr::Load(line(buffer), Element::Word)
}

/// `mean(log(cosh(a-b)) + 0.1*sqrt((a-b)^2+1e-6)*exp(-abs(b)))` with both gradients, as a compiler would write it.
fn loss(n: usize) -> Program {
    let mut p = Program::new(&[], &[n]);
    let [a, b] = [0, 1].map(|buffer| p.push(load(buffer)));
    let mut constant = |x: f32| p.push(Instr::Const(x));
    let [minus_two, ln_2, small, tenth, scale] =
        [-2.0, -std::f32::consts::LN_2, 1e-6, 0.1, 1.0 / n as f32].map(&mut constant);
    let mut one = |op, x: Reg| p.push(Instr::Map1(op, x));
    let abs_b = one(Map1::Abs, b);
    let neg_b = one(Map1::Neg, abs_b);
    let e = one(Map1::Exp, neg_b);
    let sign = one(Map1::Sign, b);
    let d = p.push(Instr::Map2(Map2::Sub, a, b));
    let abs_d = p.push(Instr::Map1(Map1::Abs, d));
    let q = p.push(Instr::Map2(Map2::Mul, abs_d, minus_two));
    let q = p.push(Instr::Map1(Map1::Exp, q));
    let q = p.push(Instr::Map1(Map1::Log1p, q));
    let log_cosh = p.push(Instr::Map2(Map2::Add, abs_d, q));
    let log_cosh = p.push(Instr::Map2(Map2::Add, log_cosh, ln_2));
    let square = p.push(Instr::Map3(Map3::MulAdd, d, d, small));
    let root = p.push(Instr::Map1(Map1::Sqrt, square));
    let scaled = p.push(Instr::Map2(Map2::Mul, tenth, e));
    let second = p.push(Instr::Map2(Map2::Mul, root, scaled));
    let value = p.push(Instr::Map2(Map2::Add, log_cosh, second));
    p.push(Instr::FoldAll(Fold::Sum, value, Access { buffer: 4, offset: 0, strides: vec![0] }, 1.0 / n as f32));
    let tanh = p.push(Instr::Map1(Map1::Tanh, d));
    let slope = p.push(Instr::Map2(Map2::Div, d, root));
    let slope = p.push(Instr::Map3(Map3::MulAdd, slope, scaled, tanh));
    let by_a = p.push(Instr::Map2(Map2::Mul, slope, scale));
    p.push(Instr::Store(by_a, line(2), Element::Word));
    let other = p.push(Instr::Map3(Map3::MulAdd, second, sign, slope));
    let by_b = p.push(Instr::Map2(Map2::Mul, other, scale));
    let by_b = p.push(Instr::Map1(Map1::Neg, by_b));
    p.push(Instr::Store(by_b, line(3), Element::Word));
    p
}

fn losses(c: &mut Criterion, teams: &[Team]) {
    for n in [10_000, 1_000_000] {
        for team in teams {
            let mut buffers =
                [numbers(n, 2.0), numbers(n, 1.9), AlignedBuf::zeroed(n), AlignedBuf::zeroed(n), AlignedBuf::zeroed(1)];
            run_fused(c, "loss", &n.to_string(), team, loss(n), &mut buffers);
        }
    }
}

/// The convolutions and poolings of LeNet for 64 samples, forward and backward.
fn images(c: &mut Criterion, teams: &[Team]) {
    for (name, maps_in, maps_out, size) in [("first", 1, 16, 28), ("second", 16, 32, 12)] {
        let window = Window::new(&[size; 2], &[5; 2], &[1; 2], &[0; 2], &[1; 2]);
        let conv = Convolution::new(64, [maps_in, maps_out], 1, window);
        let half = Window::new(&[size - 4; 2], &[2; 2], &[2; 2], &[0; 2], &[1; 2]);
        let pool = Pooling::new(64 * maps_out, half);
        let mut memory = [
            numbers(64 * maps_in * window.volume(), 1.0),
            numbers(maps_in * maps_out * window.taps(), 1.0),
            numbers(64 * maps_out * window.places(), 1.0),
            numbers(64 * maps_out * half.places(), 1.0),
            AlignedBuf::zeroed(conv.partials_len()),
            AlignedBuf::zeroed(64 * maps_in * window.volume()),
            AlignedBuf::zeroed(64 * maps_out * window.places()),
            AlignedBuf::zeroed(conv.columns_len()),
            AlignedBuf::zeroed(conv.rows_len()),
        ];
        let [x, w, y, pooled, partials, dx, dy, columns, rows] = memory.each_mut().map(|b| Shared(b.as_mut_ptr()));
        let work = (64 * 2 * maps_in * maps_out * window.taps() * window.places()) as u64;
        for team in teams {
            let share = |tiles, worker| Tiling::share(tiles, worker, team.threads());
            // SAFETY, for all below: the buffers have the sizes of their shapes, and tiles are disjoint.
            bench_team(c, "convolution", &format!("{name} forward"), work, team, &|worker, scratch| {
                share(conv.column_tiles(), worker)
                    .for_each(|tile| unsafe { conv.pack_columns(tile, w.at(), columns.at()) });
                team.barrier().wait();
                share(conv.tiles(), worker)
                    .for_each(|tile| unsafe { conv.forward(tile, x.at(), columns.at(), y.at(), scratch) });
            });
            bench_team(c, "convolution", &format!("{name} by data"), work, team, &|worker, scratch| {
                share(conv.row_tiles(), worker).for_each(|tile| unsafe { conv.pack_rows(tile, w.at(), rows.at()) });
                team.barrier().wait();
                share(conv.tiles(), worker)
                    .for_each(|tile| unsafe { conv.data_gradient(tile, y.at(), rows.at(), dx.at(), scratch) });
            });
            bench_team(c, "convolution", &format!("{name} by weight"), work, team, &|worker, scratch| {
                share(conv.weight_tiles(), worker)
                    .for_each(|tile| unsafe { conv.weight_gradient(tile, x.at(), y.at(), partials.at(), scratch) });
                team.barrier().wait();
                share(conv.row_tiles(), worker)
                    .for_each(|tile| unsafe { conv.finish_weight(tile, partials.at(), w.at(), scratch) });
            });
            bench_team(c, "pooling", &format!("{name} forward"), work, team, &|worker, _| {
                share(pool.tiles(), worker).for_each(|tile| unsafe { pool.max(tile, y.at(), pooled.at()) });
            });
            bench_team(c, "pooling", &format!("{name} backward"), work, team, &|worker, _| {
                share(pool.tiles(), worker)
                    .for_each(|tile| unsafe { pool.max_gradient(tile, y.at(), pooled.at(), dy.at()) });
            });
        }
    }
}

fn meeting(c: &mut Criterion, teams: &[Team]) {
    bench_team(c, "team", "barrier", 1, &teams[1], &|_, _| {
        black_box(());
    });
}

fn all(c: &mut Criterion) {
    let teams = [Team::new(1), Team::new(2)];
    meeting(c, &teams);
    functions(c, &teams);
    losses(c, &teams);
    products(c, &teams);
    images(c, &teams);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600))
        .sample_size(10);
    targets = all
}
criterion_main!(benches);
