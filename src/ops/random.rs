//! Primitives that draw random numbers.
//!
//! A number depends on the run's seed and step, on the drawing expression's path, on the sample and on the element's place within the
//! sample, and on nothing else, so a minibatch may be spread and tiled in any way. What is drawn once for all samples is drawn as
//! sample 0. The same single-precision numbers are drawn when floats are computed in double precision.

use ndarray::{Array2, ArrayD};

use super::{BatchCall, Case, Default, EvalCall, Gradient, InferCall, Misfit, Param, ParamKind, Primitive, eval};
use crate::ir::{Attr, Attrs, Op, Value};
use crate::tensor::random::Stream;
use crate::tensor::{Dim, Tensor, Type};

/// Uniform numbers.
pub const RAND: Op = Op("rand");

/// Normal numbers.
pub const RANDN: Op = Op("randn");

/// A random matrix with orthonormal rows or columns.
pub const ORTHOGONAL: Op = Op("orthogonal");

const SHAPE: Param = Param { name: "shape", kind: ParamKind::Shape, default: Default::Required };
const PATH: Param = Param { name: "path", kind: ParamKind::Str, default: Default::Internal };
const PER_SAMPLE: Param = Param { name: "per_sample", kind: ParamKind::Bool, default: Default::Internal };

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: RAND,
        doc: "Random numbers uniform in [0, 1).",
        params: &[SHAPE, PATH, PER_SAMPLE],
        infer: drawn,
        eval: |call| draw(call, |stream, sample, out| stream.fill_uniform(sample, 0, out)),
        gradient: Gradient::Zero("is drawn, not computed"),
        batch: a_row_per_sample,
        cases: || [&[3, 5][..], &[]].into_iter().map(case).collect(),
    },
    Primitive {
        op: RANDN,
        doc: "Random numbers of the standard normal distribution, by the Box-Muller transform.",
        params: &[SHAPE, PATH, PER_SAMPLE],
        infer: drawn,
        eval: |call| draw(call, |stream, sample, out| stream.fill_normal(sample, 0, out)),
        gradient: Gradient::Zero("is drawn, not computed"),
        batch: a_row_per_sample,
        cases: || [&[3, 5][..], &[]].into_iter().map(case).collect(),
    },
    Primitive {
        op: ORTHOGONAL,
        doc: "A random matrix, the first axis against all others, whose rows are orthonormal, or its columns where rows are more; \
              uniformly distributed: the Q of a normal matrix. As NNabla's OrthogonalInitializer with gain 1.",
        params: &[SHAPE, PATH, PER_SAMPLE],
        infer: |call| match call.attrs.get_dims("shape").rank() {
            0 | 1 => {
                let message = "has fewer than the two axes of a matrix".to_owned();
                Err(Misfit::Attribute { name: "shape", message })
            }
            _ => drawn(call),
        },
        eval: eval_orthogonal,
        gradient: Gradient::Zero("is drawn, not computed"),
        batch: a_row_per_sample,
        cases: || [&[3, 5][..], &[6, 2, 2]].into_iter().map(case).collect(),
    },
];

fn case(shape: &[usize]) -> Case {
    let attrs = Attrs::new().dims("shape", shape.into()).with("path", Attr::Str("noise".into()));
    Case { inputs: Vec::new(), attrs: attrs.flag("per_sample", false) }
}

fn drawn(call: &InferCall) -> Result<Type, Misfit> {
    Ok(Type::f32(call.attrs.get_dims("shape").clone()))
}

fn stream(call: &EvalCall) -> Stream {
    call.run.stream(call.node.attrs.get_str("path"))
}

fn draw(call: &EvalCall, fill: fn(Stream, u32, &mut [f32])) -> Tensor {
    let mut numbers = vec![0.0; call.shape.iter().product()];
    let row = if call.node.attrs.get_bool("per_sample") { call.shape[1..].iter().product() } else { numbers.len() };
    for (sample, row) in (0..).zip(numbers.chunks_mut(row.max(1))) {
        fill(stream(call), sample, row);
    }
    let tensor = Tensor::f32(&call.shape, numbers);
    if call.double { tensor.widen() } else { tensor }
}

/// A batched draw: `shape` gets the batch axis, along which the samples are counted.
fn a_row_per_sample(call: &mut BatchCall) -> Result<Value, String> {
    let mut attrs = call.node.attrs.clone();
    attrs.set("shape", Attr::Dims(attrs.get_dims("shape").prepend(Dim::batch())));
    Ok(call.b.emit(call.node.op, &[], attrs))
}

