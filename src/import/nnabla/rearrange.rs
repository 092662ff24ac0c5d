//! Functions that move elements: shapes, axes, parts, products of matrices. The batch is an axis that all of them must leave alone.

use super::term::{Expr, Formula, Level, Step, list, number};
use super::writer::{Fault, Term, Writer, input, output};
use super::{Function, count};

/// What is said of a function that does not leave the samples alone.
const MIXES: &str = "it moves elements from one sample of a minibatch to another";

impl Writer<'_> {
    /// Functions that move elements.
    pub fn rearranged(&mut self, function: &Function) -> Result<bool, Fault> {
        match function.kind.as_str() {
            "Reshape" | "Flatten" => self.reshape(function)?,
            "Transpose" => self.transpose(function)?,
            "Broadcast" => {
                let shape = self.sample_sizes(function)?;
                self.step(function, Step::function("broadcast", list(&shape)), shape)?;
            }
            "Concatenate" | "Stack" => self.joined(function)?,
            "Split" => self.split(function)?,
            "Slice" => self.slice(function)?,
            "Pad" => self.pad(function)?,
            "Flip" | "Tile" | "Shift" => self.moved(function)?,
            "OneHot" => self.one_hot(function)?,
            "MatrixDiag" | "MatrixDiagPart" => {
                let mut shape = self.read(input(function, 0)?)?.shape;
                let part = function.kind == "MatrixDiagPart";
                let last = if part { shape.pop().map(|_| None) } else { shape.last().copied().map(Some) };
                shape.extend(last.flatten());
                self.step(
                    function,
                    Step::function(if part { "matrix_diag_part" } else { "matrix_diag" }, String::new()),
                    shape,
                )?;
            }
            "BatchMatmul" => self.matmul(function)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The sizes that a function's argument `shape` gives one sample.
    fn sample_sizes(&self, function: &Function) -> Result<Vec<i64>, Fault> {
        let whole = self.network.shape(output(function)?);
        let given = if whole.is_empty() { function.args.list("shape") } else { whole.to_vec() };
        Ok(given.get(1..).unwrap_or_default().to_vec())
    }

    fn reshape(&mut self, function: &Function) -> Result<(), Fault> {
        let before = self.read(input(function, 0)?)?;
        let whole = self.network.shape(output(function)?).to_vec();
        let shape = if before.batched { whole.get(1..).unwrap_or_default().to_vec() } else { whole };
        if before.averaged {
            let term = Term { shape: Vec::new(), ..before };
            self.define(output(function)?, term);
            return Ok(());
        }
        if count(&shape) != count(&before.shape) {
            return Err(MIXES.to_owned());
        }
        let value = output(function)?;
        if let [1, rest @ ..] = shape.as_slice()
            && !before.batched
            && !rest.is_empty()
            && self.only_operands(value)
        {
            // A parameter that lines up with samples: the axis of the batch is missing here, and stretches there.
            let rest = rest.to_vec();
            if rest == before.shape {
                self.define(value, before);
                return Ok(());
            }
            return self.step(function, Step::function("reshape", list(&rest)), rest);
        }
        let flat = shape.len() == 1 && before.shape.len() != 1;
        let step =
            if flat { Step::function("flatten", String::new()) } else { Step::function("reshape", list(&shape)) };
        self.step(function, step, shape)
    }

    fn transpose(&mut self, function: &Function) -> Result<(), Fault> {
        let axes = function.args.list("axes");
        let before = self.read(input(function, 0)?)?;
        let first = i64::from(before.batched);
        let own: Vec<i64> = axes.iter().skip(first as usize).map(|axis| axis - first).collect();
        let size = |axis: &i64| usize::try_from(*axis).ok().and_then(|axis| before.shape.get(axis)).copied();
        let shape: Option<Vec<i64>> = own.iter().map(size).collect();
        match shape.filter(|shape| shape.len() == before.shape.len() && (first == 0 || axes.first() == Some(&0))) {
            Some(shape) => self.step(function, Step::function("transpose", list(&own)), shape),
            None => Err(MIXES.to_owned()),
        }
    }

    /// `concatenate` and `stack`.
    fn joined(&mut self, function: &Function) -> Result<(), Fault> {
        let stack = function.kind == "Stack";
        let mut parts = Vec::new();
        let mut terms = Vec::new();
        for i in 0..function.inputs.len() {
            let (formula, term) = self.operand(input(function, i)?)?;
            parts.push(formula.text);
            terms.push(term);
        }
        let Some(like) = terms.iter().find(|term| term.batched).or(terms.first()).cloned() else {
            return Err("it joins nothing".to_owned());
        };
        if terms.iter().any(|term| term.batched != like.batched || term.shape.len() != like.shape.len()) {
            return Err("it joins values of samples with a parameter".to_owned());
        }
        let rank = like.shape.len() as i64 + i64::from(stack) + 1;
        let axis = function.args.whole("axis", rank - 1);
        let axis = if axis < 0 { axis + rank } else { axis } - i64::from(like.batched);
        let place = usize::try_from(axis).map_err(|_| MIXES.to_owned())?;
        let mut shape = like.shape.clone();
        if stack {
            shape.insert(place.min(shape.len()), parts.len() as i64);
        } else {
            let sizes: Option<Vec<i64>> = terms.iter().map(|term| term.shape.get(place).copied()).collect();
            let sizes = sizes.ok_or_else(|| "its axis is none of its inputs'".to_owned())?;
            shape[place] = sizes.iter().sum();
        }
        let axis = if place == 0 { String::new() } else { format!(", axis = {place}") };
        let name = if stack { "stack" } else { "concatenate" };
        let call = Formula::atom(format!("{name}([{}]{axis})", parts.join(", ")));
        self.formula(function, call, shape, &like)
    }

    /// `split`: each part is an index.
    fn split(&mut self, function: &Function) -> Result<(), Fault> {
        self.read(input(function, 0)?)?;
        self.bind(input(function, 0)?);
        let (x, term) = self.operand(input(function, 0)?)?;
        let axis = function.args.whole("axis", 0) - i64::from(term.batched);
        let place =
            usize::try_from(axis).ok().filter(|place| *place < term.shape.len()).ok_or_else(|| MIXES.to_owned())?;
        let mut shape = term.shape.clone();
        shape.remove(place);
        for (i, value) in function.outputs.iter().enumerate() {
            let indices: Vec<String> = (0..place).map(|_| ":".to_owned()).chain([i.to_string()]).collect();
            let part = Formula::atom(format!("{}[{}]", x.at(Level::Atom), indices.join(", ")));
            self.define(
                value,
                Term { expr: Expr::Formula(part), shape: shape.clone(), truth: None, hint: None, ..term.clone() },
            );
        }
        Ok(())
    }

    fn slice(&mut self, function: &Function) -> Result<(), Fault> {
        let (x, term) = self.operand(input(function, 0)?)?;
        let rank = term.shape.len() + usize::from(term.batched);
        let given = |name: &str| {
            let list = function.args.list(name);
            let missing = rank.saturating_sub(list.len());
            (missing, list)
        };
        let ((missing, start), (_, stop), (_, step)) = (given("start"), given("stop"), given("step"));
        let (mut indices, mut shape) = (Vec::new(), Vec::new());
        for (axis, size) in term.shape.iter().enumerate() {
            let at = (axis + usize::from(term.batched)).checked_sub(missing);
            let of = |list: &[i64], without: i64| at.and_then(|at| list.get(at)).copied().unwrap_or(without);
            let (from, to, by) = (of(&start, 0), of(&stop, *size), of(&step, 1));
            if by < 1 {
                return Err("it goes backwards".to_owned());
            }
            let within = |place: i64| if place < 0 { place + size } else { place.min(*size) };
            let (from, to) = (within(from), within(to));
            shape.push((to - from + by - 1).div_euclid(by).max(0));
            let ends = (
                if from == 0 { String::new() } else { from.to_string() },
                if to == *size { String::new() } else { to.to_string() },
            );
            let by = if by == 1 { String::new() } else { format!(":{by}") };
            indices.push(format!("{}:{}{by}", ends.0, ends.1));
        }
        while indices.last().is_some_and(|index| index == ":") {
            indices.pop();
        }
        if indices.is_empty() {
            return self.formula(function, x, shape, &term);
        }
        let part = Formula::atom(format!("{}[{}]", x.at(Level::Atom), indices.join(", ")));
        self.formula(function, part, shape, &term)
    }

    fn pad(&mut self, function: &Function) -> Result<(), Fault> {
        if !matches!(function.args.word("mode"), "" | "constant") {
            return Err(format!("it pads by the mode {}", function.args.word("mode")));
        }
        let widths = function.args.list("pad_width");
        let before = self.read(input(function, 0)?)?.shape;
        let missing = before.len().saturating_sub(widths.len() / 2);
        let skipped = (widths.len() / 2).saturating_sub(before.len());
        if widths[..2 * skipped].iter().any(|width| *width != 0) {
            return Err("it pads the samples of a minibatch".to_owned());
        }
        let own = &widths[2 * skipped..];
        let side = |which: usize| -> Vec<i64> {
            (0..before.len())
                .map(|axis| axis.checked_sub(missing).and_then(|i| own.get(2 * i + which)).copied().unwrap_or(0))
                .collect()
        };
        let (low, high) = (side(0), side(1));
        let shape = before.iter().enumerate().map(|(axis, size)| size + low[axis] + high[axis]).collect();
        let value = function.args.number("constant_value", 0.0);
        let value = if value == 0.0 { String::new() } else { format!(", value = {}", number(value)) };
        self.step(function, Step::function("pad", format!("{}, {}{value}", list(&low), list(&high))), shape)
    }

    /// `flip`, `tile` and `shift`.
    fn moved(&mut self, function: &Function) -> Result<(), Fault> {
        let before = self.read(input(function, 0)?)?.shape;
        let rank = before.len() as i64 + 1;
        match function.kind.as_str() {
            "Flip" => {
                let axes: Vec<i64> = function
                    .args
                    .list("axes")
                    .iter()
                    .map(|axis| if *axis < 0 { axis + rank } else { *axis } - 1)
                    .collect();
                if axes.iter().any(|axis| *axis < 0) {
                    return Err(MIXES.to_owned());
                }
                self.same_shape(function, Step::function("flip", format!("axis = {}", list(&axes))))
            }
            "Tile" => {
                let reps = function.args.list("reps");
                let own = reps.get(reps.len().saturating_sub(before.len())..).unwrap_or_default().to_vec();
                if own.len() != before.len() || reps.len() > before.len() && reps[0] != 1 {
                    return Err("it repeats the samples of a minibatch, or fewer axes than there are".to_owned());
                }
                let shape = before.iter().zip(&own).map(|(size, times)| size * times).collect();
                self.step(function, Step::function("tile", list(&own)), shape)
            }
            _ => {
                let shifts = function.args.list("shifts");
                if shifts.len() > before.len() || !matches!(function.args.word("border_mode"), "" | "nearest") {
                    return Err("only a border that is repeated has a counterpart".to_owned());
                }
                let missing = before.len() - shifts.len();
                let own: Vec<i64> = std::iter::repeat_n(0, missing).chain(shifts).collect();
                self.same_shape(function, Step::function("shift", list(&own)))
            }
        }
    }

    fn one_hot(&mut self, function: &Function) -> Result<(), Fault> {
        let value = input(function, 0)?;
        let classes = function.args.list("shape");
        let [count] = classes.as_slice() else { return Err("it has several axes of classes".to_owned()) };
        let mut places = self.sample_shape(value);
        places.pop();
        let class = self.class(function, 0, &places)?;
        let term = self.as_it_is(value)?;
        let shape: Vec<i64> = places.iter().chain([count]).copied().collect();
        let call = Formula::atom(format!("one_hot({})", class.text));
        self.formula(function, call, shape, &term)
    }

    fn matmul(&mut self, function: &Function) -> Result<(), Fault> {
        let mut sides = Vec::new();
        for (i, flag) in ["transpose_a", "transpose_b"].into_iter().enumerate() {
            let (formula, term) = self.operand(input(function, i)?)?;
            let rank = term.shape.len();
            if rank < 2 {
                return Err("it multiplies no matrices".to_owned());
            }
            let mut shape = term.shape.clone();
            if function.args.flag(flag) {
                let axes: Vec<usize> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
                shape.swap(rank - 2, rank - 1);
                let axes = if rank == 2 { String::new() } else { format!(", {}", list(&axes)) };
                sides.push((Formula::atom(format!("transpose({}{axes})", formula.text)), shape, term));
            } else {
                sides.push((formula, shape, term));
            }
        }
        let [(a, left, term), (b, right, other)] = sides.as_slice() else { return Ok(()) };
        let (rows, columns) = (left[left.len() - 2], right[right.len() - 1]);
        let leading = if left.len() >= right.len() { &left[..left.len() - 2] } else { &right[..right.len() - 2] };
        let shape: Vec<i64> = leading.iter().copied().chain([rows, columns]).collect();
        let product = Formula::binary(a, "@", b, Level::Product);
        let like = Term { batched: term.batched || other.batched, ..term.clone() };
        self.formula(function, product, shape, &like)
    }
}
