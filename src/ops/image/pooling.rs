//! Maxima and sums over windows, and their transposes.

use super::Window;
use crate::ir::{Attrs, Op, Value};
use crate::ops::{
    BatchCall, Case, CaseInput, Default, Domain, EvalCall, Gradient, InferCall, Misfit, Param, ParamKind,
};
use crate::ops::{Primitive, batch, eval, infer};
use crate::tensor::{Dim, Ordering3, Shape, Tensor, Type};

/// The largest element of each window.
pub const MAX_POOLING: Op = Op("max_pooling");

/// The transpose of [`MAX_POOLING_PICK`] in its second operand.
pub const MAX_POOLING_GRADIENT: Op = Op("max_pooling_gradient");

/// What another value holds where the largest element of each window is.
pub const MAX_POOLING_PICK: Op = Op("max_pooling_pick");

/// The sum of each window.
pub const SUM_POOLING: Op = Op("sum_pooling");

/// The transpose of [`SUM_POOLING`].
pub const SUM_POOLING_GRADIENT: Op = Op("sum_pooling_gradient");

const fn required(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, default: Default::Required }
}

const X: Param = required("x", ParamKind::Tensor);
const DY: Param = required("dy", ParamKind::Tensor);
const KERNEL: Param = required("kernel", ParamKind::Ints);
const STRIDE: Param = required("stride", ParamKind::Ints);
const PAD: Param = required("pad", ParamKind::Ints);

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: MAX_POOLING,
        doc: "The largest element of each window over the last axes, as many as `kernel` has entries. \
              Padding never wins; NaN always does.",
        params: &[X, KERNEL, STRIDE, PAD],
        infer: infer_pooling,
        eval: |call| pick(call, 0),
        gradient: Gradient::Rule(|call| {
            let x = call.node.inputs[0];
            vec![Some(call.b.emit(MAX_POOLING_GRADIENT, &[x, call.grad], call.node.attrs.clone()))]
        }),
        batch: leading_axes,
        cases: || geometries().iter().map(|geometry| case(&[distinct(geometry.x)], geometry)).collect(),
    },
    Primitive {
        op: MAX_POOLING_GRADIENT,
        doc: "The gradient of `max_pooling` at `x`: each element of `dy` \
              goes to its window's largest element, the first of equals.",
        params: &[X, DY, KERNEL, STRIDE, PAD],
        infer: |call| {
            let pooled = infer_pooling(call)?;
            like(call, 1, &pooled.shape)?;
            Ok(call.inputs[0].clone())
        },
        eval: |call| {
            let (x, dy) = (call.inputs[0].to_f64(), call.inputs[1].to_f64());
            let mut dx = vec![0.0; x.len()];
            for (gradient, place) in
                dy.iter().zip(winners(&x, call.inputs[0].shape(), call.inputs[1].shape(), &call.node.attrs))
            {
                dx[place] += gradient;
            }
            eval::finish(call, eval::array(&call.shape, dx))
        },
        gradient: Gradient::Rule(|call| {
            let x = call.node.inputs[0];
            // Which element is largest does not change in small steps.
            let by_dy = call.wanted[1].then(|| call.b.emit(MAX_POOLING_PICK, &[x, call.grad], call.node.attrs.clone()));
            vec![None, by_dy]
        }),
        batch: leading_axes,
        cases: || {
            geometries().iter().map(|geometry| case(&[distinct(geometry.x), floats(geometry.y)], geometry)).collect()
        },
    },
    Primitive {
        op: MAX_POOLING_PICK,
        doc: "The element of `v` at the place of the largest element of `x` in each window, the first of equals.",
        params: &[X, required("v", ParamKind::Tensor), KERNEL, STRIDE, PAD],
        infer: |call| {
            like(call, 1, &call.inputs[0].shape)?;
            infer_pooling(call)
        },
        eval: |call| pick(call, 1),
        gradient: Gradient::Rule(|call| {
            let x = call.node.inputs[0];
            let by_v =
                call.wanted[1].then(|| call.b.emit(MAX_POOLING_GRADIENT, &[x, call.grad], call.node.attrs.clone()));
            vec![None, by_v]
        }),
        batch: leading_axes,
        cases: || {
            geometries().iter().map(|geometry| case(&[distinct(geometry.x), floats(geometry.x)], geometry)).collect()
        },
    },
    Primitive {
        op: SUM_POOLING,
        doc: "The sum of each window over the last axes, as many as `kernel` has entries. Padding counts as zero.",
        params: &[X, KERNEL, STRIDE, PAD],
        infer: infer_pooling,
        eval: |call| {
            let x = call.inputs[0].to_f64();
            let mut y = vec![0.0; call.shape.iter().product()];
            each_pair(call.inputs[0].shape(), &call.shape, &call.node.attrs, |from, to| y[to] += x[from]);
            eval::finish(call, eval::array(&call.shape, y))
        },
        gradient: Gradient::Rule(|call| {
            let (shape, spatial) = (call.b.shape(call.node.inputs[0]), call.node.attrs.get_ints("kernel").len());
            let size = shape[shape.rank() - spatial..].iter().cloned().collect();
            let attrs = call.node.attrs.clone().dims("size", size);
            vec![Some(call.b.emit(SUM_POOLING_GRADIENT, &[call.grad], attrs))]
        }),
        batch: leading_axes,
        cases: || geometries().iter().map(|geometry| case(&[floats(geometry.x)], geometry)).collect(),
    },
    Primitive {
        op: SUM_POOLING_GRADIENT,
        doc: "The gradient of `sum_pooling`, whose operand's last axes have the sizes `size`: \
              each element goes to its whole window.",
        params: &[DY, KERNEL, STRIDE, PAD, required("size", ParamKind::Shape)],
        infer: infer_sum_gradient,
        eval: |call| {
            let dy = call.inputs[0].to_f64();
            let mut dx = vec![0.0; call.shape.iter().product()];
            each_pair(&call.shape, call.inputs[0].shape(), &call.node.attrs, |to, from| dx[to] += dy[from]);
            eval::finish(call, eval::array(&call.shape, dx))
        },
        gradient: Gradient::Rule(|call| {
            let attrs = &call.node.attrs;
            let shared = ["kernel", "stride", "pad"].iter();
            let attrs = shared.fold(Attrs::new(), |all, name| all.ints(name, attrs.get_ints(name)));
            vec![Some(call.b.emit(SUM_POOLING, &[call.grad], attrs))]
        }),
        batch: leading_axes,
        cases: || {
            let sized = |geometry: &Geometry| {
                let spatial = geometry.kernel.len();
                let mut case = case(&[floats(geometry.y)], geometry);
                case.attrs = case.attrs.dims("size", geometry.x[geometry.x.len() - spatial..].into());
                case
            };
            geometries().iter().map(sized).collect()
        },
    },
];

