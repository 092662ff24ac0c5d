//! Passes keep what a graph computes, and do what they are for.

use nnlc::autodiff::gradients;
use nnlc::engine::reference;
use nnlc::ir::{Attrs, Graph, Place, Value};
use nnlc::ops::{Builder, RunContext, verify};
use nnlc::passes::{Pass, Pipeline, cse, dce, factor, fold, simplify};
use nnlc::tensor::{Dim, Shape};
use proptest::prelude::*;

use crate::graphs::{Draws, close, input, op, random_graph, result, values, variable};

const PASSES: [Pass; 5] = [
    Pass { name: "dce", run: dce },
    Pass { name: "fold", run: fold },
    Pass { name: "simplify", run: simplify },
    Pass { name: "cse", run: cse },
    Pass { name: "factor", run: factor },
];

fn same_values(before: &Graph, after: &Graph, seed: u64) -> Result<(), String> {
    verify(after).map_err(|fault| fault.to_string())?;
    for batch in [1, 5] {
        let (inputs, variables) = values(before, batch, &mut Draws(seed));
        let context = RunContext { seed, step: 0, batch };
        let [want, got] = [before, after].map(|graph| reference::run(graph, &variables, &inputs, &context, false));
        for ((name, want), (_, got)) in want.results.iter().zip(&got.results) {
            close(want, got, 1e-6).map_err(|why| format!("{name}: {why}"))?;
        }
        for ((id, want), (other, got)) in want.updates.iter().zip(&got.updates) {
            assert_eq!(id, other);
            close(want, got, 1e-6).map_err(|why| format!("update of {id}: {why}"))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_pass_changes_a_value(seed in any::<u64>()) {
        let graph = random_graph(seed, 40);
        verify(&graph).map_err(|fault| TestCaseError::fail(format!("{fault}\n{graph}")))?;
        for pass in PASSES {
            let after = (pass.run)(graph.clone());
            if let Err(why) = same_values(&graph, &after, seed) {
                return Err(TestCaseError::fail(format!("{}: {why}\n{graph}\nbecomes\n{after}", pass.name)));
            }
        }
        let after = Pipeline::standard().run(graph.clone());
        if let Err(why) = same_values(&graph, &after, seed) {
            return Err(TestCaseError::fail(format!("{why}\n{graph}\nbecomes\n{after}")));
        }
    }
}

/// The operations of `f(x)` after the standard passes, x of shape [batch, 4].
fn left_of(f: impl Fn(&mut Builder, nnlc::ir::Value) -> nnlc::ir::Value) -> Vec<&'static str> {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", [Dim::batch(), Dim::new(4)].into_iter().collect());
    let value = f(&mut Builder::new(&mut graph, Place::NONE), x);
    result(&mut graph, "y", value);
    Pipeline::standard().run(graph).nodes.iter().map(|node| node.op.0).filter(|op| *op != "input").collect()
}

#[test]
fn identities_disappear() {
    assert_eq!(
        left_of(|b, x| {
            let one = b.scalar(1.0);
            let y = b.mul(x, one);
            let zero = b.scalar(0.0);
            b.add(y, zero)
        }),
        Vec::<&str>::new()
    );
    assert_eq!(
        left_of(|b, x| {
            let two = b.scalar(2.0);
            b.binary(op("pow"), x, two)
        }),
        ["square"]
    );
    assert_eq!(
        left_of(|b, x| {
            let y = b.neg(x);
            let z = b.neg(y);
            b.sub(z, y)
        }),
        ["add"]
    );
    assert_eq!(
        left_of(|b, x| {
            let y = b.neg(x);
            b.add(x, y)
        }),
        ["sub"]
    );
    assert_eq!(
        left_of(|b, x| {
            let y = b.unary(op("exp"), x);
            let z = b.unary(op("exp"), x);
            b.mul(y, z)
        }),
        ["exp", "mul"]
    );
}

#[test]
fn what_is_not_true_for_every_float_stays() {
    assert_eq!(
        left_of(|b, x| {
            let zero = b.scalar(0.0);
            b.mul(x, zero)
        }),
        ["constant", "mul"]
    );
    assert_eq!(
        left_of(|b, x| {
            let half = b.scalar(0.5);
            b.binary(op("pow"), x, half)
        }),
        ["constant", "pow"]
    );
    assert_eq!(left_of(|b, x| b.sub(x, x)), ["sub"]);
    assert_eq!(left_of(|b, x| b.div(x, x)), ["div"]);
}

#[test]
fn layouts_collapse() {
    if ["reshape", "transpose", "sum"].iter().any(|name| nnlc::ops::find(name).is_none()) {
        return;
    }
    let shape = |dims: &[Dim]| -> Shape { dims.iter().cloned().collect() };
    let there_and_back = |b: &mut Builder, x| {
        let y = b.reshape(x, shape(&[Dim::batch(), Dim::new(2), Dim::new(2)]));
        b.reshape(y, shape(&[Dim::batch(), Dim::new(4)]))
    };
    assert_eq!(left_of(there_and_back), Vec::<&str>::new());
    let twice = |b: &mut Builder, x| {
        let y = b.transpose(x, &[1, 0]);
        b.transpose(y, &[1, 0])
    };
    assert_eq!(left_of(twice), Vec::<&str>::new());
    let ones = |b: &mut Builder, x| {
        let y = b.reshape(x, shape(&[Dim::batch(), Dim::new(1), Dim::new(4)]));
        let z = b.emit(op("sum"), &[y], Attrs::new().ints("axis", [1]).flag("keepdims", false));
        b.unary(op("exp"), z)
    };
    assert_eq!(left_of(ones), ["exp"]);
}

#[test]
fn gradients_of_slices_side_by_side_are_joined() {
    let part = |b: &mut Builder, x, at: i64| {
        let ends = |at: i64| [Dim::batch(), Dim::new(at)].into_iter().collect::<Shape>();
        let start = [Dim::new(0), Dim::new(at)].into_iter().collect();
        let part = b.slice(x, start, ends(at + 1), vec![1, 1]);
        b.unary(op("exp"), part)
    };
    let padded = |b: &mut Builder, x, at: i64| {
        let part = part(b, x, at);
        b.pad(part, vec![0, at], vec![0, 3 - at])
    };
    let sum = |order: [i64; 4]| {
        left_of(move |b, x| {
            let parts = order.map(|at| padded(b, x, at));
            let two = b.binary(op("add"), parts[0], parts[1]);
            let three = b.binary(op("add"), parts[2], two);
            b.binary(op("add"), three, parts[3])
        })
    };
    let joined = |order| sum(order).iter().filter(|op| ["pad", "add", "concatenate"].contains(op)).copied().collect();
    let one: Vec<&str> = joined([0, 1, 2, 3]);
    assert_eq!(one, ["concatenate"]);
    assert_eq!(joined([2, 1, 3, 0]), one);
    // Parts that leave a gap between them stay as they are.
    assert_eq!(joined([0, 2, 1, 3]), ["pad", "pad", "pad", "pad", "add", "add", "add"]);
}

#[test]
fn names_and_inputs_survive() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", Shape::scalar());
    let unused = input(&mut graph, "unused", Shape::scalar());
    let mut b = Builder::new(&mut graph, Place::NONE);
    let (dead, y) = (b.unary(op("exp"), unused), b.unary(op("tanh"), x));
    graph.names.insert(y, "y".to_owned());
    graph.names.insert(dead, "dead".to_owned());
    result(&mut graph, "out", y);
    let after = Pipeline::standard().run(graph.clone());
    assert_eq!(after.inputs.len(), 2);
    assert_eq!(after.names.values().collect::<Vec<_>>(), ["y"]);
    assert_eq!(after.names.keys().next(), Some(&after.results[0].value));
}

