//! Convolution and its two gradients. Each is linear in both operands, and the three are each other's derivatives.
//!
//! With y = convolution(x, w) all three sum the same products: over every sample n, position p, output map o, input map c of o's group
//! and kernel element k, of y\[n, o, p\], w\[o, c, k\] and x\[n, c, stride p + dilation k - pad\], two of which are given.

use super::Window;
use crate::ir::{Attr, Attrs, Op, Value};
use crate::ops::{BatchCall, Case, Default, EvalCall, Gradient, GradientCall, InferCall, Misfit, Param, ParamKind};
use crate::ops::{Primitive, eval, infer};
use crate::tensor::{Dim, Ordering3, Shape, Tensor, Type};

/// The convolution.
pub const CONVOLUTION: Op = Op("convolution");

/// Its gradient by the data.
pub const CONVOLUTION_DATA_GRADIENT: Op = Op("convolution_data_gradient");

/// Its gradient by the weight.
pub const CONVOLUTION_WEIGHT_GRADIENT: Op = Op("convolution_weight_gradient");

const fn required(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, default: Default::Required }
}

const STRIDE: Param = required("stride", ParamKind::Ints);
const PAD: Param = required("pad", ParamKind::Ints);
const DILATION: Param = required("dilation", ParamKind::Ints);
const GROUP: Param = required("group", ParamKind::Int);
const SIZE: Param = required("size", ParamKind::Shape);

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: CONVOLUTION,
        doc: "The convolution (without reversal: a cross-correlation) of `x`, maps and one to three spatial axes, \
              with `w` [O, C / group, kernel ..]. \
              An axis in front of the maps counts samples. Padding is zero.",
        params: &[required("x", ParamKind::Tensor), required("w", ParamKind::Tensor), STRIDE, PAD, DILATION, GROUP],
        infer: infer_forward,
        eval: eval_forward,
        gradient: Gradient::Rule(|call| {
            let (x, w) = (call.node.inputs[0], call.node.inputs[1]);
            let by_x = call.wanted[0].then(|| data_gradient(call, call.grad, w, x));
            let by_w = call.wanted[1].then(|| weight_gradient(call, x, call.grad, w));
            vec![by_x, by_w]
        }),
        batch: batch_maps,
        cases: || geometries().into_iter().map(|geometry| geometry.case(&[Role::X, Role::W], None)).collect(),
    },
    Primitive {
        op: CONVOLUTION_DATA_GRADIENT,
        doc: "The gradient of `convolution` by its data, whose spatial axes have the sizes `size`; \
              also called a transposed convolution.",
        params: &[
            required("dy", ParamKind::Tensor),
            required("w", ParamKind::Tensor),
            STRIDE,
            PAD,
            DILATION,
            GROUP,
            SIZE,
        ],
        infer: infer_data,
        eval: eval_data,
        gradient: Gradient::Rule(|call| {
            let (dy, w) = (call.node.inputs[0], call.node.inputs[1]);
            let by_dy = call.wanted[0].then(|| forward(call, call.grad, w));
            let by_w = call.wanted[1].then(|| weight_gradient(call, call.grad, dy, w));
            vec![by_dy, by_w]
        }),
        batch: batch_maps,
        cases: || geometries().into_iter().map(|geometry| geometry.case(&[Role::Y, Role::W], Some(Role::X))).collect(),
    },
    Primitive {
        op: CONVOLUTION_WEIGHT_GRADIENT,
        doc: "The gradient of `convolution` by its weight, whose kernel has the sizes `size`, summed over the samples.",
        params: &[
            required("x", ParamKind::Tensor),
            required("dy", ParamKind::Tensor),
            STRIDE,
            PAD,
            DILATION,
            GROUP,
            SIZE,
        ],
        infer: infer_weight,
        eval: eval_weight,
        gradient: Gradient::Rule(|call| {
            let (x, dy) = (call.node.inputs[0], call.node.inputs[1]);
            let by_x = call.wanted[0].then(|| data_gradient(call, dy, call.grad, x));
            let by_dy = call.wanted[1].then(|| forward(call, x, call.grad));
            vec![by_x, by_dy]
        }),
        batch: |_| Err("the gradient by a convolution's weight cannot be taken sample by sample".to_owned()),
        cases: || geometries().into_iter().map(|geometry| geometry.case(&[Role::X, Role::Y], Some(Role::W))).collect(),
    },
];

