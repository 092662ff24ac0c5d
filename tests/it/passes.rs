//! Passes keep what a graph computes, and do what they are for.

use nnlc::engine::reference;
use nnlc::ir::{Attrs, Graph, Place};
use nnlc::ops::{Builder, RunContext, verify};
use nnlc::passes::{Pass, Pipeline, cse, dce, fold, simplify};
use nnlc::tensor::{Dim, Shape};
use proptest::prelude::*;

use crate::graphs::{Draws, close, input, op, random_graph, result, values};

const PASSES: [Pass; 4] = [
    Pass { name: "dce", run: dce },
    Pass { name: "fold", run: fold },
    Pass { name: "simplify", run: simplify },
    Pass { name: "cse", run: cse },
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