/// The standard passes without `factor`.
fn unfactored() -> Pipeline {
    let passes = Pipeline::standard().names().filter(|name| *name != "factor").collect::<Vec<_>>();
    Pipeline::new(
        passes.iter().map(|name| PASSES.into_iter().find(|pass| pass.name == *name).expect("listed")).collect(),
    )
}

/// Whether two graphs compute the same in f64, but for its rounding.
fn agree_in_f64(before: &Graph, after: &Graph) {
    for batch in [1, 6] {
        let (inputs, variables) = values(before, batch, &mut Draws(batch as u64));
        let context = RunContext { seed: 1, step: 0, batch };
        let [want, got] = [before, after].map(|graph| reference::run(graph, &variables, &inputs, &context, true));
        for ((name, want), (_, got)) in want.results.iter().zip(&got.results) {
            close(want, got, 1e-13).unwrap_or_else(|why| panic!("{name}: {why}\n{before}\nbecomes\n{after}"));
        }
    }
}

/// Values to make products of: `x` and `y` of shape [batch, 4], `row` of [4], `column` of [batch, 1], `s` a scalar.
struct Factors {
    x: Value,
    y: Value,
    row: Value,
    column: Value,
    s: Value,
}

/// What the passes but for `simplify` leave of a graph of `f`, one line a node that computes something. Values agree with the graph's own.
fn factored(f: impl Fn(&mut Builder, &Factors) -> Value) -> Vec<String> {
    let mut graph = Graph::new();
    let shape = |size| -> Shape { [Dim::batch(), Dim::new(size)].into_iter().collect() };
    let (x, y) = (input(&mut graph, "x", shape(4)), input(&mut graph, "y", shape(4)));
    let (row, column) = (variable(&mut graph, "row", &[4]).1, input(&mut graph, "column", shape(1)));
    let s = variable(&mut graph, "s", &[]).1;
    let value = f(&mut Builder::new(&mut graph, Place::NONE), &Factors { x, y, row, column, s });
    result(&mut graph, "value", value);
    let after = dce(cse(factor(graph.clone())));
    verify(&after).unwrap_or_else(|fault| panic!("{fault}\n{after}"));
    assert_eq!(after.ty(after.results[0].value), graph.ty(value));
    agree_in_f64(&graph, &after);
    lines(&after)
}

