//! Contraction: matrix products and all their relatives in one primitive.

use ndarray::{Array2, ArrayD};

use super::{BatchCall, Builder, Case, Default, EvalCall, Gradient, GradientCall, InferCall, Misfit, Param, ParamKind};
use super::{Primitive, eval, infer};
use crate::ir::{Attrs, Value};
use crate::tensor::{Ordering3, Shape, Tensor, Type};

names! {
    CONTRACT "contract" "Sums of products over shared axes."
}

/// The family.
pub static TABLE: &[Primitive] = &[Primitive {
    op: CONTRACT,
    doc: "The sum of `a * b` over `axes_a` of `a` paired with `axes_b` of `b`, separately for each place along the paired axes \
          `batch_a` and `batch_b`. The result has the batch axes, then the other axes of `a`, then those of `b`.",
    params: &[
        Param { name: "a", kind: ParamKind::Tensor, default: Default::Required },
        Param { name: "b", kind: ParamKind::Tensor, default: Default::Required },
        Param { name: "axes_a", kind: ParamKind::Ints, default: Default::Required },
        Param { name: "axes_b", kind: ParamKind::Ints, default: Default::Required },
        Param { name: "batch_a", kind: ParamKind::Ints, default: Default::Required },
        Param { name: "batch_b", kind: ParamKind::Ints, default: Default::Required },
    ],
    infer,
    eval,
    gradient: Gradient::Rule(gradient),
    batch,
    cases,
}];

/// The roles of an operand's axes, as positions.
struct Roles {
    batch: Vec<usize>,
    contracted: Vec<usize>,
    free: Vec<usize>,
}

impl Roles {
    fn new(attrs: &Attrs, side: [&str; 2], rank: usize) -> Result<Roles, Misfit> {
        let positions = |name: &str| -> Result<Vec<usize>, Misfit> {
            attrs.get_ints(name).iter().map(|axis| infer::axis_within(*axis, rank)).collect()
        };
        let (contracted, batch) = (positions(side[0])?, positions(side[1])?);
        let free: Vec<usize> = (0..rank).filter(|axis| !contracted.contains(axis) && !batch.contains(axis)).collect();
        Ok(Roles { batch, contracted, free })
    }

    fn of(attrs: &Attrs, rank_a: usize, rank_b: usize) -> Result<[Roles; 2], Misfit> {
        let a = Roles::new(attrs, ["axes_a", "batch_a"], rank_a)?;
        let b = Roles::new(attrs, ["axes_b", "batch_b"], rank_b)?;
        let distinct = |roles: &Roles, rank| roles.free.len() + roles.batch.len() + roles.contracted.len() == rank;
        let paired = a.contracted.len() == b.contracted.len() && a.batch.len() == b.batch.len();
        if !paired || !distinct(&a, rank_a) || !distinct(&b, rank_b) {
            let message = "and its siblings should pair each axis at most once".to_owned();
            return Err(Misfit::Attribute { name: "axes_a", message });
        }
        Ok([a, b])
    }
}

fn infer(call: &InferCall) -> Result<Type, Misfit> {
    let (a, b) = (&infer::float(call, 0)?.shape, &infer::float(call, 1)?.shape);
    let [left, right] = Roles::of(call.attrs, a.rank(), b.rank())?;
    for (i, j) in left.contracted.iter().zip(&right.contracted) {
        let sides = ((0, *i, a[*i].clone()), (1, *j, b[*j].clone()));
        agree(sides, |left, right| Misfit::Contraction { left, right })?;
    }
    for (i, j) in left.batch.iter().zip(&right.batch) {
        let sides = ((0, *i, a[*i].clone()), (1, *j, b[*j].clone()));
        agree(sides, |left, right| Misfit::Elementwise { left, right })?;
    }
    let of_a = left.batch.iter().chain(&left.free).map(|axis| a[*axis].clone());
    Ok(Type::f32(of_a.chain(right.free.iter().map(|axis| b[*axis].clone())).collect::<Shape>()))
}

type Side = (usize, usize, crate::tensor::Dim);