/// The window of a pooling. Its padding is narrower than it, so that no window lies in padding alone.
fn window(attrs: &Attrs) -> Result<Window, Misfit> {
    let kernel = attrs.get_ints("kernel").iter().copied().map(Dim::new).collect();
    let window = Window::new(kernel, attrs)?;
    match attrs.get_ints("kernel").iter().zip(&window.pad).find(|(kernel, pad)| pad >= kernel) {
        None => Ok(window),
        Some((kernel, pad)) => {
            let message = format!("is {pad}, not less than the kernel's {kernel}");
            Err(Misfit::Attribute { name: "pad", message })
        }
    }
}

fn infer_pooling(call: &InferCall) -> Result<Type, Misfit> {
    let (shape, window) = (&infer::float(call, 0)?.shape, window(call.attrs)?);
    let spatial = window.kernel.len();
    let Some(leading) = shape.rank().checked_sub(spatial) else {
        let expected = format!("at least {spatial} axes");
        return Err(Misfit::Rank { argument: 0, expected, found: shape.rank() });
    };
    let positions = window.positions(&shape[leading..], 0, leading)?;
    Ok(Type::f32(shape[..leading].iter().chain(positions.iter()).cloned().collect::<Shape>()))
}

fn infer_sum_gradient(call: &InferCall) -> Result<Type, Misfit> {
    let (shape, window) = (&infer::float(call, 0)?.shape, window(call.attrs)?);
    let (size, spatial) = (call.attrs.get_dims("size"), window.kernel.len());
    if size.rank() != spatial {
        let message = format!("has {} entries for {spatial} spatial axes", size.rank());
        return Err(Misfit::Attribute { name: "size", message });
    }
    let Some(leading) = shape.rank().checked_sub(spatial) else {
        let expected = format!("at least {spatial} axes");
        return Err(Misfit::Rank { argument: 0, expected, found: shape.rank() });
    };
    let positions = window.positions(size, 0, leading)?;
    like(call, 0, &shape[..leading].iter().chain(positions.iter()).cloned().collect())?;
    Ok(Type::f32(shape[..leading].iter().chain(size.iter()).cloned().collect::<Shape>()))
}