/// A graph's operations with their operands: those of inputs and variables by name, of others by the number of their line.
fn lines(graph: &Graph) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for node in graph.nodes.iter() {
        let index = || node.attrs.get_int("index") as usize;
        words.push(match node.op.0 {
            "input" => graph.inputs[index()].name.clone(),
            "variable" => graph.variables.iter().nth(index()).expect("its variable").path.clone(),
            name => {
                let operands = node.inputs.iter().map(|value| words[value.0 as usize].as_str());
                lines.push(std::iter::once(name).chain(operands).collect::<Vec<_>>().join(" "));
                format!("#{}", lines.len())
            }
        });
    }
    lines
}

/// The reduction called `name` along `axes`.
fn along(b: &mut Builder, name: &str, x: Value, axes: &[i64], keepdims: bool) -> Value {
    b.emit(op(name), &[x], Attrs::new().ints("axis", axes).flag("keepdims", keepdims))
}

#[test]
fn factors_come_out_of_sums() {
    for (name, keepdims) in [("sum", false), ("sum", true), ("mean", false), ("mean", true)] {
        let lines = factored(|b, of| {
            let product = b.mul(of.x, of.row);
            along(b, name, product, &[0], keepdims)
        });
        assert_eq!(lines, [format!("{name} x"), "mul #1 row".to_owned()]);
        let lines = factored(|b, of| {
            let scaled = b.mul(of.s, of.x);
            let product = b.mul(scaled, of.y);
            let divided = b.div(product, of.row);
            let negative = b.neg(divided);
            along(b, name, negative, &[0], keepdims)
        });
        assert_eq!(lines, ["mul x y", &format!("{name} #1"), "mul #2 s", "div #3 row", "neg #4"]);
    }
    // Two signs are none.
    let lines = factored(|b, of| {
        let row = b.neg(of.row);
        let x = b.neg(of.x);
        let product = b.mul(x, row);
        along(b, "sum", product, &[0], false)
    });
    assert_eq!(lines, ["sum x", "mul #1 row"]);
    // A factor of a number for each sample loses its axis where the result has none.
    let columns = |keepdims| {
        move |b: &mut Builder, of: &Factors| {
            let product = b.mul(of.column, of.x);
            along(b, "sum", product, &[1], keepdims)
        }
    };
    assert_eq!(factored(columns(true)), ["sum x", "mul #1 column"]);
    assert_eq!(factored(columns(false)), ["sum x", "reshape column", "mul #1 #2"]);
}

#[test]
fn factors_are_seen_through_what_stretches_them() {
    let whole = |size| -> Shape { [Dim::batch(), Dim::new(size)].into_iter().collect() };
    let stretched = |b: &mut Builder, of: &Factors| {
        let weight = b.broadcast(of.s, whole(4));
        let product = b.mul(weight, of.x);
        along(b, "sum", product, &[0], false)
    };
    assert_eq!(factored(stretched), ["sum x", "mul #1 s"]);
    let reshaped = |keepdims| {
        move |b: &mut Builder, of: &Factors| {
            let three = |first| -> Shape { [first, Dim::new(1), Dim::new(4)].into_iter().collect() };
            let row = b.reshape(of.row, three(Dim::new(1)));
            let row = b.broadcast(row, three(Dim::batch()));
            let row = b.reshape(row, whole(4));
            let product = b.mul(row, of.x);
            along(b, "mean", product, &[0], keepdims)
        }
    };
    assert_eq!(factored(reshaped(false)), ["reshape row", "mean x", "reshape #1", "mul #2 #3"]);
    // What is left may be smaller than the product was.
    let outer = |b: &mut Builder, of: &Factors| {
        let product = b.mul(of.row, of.column);
        along(b, "sum", product, &[0], false)
    };
    assert_eq!(factored(outer), ["sum column", "mul #1 row"]);
    let wide = |b: &mut Builder, of: &Factors| {
        let weight = b.broadcast(of.s, whole(4));
        let product = b.mul(weight, of.column);
        along(b, "sum", product, &[0], false)
    };
    assert_eq!(factored(wide), ["sum column", "mul #1 s", "broadcast #2"]);
}