fn agree((left, right): (Side, Side), misfit: fn(Side, Side) -> Misfit) -> Result<(), Misfit> {
    match left.2.compare(&right.2) {
        Ordering3::Equal => Ok(()),
        Ordering3::Different => Err(misfit(left, right)),
        Ordering3::Undecided => Err(Misfit::Undecided { left: left.2, right: right.2 }),
    }
}

/// One matrix product for each place along the batch axes.
fn eval(call: &EvalCall) -> Tensor {
    let (a, b) = (eval::floats(call, 0), eval::floats(call, 1));
    let [left, right] = Roles::of(&call.node.attrs, a.ndim(), b.ndim()).expect("checked by the shape rule");
    let count = |x: &ArrayD<f64>, axes: &[usize]| axes.iter().map(|axis| x.shape()[*axis]).product::<usize>();
    let (batch, rows) = (count(&a, &left.batch), count(&a, &left.free));
    let (inner, columns) = (count(&a, &left.contracted), count(&b, &right.free));
    let a = arranged(a, &[&left.batch, &left.free, &left.contracted]);
    let b = arranged(b, &[&right.batch, &right.contracted, &right.free]);
    let matrix = |all: &[f64], place: usize, rows: usize, columns: usize| {
        let own = all[place * rows * columns..(place + 1) * rows * columns].to_vec();
        Array2::from_shape_vec((rows, columns), own).expect("as many elements as rows times columns")
    };
    let mut result = Vec::with_capacity(batch * rows * columns);
    for place in 0..batch {
        let product = matrix(&a, place, rows, inner).dot(&matrix(&b, place, inner, columns));
        result.extend(product.iter());
    }
    eval::finish(call, eval::array(&call.shape, result))
}

fn arranged(x: ArrayD<f64>, order: &[&Vec<usize>]) -> Vec<f64> {
    let order: Vec<usize> = order.iter().flat_map(|axes| axes.iter().copied()).collect();
    x.permuted_axes(order).iter().copied().collect()
}

/// A name for an axis: operands' axes with the same label run together.
type Label = usize;

/// The label of the batch axis, which no axis of a per-sample operand has.
const SAMPLES: Label = Label::MAX;

/// The labels of both operands' axes and of the result's.
fn labels(attrs: &Attrs, rank_a: usize, rank_b: usize) -> [Vec<Label>; 3] {
    let [left, right] = Roles::of(attrs, rank_a, rank_b).expect("checked by the shape rule");
    let a: Vec<Label> = (0..rank_a).collect();
    let mut b: Vec<Label> = (rank_a..rank_a + rank_b).collect();
    for (i, j) in left.batch.iter().chain(&left.contracted).zip(right.batch.iter().chain(&right.contracted)) {
        b[*j] = *i;
    }
    let free_b = right.free.iter().map(|axis| b[*axis]);
    let result = left.batch.iter().chain(&left.free).copied().chain(free_b).collect();
    [a, b, result]
}

/// A contraction's axes as letters, `ab,bc->ac`: as `einsum` writes them.
pub fn equation(attrs: &Attrs, rank_a: usize, rank_b: usize) -> String {
    let letters = labels(attrs, rank_a, rank_b)
        .map(|labels| labels.into_iter().map(|label| char::from(b'a' + label as u8)).collect::<String>());
    format!("{},{}->{}", letters[0], letters[1], letters[2])
}

