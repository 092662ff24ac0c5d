//! Functions of blocks: one operation applied to a run of lanes in cache, and the table of them for each instruction set.
//!
//! A block is a whole number of vectors, so there are no tails here: who has fewer elements pads. An operand is a
//! pointer and a step, 16 from vector to vector or 0 for one vector that stands for all. Truth values are the floats 0
//! and 1; integers are the lane's bits.

use super::math;
#[cfg(target_arch = "aarch64")]
use super::simd::Neon;
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{Isa, LANES, Portable, Simd};

/// A run of vectors, or one vector for all of a run.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    /// The first vector.
    pub at: *const f32,
    /// Lanes from one vector to the next: 16, or 0.
    pub step: usize,
}

/// Lanes of the accumulators of a reduction.
pub(super) const SUMS: usize = 2 * LANES;

/// Binds a vector of each operand to its name.
macro_rules! load_each {
    ($S:ident, ($a:ident), $from:ident, $i:ident) => {
        let $a = $S::load($from[0].at.add($i * $from[0].step));
    };
    ($S:ident, ($a:ident, $b:ident), $from:ident, $i:ident) => {
        load_each!($S, ($a), $from, $i);
        let $b = $S::load($from[1].at.add($i * $from[1].step));
    };
    ($S:ident, ($a:ident, $b:ident, $c:ident), $from:ident, $i:ident) => {
        load_each!($S, ($a, $b), $from, $i);
        let $c = $S::load($from[2].at.add($i * $from[2].step));
    };
}