/// Attributes with or without `size`.
fn attrs_with_size(attrs: &Attrs, size: Option<&[Dim]>) -> Attrs {
    let shared = attrs.iter().filter(|(name, _)| *name != "size");
    let shared = shared.fold(Attrs::new(), |all, (name, value)| all.with(name, value.clone()));
    match size {
        Some(size) => shared.with("size", Attr::Dims(size.iter().cloned().collect())),
        None => shared,
    }
}

fn forward(call: &mut GradientCall, x: Value, w: Value) -> Value {
    call.b.emit(CONVOLUTION, &[x, w], attrs_with_size(&call.node.attrs, None))
}

fn data_gradient(call: &mut GradientCall, dy: Value, w: Value, like_x: Value) -> Value {
    let (x, spatial) = (call.b.shape(like_x), call.node.attrs.get_ints("stride").len());
    let attrs = attrs_with_size(&call.node.attrs, Some(&x[x.rank() - spatial..]));
    call.b.emit(CONVOLUTION_DATA_GRADIENT, &[dy, w], attrs)
}

fn weight_gradient(call: &mut GradientCall, x: Value, dy: Value, like_w: Value) -> Value {
    let attrs = attrs_with_size(&call.node.attrs, Some(&call.b.shape(like_w)[2..]));
    call.b.emit(CONVOLUTION_WEIGHT_GRADIENT, &[x, dy], attrs)
}

/// The axes of an operand: samples, if it has them, maps, spatial sizes.
struct Maps<'a> {
    samples: Option<&'a Dim>,
    maps: &'a Dim,
    spatial: &'a [Dim],
}

impl Maps<'_> {
    fn shape(&self) -> Shape {
        self.samples.into_iter().chain([self.maps]).chain(self.spatial).cloned().collect()
    }
}

fn maps<'a>(call: &InferCall<'a>, argument: usize, spatial: usize) -> Result<Maps<'a>, Misfit> {
    let shape = &infer::float(call, argument)?.shape;
    let rank = shape.rank();
    if rank != spatial + 1 && rank != spatial + 2 {
        let expected = format!("maps and {spatial} spatial axes ({} axes)", spatial + 1);
        return Err(Misfit::Rank { argument, expected, found: rank });
    }
    let samples = (rank == spatial + 2).then(|| &shape[0]);
    Ok(Maps { samples, maps: &shape[rank - spatial - 1], spatial: &shape[rank - spatial..] })
}

fn weight<'a>(call: &InferCall<'a>) -> Result<&'a [Dim], Misfit> {
    let shape = &infer::float(call, 1)?.shape;
    if !(3..=5).contains(&shape.rank()) {
        let expected = "a weight [maps, maps, kernel ..] with one to three spatial axes (3 to 5 axes)".to_owned();
        return Err(Misfit::Rank { argument: 1, expected, found: shape.rank() });
    }
    Ok(shape)
}

/// Two sizes that are summed over, or that must be alike for another reason.
fn alike(left: (usize, usize, &Dim), right: (usize, usize, &Dim)) -> Result<(), Misfit> {
    let owned = |(argument, axis, dim): (usize, usize, &Dim)| (argument, axis, dim.clone());
    match left.2.compare(right.2) {
        Ordering3::Equal => Ok(()),
        Ordering3::Different => Err(Misfit::Contraction { left: owned(left), right: owned(right) }),
        Ordering3::Undecided => Err(Misfit::Undecided { left: left.2.clone(), right: right.2.clone() }),
    }
}

/// The number of groups, which must divide `maps`.
fn group(attrs: &Attrs, maps: &Dim) -> Result<Dim, Misfit> {
    let group = attrs.get_int("group");
    let refuse = |message| Err(Misfit::Attribute { name: "group", message });
    if group < 1 {
        return refuse(format!("is {group}; the least is 1"));
    }
    match maps.clone().modulo(Dim::new(group)).constant() {
        Some(0) => Ok(Dim::new(group)),
        _ => refuse(format!("is {group}, which does not divide {maps} maps")),
    }
}

