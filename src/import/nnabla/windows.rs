//! Functions that slide windows over images, signals and volumes: convolutions, poolings, and what enlarges.

use super::Function;
use super::needed::Sharing;
use super::term::{Formula, Level, Step, each, list};
use super::writer::{Fault, Writer, input};

/// The places of a window along each spatial axis.
struct Window {
    kernel: Vec<i64>,
    stride: Vec<i64>,
    pad: Vec<i64>,
    dilation: Vec<i64>,
}

impl Window {
    /// A window of this kernel; what is not given is 1, or 0 for padding.
    fn of(function: &Function, kernel: Vec<i64>) -> Window {
        let given = |name: &str, without: i64| {
            let list = function.args.list(name);
            if list.len() == kernel.len() { list } else { vec![without; kernel.len()] }
        };
        let (stride, pad, dilation) = (given("stride", 1), given("pad", 0), given("dilation", 1));
        Window { kernel, stride, pad, dilation }
    }

    /// Arguments that are not the library's defaults.
    fn arguments(&self, axes: usize) -> Vec<String> {
        let unless = |name: &str, values: &[i64], usual: i64| {
            let same = values.iter().all(|value| *value == usual);
            if same { String::new() } else { format!("{name} = {}", each(values, axes)) }
        };
        vec![unless("stride", &self.stride, 1), unless("pad", &self.pad, 0), unless("dilation", &self.dilation, 1)]
    }

    /// Sizes behind a convolution or pooling.
    fn slid(&self, sizes: &[i64]) -> Vec<i64> {
        let one = |i: usize| {
            let reach = self.dilation[i] * (self.kernel[i] - 1) + 1;
            (sizes[i] + 2 * self.pad[i] - reach).div_euclid(self.stride[i].max(1)) + 1
        };
        (0..sizes.len().min(self.kernel.len())).map(one).collect()
    }

    /// Sizes behind a transposed convolution.
    fn spread(&self, sizes: &[i64]) -> Vec<i64> {
        let one =
            |i: usize| (sizes[i] - 1) * self.stride[i] + self.dilation[i] * (self.kernel[i] - 1) + 1 - 2 * self.pad[i];
        (0..sizes.len().min(self.kernel.len())).map(one).collect()
    }
}

