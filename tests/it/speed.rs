//! Checking takes time in proportion to a program's length: measured in processor time of the thread, so that a busy machine does not
//! count.

use std::time::Duration;

use nnlc::driver::check_text;

#[path = "../../benches/programs/generated.rs"]
mod generated;

/// Four times the lines may take this many times as long; what grows with the square would take sixteen times as long.
const MOST: f64 = 8.0;

/// The processor time that this thread has used.
fn used() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place is valid.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(answer, 0);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// How long a check takes, at best.
fn time(text: &str) -> f64 {
    let runs = (0..3).map(|_| {
        let started = used();
        let (_, diagnostics) = check_text("generated.nn", text);
        let errors: Vec<_> = diagnostics.iter().filter(|found| found.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        (used() - started).as_secs_f64()
    });
    runs.fold(f64::INFINITY, f64::min)
}

#[test]
fn checking_is_linear_in_the_lines() {
    for ((name, short), (_, long)) in generated::programs(2_500).into_iter().zip(generated::programs(10_000)) {
        let (short, long) = (time(&short), time(&long));
        assert!(long < MOST * short, "{name}: {short:.3} s for 2,500 lines, {long:.3} s for 10,000");
    }
}