#[test]
fn what_varies_stays_in_its_sum() {
    let product = |b: &mut Builder, of: &Factors| {
        let product = b.mul(of.x, of.y);
        along(b, "sum", product, &[0], false)
    };
    assert_eq!(factored(product), ["mul x y", "sum #1"]);
    // A number for each sample varies along the batch, a row along its columns.
    let both = |b: &mut Builder, of: &Factors| {
        let x = b.broadcast(of.x, [Dim::new(3), Dim::batch(), Dim::new(4)].into_iter().collect());
        let product = b.mul(x, of.column);
        let product = b.mul(product, of.row);
        along(b, "sum", product, &[1, 2], false)
    };
    assert_eq!(factored(both), ["broadcast x", "mul #1 column", "mul #2 row", "sum #3"]);
    let divided = |b: &mut Builder, of: &Factors| {
        let quotient = b.div(of.row, of.x);
        along(b, "sum", quotient, &[0], false)
    };
    assert_eq!(factored(divided), ["div row x", "sum #1"]);
    // Nothing would be left to sum.
    let uniform = |b: &mut Builder, of: &Factors| {
        let weight = b.broadcast(of.s, [Dim::batch(), Dim::new(4)].into_iter().collect());
        let product = b.mul(weight, of.row);
        along(b, "sum", product, &[0], false)
    };
    assert_eq!(factored(uniform), ["broadcast s", "mul #1 row", "sum #2"]);
    // What would be left has one of the two axes only.
    let short = |b: &mut Builder, of: &Factors| {
        let weight = b.broadcast(of.s, [Dim::new(3), Dim::batch(), Dim::new(4)].into_iter().collect());
        let product = b.mul(weight, of.x);
        along(b, "sum", product, &[0, 2], false)
    };
    assert_eq!(factored(short), ["broadcast s", "mul #1 x", "sum #2"]);
}

#[test]
fn sums_to_a_single_number_keep_their_factors() {
    for (name, keepdims) in [("sum", false), ("mean", true)] {
        let lines = factored(|b, of| {
            let product = b.mul(of.x, of.s);
            along(b, name, product, &[0, 1], keepdims)
        });
        assert_eq!(lines, ["mul x s", &format!("{name} #1")]);
    }
}

/// A loss of a batch normalisation, with its gradients by the input and both parameters.
fn normalisation() -> Graph {
    let mut graph = Graph::new();
    let shape: Shape = [Dim::batch(), Dim::new(4)].into_iter().collect();
    let (x, t) = (input(&mut graph, "x", shape.clone()), input(&mut graph, "t", shape));
    let (gamma, beta) = (variable(&mut graph, "gamma", &[4]).1, variable(&mut graph, "beta", &[4]).1);
    let mut b = Builder::new(&mut graph, Place::NONE);
    let [mean, kept] = [false, true].map(|keepdims| along(&mut b, "mean", x, &[0], keepdims));
    let (d, difference) = (b.sub(x, mean), b.sub(x, kept));
    let square = b.unary(op("square"), difference);
    let variance = along(&mut b, "mean", square, &[0], false);
    let eps = b.scalar(1e-4);
    let variance = b.add(variance, eps);
    let deviation = b.unary(op("sqrt"), variance);
    let n = b.div(d, deviation);
    let scaled = b.mul(n, gamma);
    let y = b.add(scaled, beta);
    let product = b.mul(y, t);
    let loss = along(&mut b, "mean", product, &[0, 1], false);
    result(&mut graph, "loss", loss);
    for (index, gradient) in gradients(&mut graph, loss, &[x, gamma, beta]).into_iter().enumerate() {
        result(&mut graph, &format!("gradient {index}"), gradient.expect("a gradient reaches it"));
    }
    graph
}

#[test]
fn the_sums_of_a_normalisations_gradient_become_few() {
    let raw = normalisation();
    let (before, after) = (unfactored().run(raw.clone()), Pipeline::standard().run(raw.clone()));
    agree_in_f64(&raw, &after);
    let stretched = |graph: &Graph, value: Value| graph.node(value).op.0 == "broadcast";
    let sums = |graph: &Graph| {
        graph.nodes.iter().filter(|node| node.op.0 == "sum" && !stretched(graph, node.inputs[0])).count()
    };
    // Those of t, of t * d, and of x less its mean.
    assert_eq!((sums(&before), sums(&after)), (5, 3), "{before}\nbecomes\n{after}");
}
