//! How long `nnlc check` takes from process start to exit, and the memory it peaks at: an example, and generated programs of 5,000 and
//! 50,000 lines.
//!
//! `cargo bench --bench check`. Prints a JSON line a case with its limits; it fails when a limit is missed by the best of five runs.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program of about `lines` lines: functions, layers, comments, hand-written loss terms and a chain of uses, ten to a block.
fn program(lines: usize) -> String {
    let mut text = String::from("input x: [64]\ninput y: [64]\n\nh = x\n");
    let blocks = lines / 16;
    for block in 0..blocks {
        let before = block.saturating_sub(7);
        let _ = write!(
            text,
            "\
## Block {block}: a smooth distance with a margin.
fn distance_{block}(a, b, margin: float = 0.{tenths}) {{
    d = sub(a, b)
    near = pow(d, 2) * 0.5
    far = margin * (abs(d) - 0.5 * margin)
    return where(abs(d) < margin, near, far)
}}
layer Block{block}(n)(v: [D]) {{
    inner = v |> Affine(n) |> tanh
    return (inner |> Affine(D)) + v
}}
# The {block}th round of the chain.
h = h |> Block{block}({width}) |> tanh
w{block} = h * {factor}.5 + where(h > 0, h, -h)
loss term_{block} weight 0.5 = mean(distance_{block}(w{block}, y)) + mean(distance_{before}(h, y))
",
            tenths = 1 + block % 9,
            width = 8 + block % 5,
            factor = block % 3
        );
    }
    text.push_str("output h\n");
    text
}

/// Seconds and peak bytes of one `nnlc check`.
#[expect(clippy::zombie_processes, reason = "`wait4` waits for it, and tells its memory")]
fn check(path: &Path) -> (f64, u64) {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
    let child = command.arg("check").arg(path).stdout(Stdio::null()).spawn().expect("nnlc starts");
    // SAFETY: both are plain numbers, for which zeros are values.
    let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
    let id = i32::try_from(child.id()).expect("a process number");
    // SAFETY: the child is ours and nobody else waits for it; both places are valid.
    let ended = unsafe { libc::wait4(id, &raw mut status, 0, &raw mut usage) };
    let seconds = started.elapsed().as_secs_f64();
    assert!(ended == id && status == 0, "`nnlc check {}` failed", path.display());
    (seconds, usage.ru_maxrss.cast_unsigned() * 1024)
}

/// The best of five runs, against its limits.
fn time(name: &str, path: &Path, limit: Duration, most_mib: u64) -> bool {
    let runs: Vec<(f64, u64)> = (0..5).map(|_| check(path)).collect();
    let seconds = runs.iter().map(|run| run.0).fold(f64::INFINITY, f64::min);
    let mib = runs.iter().map(|run| run.1).max().unwrap_or(0) >> 20;
    let met = seconds <= limit.as_secs_f64() && mib <= most_mib;
    println!(
        "{{\"case\": \"check {name}\", \"ms\": {:.1}, \"limit_ms\": {}, \"MiB\": {mib}, \"limit_MiB\": {most_mib}, \"met\": {met}}}",
        seconds * 1e3,
        limit.as_millis()
    );
    met
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the generated programs");
    let generated = |lines: usize| {
        let path = folder.path().join(format!("generated_{lines}.nn"));
        std::fs::write(&path, program(lines)).expect("room for a program");
        path
    };
    let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/auto_encoder.nn"));
    let met = [
        time("examples/auto_encoder.nn", example, Duration::from_millis(20), 64),
        time("5,000 lines", &generated(5_000), Duration::from_secs(1), 1024),
        time("50,000 lines", &generated(50_000), Duration::from_secs(5), 1024),
    ];
    if met.contains(&false) {
        std::process::exit(1);
    }
}
