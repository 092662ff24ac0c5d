//! Windows that slide over pictures: what convolutions and poolings say of them; poolings; pictures of another size.

use super::axes::{Axes, Axis, MIXES};
use super::lower::{Computed, Lower, Lowered, Lowering, list, one_or_list};
use super::moves::padded;
use super::op::Op;
use crate::import::program::Kind;

/// The reader of an operator.
pub fn find(kind: &str) -> Option<Lower> {
    Some(match kind {
        "MaxPool" => max_pool,
        "AveragePool" => average_pool,
        "GlobalAveragePool" | "GlobalMaxPool" => global_pool,
        "Resize" | "Upsample" => resize,
        _ => return None,
    })
}

/// A window that slides over the trailing axes.
pub struct Window {
    pub kernel: Vec<i64>,
    pub strides: Vec<i64>,
    pub dilations: Vec<i64>,
    /// How many entries are added in front of each axis.
    pub low: Vec<i64>,
    /// How many are added behind.
    pub high: Vec<i64>,
}

impl Window {
    /// What a node says of its window of `kernel` entries over axes of `sizes`.
    ///
    /// # Errors
    /// When it does not say it for every axis, or with numbers out of bounds.
    pub fn read(op: Op, sizes: &[usize], kernel: &[usize]) -> Result<Window, String> {
        let n = sizes.len();
        let list = |name: &str| match op.ints(name) {
            None => Ok(vec![1; n]),
            Some(values) if values.len() == n && values.iter().all(|value| (1..1 << 31).contains(value)) => {
                Ok(values.to_vec())
            }
            Some(_) => Err(format!("its `{name}` are not a positive number for every axis")),
        };
        let (strides, dilations) = (list("strides")?, list("dilations")?);
        if kernel.len() != n || kernel.iter().chain(sizes).any(|size| *size == 0 || *size >= 1 << 31) {
            return Err("its window has not a size for every axis".to_owned());
        }
        let kernel: Vec<i64> = kernel.iter().map(|size| *size as i64).collect();
        let pads = op.ints("pads").map_or(vec![0; 2 * n], <[i64]>::to_vec);
        if pads.len() != 2 * n || pads.iter().any(|pad| !(0..1 << 31).contains(pad)) {
            return Err("its `pads` are not two numbers for every axis".to_owned());
        }
        let (low, high) = match op.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" => (pads[..n].to_vec(), pads[n..].to_vec()),
            "VALID" => (vec![0; n], vec![0; n]),
            side => {
                let all = |axis: usize| {
                    let (size, stride) = (sizes[axis] as i64, strides[axis]);
                    let reach = (kernel[axis] - 1).saturating_mul(dilations[axis]) + 1;
                    (((size + stride - 1) / stride - 1) * stride + reach - size).max(0)
                };
                let halves = |axis: usize| if side == "SAME_LOWER" { (all(axis) + 1) / 2 } else { all(axis) / 2 };
                let low: Vec<i64> = (0..n).map(halves).collect();
                let high = (0..n).map(|axis| all(axis) - low[axis]).collect();
                (low, high)
            }
        };
        Ok(Window { kernel, strides, dilations, low, high })
    }

    /// The pads, if they are the same in front and behind.
    pub fn even_pads(&self) -> Option<Vec<i64>> {
        (self.low == self.high).then(|| self.low.clone())
    }

    /// The pads of the samples' axis, that of the channels, and the others.
    pub fn sides(&self) -> Vec<(i64, i64)> {
        let own = self.low.iter().copied().zip(self.high.iter().copied());
        [(0, 0), (0, 0)].into_iter().chain(own).collect()
    }

    /// How many places the window has along each axis; with `ceil` also one that begins inside and ends outside.
    ///
    /// # Errors
    /// When it has none.
    pub fn places(&self, sizes: &[usize], ceil: bool) -> Result<Vec<usize>, String> {
        let place = |axis: usize| {
            let (size, stride) = (sizes[axis] as i64, self.strides[axis]);
            let reach = (self.kernel[axis] - 1).checked_mul(self.dilations[axis])?.checked_add(1)?;
            let room = size + self.low[axis] + self.high[axis] - reach;
            let mut count = if ceil { (room + stride - 1).div_euclid(stride) + 1 } else { room.div_euclid(stride) + 1 };
            // A window that begins behind the picture and its first pads is left out.
            if ceil && (count - 1) * stride >= size + self.low[axis] {
                count -= 1;
            }
            usize::try_from(count).ok().filter(|count| room >= 0 && *count > 0)
        };
        (0..sizes.len())
            .map(place)
            .collect::<Option<_>>()
            .ok_or_else(|| "its window is larger than its operand".to_owned())
    }
}