/// Demands that a float operand has a shape that another one, the first, gives.
fn like(call: &InferCall, argument: usize, expected: &Shape) -> Result<(), Misfit> {
    let found = &infer::float(call, argument)?.shape;
    if found.rank() != expected.rank() {
        let expected = format!("{} axes", expected.rank());
        return Err(Misfit::Rank { argument, expected, found: found.rank() });
    }
    for (axis, (left, right)) in expected.iter().zip(found.iter()).enumerate() {
        match left.compare(right) {
            Ordering3::Equal => {}
            Ordering3::Different => {
                return Err(Misfit::Elementwise {
                    left: (0, axis, left.clone()),
                    right: (argument, axis, right.clone()),
                });
            }
            Ordering3::Undecided => return Err(Misfit::Undecided { left: left.clone(), right: right.clone() }),
        }
    }
    Ok(())
}

/// Calls `visit` with the flat places, in the data and in the pooled value, of every element and window that holds it; the elements
/// of one window in row-major order.
fn each_pair(data: &[usize], pooled: &[usize], attrs: &Attrs, mut visit: impl FnMut(usize, usize)) {
    let window = window(attrs).expect("verified attributes");
    let (leading, sizes) = data.split_at(data.len() - window.kernel.len());
    let positions = &pooled[leading.len()..];
    let volume = |sizes: &[usize]| sizes.iter().product::<usize>();
    for image in 0..volume(leading) {
        window.each_tap(sizes, positions, |position, _, place| {
            visit(image * volume(sizes) + place, image * volume(positions) + position);
        });
    }
}

/// Where the largest element of each window stands.
fn winners(x: &[f64], data: &[usize], pooled: &[usize], attrs: &Attrs) -> Vec<usize> {
    let mut winners: Vec<Option<usize>> = vec![None; pooled.iter().product()];
    each_pair(data, pooled, attrs, |from, to| {
        let beaten = winners[to].is_none_or(|best| x[from] > x[best] || (x[from].is_nan() && !x[best].is_nan()));
        if beaten {
            winners[to] = Some(from);
        }
    });
    winners.into_iter().map(|winner| winner.expect("no window lies in padding alone")).collect()
}

/// The elements of operand `of` at the places of the largest elements of the first one.
fn pick(call: &EvalCall, of: usize) -> Tensor {
    let (x, values) = (call.inputs[0].to_f64(), call.inputs[of].to_f64());
    let places = winners(&x, call.inputs[0].shape(), &call.shape, &call.node.attrs);
    eval::finish(call, eval::array(&call.shape, places.into_iter().map(|place| values[place]).collect()))
}

/// Windows move over the last axes, so that a batch axis in front changes nothing; operands get it alike.
fn leading_axes(call: &mut BatchCall) -> Result<Value, String> {
    let mut inputs = Vec::with_capacity(call.inputs.len());
    for (input, batched) in call.inputs.iter().zip(call.batched) {
        inputs.push(if *batched { *input } else { batch::repeat(call.b, *input) });
    }
    Ok(call.b.emit(call.node.op, &inputs, call.node.attrs.clone()))
}

/// The shapes and attributes of a test case.
struct Geometry {
    x: &'static [usize],
    y: &'static [usize],
    kernel: &'static [i64],
    stride: &'static [i64],
    pad: &'static [i64],
}

fn geometries() -> [Geometry; 4] {
    [
        Geometry { x: &[2, 4, 6], y: &[2, 2, 3], kernel: &[2, 2], stride: &[2, 2], pad: &[0, 0] },
        Geometry { x: &[2, 3, 5, 4], y: &[2, 3, 3, 3], kernel: &[3, 2], stride: &[2, 2], pad: &[1, 1] },
        Geometry { x: &[5], y: &[4], kernel: &[2], stride: &[1], pad: &[0] },
        Geometry { x: &[3, 3, 4], y: &[2, 3, 2], kernel: &[2, 1, 3], stride: &[1, 1, 2], pad: &[0, 0, 1] },
    ]
}

fn floats(shape: &[usize]) -> CaseInput {
    CaseInput { ty: Type::f32(shape), domain: Domain::Range(-2.0, 2.0) }
}

fn distinct(shape: &[usize]) -> CaseInput {
    CaseInput { ty: Type::f32(shape), domain: Domain::Distinct(0.1) }
}