/// Declares the functions of a number of operands: their enum, the loops over a block, and the function of one vector.
macro_rules! maps {
    ($(#[$about:meta])* $Op:ident, $apply:ident, $one:ident[$count:literal] ($($arg:ident),+) {
        $($(#[doc = $doc:literal])+ $name:ident = $body:expr;)*
    }) => {
        maps!(@loops $(#[$about])* $Op, $apply[$count] ($($arg),+) { $($(#[doc = $doc])+ $name = $body;)* });

        /// The function of one vector.
        ///
        /// # Safety
        /// The instruction set exists.
        #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
        pub(super) unsafe fn $one<S: Simd>(op: $Op, [$($arg),+]: [S::F; $count]) -> S::F {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { match op { $($Op::$name => $body,)* } }
        }
    };
    (@loops $(#[$about:meta])* $Op:ident, $apply:ident[$count:literal] $args:tt {
        $($(#[doc = $doc:literal])+ $name:ident = $body:expr;)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Op { $($(#[doc = $doc])+ $name,)* }

        impl $Op {
            /// Every function, for tests that compare instruction sets.
            pub const ALL: &'static [$Op] = &[$($Op::$name),*];
        }

        /// Applies the function to `lanes` (a multiple of 16) lanes.
        ///
        /// # Safety
        /// The operands hold that many lanes where they step, `out` has room for them, and the instruction set exists.
        #[inline(always)]
        unsafe fn $apply<S: Simd>(op: $Op, out: *mut f32, operands: [Operand; $count], lanes: usize) {
            match op { $(
                $Op::$name => {
                    for i in 0..lanes / LANES {
                        // SAFETY: vector `i` is within the block, and the instruction set exists.
                        unsafe {
                            load_each!(S, $args, operands, i);
                            S::store(out.add(i * LANES), $body);
                        }
                    }
                }
            )* }
        }
    };
}

/// The float 1 where the mask holds, else 0.
#[inline(always)]
unsafe fn truth<S: Simd>(m: S::M) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { S::select(m, S::splat(1.0), S::splat(0.0)) }
}

/// Where a truth value holds.
#[inline(always)]
unsafe fn holds<S: Simd>(x: S::F) -> S::M {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { S::not(S::eq(x, S::splat(0.0))) }
}

/// The larger, the first of equal ones; NaN if either is.
#[inline(always)]
unsafe fn maximum<S: Simd>(a: S::F, b: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set. `max` passes a NaN in its second operand on.
    unsafe { S::select(S::eq(b, b), S::max(b, a), b) }
}

/// The smaller, the first of equal ones; NaN if either is.
#[inline(always)]
unsafe fn minimum<S: Simd>(a: S::F, b: S::F) -> S::F {
    // SAFETY: as for `maximum`.
    unsafe { S::select(S::eq(b, b), S::min(b, a), b) }
}

/// ⌊a / b⌋ as integers; 0 for b = 0.
fn floor_quotient(a: i32, b: i32) -> i32 {
    match b {
        0 => 0,
        // Division rounds towards zero, which is up where the exact quotient is negative.
        _ if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) => a.wrapping_div(b) - 1,
        _ => a.wrapping_div(b),
    }
}

/// a - b ⌊a / b⌋ as integers; 0 for b = 0.
fn modulo(a: i32, b: i32) -> i32 {
    if b == 0 { 0 } else { a.wrapping_sub(floor_quotient(a, b).wrapping_mul(b)) }
}

/// A function of integers on lanes that hold their bits.
fn on_bits(a: f32, b: f32, f: fn(i32, i32) -> i32) -> f32 {
    f32::from_bits(f(a.to_bits().cast_signed(), b.to_bits().cast_signed()).cast_unsigned())
}

maps! {
    /// Functions of one value.
    Map1, map1, value1[1] (a) {
        /// `-a`
        Neg = S::neg(a);
        /// `|a|`
        Abs = S::abs(a);
        /// -1, 0 or 1 with the sign of `a`; NaN for NaN.
        Sign = {
            let one = S::with_sign(S::splat(1.0), a);
            S::select(S::lt(S::splat(0.0), S::abs(a)), one, a)
        };
        /// `a²`
        Square = S::mul(a, a);
        /// `1 / a`
        Reciprocal = S::div(S::splat(1.0), a);
        /// `√a`
        Sqrt = S::sqrt(a);
        /// `1 / √a`
        Rsqrt = S::div(S::splat(1.0), S::sqrt(a));
        /// `e^a`
        Exp = math::exp::<S>(a);
        /// `e^a - 1`
        Expm1 = math::expm1::<S>(a);
        /// `ln a`
        Log = math::log::<S>(a);
        /// `ln (1 + a)`
        Log1p = math::log1p::<S>(a);
        /// The hyperbolic tangent.
        Tanh = math::tanh::<S>(a);
        /// `1 / (1 + e^-a)`
        Sigmoid = math::sigmoid::<S>(a);
        /// `max(a, 0)`; NaN for NaN.
        Relu = S::max(S::splat(0.0), a);
        /// The error function.
        Erf = math::erf::<S>(a);
        /// Sine of radians.
        Sin = math::sin::<S>(a);
        /// Cosine of radians.
        Cos = math::cos::<S>(a);
        /// Tangent of radians.
        Tan = math::by_lane::<S>(a, a, |a, _| f64::from(a).tan() as f32);
        /// Inverse sine.
        Asin = math::by_lane::<S>(a, a, |a, _| f64::from(a).asin() as f32);
        /// Inverse cosine.
        Acos = math::by_lane::<S>(a, a, |a, _| f64::from(a).acos() as f32);
        /// Inverse tangent.
        Atan = math::by_lane::<S>(a, a, |a, _| f64::from(a).atan() as f32);
        /// Hyperbolic sine.
        Sinh = math::sinh::<S>(a);
        /// Hyperbolic cosine.
        Cosh = math::cosh::<S>(a);
        /// Inverse hyperbolic sine.
        Asinh = math::by_lane::<S>(a, a, |a, _| f64::from(a).asinh() as f32);
        /// Inverse hyperbolic cosine.
        Acosh = math::by_lane::<S>(a, a, |a, _| f64::from(a).acosh() as f32);
        /// Inverse hyperbolic tangent.
        Atanh = math::by_lane::<S>(a, a, |a, _| f64::from(a).atanh() as f32);
        /// Largest integer not above.
        Floor = S::floor(a);
        /// Smallest integer not below.
        Ceil = S::ceil(a);
        /// Nearest integer, ties to even.
        Round = S::round(a);
        /// Integer part.
        Trunc = S::trunc(a);
        /// 1 where the truth value is 0, else 0.
        Not = truth::<S>(S::eq(a, S::splat(0.0)));
        /// 1 for NaN.
        IsNan = truth::<S>(S::not(S::eq(a, a)));
        /// 1 for anything but infinities and NaN.
        IsFinite = truth::<S>(S::lt(S::abs(a), S::splat(f32::INFINITY)));
        /// A float's integer part as an integer; `i32::MIN` outside the range.
        FloatToInt = S::from_bits(S::to_int(a));
        /// An integer as the nearest float.
        IntToFloat = S::to_float(S::bits(a));
        /// An integer's negative, wrapping.
        NegInt = S::from_bits(S::isub(S::isplat(0), S::bits(a)));
        /// An integer's magnitude, wrapping.
        AbsInt = {
            let sign = S::sar::<31>(S::bits(a));
            S::from_bits(S::isub(S::ixor(S::bits(a), sign), sign))
        };
        /// -1, 0 or 1 with the sign of an integer.
        SignInt = {
            let negative = S::sar::<31>(S::bits(a));
            let positive = S::iselect(S::ilt(S::isplat(0), S::bits(a)), S::isplat(1), S::isplat(0));
            S::from_bits(S::ior(negative, positive))
        };
    }
}

maps! {
    /// Functions of two values.
    Map2, map2, value2[2] (a, b) {
        /// `a + b`
        Add = S::add(a, b);
        /// `a - b`
        Sub = S::sub(a, b);
        /// `a b`
        Mul = S::mul(a, b);
        /// `a / b`
        Div = S::div(a, b);
        /// The larger; NaN if either is.
        Maximum = maximum::<S>(a, b);
        /// The smaller; NaN if either is.
        Minimum = minimum::<S>(a, b);
        /// `a^b` as in IEEE 754.
        Pow = math::pow::<S>(a, b);
        /// The angle of the point (`b`, `a`).
        Atan2 = math::by_lane::<S>(a, b, |a, b| f64::from(a).atan2(f64::from(b)) as f32);
        /// `a - b ⌊a / b⌋`
        Mod = {
            let quotient = S::floor(S::div(a, b));
            S::fma(S::neg(quotient), b, a)
        };
        /// `a = b`
        Eq = truth::<S>(S::eq(a, b));
        /// `a ≠ b`
        Ne = truth::<S>(S::not(S::eq(a, b)));
        /// `a < b`
        Lt = truth::<S>(S::lt(a, b));
        /// `a ≤ b`
        Le = truth::<S>(S::le(a, b));
        /// Both truth values hold.
        And = S::select(holds::<S>(a), truth::<S>(holds::<S>(b)), S::splat(0.0));
        /// Either truth value holds.
        Or = S::select(holds::<S>(a), S::splat(1.0), truth::<S>(holds::<S>(b)));
        /// Exactly one of the truth values holds.
        Xor = S::select(holds::<S>(a), truth::<S>(S::eq(b, S::splat(0.0))), truth::<S>(holds::<S>(b)));
        /// Sum of integers, wrapping.
        AddInt = S::from_bits(S::iadd(S::bits(a), S::bits(b)));
        /// Difference of integers, wrapping.
        SubInt = S::from_bits(S::isub(S::bits(a), S::bits(b)));
        /// Product of integers, wrapping.
        MulInt = S::from_bits(S::imul(S::bits(a), S::bits(b)));
        /// `⌊a / b⌋` of integers; 0 for b = 0.
        DivInt = math::by_lane::<S>(a, b, |a, b| on_bits(a, b, floor_quotient));
        /// `a - b ⌊a / b⌋` of integers; 0 for b = 0.
        ModInt = math::by_lane::<S>(a, b, |a, b| on_bits(a, b, modulo));
        /// The larger integer.
        MaximumInt = S::select(S::ilt(S::bits(a), S::bits(b)), b, a);
        /// The smaller integer.
        MinimumInt = S::select(S::ilt(S::bits(a), S::bits(b)), a, b);
        /// `a = b` of integers.
        EqInt = truth::<S>(S::ieq(S::bits(a), S::bits(b)));
        /// `a ≠ b` of integers.
        NeInt = truth::<S>(S::not(S::ieq(S::bits(a), S::bits(b))));
        /// `a < b` of integers.
        LtInt = truth::<S>(S::ilt(S::bits(a), S::bits(b)));
        /// `a ≤ b` of integers.
        LeInt = truth::<S>(S::not(S::ilt(S::bits(b), S::bits(a))));
    }
}

maps! {
    /// Functions of three values.
    Map3, map3, value3[3] (a, b, c) {
        /// `b` where the truth value `a` holds, else `c`; of any 32-bit values.
        Select = S::select(holds::<S>(a), b, c);
        /// `a b + c`, rounded once.
        MulAdd = S::fma(a, b, c);
        /// `a b - c`, rounded once.
        MulSub = S::fma(a, b, S::neg(c));
        /// `c - a b`, rounded once.
        NegMulAdd = S::fma(S::neg(a), b, c);
        /// `a` kept within `b` and `c`; NaN for NaN in `a`.
        Clamp = S::min(c, S::max(b, a));
    }
}

/// How values are combined. Each has a neutral element, which an empty reduction yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    /// Sum of floats.
    Sum,
    /// Product of floats.
    Product,
    /// Largest float; NaN if any is NaN.
    Max,
    /// Smallest float; NaN if any is NaN.
    Min,
    /// Sum of integers, wrapping.
    SumInt,
}

impl Fold {
    /// What an empty reduction yields, as a lane.
    pub(super) fn neutral(self) -> f32 {
        match self {
            Fold::Sum | Fold::SumInt => 0.0,
            Fold::Product => 1.0,
            Fold::Max => f32::NEG_INFINITY,
            Fold::Min => f32::INFINITY,
        }
    }

    /// The function that combines two values.
    pub(super) fn pairwise(self) -> Map2 {
        match self {
            Fold::Sum => Map2::Add,
            Fold::Product => Map2::Mul,
            Fold::Max => Map2::Maximum,
            Fold::Min => Map2::Minimum,
            Fold::SumInt => Map2::AddInt,
        }
    }

    /// Combines two lanes, as the vector code does.
    pub(super) fn combine(self, a: f32, b: f32) -> f32 {
        match self {
            Fold::Sum => a + b,
            Fold::Product => a * b,
            Fold::Max if b.is_nan() || b > a => b,
            Fold::Min if b.is_nan() || b < a => b,
            Fold::Max | Fold::Min => a,
            Fold::SumInt => on_bits(a, b, i32::wrapping_add),
        }
    }

    /// Combines values one after another; sums in double precision, rounded once.
    pub(super) fn in_order(self, values: impl Iterator<Item = f32>) -> f32 {
        match self {
            Fold::Sum => values.map(f64::from).sum::<f64>() as f32,
            _ => values.fold(self.neutral(), |a, b| self.combine(a, b)),
        }
    }

    /// The same for each place of rows that are at most as wide as `out`.
    pub(super) fn rows_in_order<'a, const N: usize>(self, rows: impl Iterator<Item = &'a [f32]>, out: &mut [f32; N]) {
        if self == Fold::Sum {
            let mut sums = [0.0; N];
            for row in rows {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum as f32);
        } else {
            out.fill(self.neutral());
            for row in rows {
                out.iter_mut().zip(row).for_each(|(out, value)| *out = self.combine(*out, *value));
            }
        }
    }

    /// Combines the lanes of accumulators into one, halving five times.
    pub(super) fn across(self, lanes: [f32; SUMS]) -> f32 {
        match self {
            Fold::Sum => halve(lanes, |a, b| a + b),
            Fold::Product => halve(lanes, |a, b| a * b),
            Fold::Max => halve(lanes, |a, b| if b.is_nan() || b > a { b } else { a }),
            Fold::Min => halve(lanes, |a, b| if b.is_nan() || b < a { b } else { a }),
            Fold::SumInt => halve(lanes, |a, b| self.combine(a, b)),
        }
    }
}

#[inline(always)]
fn halve(mut lanes: [f32; SUMS], combine: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [16, 8, 4, 2, 1] {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low = combine(*low, *high));
    }
    lanes[0]
}

/// Passes `count` elements into the accumulators at `sums`: two vectors that take turns, so that one need not wait for the other. The first
/// is the one whose turn it is, before and after. What an accumulator becomes is said for whole vectors, by their place, and for the `rest`
/// lanes of the last one.
macro_rules! accumulate {
    ($S:ident, $sums:ident, $count:ident, |$sum:ident, $at:ident| $whole:expr, |$rest:ident| $last:expr) => {{
        // SAFETY: the caller's promises: vectors up to `count` are readable, the last one under a mask.
        unsafe {
            let (mut first, mut second) = ($S::load($sums), $S::load($sums.add(LANES)));
            let vectors = $count / LANES;
            for i in (1..vectors).step_by(2) {
                first = {
                    let ($sum, $at) = (first, i - 1);
                    $whole
                };
                second = {
                    let ($sum, $at) = (second, i);
                    $whole
                };
            }
            if vectors % 2 == 1 {
                let ($sum, $at) = (first, vectors - 1);
                (first, second) = (second, $whole);
            }
            if $count % LANES > 0 {
                let ($sum, $at, $rest) = (first, vectors, $count % LANES);
                (first, second) = (second, $last);
            }
            $S::store($sums, first);
            $S::store($sums.add(LANES), second);
        }
    }};
}

/// Combines `count` elements into the accumulators at `sums`.
///
/// # Safety
/// `count` elements are readable (one vector if the operand does not step), and the instruction set exists.
#[inline(always)]
unsafe fn reduce<S: Simd>(op: Fold, sums: *mut f32, a: Operand, count: usize) {
    macro_rules! run {
        ($combine:expr) => {
            accumulate!(S, sums, count, |sum, at| $combine(sum, S::load(a.at.add(at * a.step))), |rest| $combine(
                sum,
                S::load_first(a.at.add(at * a.step), rest, S::splat(op.neutral()))
            ))
        };
    }
    match op {
        Fold::Sum => run!(S::add),
        Fold::Product => run!(S::mul),
        Fold::Max => run!(maximum::<S>),
        Fold::Min => run!(minimum::<S>),
        Fold::SumInt => run!(|a, b| S::from_bits(S::iadd(S::bits(a), S::bits(b)))),
    }
}

/// Adds `count` products to the accumulators at `sums`, each rounded once with its sum.
///
/// # Safety
/// As for [`reduce`], of both operands.
#[inline(always)]
unsafe fn add_products<S: Simd>(sums: *mut f32, [a, b]: [Operand; 2], count: usize) {
    accumulate!(
        S,
        sums,
        count,
        |sum, at| S::fma(S::load(a.at.add(at * a.step)), S::load(b.at.add(at * b.step)), sum),
        |rest| {
            let [a, b] = [a, b].map(|x| S::load_first(x.at.add(at * x.step), rest, S::splat(0.0)));
            S::fma(a, b, sum)
        }
    );
}

/// The block functions of one instruction set.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    /// [`Map1`] on lanes.
    pub map1: unsafe fn(Map1, *mut f32, [Operand; 1], usize),
    /// [`Map2`] on lanes.
    pub map2: unsafe fn(Map2, *mut f32, [Operand; 2], usize),
    /// [`Map3`] on lanes.
    pub map3: unsafe fn(Map3, *mut f32, [Operand; 3], usize),
    /// [`Fold`] of elements into sixteen lanes.
    pub fold: unsafe fn(Fold, *mut f32, Operand, usize),
    /// Sums of products into sixteen lanes.
    pub add_products: unsafe fn(*mut f32, [Operand; 2], usize),
}

/// Instantiates the block functions for an instruction set.
macro_rules! table {
    ($module:ident, $S:ty $(, $features:literal)?) => {
        mod $module {
            use super::*;

            $(#[target_feature(enable = $features)])?
            unsafe fn one(op: Map1, out: *mut f32, operands: [Operand; 1], lanes: usize) {
                // SAFETY: as for the caller.
                unsafe { map1::<$S>(op, out, operands, lanes) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn two(op: Map2, out: *mut f32, operands: [Operand; 2], lanes: usize) {
                // SAFETY: as for the caller.
                unsafe { map2::<$S>(op, out, operands, lanes) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn three(op: Map3, out: *mut f32, operands: [Operand; 3], lanes: usize) {
                // SAFETY: as for the caller.
                unsafe { map3::<$S>(op, out, operands, lanes) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn fold(op: Fold, sums: *mut f32, a: Operand, count: usize) {
                // SAFETY: as for the caller.
                unsafe { reduce::<$S>(op, sums, a, count) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn products(sums: *mut f32, operands: [Operand; 2], count: usize) {
                // SAFETY: as for the caller.
                unsafe { add_products::<$S>(sums, operands, count) }
            }

            pub(in super::super) static BLOCKS: Blocks =
                Blocks { map1: one, map2: two, map3: three, fold, add_products: products };
        }
    };
}

table!(portable, Portable);
#[cfg(target_arch = "x86_64")]
table!(avx2, Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
table!(avx512, Avx512, "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma");
#[cfg(target_arch = "aarch64")]
table!(neon, Neon, "neon");

/// The block functions of an instruction set, which must be available on this processor to be called.
pub(super) fn blocks(isa: Isa) -> &'static Blocks {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => &avx2::BLOCKS,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => &avx512::BLOCKS,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => &neon::BLOCKS,
        _ => &portable::BLOCKS,
    }
}