/// A picture that is pooled, its sizes, and the window.
fn pooled(lowering: &mut Lowering, op: Op) -> Result<(Computed, Vec<usize>, Window), String> {
    let x = lowering.floats(op, 0)?;
    let kernel = op.ints("kernel_shape").ok_or("it has no `kernel_shape`")?;
    let kernel: Vec<usize> = kernel.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
    let shape = x.axes.shape();
    if !x.axes.samples_first() || shape.len() < 2 {
        return Err("its operand is not `[samples, channels, sizes..]`".to_owned());
    }
    let window = Window::read(op, &shape[1..], &kernel)?;
    Ok((x, shape[1..].to_vec(), window))
}

/// The call that pools.
fn call(function: &str, window: &Window, pad: &[i64], more: &str) -> String {
    let mut arguments = vec![one_or_list(&window.kernel)];
    if window.strides != window.kernel {
        arguments.push(format!("stride = {}", one_or_list(&window.strides)));
    }
    if pad.iter().any(|pad| *pad != 0) {
        arguments.push(format!("pad = {}", one_or_list(pad)));
    }
    if !more.is_empty() {
        arguments.push(more.to_owned());
    }
    format!("{function}({})", arguments.join(", "))
}

fn max_pool(lowering: &mut Lowering, op: Op) -> Lowered {
    let (mut x, mut sizes, mut window) = pooled(lowering, op)?;
    if op.node.output.iter().skip(1).any(|name| lowering.reads(name) > 0) {
        return Err("the places of the largest entries are read".to_owned());
    }
    if window.dilations.iter().any(|dilation| *dilation != 1) {
        return Err("a window with gaps has no counterpart".to_owned());
    }
    let channels = x.axes.shape()[0];
    let places = window.places(&sizes, op.flag("ceil_mode"))?;
    for (axis, place) in places.iter().enumerate() {
        let end = (*place as i64 - 1) * window.strides[axis] + window.kernel[axis];
        window.high[axis] = window.high[axis].max(end - sizes[axis] as i64 - window.low[axis]);
    }
    let pad = match window.even_pads() {
        Some(pad) => pad,
        None => {
            // What is added never is the largest.
            x = padded(lowering, &x, &window.sides(), -3.4e38)?;
            sizes = x.axes.shape()[1..].to_vec();
            vec![0; sizes.len()]
        }
    };
    let axes = Axes::samples_and(&[&[channels], &places[..]].concat());
    Ok(vec![lowering.step(&x, call("max_pooling", &window, &pad, ""), axes, Kind::Float)?])
}

fn average_pool(lowering: &mut Lowering, op: Op) -> Lowered {
    let (mut x, sizes, window) = pooled(lowering, op)?;
    let places = window.places(&sizes, false)?;
    if op.flag("ceil_mode") && window.places(&sizes, true)? != places {
        return Err("windows that reach beyond the picture (`ceil_mode = 1`) have no counterpart".to_owned());
    }
    if window.dilations.iter().any(|dilation| *dilation != 1) {
        return Err("a window with gaps has no counterpart".to_owned());
    }
    let counts_pads = op.flag("count_include_pad");
    let channels = x.axes.shape()[0];
    let pad = match window.even_pads() {
        Some(pad) => pad,
        None if counts_pads => {
            x = padded(lowering, &x, &window.sides(), 0.0)?;
            vec![0; sizes.len()]
        }
        None => return Err("uneven pads that are not counted have no counterpart".to_owned()),
    };
    let more = if counts_pads || pad.iter().all(|pad| *pad == 0) { "" } else { "including_pad = false" };
    let axes = Axes::samples_and(&[&[channels], &places[..]].concat());
    Ok(vec![lowering.step(&x, call("average_pooling", &window, &pad, more), axes, Kind::Float)?])
}

fn global_pool(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let mut shape = x.axes.shape();
    if !x.axes.samples_first() || shape.len() < 2 {
        return Err("its operand is not `[samples, channels, sizes..]`".to_owned());
    }
    let call = match op.kind() {
        "GlobalAveragePool" => "global_average_pooling".to_owned(),
        _ => format!("max(axis = {}, keepdims = true)", list(&(1..shape.len()).collect::<Vec<_>>())),
    };
    shape[1..].fill(1);
    Ok(vec![lowering.step(&x, call, Axes::samples_and(&shape), Kind::Float)?])
}

