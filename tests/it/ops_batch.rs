//! Every primitive's batch rule: the batched node evaluated on a minibatch equals the node evaluated on each sample alone, whichever
//! operands differ from sample to sample.

use nnlc::base::IndexVec;
use nnlc::engine::reference::run_nodes;
use nnlc::ir::{Graph, Input, Op, Place, Value, op};
use nnlc::ops::{BatchCall, Builder, Case, Primitive, RunContext, all, primitive, verify};
use nnlc::tensor::{DType, Dim, Tensor, Type};

use crate::reference::{close, declare, node_of};

const SAMPLES: usize = 3;

/// Operands of every sample, those that are not batched the same for all.
fn samples(case: &Case, batched: &[bool]) -> Vec<Vec<Tensor>> {
    let first = case.draw(0);
    let own = |sample: usize| {
        let drawn = case.draw(sample as u32);
        drawn
            .into_iter()
            .zip(&first)
            .zip(batched)
            .map(|((own, shared), own_one)| if *own_one { own } else { shared.clone() })
    };
    (0..SAMPLES).map(|sample| own(sample).collect()).collect()
}

fn stack(tensors: &[&Tensor]) -> Tensor {
    let shape = [&[tensors.len()], tensors[0].shape()].concat();
    let all: Vec<f64> = tensors.iter().flat_map(|tensor| tensor.to_f64()).collect();
    match tensors[0] {
        Tensor::F32(_) | Tensor::F64(_) => Tensor::f32(&shape, all.iter().map(|x| *x as f32).collect()),
        Tensor::I32(_) => Tensor::i32(&shape, all.iter().map(|x| *x as i32).collect()),
        Tensor::Bool(_) => Tensor::bool(&shape, all.iter().map(|x| *x != 0.0).collect()),
    }
}

fn evaluate(graph: &Graph, value: Value, inputs: &[Tensor], batch: usize) -> Tensor {
    let run = RunContext { seed: 1, step: 0, batch };
    run_nodes(graph, &[value], &IndexVec::new(), inputs, &run, true)[value].clone().unwrap()
}

/// The batched graph, or why there is none.
fn batched_graph(own: &Graph, value: Value, batched: &[bool]) -> Result<(Graph, Value), String> {
    let mut graph = Graph::new();
    let declare = |(input, batched): (&Input, &bool)| {
        let ty = own.ty(input.value).clone();
        let shape = if *batched { ty.shape.prepend(Dim::batch()) } else { ty.shape };
        declare(&mut graph, Type { dtype: ty.dtype, shape })
    };
    let inputs: Vec<Value> = own.inputs.iter().zip(batched).map(declare).collect();
    let mut b = Builder::new(&mut graph, Place::NONE);
    let node = own.node(value);
    let result = (primitive(node.op).batch)(&mut BatchCall { b: &mut b, node, inputs: &inputs, batched })?;
    Ok((graph, result))
}

fn check(primitive: &Primitive, case: &Case, batched: &[bool]) -> Result<(), String> {
    let (own, value) = node_of(primitive, case);
    let (graph, result) = batched_graph(&own, value, batched)?;
    let what = format!("{} {:?} {case:?}", primitive.op, batched);
    verify(&graph).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let expected = Type { dtype: own.ty(value).dtype.clone(), shape: own.ty(value).shape.prepend(Dim::batch()) };
    assert_eq!(*graph.ty(result), expected, "{what}");

    let samples = samples(case, batched);
    let fed: Vec<Tensor> = (0..batched.len())
        .map(|operand| match batched[operand] {
            true => stack(&samples.iter().map(|sample| &sample[operand]).collect::<Vec<_>>()),
            false => samples[0][operand].clone(),
        })
        .collect();
    let alone: Vec<f64> = samples.iter().flat_map(|sample| evaluate(&own, value, sample, 1).to_f64()).collect();
    close(&evaluate(&graph, result, &fed, SAMPLES).to_f64(), &alone, 1e-12, &what);
    Ok(())
}

/// The only refusals: one weight serves all samples, and so has one gradient.
fn refused(op: Op, batched: &[bool]) -> bool {
    match op.0 {
        "convolution" | "convolution_data_gradient" => batched[1],
        "convolution_weight_gradient" => true,
        _ => false,
    }
}

#[test]
fn a_minibatch_is_its_samples() {
    for primitive in all() {
        for case in (primitive.cases)() {
            for subset in 1..1u32 << case.inputs.len() {
                let batched: Vec<bool> = (0..case.inputs.len()).map(|operand| subset >> operand & 1 == 1).collect();
                let outcome = check(primitive, &case, &batched);
                let expected = refused(primitive.op, &batched);
                assert_eq!(outcome.is_err(), expected, "{} {batched:?}: {outcome:?}", primitive.op);
            }
        }
    }
}

#[test]
fn all_samples_turns_the_batch_axis_into_an_ordinary_one() {
    let mut graph = Graph::new();
    let mut b = Builder::new(&mut graph, Place::NONE);
    let x = b.input(0, Type::f32([2]));
    let every = b.unary(op::ALL_SAMPLES, x);
    let place = b.emit(op::SAMPLE_INDEX, &[], Default::default());
    assert_eq!(graph.ty(every).to_string(), "[batch, 2]");
    assert!(!graph.node(every).per_sample && graph.node(place).per_sample);

    let mut batched = Graph::new();
    let mut b = Builder::new(&mut batched, Place::NONE);
    let ty = Type { dtype: DType::F32, shape: graph.ty(x).shape.prepend(Dim::batch()) };
    let input = b.input(0, ty);
    let mut rule = |of: Value, inputs: &[Value], batched: &[bool]| {
        let node = graph.node(of);
        (primitive(node.op).batch)(&mut BatchCall { b: &mut b, node, inputs, batched }).unwrap()
    };
    assert_eq!(rule(every, &[input], &[true]), input);
    let places = rule(place, &[], &[]);
    assert_eq!(evaluate(&batched, places, &[], 4), Tensor::i32(&[4], vec![0, 1, 2, 3]));
    assert_eq!(batched.ty(places).to_string(), "index<batch>[batch]");
}
