//! How long `nnlc check` takes from process start to exit, and the memory it peaks at: an example, a network of 200 layers, and generated
//! programs of 5,000 and 50,000 lines.
//!
//! `cargo bench --bench check`. Prints a JSON line a case with its limits; it fails when a limit is missed by the best of five runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "programs/generated.rs"]
mod generated;

/// Seconds and peak bytes of one `nnlc check`, whose exit code is `code`.
#[expect(clippy::zombie_processes, reason = "`wait4` waits for it, and tells its memory")]
fn check(path: &Path, code: i32) -> (f64, u64) {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
    let child =
        command.arg("check").arg(path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nnlc starts");
    // SAFETY: both are plain numbers, for which zeros are values.
    let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
    let id = i32::try_from(child.id()).expect("a process number");
    // SAFETY: the child is ours and nobody else waits for it; both places are valid.
    let ended = unsafe { libc::wait4(id, &raw mut status, 0, &raw mut usage) };
    let seconds = started.elapsed().as_secs_f64();
    let exited = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == code;
    assert!(ended == id && exited, "`nnlc check {}` failed", path.display());
    (seconds, usage.ru_maxrss.cast_unsigned() * 1024)
}

/// The best of five runs, against its limits.
fn time(name: &str, path: &Path, code: i32, limit: Duration, most_mib: u64) -> bool {
    let runs: Vec<(f64, u64)> = (0..5).map(|_| check(path, code)).collect();
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

/// A network of 200 generic layers.
const DEEP: &str = "\
layer Block(n)(v: [D]) {
    return (v |> Affine(n) |> tanh |> Affine(D)) + v
}
input x: [64]
h = x
for i in 0..200 {
    h = h |> Block(32)
}
loss = mean(square(h - x))
output h
";

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the generated programs");
    let written = |name: &str, text: &str| {
        let path = folder.path().join(format!("{name}.nn"));
        std::fs::write(&path, text).expect("room for a program");
        path
    };
    let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/auto_encoder.nn"));
    let mut met = time("examples/auto_encoder.nn", example, 0, Duration::from_millis(20), 64);
    met &= time("200 layers", &written("deep", DEEP), 0, Duration::from_millis(200), 128);
    for (lines, seconds) in [(5_000, 1), (50_000, 5)] {
        for (name, text) in generated::programs(lines) {
            let path = written(&format!("{name}_{lines}"), &text);
            met &= time(&format!("{name}, {lines} lines"), &path, 0, Duration::from_secs(seconds), 1024);
        }
        let path = written(&format!("wrong_{lines}"), &generated::wrong(lines));
        met &= time(&format!("wrong, {lines} lines"), &path, 1, Duration::from_secs(seconds), 1024);
    }
    if !met {
        std::process::exit(1);
    }
}