/// A picture of another size: by whole factors, or by the ways of `interpolate`.
fn resize(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let Wanted { scales, sizes } = wanted(lowering, op)?;
    let rank = x.axes.rank();
    if scales.as_ref().map_or(rank, Vec::len) != rank || sizes.as_ref().map_or(rank, Vec::len) != rank {
        return Err("it has not a size for every axis".to_owned());
    }
    let (mut new, mut factors) = (Vec::new(), Vec::new());
    for (axis, old) in x.axes.0.iter().enumerate() {
        let scale = scales.as_ref().map(|scales| scales[axis]);
        if old.samples {
            let same = scale.is_none_or(|scale| scale == 1.0);
            if !same || !old.is_samples() {
                return Err(MIXES.to_owned());
            }
            continue;
        }
        let size = match (scale, &sizes) {
            (Some(scale), _) => (old.size() as f64 * f64::from(scale)).floor(),
            (None, Some(sizes)) => sizes[axis] as f64,
            (None, None) => return Err("it says no size".to_owned()),
        };
        if !(1.0..1e9).contains(&size) {
            return Err("a size of it is none".to_owned());
        }
        let exact = scale.is_none_or(|scale| f64::from(scale) * old.size() as f64 == size);
        new.push(size as usize);
        factors.push(
            (exact && (size as usize).is_multiple_of(old.size().max(1))).then(|| size as usize / old.size().max(1)),
        );
    }
    let old = x.axes.shape();
    let first = (0..new.len()).find(|axis| new[*axis] != old[*axis]).unwrap_or(new.len()).min(1);
    let call = resizing(op, &old, &new, &factors, first)?;
    let axes: Vec<Axis> = x.axes.with_shape(&new).0;
    let kind = lowering.program.kind(x.node);
    Ok(vec![lowering.step(&x, call, Axes(axes), kind)?])
}

/// What a node says of its sizes: factors, or the sizes themselves.
struct Wanted {
    scales: Option<Vec<f32>>,
    sizes: Option<Vec<i64>>,
}

fn wanted(lowering: &Lowering, op: Op) -> Result<Wanted, String> {
    let scales_at = if op.kind() == "Resize" && op.version >= 11 { 2 } else { 1 };
    let scales = match lowering.constant(op, scales_at)? {
        Some(scales) => scales.data.floats().filter(|scales| !scales.is_empty()),
        None => op.floats("scales").map(<[f32]>::to_vec),
    };
    let sizes =
        match (op.version >= 11 && op.kind() == "Resize").then(|| lowering.constant(op, 3)).transpose()?.flatten() {
            // The number of samples stays as it is.
            Some(sizes) => sizes.counts().map(|sizes| sizes.iter().map(|size| size.number).collect()),
            None => None,
        };
    if op.ints("axes").is_some() || op.text("keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch") {
        return Err("sizes for some axes only have no counterpart".to_owned());
    }
    Ok(Wanted { scales, sizes })
}

/// The call that gives the axes from `first` on another size.
fn resizing(op: Op, old: &[usize], new: &[usize], factors: &[Option<usize>], first: usize) -> Result<String, String> {
    let mode = op.text("mode").unwrap_or("nearest");
    let way =
        op.text("coordinate_transformation_mode").unwrap_or(if op.version >= 11 { "half_pixel" } else { "asymmetric" });
    let rounding = op.text("nearest_mode").unwrap_or(if op.version >= 11 { "round_prefer_floor" } else { "floor" });
    let whole: Option<Vec<i64>> = factors[first..].iter().map(|factor| factor.map(|factor| factor as i64)).collect();
    let repeats = matches!(
        (way, rounding),
        ("asymmetric", "floor") | ("half_pixel" | "pytorch_half_pixel", "round_prefer_floor" | "round_prefer_ceil")
    );
    let sizes = list(&new[first..]);
    let single = (first..new.len()).all(|axis| new[axis] > 1 || old[axis] == new[axis]);
    match (mode, way) {
        ("nearest", _) if repeats && whole.is_some() => {
            let factors = whole.unwrap_or_default();
            Ok(format!("unpooling({})", if first == 1 { one_or_list(&factors) } else { list(&factors) }))
        }
        ("nearest", "asymmetric") if rounding == "floor" => {
            Ok(format!("interpolate(sizes = {sizes}, mode = \"nearest\")"))
        }
        ("linear", "half_pixel" | "pytorch_half_pixel") if single || way == "half_pixel" => {
            Ok(format!("interpolate(sizes = {sizes}, half_pixel = true)"))
        }
        ("linear", "align_corners") => Ok(format!("interpolate(sizes = {sizes}, align_corners = true)")),
        ("linear", "asymmetric") => Ok(format!("interpolate(sizes = {sizes})")),
        _ => Err(format!("the mode `{mode}` with `{way}` has no counterpart for these sizes")),
    }
}