/// A contraction with labelled axes: shared labels that are wanted are batch axes, shared ones that are not are summed over. The order
/// of the operands is chosen, and a transpose added, so that the result's axes come as wanted.
fn labelled(b: &mut Builder, x: (Value, &[Label]), y: (Value, &[Label]), wanted: &[Label]) -> Value {
    let (first, second) =
        if natural(y.1, x.1, wanted) == wanted && natural(x.1, y.1, wanted) != wanted { (y, x) } else { (x, y) };
    let places = |chosen: &[Label], labels: &[Label]| -> Vec<i64> {
        let place = |label: &Label| labels.iter().position(|own| own == label).expect("the label is shared");
        chosen.iter().map(|label| place(label) as i64).collect()
    };
    let (shared, summed): (Vec<Label>, Vec<Label>) =
        first.1.iter().filter(|label| second.1.contains(label)).partition(|label| wanted.contains(label));
    let shared: Vec<Label> = wanted.iter().copied().filter(|label| shared.contains(label)).collect();
    let attrs = Attrs::new()
        .ints("axes_a", places(&summed, first.1))
        .ints("axes_b", places(&summed, second.1))
        .ints("batch_a", places(&shared, first.1))
        .ints("batch_b", places(&shared, second.1));
    let product = b.emit(CONTRACT, &[first.0, second.0], attrs);
    b.transpose(product, &places(wanted, &natural(first.1, second.1, wanted)))
}

/// The order in which a contraction of operands so labelled gives its axes.
fn natural(x: &[Label], y: &[Label], wanted: &[Label]) -> Vec<Label> {
    let shared = wanted.iter().filter(|label| x.contains(label) && y.contains(label));
    let free_x = x.iter().filter(|label| !y.contains(label));
    let free_y = y.iter().filter(|label| !x.contains(label));
    shared.chain(free_x).chain(free_y).copied().collect()
}

/// By each operand: the gradient contracted with the other operand.
fn gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let (a, b) = (call.node.inputs[0], call.node.inputs[1]);
    let ranks = (call.b.shape(a).rank(), call.b.shape(b).rank());
    let [of_a, of_b, of_result] = labels(&call.node.attrs, ranks.0, ranks.1);
    let grad = (call.grad, &of_result[..]);
    let by_a = call.wanted[0].then(|| labelled(call.b, grad, (b, &of_b), &of_a));
    let by_b = call.wanted[1].then(|| labelled(call.b, (a, &of_a), grad, &of_b));
    vec![by_a, by_b]
}

/// The samples are one axis more: of both operands a batch axis, of one a free axis.
fn batch(call: &mut BatchCall) -> Result<Value, String> {
    let own_rank = |operand: usize| call.b.ty(call.inputs[operand]).shape.rank() - usize::from(call.batched[operand]);
    let [mut a, mut b, mut result] = labels(&call.node.attrs, own_rank(0), own_rank(1));
    for (labels, batched) in [&mut a, &mut b].into_iter().zip(call.batched) {
        if *batched {
            labels.insert(0, SAMPLES);
        }
    }
    result.insert(0, SAMPLES);
    Ok(labelled(call.b, (call.inputs[0], &a), (call.inputs[1], &b), &result))
}

fn cases() -> Vec<Case> {
    let case = |a: &[usize], b: &[usize], axes: [&[i64]; 2], batch: [&[i64]; 2]| {
        let attrs = Attrs::new().ints("axes_a", axes[0]).ints("axes_b", axes[1]);
        let attrs = attrs.ints("batch_a", batch[0]).ints("batch_b", batch[1]);
        Case::floats(&[(a, -1.0, 1.0), (b, -1.0, 1.0)], attrs)
    };
    vec![
        case(&[2, 3], &[3, 4], [&[1], &[0]], [&[], &[]]),
        case(&[3, 2], &[4, 3], [&[0], &[1]], [&[], &[]]),
        case(&[2, 3], &[3], [&[1], &[0]], [&[], &[]]),
        case(&[3], &[3, 2], [&[0], &[0]], [&[], &[]]),
        case(&[3], &[3], [&[0], &[0]], [&[], &[]]),
        case(&[2], &[3], [&[], &[]], [&[], &[]]),
        case(&[2, 3, 4], &[4, 3, 5], [&[1, 2], &[1, 0]], [&[], &[]]),
        case(&[2, 3, 4], &[2, 4, 5], [&[2], &[1]], [&[0], &[0]]),
        case(&[3, 2, 4], &[4, 5, 2], [&[2], &[0]], [&[1], &[2]]),
        case(&[2, 3], &[3, 2], [&[], &[]], [&[0, 1], &[1, 0]]),
    ]
}