fn infer_forward(call: &InferCall) -> Result<Type, Misfit> {
    let w = weight(call)?;
    let x = maps(call, 0, w.len() - 2)?;
    let first = usize::from(x.samples.is_some());
    let fan_in = w[1].clone() * group(call.attrs, &w[0])?;
    alike((0, first, x.maps), (1, 1, &fan_in))?;
    let positions = Window::new(w[2..].to_vec(), call.attrs)?.positions(x.spatial, 0, first + 1)?;
    Ok(Type::f32(Maps { samples: x.samples, maps: &w[0], spatial: &positions }.shape()))
}

fn infer_data(call: &InferCall) -> Result<Type, Misfit> {
    let w = weight(call)?;
    let (dy, size) = (maps(call, 0, w.len() - 2)?, call.attrs.get_dims("size"));
    let first = usize::from(dy.samples.is_some());
    let fan_in = w[1].clone() * group(call.attrs, &w[0])?;
    alike((0, first, dy.maps), (1, 0, &w[0]))?;
    let positions = Window::new(w[2..].to_vec(), call.attrs)?.positions(size_of(size, w.len() - 2)?, 0, first + 1)?;
    for (axis, (found, wanted)) in dy.spatial.iter().zip(positions.iter()).enumerate() {
        alike((0, first + 1 + axis, found), (0, first + 1 + axis, wanted))?;
    }
    Ok(Type::f32(Maps { samples: dy.samples, maps: &fan_in, spatial: size }.shape()))
}

fn infer_weight(call: &InferCall) -> Result<Type, Misfit> {
    let size = call.attrs.get_dims("size");
    let (x, dy) = (maps(call, 0, size.rank())?, maps(call, 1, size.rank())?);
    let group = group(call.attrs, x.maps)?;
    self::group(call.attrs, dy.maps)?;
    if call.inputs[0].shape.rank() != call.inputs[1].shape.rank() {
        let expected = format!("{} axes", call.inputs[0].shape.rank());
        return Err(Misfit::Rank { argument: 1, expected, found: call.inputs[1].shape.rank() });
    }
    if let (Some(left), Some(right)) = (x.samples, dy.samples) {
        alike((0, 0, left), (1, 0, right))?;
    }
    let first = usize::from(x.samples.is_some()) + 1;
    let positions = Window::new(size.to_vec(), call.attrs)?.positions(x.spatial, 0, first)?;
    for (axis, (wanted, found)) in positions.iter().zip(dy.spatial).enumerate() {
        alike((0, first + axis, wanted), (1, first + axis, found))?;
    }
    let each = x.maps.clone().floor_div(group);
    Ok(Type::f32([dy.maps.clone(), each].into_iter().chain(size.iter().cloned()).collect::<Shape>()))
}

fn size_of(size: &Shape, spatial: usize) -> Result<&[Dim], Misfit> {
    let message = || format!("has {} entries for {spatial} spatial axes", size.rank());
    if size.rank() == spatial { Ok(size) } else { Err(Misfit::Attribute { name: "size", message: message() }) }
}

/// Calls `visit` with the flat places in x, w and y of every product that the convolution sums.
fn each_product(call: &EvalCall, x: &[usize], w: &[usize], y: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
    let spatial = w.len() - 2;
    let kernel = w[2..].iter().map(|size| Dim::from(*size)).collect();
    let window = Window::new(kernel, &call.node.attrs).expect("verified attributes");
    let (data, positions) = (&x[x.len() - spatial..], &y[y.len() - spatial..]);
    let volume = |sizes: &[usize]| sizes.iter().product::<usize>();
    let (data_volume, kernel_volume, volume_out) = (volume(data), volume(&w[2..]), volume(positions));
    let (maps_in, maps_out, each) = (x[x.len() - spatial - 1], w[0], w[1]);
    let samples = if x.len() == w.len() { x[0] } else { 1 };
    let per_group = maps_out / call.node.attrs.get_int("group") as usize;
    let mut taps = Vec::new();
    window.each_tap(data, positions, |position, element, place| taps.push((position, element, place)));
    for sample in 0..samples {
        for out in 0..maps_out {
            for map in 0..each {
                let from = sample * maps_in + out / per_group * each + map;
                for (position, element, place) in &taps {
                    let in_w = (out * each + map) * kernel_volume + element;
                    visit(from * data_volume + place, in_w, (sample * maps_out + out) * volume_out + position);
                }
            }
        }
    }
}

