//! Subnormal numbers, below 1.2e-38, as zeros while a plan runs. Some processors take a hundred cycles and more for each operation on one,
//! and a gradient that vanishes passes through them on its way to zero.

/// This thread takes subnormal numbers for zeros, operands and results, until this is dropped. Does nothing where the processor has no such mode.
pub struct SubnormalsAreZero {
    before: u64,
}

impl SubnormalsAreZero {
    /// Turns the mode on.
    pub fn begin() -> SubnormalsAreZero {
        let before = control();
        set_control(before | MODE);
        SubnormalsAreZero { before }
    }
}

impl Drop for SubnormalsAreZero {
    fn drop(&mut self) {
        set_control(self.before);
    }
}

/// Flush to zero, and denormals are zeros.
#[cfg(target_arch = "x86_64")]
const MODE: u64 = 1 << 15 | 1 << 6;
/// Flush to zero, which goes for operands as well.
#[cfg(target_arch = "aarch64")]
const MODE: u64 = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const MODE: u64 = 0;

/// What controls this thread's arithmetic.
#[cfg(target_arch = "x86_64")]
fn control() -> u64 {
    let mut word = 0u32;
    // SAFETY: writes the register to a word of the stack.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
    u64::from(word)
}

// SAFETY, for both: the compiler takes the mode to be off. All that it may make of that is to evaluate an operation on constants itself,
// and a subnormal number where a zero is allowed changes no guarantee: what is computed on other threads never depends on it.
#[cfg(target_arch = "x86_64")]
fn set_control(word: u64) {
    let word = word as u32;
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags)) };
}

#[cfg(target_arch = "aarch64")]
fn control() -> u64 {
    let word: u64;
    // SAFETY: reads a register.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
    word
}

#[cfg(target_arch = "aarch64")]
fn set_control(word: u64) {
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) word, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> u64 {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_: u64) {}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn products_and_operands_are_flushed_and_the_mode_ends() {
        let product = || black_box(1e-30_f32) * black_box(1e-10);
        let operand = || black_box(1e-40_f32) * black_box(1e10);
        assert!(product() > 0.0 && operand() > 0.0);
        if MODE != 0 {
            let _zeros = SubnormalsAreZero::begin();
            assert_eq!((product(), operand()), (0.0, 0.0));
        }
        assert!(product() > 0.0 && operand() > 0.0);
    }
}