/// A matrix, or one for each sample.
fn eval_orthogonal(call: &EvalCall) -> Tensor {
    let samples = if call.node.attrs.get_bool("per_sample") { call.shape[0] } else { 1 };
    let shape = &call.shape[usize::from(call.node.attrs.get_bool("per_sample"))..];
    let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
    let mut elements = Vec::with_capacity(samples * rows * columns);
    for sample in (0..).take(samples) {
        let mut numbers = vec![0.0; rows * columns];
        stream(call).fill_normal(sample, 0, &mut numbers);
        let normal = Array2::from_shape_vec((rows, columns), numbers).expect("as many numbers as the matrix holds");
        elements.extend(orthonormal(normal.mapv(f64::from)));
    }
    let elements: ArrayD<f64> = eval::array(&call.shape, elements);
    eval::finish(call, elements)
}

/// Gram and Schmidt's process on normal vectors, each projected twice: once leaves rounding errors in the direction of the others.
fn orthonormal(mut matrix: Array2<f64>) -> Array2<f64> {
    let high = matrix.nrows() > matrix.ncols();
    if high {
        matrix = matrix.reversed_axes();
    }
    for row in 0..matrix.nrows() {
        let (before, mut rest) = matrix.view_mut().split_at(ndarray::Axis(0), row);
        let mut vector = rest.row_mut(0);
        for other in before.rows().into_iter().chain(before.rows()) {
            let along = other.dot(&vector);
            vector.scaled_add(-along, &other);
        }
        let length = vector.dot(&vector).sqrt();
        vector /= length;
    }
    if high { matrix.reversed_axes() } else { matrix }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::RunContext;
    use crate::ops::testing::{evaluate, evaluate_in};

    #[test]
    fn a_sample_draws_the_same_in_any_minibatch() {
        let attrs = case(&[4, 5]).attrs.flag("per_sample", true);
        let three = evaluate(RANDN, &[], attrs);
        let other = evaluate(RANDN, &[], case(&[2, 5]).attrs.flag("per_sample", true));
        assert_eq!(three.to_f32()[..10], other.to_f32()[..]);
        let rows: Vec<f32> = three.to_f32();
        assert_ne!(rows[..5], rows[5..10]);
        // What is drawn once is drawn as sample 0.
        assert_eq!(evaluate(RANDN, &[], case(&[5]).attrs).to_f32()[..], rows[..5]);
    }

    #[test]
    fn seed_step_and_path_make_other_numbers() {
        let run = RunContext { seed: 1, step: 0, batch: 1 };
        let draw = |run: &RunContext, path: &str| {
            evaluate_in(RAND, &[], case(&[8]).attrs.with("path", Attr::Str(path.into())), run)
        };
        let first = draw(&run, "a");
        assert_eq!(first, draw(&RunContext { batch: 9, ..run }, "a"));
        assert_ne!(first, draw(&run, "b"));
        assert_ne!(first, draw(&RunContext { step: 1, ..run }, "a"));
        assert_ne!(first, draw(&RunContext { seed: 2, ..run }, "a"));
    }

    #[test]
    fn a_sample_draws_its_own_orthogonal_matrix() {
        let drawn = |shape: &[usize], per_sample| {
            evaluate(ORTHOGONAL, &[], case(shape).attrs.flag("per_sample", per_sample)).to_f32()
        };
        let three = drawn(&[3, 4, 2], true);
        assert_eq!(three[..16], drawn(&[2, 4, 2], true)[..]);
        assert_eq!(three[..8], drawn(&[4, 2], false)[..]);
        assert_ne!(three[..8], three[8..16]);
        // Two columns a matrix, of length 1 and at right angles.
        for matrix in three.chunks(8) {
            let dot = |i: usize, j: usize| (0..4).map(|k| matrix[2 * k + i] * matrix[2 * k + j]).sum::<f32>();
            assert!((dot(0, 0) - 1.0).abs() < 1e-6 && (dot(1, 1) - 1.0).abs() < 1e-6 && dot(0, 1).abs() < 1e-6);
        }
    }

    #[test]
    fn orthogonal_rows_or_columns() {
        for (shape, rows, columns) in [(&[4usize, 7][..], 4, 7), (&[9, 2, 2], 9, 4), (&[5, 5], 5, 5)] {
            let matrix = evaluate(ORTHOGONAL, &[], case(shape).attrs).to_f64();
            let entry =
                |i: usize, k: usize| if rows <= columns { matrix[i * columns + k] } else { matrix[k * columns + i] };
            let (vectors, length) = (rows.min(columns), rows.max(columns));
            for i in 0..vectors {
                for j in 0..vectors {
                    let dot: f64 = (0..length).map(|k| entry(i, k) * entry(j, k)).sum();
                    assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-6, "{shape:?}: {i} {j} {dot}");
                }
            }
        }
    }
}