fn eval_forward(call: &EvalCall) -> Tensor {
    let (x, w) = (call.inputs[0].to_f64(), call.inputs[1].to_f64());
    let mut y = vec![0.0; call.shape.iter().product()];
    let (x_sizes, w_sizes) = (call.inputs[0].shape(), call.inputs[1].shape());
    each_product(call, x_sizes, w_sizes, &call.shape, |in_x, in_w, in_y| y[in_y] += x[in_x] * w[in_w]);
    eval::finish(call, eval::array(&call.shape, y))
}

fn eval_data(call: &EvalCall) -> Tensor {
    let (y, w) = (call.inputs[0].to_f64(), call.inputs[1].to_f64());
    let mut x = vec![0.0; call.shape.iter().product()];
    let (y_sizes, w_sizes) = (call.inputs[0].shape(), call.inputs[1].shape());
    each_product(call, &call.shape, w_sizes, y_sizes, |in_x, in_w, in_y| x[in_x] += y[in_y] * w[in_w]);
    eval::finish(call, eval::array(&call.shape, x))
}

fn eval_weight(call: &EvalCall) -> Tensor {
    let (x, y) = (call.inputs[0].to_f64(), call.inputs[1].to_f64());
    let mut w = vec![0.0; call.shape.iter().product()];
    let (x_sizes, y_sizes) = (call.inputs[0].shape(), call.inputs[1].shape());
    each_product(call, x_sizes, &call.shape, y_sizes, |in_x, in_w, in_y| w[in_w] += x[in_x] * y[in_y]);
    eval::finish(call, eval::array(&call.shape, w))
}

/// The batch axis becomes, or joins, the axis that counts samples.
fn batch_maps(call: &mut BatchCall) -> Result<Value, String> {
    if call.batched[1] {
        return Err("a convolution's weight cannot differ from sample to sample".to_owned());
    }
    let (x, w) = (call.inputs[0], call.inputs[1]);
    let shape = call.b.shape(x);
    if shape.rank() == call.b.ty(w).shape.rank() {
        return Ok(call.b.emit(call.node.op, &[x, w], call.node.attrs.clone()));
    }
    let samples = shape[0].clone() * shape[1].clone();
    let joined = std::iter::once(samples).chain(shape[2..].iter().cloned()).collect();
    let joined = call.b.reshape(x, joined);
    let result = call.b.emit(call.node.op, &[joined, w], call.node.attrs.clone());
    let own = call.b.shape(result);
    let apart = shape[..2].iter().chain(&own[1..]).cloned().collect();
    Ok(call.b.reshape(result, apart))
}

enum Role {
    X,
    W,
    Y,
}

/// The shapes and attributes of a test case.
struct Geometry {
    x: &'static [usize],
    w: &'static [usize],
    y: &'static [usize],
    stride: &'static [i64],
    pad: &'static [i64],
    dilation: &'static [i64],
    group: i64,
}

impl Geometry {
    fn shape(&self, role: &Role) -> &'static [usize] {
        match role {
            Role::X => self.x,
            Role::W => self.w,
            Role::Y => self.y,
        }
    }

    fn case(&self, inputs: &[Role], size: Option<Role>) -> Case {
        let inputs: Vec<(&[usize], f64, f64)> = inputs.iter().map(|role| (self.shape(role), -2.0, 2.0)).collect();
        let attrs = Attrs::new().ints("stride", self.stride).ints("pad", self.pad).ints("dilation", self.dilation);
        let attrs = attrs.int("group", self.group);
        let spatial = self.w.len() - 2;
        let size = size.map(|role| self.shape(&role)).map(|shape| Shape::from(&shape[shape.len() - spatial..]));
        Case::floats(&inputs, size.into_iter().fold(attrs, |attrs, size| attrs.dims("size", size)))
    }
}

