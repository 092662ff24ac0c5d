//! The scale of an axis: which values it spans, linear or logarithmic, and where its ticks stand.

/// A value on an axis and the text beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub text: String,
}

/// Where values fall between the ends of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Whether equal ratios, not equal differences, are equally long.
    pub logarithmic: bool,
    pub ticks: Vec<Tick>,
}

/// From this ratio of the largest to the smallest value on, a logarithmic scale shows more.
const LOG_RATIO: f64 = 30.0;

impl Scale {
    /// A scale that holds all `values`, its ends at ticks; logarithmic if all are positive and far apart. `ticks` is about how many
    /// are wanted.
    pub fn around(values: &[f64], ticks: usize) -> Scale {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let low = finite.clone().fold(f64::INFINITY, f64::min);
        let high = finite.fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Scale::linear(0.0, 1.0, ticks);
        }
        if low > 0.0 && high / low >= LOG_RATIO {
            return Scale::log(low, high, ticks);
        }
        let least = low.abs().max(high.abs()) * 1e-6;
        if high - low <= least {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            return Scale::linear(low - room, high + room, ticks);
        }
        Scale::linear(low, high, ticks)
    }

    /// A scale from exactly `low` to `high`, with ticks at whole numbers.
    pub fn whole(low: f64, high: f64, ticks: usize) -> Scale {
        let (low, high) = if low < high { (low, high) } else { (low - 1.0, low + 1.0) };
        let step = nice_step((high - low) / ticks as f64).max(1.0);
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        let tick = |number: i64| {
            let value = number as f64 * step;
            Tick { value, text: super::numbers::count(value.abs() as u64) }
        };
        Scale { low, high, logarithmic: false, ticks: (first..=last).filter(|number| *number >= 0).map(tick).collect() }
    }

    fn linear(low: f64, high: f64, ticks: usize) -> Scale {
        let step = nice_step((high - low) / ticks as f64);
        let first = (low / step + 1e-9).floor() as i64;
        let last = (high / step - 1e-9).ceil() as i64;
        let largest = first.abs().max(last.abs()) as f64 * step;
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let text = |value: f64| {
            if value == 0.0 {
                "0".to_string()
            } else if largest >= 1e5 || step < 1e-4 {
                let digits = (largest.log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
                power(&format!("{value:.digits$e}"))
            } else {
                minus(&format!("{value:.decimals$}"))
            }
        };
        let ticks = (first..=last).map(|number| number as f64 * step);
        let ticks: Vec<Tick> = ticks.map(|value| Tick { value, text: text(value) }).collect();
        Scale { low: first as f64 * step, high: last as f64 * step, logarithmic: false, ticks }
    }

    fn log(low: f64, high: f64, ticks: usize) -> Scale {
        let mantissas = |exponent: i32| [1.0, 2.0, 5.0].map(|mantissa| mantissa * 10f64.powi(exponent));
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let all: Vec<f64> = (first..=last).flat_map(mantissas).collect();
        let bottom = all.iter().copied().rfind(|value| *value <= low * (1.0 + 1e-9)).unwrap_or(low);
        let top = all.iter().copied().find(|value| *value >= high * (1.0 - 1e-9)).unwrap_or(high);
        let within = |value: &f64| *value >= bottom * (1.0 - 1e-9) && *value <= top * (1.0 + 1e-9);
        let decades = (top / bottom).log10();
        let shown: Vec<f64> = if all.iter().filter(|value| within(value)).count() < 2 * ticks {
            all
        } else {
            let every = (decades / ticks as f64).ceil().max(1.0) as i32;
            (first..=last)
                .filter(|exponent| exponent.rem_euclid(every) == 0)
                .map(|exponent| 10f64.powi(exponent))
                .collect()
        };
        let tick = |value: f64| {
            let text = if (1e-3..1e5).contains(&value) { plain(value) } else { power(&format!("{value:.0e}")) };
            Tick { value, text }
        };
        let ticks = shown.into_iter().filter(within).map(tick).collect();
        Scale { low: bottom, high: top, logarithmic: true, ticks }
    }

    /// Where `value` falls: 0 at the low end, 1 at the high one.
    pub fn share(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powi(step.log10().floor() as i32);
    let mantissa = [1.0, 2.0, 5.0].into_iter().find(|mantissa| mantissa * power >= step * (1.0 - 1e-9)).unwrap_or(10.0);
    mantissa * power
}

fn plain(value: f64) -> String {
    let decimals = (-(value * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

/// `2e-7` as `2×10⁻⁷`, `1e-7` as `10⁻⁷`.
fn power(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return minus(text) };
    let raised: String = exponent
        .chars()
        .map(|digit| match digit.to_digit(10) {
            Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
            None => '⁻',
        })
        .collect();
    match mantissa {
        "1" => format!("10{raised}"),
        "-1" => format!("−10{raised}"),
        _ => format!("{}×10{raised}", minus(mantissa)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn linear_ticks_stand_at_round_values() {
        assert_eq!(texts(&Scale::around(&[0.13, 0.94], 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&Scale::around(&[-3.0, 2.0], 5)), ["−3", "−2", "−1", "0", "1", "2"]);
        assert_eq!(texts(&Scale::around(&[2.0, 2.0], 4)), ["1.8", "1.9", "2.0", "2.1", "2.2"]);
        assert_eq!(texts(&Scale::around(&[f64::NAN], 2)), ["0", "0.5", "1.0"]);
        assert_eq!(texts(&Scale::around(&[0.0, 2e6], 2)), ["0", "10⁶", "2×10⁶"]);
        assert_eq!(texts(&Scale::whole(1.0, 20.0, 8)), ["5", "10", "15", "20"]);
        assert_eq!(texts(&Scale::whole(1.0, 1.0, 8)), ["0", "1", "2"]);
        assert_eq!(texts(&Scale::whole(0.0, 40_000.0, 4)), ["0", "10,000", "20,000", "30,000", "40,000"]);
    }

    #[test]
    fn far_apart_values_get_a_logarithmic_scale() {
        let scale = Scale::around(&[0.012, 2.3], 5);
        assert!(scale.logarithmic);
        assert_eq!(texts(&scale), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
        assert_eq!(texts(&Scale::around(&[0.001, 2.3], 5)), ["0.001", "0.01", "0.1", "1"]);
        assert_eq!((scale.share(0.01), scale.share(5.0)), (0.0, 1.0));
        assert_eq!(texts(&Scale::around(&[0.3, 10.0], 5)), ["0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(texts(&Scale::around(&[1e-9, 1.0], 5)), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1"]);
        assert!(!Scale::around(&[0.0, 100.0], 5).logarithmic);
    }

    #[test]
    fn shares_run_from_end_to_end() {
        let scale = Scale::around(&[0.0, 10.0], 5);
        assert_eq!([0.0, 5.0, 10.0].map(|value| scale.share(value)), [0.0, 0.5, 1.0]);
    }
}