impl Writer<'_> {
    /// Convolutions, poolings, and what enlarges.
    pub fn window(&mut self, place: usize, function: &Function) -> Result<bool, Fault> {
        if function.args.flag("channel_last") {
            return Err("its channels are the last axis; here they are the first one".to_owned());
        }
        match function.kind.as_str() {
            "Convolution" | "DepthwiseConvolution" | "Deconvolution" => self.convolution(place, function)?,
            "MaxPooling" | "AveragePooling" | "SumPooling" => self.pooling(function)?,
            "GlobalAveragePooling" => {
                let shape = self.read(input(function, 0)?)?.shape;
                let shape = shape.iter().enumerate().map(|(axis, size)| if axis == 0 { *size } else { 1 }).collect();
                self.step(function, Step::function("global_average_pooling", String::new()), shape)?;
            }
            "Unpooling" => {
                let mut shape = self.read(input(function, 0)?)?.shape;
                let kernel = function.args.list("kernel");
                let given = each(&kernel, shape.len().saturating_sub(1));
                for (size, times) in shape.iter_mut().rev().zip(kernel.iter().rev()) {
                    *size *= times;
                }
                self.step(function, Step::function("unpooling", given), shape)?;
            }
            "Interpolate" => self.interpolate(function)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn convolution(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        if function.args.whole("base_axis", 1) != 1 {
            return Err("it has several axes of samples".to_owned());
        }
        if function.args.list("output_padding").iter().any(|size| *size != 0) {
            return Err("it pads its output".to_owned());
        }
        let term = self.read(input(function, 0)?)?;
        let weight = self.network.shape(input(function, 1)?).to_vec();
        let depthwise = function.kind == "DepthwiseConvolution";
        let first = if depthwise { 1 } else { 2 };
        let kernel = weight
            .get(first..)
            .filter(|kernel| !kernel.is_empty())
            .ok_or_else(|| "its weight has no window".to_owned())?;
        let axes = term.shape.len().saturating_sub(1);
        if kernel.len() != axes {
            return Err("its window has other axes than its input".to_owned());
        }
        let window = Window::of(function, kernel.to_vec());
        let group = function.args.whole("group", 1).max(1);
        let bias = function.inputs.len() > 2;
        let transposed = function.kind == "Deconvolution";
        let maps = if transposed { weight[1] * group } else { weight[0] };
        let sizes = if transposed { window.spread(&term.shape[1..]) } else { window.slid(&term.shape[1..]) };
        let shape: Vec<i64> = std::iter::once(maps).chain(sizes).collect();
        let mut arguments = window.arguments(axes);
        let size = each(&window.kernel, axes);
        if depthwise {
            let multiplier = function.args.whole("multiplier", 1).max(1);
            arguments.push(if multiplier == 1 { String::new() } else { format!("multiplier = {multiplier}") });
            arguments.insert(0, size);
        } else {
            arguments.push(if group == 1 { String::new() } else { format!("group = {group}") });
            arguments.insert(0, format!("{maps}, kernel = {size}"));
        }
        if !bias {
            arguments.push("with_bias = false".to_owned());
        }
        if self.sharing(place) == Sharing::Apart {
            if depthwise {
                return Err("its weights are shared with other layers, computed, or not trained".to_owned());
            }
            return self.written_out(function, &window, group, shape);
        }
        let layer_shape: Vec<i64> = if depthwise {
            std::iter::once(maps).chain([1]).chain(kernel.iter().copied()).collect()
        } else {
            weight.clone()
        };
        let (layer, w, b) = match function.kind.as_str() {
            "DepthwiseConvolution" => ("DepthwiseConvolution", "Convolution.W", "Convolution.b"),
            "Deconvolution" => ("Deconvolution", "W", "b"),
            _ => ("Convolution", "W", "b"),
        };
        if !depthwise {
            arguments.push(self.start("w_init", &function.inputs[1], "glorot_normal()"));
            if bias {
                arguments.push(self.start("b_init", &function.inputs[2], "zeros()"));
            }
        }
        let mut owned = self.owned(w, function, 1, &layer_shape);
        owned.extend(self.owned(b, function, 2, &[maps]));
        match self.constructed(place, layer, &arguments, owned) {
            Some(step) => self.step(function, step, shape),
            None => Err("its weights are shared with other layers".to_owned()),
        }
    }

    /// A convolution by its function, with declared or computed weights.
    fn written_out(&mut self, function: &Function, window: &Window, group: i64, shape: Vec<i64>) -> Result<(), Fault> {
        let (w, _) = self.operand(input(function, 1)?)?;
        let (x, term) = self.operand(input(function, 0)?)?;
        let mut arguments = vec![x.text, w.text];
        arguments.extend(window.arguments(window.kernel.len()).into_iter().filter(|text| !text.is_empty()));
        arguments.extend((group != 1).then(|| format!("group = {group}")));
        let name = if function.kind == "Deconvolution" { "deconvolution" } else { "convolution" };
        let mut y = Formula::atom(format!("{name}({})", arguments.join(", ")));
        if function.inputs.len() > 2 {
            let (b, _) = self.operand(input(function, 2)?)?;
            let along: Vec<i64> =
                shape.iter().enumerate().map(|(axis, size)| if axis == 0 { *size } else { 1 }).collect();
            let b = Formula::atom(format!("reshape({}, {})", b.text, list(&along)));
            y = Formula::binary(&y, "+", &b, Level::Sum);
        }
        self.formula(function, y, shape, &term)
    }

    fn pooling(&mut self, function: &Function) -> Result<(), Fault> {
        let args = &function.args;
        let before = self.read(input(function, 0)?)?.shape;
        let axes = before.len().saturating_sub(1);
        let kernel = args.list("kernel");
        if kernel.is_empty() || kernel.len() > before.len() {
            return Err("its window has other axes than its input".to_owned());
        }
        let mut window = Window::of(function, kernel);
        if args.list("stride").is_empty() {
            window.stride = window.kernel.clone();
        }
        let first = before.len() - window.kernel.len();
        if !args.is("ignore_border", true) {
            let fits =
                |i: usize| (before[first + i] + 2 * window.pad[i] - window.kernel[i]) % window.stride[i].max(1) == 0;
            if !(0..window.kernel.len()).all(fits) {
                return Err("its last window reaches past the border".to_owned());
            }
        }
        let shape: Vec<i64> = before[..first].iter().copied().chain(window.slid(&before[first..])).collect();
        let mut arguments = vec![each(&window.kernel, axes)];
        if window.stride != window.kernel {
            arguments.push(format!("stride = {}", each(&window.stride, axes)));
        }
        if window.pad.iter().any(|pad| *pad != 0) {
            arguments.push(format!("pad = {}", each(&window.pad, axes)));
        }
        if function.kind == "AveragePooling"
            && !args.is("including_pad", true)
            && window.pad.iter().any(|pad| *pad != 0)
        {
            arguments.push("including_pad = false".to_owned());
        }
        let given = arguments.join(", ");
        let step = match function.kind.as_str() {
            "SumPooling" => Step::function("sum_pooling", given),
            layer => Step::plain(format!("{layer}({given})")),
        };
        self.step(function, step, shape)
    }

    fn interpolate(&mut self, function: &Function) -> Result<(), Fault> {
        let args = &function.args;
        let sizes = args.list("output_size");
        let before = self.read(input(function, 0)?)?.shape;
        let nearest = args.word("mode") == "nearest";
        if args.flag("half_pixel_for_nn") || sizes.is_empty() || sizes.len() > before.len() {
            return Err("it takes the nearest element by another rule".to_owned());
        }
        let mut arguments = vec![format!("sizes = {}", list(&sizes))];
        arguments.extend(nearest.then(|| "mode = \"nearest\"".to_owned()));
        arguments.extend(args.is("align_corners", true).then(|| "align_corners = true".to_owned()));
        arguments.extend(args.flag("half_pixel").then(|| "half_pixel = true".to_owned()));
        let first = before.len() - sizes.len();
        let shape = before[..first].iter().chain(&sizes).copied().collect();
        self.step(function, Step::function("interpolate", arguments.join(", ")), shape)
    }
}
