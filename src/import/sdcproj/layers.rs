//! A layer of a project as a function of NNabla: its constants, its parameters, and the sizes of what it gives.
//!
//! A project counts axes without the batch, NNabla with it.

use super::project::Layer;
use super::properties::Properties;
use crate::import::nnabla::{Function, Variable, count};

/// A layer that was understood.
pub struct Understood {
    pub function: Function,
    /// Parameters of its own, by name.
    pub parameters: Vec<(String, Variable)>,
    /// The sizes of what it gives, without the batch.
    pub shape: Vec<i64>,
}

/// Layers that keep the shape of their operand and have no constants.
const PLAIN: &str = "ReLU GELU Swish Mish ReLU6 HardSigmoid HardTanh LogSigmoid SoftSign TanhShrink Sinc Sigmoid Tanh Abs Exp Log Round \
    Ceil Floor Sin Cos Tan Sinh Cosh ASin ACos ATan ASinh ACosh ATanh Erf Unlink Identity IsNaN IsInf LogicalNot Add2 Sub2 Mul2 Div2 \
    Pow2 Maximum2 Minimum2 ATan2 AddN MulN Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalXor \
    SquaredError AbsoluteError BinaryCrossEntropy SigmoidCrossEntropy BinaryError";

/// Layers that keep the shape: their properties, and NNabla's names of these constants.
const NUMBERS: &[(&str, &[(&str, &str)])] = &[
    ("LeakyReLU", &[("Alpha", "alpha")]),
    ("ELU", &[("Alpha", "alpha")]),
    ("SELU", &[("Scale", "scale"), ("Alpha", "alpha")]),
    ("SoftPlus", &[("Beta", "beta")]),
    ("AddScalar", &[("Value", "val")]),
    ("MulScalar", &[("Value", "val")]),
    ("PowScalar", &[("Value", "val")]),
    ("RSubScalar", &[("Value", "val")]),
    ("RDivScalar", &[("Value", "val")]),
    ("RPowScalar", &[("Value", "val")]),
    ("MaximumScalar", &[("Value", "val")]),
    ("MinimumScalar", &[("Value", "val")]),
    ("EqualScalar", &[("Value", "val")]),
    ("NotEqualScalar", &[("Value", "val")]),
    ("GreaterScalar", &[("Value", "val")]),
    ("GreaterEqualScalar", &[("Value", "val")]),
    ("LessScalar", &[("Value", "val")]),
    ("LessEqualScalar", &[("Value", "val")]),
    ("ResetNaN", &[("Value", "val")]),
    ("ResetInf", &[("Value", "val")]),
    ("HuberLoss", &[("Delta", "delta")]),
    ("EpsilonInsensitiveLoss", &[("Epsilon", "epsilon")]),
    ("Dropout", &[("P", "p")]),
];

/// Understands a layer that reads values of these sizes.
///
/// # Errors
/// A layer without a counterpart, and a property that is unclear.
pub fn understand(layer: &Layer, inputs: &[Vec<i64>]) -> Result<Understood, String> {
    let first: &[i64] = inputs.first().map_or(&[], Vec::as_slice);
    let properties = Properties::of(layer, first);
    let mut made = Understood {
        function: Function { name: layer.name.clone(), kind: layer.kind.clone(), ..Function::default() },
        parameters: Vec::new(),
        shape: first.to_vec(),
    };
    if PLAIN.split_whitespace().any(|kind| kind == layer.kind) {
        let rank = inputs.iter().map(Vec::len).max().unwrap_or(0);
        let size =
            |axis: usize| inputs.iter().filter_map(|shape| shape.get((shape.len() + axis).checked_sub(rank)?)).max();
        made.shape = (0..rank).filter_map(size).copied().collect();
        return Ok(made);
    }
    if let Some((_, numbers)) = NUMBERS.iter().find(|(kind, _)| *kind == layer.kind) {
        for (property, name) in *numbers {
            if layer.properties.contains_key(*property) {
                made.function.args.push(name, [properties.number(property, 0.0)?.to_string()]);
            }
        }
        return Ok(made);
    }
    let done = made.with_parameters(layer, &properties)?
        || made.along_axes(layer, &properties, inputs)?
        || made.of_windows(layer, &properties)?
        || made.of_shape(layer, &properties)?;
    if done { Ok(made) } else { Err("there is no counterpart".to_owned()) }
}

