//! Checking takes time in proportion to a program's length: and so does formatting it: measured in processor time of `nnlc`, so that a busy machine does not
//! count.

use std::path::Path;
use std::process::{Command, Stdio};

#[path = "../../benches/programs/generated.rs"]
mod generated;

/// Four times the lines may take this many times as long; what grows with the square would take sixteen times as long.
const MOST: f64 = 8.0;

/// The seconds of processor time that one call of a command takes; its exit code is `code`.
#[expect(clippy::zombie_processes, reason = "`wait4` waits for it, and tells its time")]
fn once(command: &str, path: &Path, code: i32) -> f64 {
    let mut nnlc = Command::new(env!("CARGO_BIN_EXE_nnlc"));
    let child = nnlc.arg(command).arg(path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // SAFETY: both are plain numbers, for which zeros are values.
    let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: the child is ours and nobody else waits for it; both places are valid.
    let ended = unsafe { libc::wait4(id, &raw mut status, 0, &raw mut usage) };
    assert!(ended == id && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == code, "{}", path.display());
    usage.ru_utime.tv_sec as f64 + usage.ru_utime.tv_usec as f64 * 1e-6
}

/// Whether the time is linear between a program and one of four times the lines, by the best of three runs of each.
fn is_linear(command: &str, name: &str, short: &str, long: &str, code: i32) {
    let folder = tempfile::tempdir().unwrap();
    let [short, long] = [("short", short), ("long", long)].map(|(length, text)| {
        let path = folder.path().join(format!("{length}.nn"));
        std::fs::write(&path, text).unwrap();
        (0..3).map(|_| once(command, &path, code)).fold(f64::INFINITY, f64::min)
    });
    assert!(long < MOST * short, "{name}: {short:.3} s, and {long:.3} s for four times the lines");
}

#[test]
fn checking_is_linear_in_the_lines() {
    for ((name, short), (_, long)) in generated::programs(2_500).into_iter().zip(generated::programs(10_000)) {
        is_linear("check", name, &short, &long, 0);
    }
}

#[test]
fn a_mistake_in_every_line_is_told_in_linear_time() {
    // So many that the search for similar names has ended in both.
    is_linear("check", "wrong", &generated::wrong(8_000), &generated::wrong(32_000), 1);
}

/// Statements that fit on no line, each with all that the formatter decides about: lists in lists, bars, comments.
fn unformatted(lines: usize) -> String {
    let line = |at: usize| {
        let list: String = (0..at % 40).map(|number| format!("[{number},f(a,b={number})],")).collect();
        format!("x{at}=x|>f([{list}1])|>g(h(h(h(a+b*c-d,{list}))))# {at}\n")
    };
    // And one statement as long as a tenth of them.
    let numbers: String = (0..lines).map(|number| format!("{number},")).collect();
    (0..lines).map(line).collect::<String>() + &format!("n=[{numbers}]\n")
}

#[test]
fn formatting_is_linear_in_the_text() {
    // The first of three runs writes the file, the others read it again.
    is_linear("fmt", "unformatted", &unformatted(1_000), &unformatted(4_000), 0);
}