fn geometries() -> Vec<Geometry> {
    vec![
        Geometry {
            x: &[2, 5, 4],
            w: &[3, 2, 3, 2],
            y: &[3, 3, 3],
            stride: &[1, 1],
            pad: &[0, 0],
            dilation: &[1, 1],
            group: 1,
        },
        Geometry {
            x: &[2, 4, 6, 5],
            w: &[6, 2, 2, 3],
            y: &[2, 6, 3, 5],
            stride: &[2, 1],
            pad: &[0, 2],
            dilation: &[1, 2],
            group: 2,
        },
        Geometry { x: &[3, 7], w: &[3, 1, 3], y: &[3, 4], stride: &[2], pad: &[1], dilation: &[1], group: 3 },
        Geometry {
            x: &[2, 3, 4, 3],
            w: &[2, 2, 2, 2, 3],
            y: &[2, 3, 2, 3],
            stride: &[1, 3, 1],
            pad: &[1, 1, 1],
            dilation: &[2, 1, 1],
            group: 1,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{evaluate, infer, noise};

    fn plane(stride: [i64; 2], pad: [i64; 2], dilation: [i64; 2], group: i64) -> Attrs {
        Attrs::new().ints("stride", stride).ints("pad", pad).ints("dilation", dilation).int("group", group)
    }

    #[test]
    fn small_cases_by_hand() {
        let x = Tensor::f32(&[1, 3, 3], (1..10).map(|x| x as f32).collect());
        let w = Tensor::f32(&[1, 1, 2, 2], vec![1.0, 0.0, 0.0, -1.0]);
        let y = evaluate(CONVOLUTION, &[x.clone(), w.clone()], plane([1, 1], [0, 0], [1, 1], 1));
        assert_eq!(y, Tensor::f32(&[1, 2, 2], vec![-4.0; 4]));
        let strided = evaluate(CONVOLUTION, &[x.clone(), w.clone()], plane([2, 2], [1, 1], [1, 1], 1));
        assert_eq!(strided, Tensor::f32(&[1, 2, 2], vec![-1.0, -3.0, -7.0, 1.0 * 5.0 - 9.0]));
        let dilated = evaluate(CONVOLUTION, &[x, w], plane([1, 1], [0, 0], [2, 2], 1));
        assert_eq!(dilated, Tensor::f32(&[1, 1, 1], vec![1.0 - 9.0]));
    }

    /// The textbook definition on a padded copy, for one image.
    fn direct(x: &[f64], w: &[f64], x_sizes: [usize; 3], w_sizes: [usize; 4], attrs: &Attrs) -> Vec<f64> {
        let at = |name, axis: usize| attrs.get_ints(name)[axis] as usize;
        let [maps, height, width] = x_sizes;
        let [out, each, kh, kw] = w_sizes;
        let (tall, wide) = (height + 2 * at("pad", 0), width + 2 * at("pad", 1));
        let mut padded = vec![vec![vec![0.0; wide]; tall]; maps];
        for (place, value) in x.iter().enumerate() {
            let (map, row, column) = (place / (height * width), place / width % height, place % width);
            padded[map][row + at("pad", 0)][column + at("pad", 1)] = *value;
        }
        let rows = (tall - at("dilation", 0) * (kh - 1) - 1) / at("stride", 0) + 1;
        let columns = (wide - at("dilation", 1) * (kw - 1) - 1) / at("stride", 1) + 1;
        let per_group = out / (maps / each);
        let mut y = Vec::new();
        for o in 0..out {
            for row in 0..rows {
                for column in 0..columns {
                    let mut sum = 0.0;
                    for c in 0..each {
                        for i in 0..kh {
                            for j in 0..kw {
                                let (r, s) = (row * at("stride", 0) + i * at("dilation", 0), j * at("dilation", 1));
                                let pixel = padded[o / per_group * each + c][r][column * at("stride", 1) + s];
                                sum += pixel * w[((o * each + c) * kh + i) * kw + j];
                            }
                        }
                    }
                    y.push(sum);
                }
            }
        }
        y
    }

    #[test]
    fn equals_the_direct_definition() {
        let geometries: [([usize; 3], [usize; 4], Attrs); 4] = [
            ([2, 6, 5], [3, 2, 3, 3], plane([1, 1], [1, 1], [1, 1], 1)),
            ([4, 7, 8], [6, 2, 3, 2], plane([2, 3], [0, 2], [1, 2], 2)),
            ([3, 5, 5], [3, 1, 5, 5], plane([1, 1], [2, 2], [1, 1], 3)),
            ([1, 9, 4], [2, 1, 1, 4], plane([4, 1], [3, 0], [1, 1], 1)),
        ];
        for (x_sizes, w_sizes, attrs) in geometries {
            let (x, w) = (noise(&x_sizes, 3), noise(&w_sizes, 4));
            let expected = direct(&x.to_f64(), &w.to_f64(), x_sizes, w_sizes, &attrs);
            let found = evaluate(CONVOLUTION, &[x.clone(), w.clone()], attrs.clone()).to_f64();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
            }
            // A batch is its images one by one.
            let pair = Tensor::f32(&[&[2][..], &x_sizes].concat(), [x.to_f32(), x.to_f32()].concat());
            let both = evaluate(CONVOLUTION, &[pair, w], attrs).to_f64();
            assert_eq!(both, [found.clone(), found].concat());
        }
    }

    /// Both gradients satisfy <dy, y(x, w)> = <dx, x> = <dw, w>, whatever dy is.
    #[test]
    fn gradients_are_transposes() {
        let attrs = plane([2, 1], [1, 0], [1, 2], 2);
        let (x, w, dy) = (noise(&[2, 4, 6, 5], 1), noise(&[4, 2, 3, 2], 2), noise(&[2, 4, 3, 3], 3));
        let y = evaluate(CONVOLUTION, &[x.clone(), w.clone()], attrs.clone());
        let sized = |size: [i64; 2]| attrs.clone().dims("size", size.into());
        let dx = evaluate(CONVOLUTION_DATA_GRADIENT, &[dy.clone(), w.clone()], sized([6, 5]));
        let dw = evaluate(CONVOLUTION_WEIGHT_GRADIENT, &[x.clone(), dy.clone()], sized([3, 2]));
        let dot = |a: &Tensor, b: &Tensor| a.to_f64().iter().zip(b.to_f64()).map(|(a, b)| a * b).sum::<f64>();
        assert_eq!((dx.shape(), dw.shape()), (x.shape(), w.shape()));
        assert!((dot(&dy, &y) - dot(&dx, &x)).abs() < 1e-5);
        assert!((dot(&dy, &y) - dot(&dw, &w)).abs() < 1e-5);
    }

    #[test]
    fn misfits_name_argument_and_axis() {
        let attrs = plane([1, 1], [0, 0], [1, 1], 1);
        let (x, w) = (Type::f32([1, 4, 28]), Type::f32([8, 1, 5, 5]));
        let small = Misfit::Spatial { argument: 0, axis: 1, size: Dim::new(4), window: 5 };
        assert_eq!(infer(CONVOLUTION, &[x, w.clone()], &attrs), Err(small));
        let maps = Misfit::Contraction { left: (0, 1, Dim::new(3)), right: (1, 1, Dim::new(1)) };
        assert_eq!(infer(CONVOLUTION, &[Type::f32([2, 3, 9, 9]), w.clone()], &attrs), Err(maps));
        let rank = infer(CONVOLUTION, &[Type::f32([28, 28]), w.clone()], &attrs);
        assert!(matches!(rank, Err(Misfit::Rank { argument: 0, found: 2, .. })), "{rank:?}");
        let sizes = [Dim::new(1), Dim::symbol("H"), Dim::new(28)];
        let symbolic = infer(CONVOLUTION, &[Type::f32(sizes.into_iter().collect::<Shape>()), w], &attrs);
        assert_eq!(symbolic.map(|ty| ty.to_string()), Ok("[8, H - 4, 24]".to_owned()));
    }
}