fn case(inputs: &[CaseInput], geometry: &Geometry) -> Case {
    let attrs = Attrs::new().ints("kernel", geometry.kernel).ints("stride", geometry.stride).ints("pad", geometry.pad);
    Case { inputs: inputs.to_vec(), attrs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{evaluate, noise};

    fn plane(kernel: [i64; 2], stride: [i64; 2], pad: [i64; 2]) -> Attrs {
        Attrs::new().ints("kernel", kernel).ints("stride", stride).ints("pad", pad)
    }

    #[test]
    fn small_cases_by_hand() {
        let x = Tensor::f32(&[3, 3], vec![1.0, 2.0, 3.0, 4.0, 9.0, 9.0, 7.0, 8.0, -5.0]);
        let pooled = |op, attrs| evaluate(op, std::slice::from_ref(&x), attrs);
        // Without its border: a 2x2 window fits 3 once in steps of 2.
        assert_eq!(pooled(MAX_POOLING, plane([2, 2], [2, 2], [0, 0])), Tensor::f32(&[1, 1], vec![9.0]));
        assert_eq!(pooled(SUM_POOLING, plane([2, 2], [2, 2], [0, 0])), Tensor::f32(&[1, 1], vec![16.0]));
        let padded = plane([2, 2], [2, 2], [1, 1]);
        assert_eq!(pooled(MAX_POOLING, padded.clone()), Tensor::f32(&[2, 2], vec![1.0, 3.0, 7.0, 9.0]));
        assert_eq!(pooled(SUM_POOLING, padded), Tensor::f32(&[2, 2], vec![1.0, 5.0, 11.0, 21.0]));
        // Padding never wins, even among negative numbers.
        let negative = Tensor::f32(&[2], vec![-3.0, -2.0]);
        let attrs = Attrs::new().ints("kernel", [2]).ints("stride", [1]).ints("pad", [1]);
        assert_eq!(evaluate(MAX_POOLING, &[negative], attrs), Tensor::f32(&[3], vec![-3.0, -2.0, -2.0]));
    }

    #[test]
    fn the_first_of_equal_maxima_gets_the_gradient() {
        let (x, dy) = (Tensor::f32(&[4], vec![2.0, 2.0, 1.0, 2.0]), Tensor::f32(&[3], vec![1.0, 10.0, 100.0]));
        let attrs = Attrs::new().ints("kernel", [2]).ints("stride", [1]).ints("pad", [0]);
        let dx = evaluate(MAX_POOLING_GRADIENT, &[x.clone(), dy], attrs.clone());
        assert_eq!(dx, Tensor::f32(&[4], vec![1.0, 10.0, 0.0, 100.0]));
        let v = Tensor::f32(&[4], vec![5.0, 6.0, 7.0, 8.0]);
        assert_eq!(evaluate(MAX_POOLING_PICK, &[x, v], attrs), Tensor::f32(&[3], vec![5.0, 6.0, 8.0]));
    }

    #[test]
    fn nan_wins() {
        let x = Tensor::f32(&[2], vec![f32::NAN, 1.0]);
        let attrs = Attrs::new().ints("kernel", [2]).ints("stride", [1]).ints("pad", [0]);
        assert!(evaluate(MAX_POOLING, &[x], attrs).to_f64()[0].is_nan());
    }

    /// Every window written out on a copy padded with what never counts.
    #[test]
    fn equals_the_direct_definition() {
        let (height, width, kernel, stride, pad) = (7usize, 6usize, [3usize, 2], [2usize, 1], [1usize, 1]);
        let x = noise(&[2, height, width], 5);
        let attrs = plane(kernel.map(|x| x as i64), stride.map(|x| x as i64), pad.map(|x| x as i64));
        let values = x.to_f64();
        let (mut largest, mut sums) = (Vec::new(), Vec::new());
        for map in 0..2 {
            for row in 0..(height + 2 * pad[0] - kernel[0]) / stride[0] + 1 {
                for column in 0..(width + 2 * pad[1] - kernel[1]) / stride[1] + 1 {
                    let (top, left) = (row * stride[0], column * stride[1]);
                    let inside = (top..top + kernel[0]).flat_map(|r| (left..left + kernel[1]).map(move |c| (r, c)));
                    let inside = inside
                        .filter(|(r, c)| (pad[0]..height + pad[0]).contains(r) && (pad[1]..width + pad[1]).contains(c));
                    let window: Vec<f64> =
                        inside.map(|(r, c)| values[(map * height + r - pad[0]) * width + c - pad[1]]).collect();
                    largest.push(window.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                    sums.push(window.iter().sum::<f64>() as f32);
                }
            }
        }
        assert_eq!(evaluate(MAX_POOLING, std::slice::from_ref(&x), attrs.clone()).to_f64(), largest);
        assert_eq!(evaluate(SUM_POOLING, &[x], attrs).to_f32(), sums);
    }
}