impl Understood {
    fn arg(&mut self, name: &str, words: impl IntoIterator<Item = impl ToString>) {
        self.function.args = std::mem::take(&mut self.function.args).with(name, words);
    }

    /// A parameter: its name in the layer, NNabla's scope, and its sizes.
    fn parameter(&mut self, layer: &Layer, properties: &Properties, path: &str, shape: Vec<i64>) -> Result<(), String> {
        let scope = properties.text("ParameterScope", &layer.name)?;
        let name = format!("{scope}/{path}");
        let own = path.rsplit('/').next().unwrap_or(path);
        let kind = properties.text(&format!("{own}.Initializer"), "")?;
        let multiplier = properties.number(&format!("{own}.InitializerMultiplier"), 1.0)?;
        let rate = properties.number(&format!("{own}.LRateMultiplier"), 1.0)?;
        let statistic = matches!(own, "mean" | "var");
        let variable = Variable {
            shape,
            parameter: true,
            frozen: rate == 0.0 && !statistic,
            initializer: (!kind.is_empty()).then_some((kind, multiplier)),
        };
        self.function.inputs.push(name.clone());
        self.parameters.push((name, variable));
        Ok(())
    }

    /// Layers that own parameters.
    fn with_parameters(&mut self, layer: &Layer, properties: &Properties) -> Result<bool, String> {
        let before = self.shape.clone();

        match layer.kind.as_str() {
            "Affine" => {
                let axis = usize::try_from(properties.whole("BaseAxis", 0)?).ok().filter(|axis| *axis <= before.len());
                let axis = axis.ok_or("its property BaseAxis is no axis of its input")?;
                let outputs = properties.sizes("OutShape", "100")?;
                self.arg("base_axis", [axis + 1]);
                let weight = std::iter::once(count(&before[axis..])).chain(outputs.iter().copied()).collect();
                self.parameter(layer, properties, "affine/W", weight)?;
                if properties.flag("WithBias", true)? {
                    self.parameter(layer, properties, "affine/b", outputs.clone())?;
                }
                self.shape = before[..axis].iter().chain(&outputs).copied().collect();
            }
            "Convolution" | "Deconvolution" | "DepthwiseConvolution" => self.convolution(layer, properties)?,
            "Embed" => {
                let (classes, width) = (properties.whole("NumClass", 100)?, properties.sizes("Shape", "32")?);
                self.shape.extend(&width);
                self.parameter(layer, properties, "embed/W", std::iter::once(classes).chain(width).collect())?;
            }
            "PReLU" => {
                let axis = properties.whole("BaseAxis", 0)?;
                let size = usize::try_from(axis).ok().and_then(|axis| before.get(axis)).copied();
                let size = size.ok_or("its property BaseAxis is no axis of its input")?;
                self.arg("base_axis", [axis + 1]);
                self.parameter(
                    layer,
                    properties,
                    "prelu/slope",
                    if properties.flag("Shared", false)? { vec![] } else { vec![size] },
                )?;
            }
            "BatchNormalization" => {
                let axes = properties.list("Axes", "0")?;
                let kept = |axis: usize| if axes.contains(&(axis as i64)) { before[axis] } else { 1 };
                let sizes: Vec<i64> = std::iter::once(1).chain((0..before.len()).map(kept)).collect();
                self.arg("axes", axes.iter().map(|axis| axis + 1));
                self.arg("decay_rate", [properties.number("DecayRate", 0.9)?]);
                self.arg("eps", [properties.number("Epsilon", 0.0001)?]);
                for name in ["bn/beta", "bn/gamma", "bn/mean", "bn/var"] {
                    self.parameter(layer, properties, name, sizes.clone())?;
                }
            }
            "LayerNormalization" => {
                let batch: Vec<i64> = properties.list("BatchAxis", "-1")?.iter().map(|axis| axis + 1).collect();
                let kept = |axis: usize| if batch.contains(&(axis as i64 + 1)) { 1 } else { before[axis] };
                let sizes: Vec<i64> = std::iter::once(1).chain((0..before.len()).map(kept)).collect();
                self.arg("batch_axis", batch.clone());
                self.arg("eps", [properties.number("Epsilon", 1e-5)?]);
                for name in ["layer_normalization/beta", "layer_normalization/gamma"] {
                    self.parameter(layer, properties, name, sizes.clone())?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn convolution(&mut self, layer: &Layer, properties: &Properties) -> Result<(), String> {
        let before = self.shape.clone();
        let Some((channels, sizes)) = before.split_first() else {
            return Err("its input has no axis of channels".to_owned());
        };
        let kernel = properties.sizes("KernelShape", "")?;
        let per_axis = |name: &str, without: i64| {
            let usual = vec![without.to_string(); kernel.len()].join(",");
            let list = properties.list(name, &usual)?;
            let fits = list.len() == kernel.len() && list.iter().all(|value| (0..=1 << 30).contains(value));
            if fits { Ok(list) } else { Err(format!("its property {name} does not fit its window")) }
        };
        if kernel.len() != sizes.len() {
            return Err("its window has other axes than its input".to_owned());
        }
        let (pad, stride, dilation) = (per_axis("Padding", 0)?, per_axis("Strides", 1)?, per_axis("Dilation", 1)?);
        let group = properties.whole("Group", 1)?.max(1);
        let depthwise = layer.kind == "DepthwiseConvolution";
        let transposed = layer.kind == "Deconvolution";
        let multiplier = properties.whole("Multiplier", 1)?.max(1);
        let maps = if depthwise { channels * multiplier } else { properties.whole("OutMaps", 16)? };
        let slid = |i: usize| {
            let reach = dilation[i] * (kernel[i] - 1) + 1;
            if transposed {
                (sizes[i] - 1) * stride[i] + reach - 2 * pad[i]
            } else {
                (sizes[i] + 2 * pad[i] - reach).div_euclid(stride[i].max(1)) + 1
            }
        };
        self.shape = std::iter::once(maps).chain((0..kernel.len()).map(slid)).collect();
        let (scope, front) = match layer.kind.as_str() {
            "DepthwiseConvolution" => ("depthwise_conv", vec![maps]),
            "Deconvolution" => ("deconv", vec![*channels, maps / group]),
            _ => ("conv", vec![maps, channels / group]),
        };
        self.arg("base_axis", [1]);
        self.arg("pad", pad);
        self.arg("stride", stride);
        self.arg("dilation", dilation);
        self.arg("group", [group]);
        self.arg("multiplier", [multiplier]);
        self.arg("channel_last", [properties.flag("ChannelLast", false)?]);
        self.parameter(layer, properties, &format!("{scope}/W"), front.into_iter().chain(kernel).collect())?;
        if properties.flag("WithBias", true)? {
            self.parameter(layer, properties, &format!("{scope}/b"), vec![maps])?;
        }
        Ok(())
    }

    /// Layers that work along axes.
    fn along_axes(&mut self, layer: &Layer, properties: &Properties, inputs: &[Vec<i64>]) -> Result<bool, String> {
        let rank = self.shape.len();
        match layer.kind.as_str() {
            "Softmax" | "LogSoftmax" | "CumSum" | "CumProd" => self.arg("axis", [properties.whole("Axis", 0)? + 1]),
            "SoftmaxCrossEntropy" | "CategoricalCrossEntropy" | "TopNError" => {
                let axis = properties.whole("Axis", 0)?;
                self.arg("axis", [axis + 1]);
                self.arg("n", [properties.whole("N", 1)?]);
                let place = usize::try_from(axis)
                    .ok()
                    .filter(|axis| *axis < rank)
                    .ok_or("its property Axis is no axis of its input")?;
                self.shape[place] = 1;
            }
            "KLMultinomial" => {
                self.arg("base_axis", [properties.whole("BaseAxis", 0)? + 1]);
                self.shape = vec![1];
            }
            "CReLU" | "CELU" => {
                let axis = properties.whole("Axis", 0)?;
                self.arg("axis", [axis + 1]);
                self.arg("alpha", [properties.number("Alpha", 1.0)?]);
                let place = usize::try_from(axis)
                    .ok()
                    .filter(|axis| *axis < rank)
                    .ok_or("its property Axis is no axis of its input")?;
                self.shape[place] *= 2;
            }
            "Sum" | "Mean" | "Max" | "Min" | "Prod" | "Norm" => {
                let axes = properties.list("Axes", "0")?;
                let keep = properties.flag("KeepDims", false)?;
                self.arg("axes", axes.iter().map(|axis| axis + 1));
                self.arg("keep_dims", [keep]);
                self.arg("p", [properties.number("P", 2.0)?]);
                let gone = |axis: usize| axes.contains(&(axis as i64)) || axes.contains(&(axis as i64 - rank as i64));
                let kept = |axis: usize| if gone(axis) { keep.then_some(1) } else { Some(self.shape[axis]) };
                self.shape = (0..rank).filter_map(kept).collect();
            }
            "Concatenate" | "Stack" => {
                let axis = properties.whole("Axis", 0)?;
                self.arg("axis", [axis + 1]);
                let place = usize::try_from(axis)
                    .ok()
                    .filter(|axis| *axis < rank.max(1))
                    .ok_or("its property Axis is no axis of its input")?;
                if layer.kind == "Stack" {
                    self.shape.insert(place.min(rank), inputs.len() as i64);
                } else {
                    let sizes: Option<Vec<i64>> = inputs.iter().map(|shape| shape.get(place).copied()).collect();
                    let all = sizes.ok_or("its inputs differ in their axes")?.iter().sum();
                    *self.shape.get_mut(place).ok_or("its inputs have no axes")? = all;
                }
            }
            "Transpose" => {
                let axes = properties.list("Axes", "")?;
                let size = |axis: &i64| usize::try_from(*axis).ok().and_then(|axis| self.shape.get(axis)).copied();
                let shape: Option<Vec<i64>> = axes.iter().map(size).collect();
                self.shape = shape.ok_or("its property Axes names an axis that its input lacks")?;
                self.arg("axes", std::iter::once(0).chain(axes.into_iter().map(|axis| axis + 1)));
            }
            "BatchMatmul" => {
                let columns = inputs.get(1).and_then(|shape| shape.last()).ok_or("its second input is missing")?;
                *self.shape.last_mut().ok_or("it multiplies no matrices")? = *columns;
            }
            "Flip" | "RandomFlip" => {
                let axes = properties.list("Axes", "")?;
                self.arg("axes", axes.into_iter().map(|axis| axis + 1));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Poolings, and what enlarges.
    fn of_windows(&mut self, layer: &Layer, properties: &Properties) -> Result<bool, String> {
        let before = self.shape.clone();
        match layer.kind.as_str() {
            "MaxPooling" | "AveragePooling" | "SumPooling" => {
                let kernel = properties.sizes("KernelShape", "2,2")?;
                let usual = kernel.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
                let stride = properties.sizes("Strides", &usual)?;
                let pad = properties.list("Padding", &vec!["0"; kernel.len()].join(","))?;
                let first = before.len().checked_sub(kernel.len()).ok_or("its window has more axes than its input")?;
                if stride.len() != kernel.len() || pad.len() != kernel.len() {
                    return Err("its strides or its padding do not fit its window".to_owned());
                }
                let slid = |i: usize| (before[first + i] + 2 * pad[i] - kernel[i]).div_euclid(stride[i]) + 1;
                self.shape = before[..first].iter().copied().chain((0..kernel.len()).map(slid)).collect();
                self.arg("kernel", kernel);
                self.arg("stride", stride);
                self.arg("pad", pad);
                self.arg("ignore_border", [properties.flag("IgnoreBorder", true)?]);
                self.arg("including_pad", [properties.flag("IncludingPad", true)?]);
            }
            "GlobalAveragePooling" => self.shape.iter_mut().skip(1).for_each(|size| *size = 1),
            "Unpooling" => {
                let kernel = properties.sizes("KernelShape", "2,2")?;
                self.shape.iter_mut().rev().zip(kernel.iter().rev()).for_each(|(size, times)| *size *= times);
                self.arg("kernel", kernel);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Layers that are told a shape.
    fn of_shape(&mut self, layer: &Layer, properties: &Properties) -> Result<bool, String> {
        let before = self.shape.clone();
        match layer.kind.as_str() {
            "Reshape" | "Broadcast" => self.shape = properties.sizes("OutShape", "")?,
            "Flatten" => self.shape = vec![count(&before)],
            "Slice" => {
                let ends = before.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
                let (start, stop) = (properties.list("Start", "")?, properties.list("Stop", &ends)?);
                let step = properties.list("Step", "")?;
                let within = |place: i64, size: i64| if place < 0 { place + size } else { place.min(size) };
                let size = |(axis, size): (usize, &i64)| {
                    let from = within(start.get(axis).copied().unwrap_or(0), *size);
                    let to = within(stop.get(axis).copied().unwrap_or(*size), *size);
                    let by = step.get(axis).copied().unwrap_or(1).max(1);
                    (to - from + by - 1).div_euclid(by).max(0)
                };
                self.shape = before.iter().enumerate().map(size).collect();
                let with_batch = |first: i64, list: Vec<i64>| std::iter::once(first).chain(list).collect::<Vec<_>>();
                self.arg("start", with_batch(0, start));
                self.arg("stop", with_batch(i64::MAX, stop));
                self.arg("step", with_batch(1, step));
            }
            "Pad" => {
                let widths = properties.list("PadWidth", "")?;
                let missing =
                    before.len().checked_sub(widths.len() / 2).ok_or("it pads more axes than its input has")?;
                let wider = |(axis, size): (usize, &i64)| {
                    let own = axis.checked_sub(missing).map_or(0, |i| widths[2 * i] + widths[2 * i + 1]);
                    size + own
                };
                if widths.len() % 2 == 1 {
                    return Err("its property PadWidth has no pair for each axis".to_owned());
                }
                self.shape = before.iter().enumerate().map(wider).collect();
                self.arg("pad_width", widths);
                self.arg("mode", [properties.text("Mode", "constant")?]);
                self.arg("constant_value", [properties.number("ConstantValue", 0.0)?]);
            }
            "Tile" => {
                let reps = properties.sizes("Reps", "")?;
                if reps.len() != before.len() {
                    return Err("its property Reps has no number for each axis".to_owned());
                }
                self.shape = before.iter().zip(&reps).map(|(size, times)| size * times).collect();
                self.arg("reps", std::iter::once(1).chain(reps));
            }
            "Shift" | "RandomShift" => {
                self.arg("shifts", properties.list("Shift", "0,0")?);
                self.arg("border_mode", [properties.text("BorderMode", "nearest")?]);
            }
            "OneHot" => {
                let classes = properties.sizes("Shape", "")?;
                self.shape.pop();
                self.shape.extend(&classes);
                self.arg("shape", classes);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Whether a layer of this kind has a counterpart, as far as its kind says.
pub fn is_known(kind: &str) -> bool {
    let others = "Affine Convolution Deconvolution DepthwiseConvolution Embed PReLU BatchNormalization LayerNormalization Softmax \
        LogSoftmax CumSum CumProd SoftmaxCrossEntropy CategoricalCrossEntropy TopNError KLMultinomial CReLU CELU Sum Mean Max Min Prod \
        Norm Concatenate Stack Transpose Flip RandomFlip MaxPooling AveragePooling SumPooling GlobalAveragePooling Unpooling Reshape \
        Broadcast Flatten Slice Pad Tile Shift RandomShift OneHot BatchMatmul";
    let plain = PLAIN.split_whitespace().chain(others.split_whitespace());
    plain.chain(NUMBERS.iter().map(|(kind, _)| *kind)).any(|known| known == kind)
}
