//! Reductions. One over the samples of a minibatch is what `loss` does, so only means may have it.

use super::Function;
use super::term::{Step, list, number};
use super::writer::{Fault, Term, Writer, input, output};

/// NNabla's names and the library's.
const REDUCTIONS: &[(&str, &str)] =
    &[("Sum", "sum"), ("Mean", "mean"), ("Max", "max"), ("Min", "min"), ("Prod", "prod"), ("Norm", "norm")];

impl Writer<'_> {
    /// Sums, means and the like; running sums.
    pub fn reduction(&mut self, function: &Function) -> Result<bool, Fault> {
        let kind = function.kind.as_str();
        if matches!(kind, "CumSum" | "CumProd") {
            if function.args.flag("exclusive") || function.args.flag("reverse") {
                return Err("it runs backwards, or leaves the element itself out".to_owned());
            }
            let axis = function.args.whole("axis", 1) - 1;
            if axis < 0 {
                return Err("it runs along the samples of a minibatch".to_owned());
            }
            let name = kind.to_lowercase();
            return self.same_shape(function, Step::function(&name, format!("axis = {axis}"))).map(|()| true);
        }
        let Some((_, name)) = REDUCTIONS.iter().find(|(known, _)| *known == kind) else { return Ok(false) };
        if function.args.flag("with_index") || function.args.flag("only_index") {
            return Err("it gives places".to_owned());
        }
        self.reduced(function, name).map(|()| true)
    }

    fn reduced(&mut self, function: &Function, name: &str) -> Result<(), Fault> {
        let value = input(function, 0)?;
        let unbatched = self.as_it_is(value).is_ok_and(|term| !term.batched);
        let whole = self.network.shape(value).to_vec();
        let rank = whole.len() as i64;
        let mut axes: Vec<i64> =
            function.args.list("axes").iter().map(|axis| if *axis < 0 { axis + rank } else { *axis }).collect();
        if axes.is_empty() {
            axes = (0..rank).collect();
        }
        let keep = function.args.flag("keep_dims");
        let over_samples = axes.contains(&0) && !unbatched;
        if over_samples && name != "mean" {
            return Err(format!(
                "it takes the {name} over the samples of a minibatch; a program is written for one sample"
            ));
        }
        // A value that lacks the axis of its classes is complete for a mean over everything.
        let everything = axes.len() as i64 == rank;
        if everything
            && over_samples
            && let Some(term) = self.terms.get_mut(value)
        {
            term.lost = None;
        }
        let before = self.read(value)?;
        let first = i64::from(!unbatched);
        let own: Vec<i64> = axes.iter().map(|axis| axis - first).filter(|axis| *axis >= 0).collect();
        let kept: Vec<i64> = before
            .shape
            .iter()
            .enumerate()
            .filter_map(|(axis, size)| match own.contains(&(axis as i64)) {
                true => keep.then_some(1),
                false => Some(*size),
            })
            .collect();
        let shape = if everything && !keep { Vec::new() } else { kept };
        if own.is_empty() || before.shape.is_empty() {
            let term = Term { shape, averaged: before.averaged || over_samples, ..before };
            self.define(output(function)?, term);
            return Ok(());
        }
        let mut given = Vec::new();
        if function.kind == "Norm" && function.args.number("p", 2.0) != 2.0 {
            given.push(format!("p = {}", number(function.args.number("p", 2.0))));
        }
        match own.as_slice() {
            _ if own.len() == before.shape.len() => {}
            [axis] => given.push(format!("axis = {axis}")),
            several => given.push(format!("axis = {}", list(several))),
        }
        if keep {
            given.push("keepdims = true".to_owned());
        }
        self.step(function, Step::function(name, given.join(", ")), shape)?;
        if over_samples && let Some(term) = self.terms.get_mut(output(function)?) {
            term.averaged = true;
        }
        Ok(())
    }
}
