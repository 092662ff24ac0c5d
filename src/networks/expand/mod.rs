//! A derived network as `.nn` text: it compiles on its own, takes the same weights and computes the same, draws included.
//!
//! What the program's top level named keeps its name. The rest is written into the expression that uses it, as long as that stays
//! short, and gets a short name otherwise. The layout is `nnlc fmt`'s. Expanding an expansion gives the same text.

mod expression;
mod literal;
mod names;
mod node;
mod subject;

use crate::base::{Idx, IndexVec};
use crate::format;
use crate::ir::{FED, Graph, Op, ResultRole, Value, VarId, VariableKind, op};
use crate::source::FileId;
use crate::tensor::{BATCH, Dim};

use super::Network;
use expression::Expr;
use names::Names;

/// The longest expression that is written into another one, in characters.
const LONGEST: usize = 64;

/// The most operations of an expression that is written into another one.
const MOST: usize = 4;

/// The most numbers of constants in an initial value that is written out.
const MOST_NUMBERS: usize = 1024;

/// The text of `network` of a program.
pub fn expand(program: &Graph, network: Network) -> String {
    let graph = subject::subject(program, network);
    let mut printer = Printer::new(&graph);
    printer.bindings();
    let sections = [
        heading(network).to_owned(),
        printer.inputs(),
        printer.variables(),
        std::mem::take(&mut printer.constants),
        std::mem::take(&mut printer.statements),
        printer.updates(),
        printer.results(),
    ];
    let text = sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n");
    // A text that did not parse would be told by whoever reads it.
    format::format(FileId::new(0), &text).unwrap_or(text)
}

fn heading(network: Network) -> &'static str {
    match network {
        Network::Main => {
            "# Main: what training needs, with `training` true; metrics are evaluated with `training` false.\n\
             # It has no output, which `nnlc check --no-runtime` lets pass.\n"
        }
        Network::MainValidation => {
            "# MainValidation: what losses and metrics need, with `training` false.\n\
             # It has no output, which `nnlc check --no-runtime` lets pass.\n"
        }
        Network::MainRuntime => "# MainRuntime: what the outputs need, with `training` false.\n",
    }
}

/// The state of printing one graph.
struct Printer<'g> {
    graph: &'g Graph,
    names: Names,
    /// What each value is once operations that change nothing are left out.
    same: IndexVec<Value, Value>,
    /// How often each value is used, initial values aside.
    uses: IndexVec<Value, usize>,
    /// The names that values get.
    wanted: IndexVec<Value, Option<String>>,
    /// Which values depend on how far the run is.
    of_clocks: IndexVec<Value, bool>,
    /// How a use of each value is written.
    written: IndexVec<Value, Option<Expr>>,
    variables: IndexVec<VarId, String>,
    /// The name of the number of samples in the minibatch, when a shape asks for it.
    batch: Option<String>,
    constants: String,
    statements: String,
}

impl<'g> Printer<'g> {
    fn new(graph: &'g Graph) -> Printer<'g> {
        let mut names = Names::default();
        for input in &graph.inputs {
            names.take(input.name.trim_start_matches(FED));
            for symbol in graph.ty(input.value).shape.iter().flat_map(Dim::symbols) {
                names.take(&symbol);
            }
        }
        let same = without_identities(graph);
        let uses = uses(graph, &same);
        let batch = asks_for_batch(graph, &uses).then(|| names.claim(BATCH));
        let mut read: IndexVec<VarId, bool> = graph.variables.iter().map(|_| false).collect();
        let initials = graph.reached_from(graph.variables.iter().filter_map(|variable| variable.init));
        for (id, node) in graph.nodes.iter_enumerated().filter(|(_, node)| node.op == op::VARIABLE) {
            read[variable_of(graph, id)] |= uses[id] > 0 || initials[id] && !node.per_sample;
        }
        for update in &graph.updates {
            read[update.variable] = true;
        }
        let variables = names::variables(graph, &mut names, &read);
        let mut wanted: IndexVec<Value, Option<String>> = graph.nodes.iter().map(|_| None).collect();
        for (value, name) in &graph.names {
            wanted[same[*value]].get_or_insert_with(|| name.clone());
        }
        for (id, node) in graph.nodes.iter_enumerated() {
            let own = uses[id] > 0 && ![op::INPUT, op::VARIABLE].contains(&node.op);
            wanted[id] = wanted[id].take().filter(|_| own).map(|name| names.claim(&name));
        }
        Printer {
            graph,
            names,
            same,
            uses,
            wanted,
            of_clocks: of_clocks(graph),
            written: graph.nodes.iter().map(|_| None).collect(),
            variables,
            batch,
            constants: String::new(),
            statements: String::new(),
        }
    }

    fn inputs(&self) -> String {
        let mut text: String = self
            .graph
            .inputs
            .iter()
            .filter(|input| !input.is_scalar())
            .map(|input| format!("input {}: {}\n", input.name, self.graph.ty(input.value)))
            .collect();
        if let Some(batch) = &self.batch {
            let any = self.graph.inputs.iter().find(|input| !input.is_scalar());
            let any = any.map_or("tensor(0)", |input| input.name.as_str());
            text += &format!("const {batch} = shape(all_samples({any}))[0]\n");
        }
        text
    }

    fn variables(&self) -> String {
        self.graph.variables.indices().map(|id| self.variable(id)).collect()
    }

    fn variable(&self, id: VarId) -> String {
        let (variable, name) = (&self.graph.variables[id], &self.variables[id]);
        let mut clauses = String::new();
        let keyword = match variable.kind {
            VariableKind::Param { frozen, lr, decay } => {
                clauses += if frozen { " frozen" } else { "" };
                for (word, factor) in [("lr", lr), ("decay", decay)].into_iter().filter(|(_, factor)| *factor != 1.0) {
                    clauses += &format!(" {word} {factor}");
                }
                "param"
            }
            VariableKind::State | VariableKind::Slot => "state",
        };
        let path = if *name == variable.path { String::new() } else { format!(" {}", literal::quoted(&variable.path)) };
        let initial = match variable.init {
            Some(init) if self.is_bulky(init) => " = zeros()".to_owned(),
            Some(init) => format!(" = {}", self.initial(init)),
            None => String::new(),
        };
        format!("{keyword} {name}{path}: {}{clauses}{initial}\n", variable.ty)
    }

    /// Whether a value holds more numbers of a file than a text should: the weights have them.
    fn is_bulky(&self, init: Value) -> bool {
        let reached = self.graph.reached_from([init]);
        let constants = self.graph.nodes.iter_enumerated().filter(|(id, node)| reached[*id] && node.op == op::CONSTANT);
        constants.map(|(_, node)| node.attrs.get_tensor("value").shape().iter().product::<usize>()).sum::<usize>()
            > MOST_NUMBERS
    }

    /// An initial value. What is drawn in it is drawn once for all samples, so it stands here whole.
    fn initial(&self, value: Value) -> String {
        let node = self.graph.node(value);
        if node.op == Op("broadcast")
            && let Some(number) = self.scalar(node.inputs[0])
        {
            return match number {
                0.0 if !self.names.binds("zeros") => "zeros()".to_owned(),
                1.0 if !self.names.binds("ones") => "ones()".to_owned(),
                other => literal::number(other),
            };
        }
        self.whole(value).text
    }

    fn whole(&self, value: Value) -> Expr {
        let value = self.same[value];
        match self.graph.node(value).op {
            op::VARIABLE => Expr::atom(&self.variables[variable_of(self.graph, value)]),
            _ => self.expression(value, &|operand| match self.is_literal(operand) {
                true => None,
                false => Some(self.whole(operand)),
            }),
        }
    }

    /// Settles, in the order of evaluation, which values are bound to names and how the others are written where they are used.
    fn bindings(&mut self) {
        for id in self.graph.nodes.indices().filter(|id| self.uses[*id] > 0).collect::<Vec<_>>() {
            let node = self.graph.node(id);
            let written = match node.op {
                op::INPUT => {
                    let name = &self.graph.inputs[node.attrs.get_int("index") as usize].name;
                    Expr::atom(name.trim_start_matches(FED))
                }
                op::VARIABLE => Expr::atom(&self.variables[variable_of(self.graph, id)]),
                _ if self.wanted[id].is_none() && self.is_literal(id) => continue,
                _ => self.bound_or_inline(id),
            };
            self.written[id] = Some(written);
        }
    }

    fn bound_or_inline(&mut self, id: Value) -> Expr {
        let expr = self.expression(id, &|operand| self.written[operand].clone());
        let short = expr.text.len() <= LONGEST && expr.operations <= MOST;
        let name = match self.wanted[id].clone() {
            // Only a weight may say it.
            _ if self.of_clocks[id] => return expr,
            Some(name) => name,
            None if self.uses[id] == 1 && (short || self.is_result(id)) => return expr,
            None => self.names.next(),
        };
        if self.graph.node(id).op == op::CONSTANT {
            self.constants += &format!("const {name} = {}\n", expr.text);
        } else {
            self.statements += &format!("{name} = {}\n", expr.text);
        }
        Expr::atom(name)
    }

    /// Whether a statement with a role gives the value.
    fn is_result(&self, id: Value) -> bool {
        self.graph.roots().into_iter().any(|root| self.same[root] == id)
    }

    /// A value in a statement of its own.
    fn stated(&self, value: Value) -> String {
        let value = self.same[value];
        match &self.written[value] {
            Some(expr) => expr.text.clone(),
            None => self.literal(value, None).text,
        }
    }

    fn updates(&self) -> String {
        let update = |update: &crate::ir::Update| {
            format!("update {} = {}\n", self.variables[update.variable], self.stated(update.value))
        };
        self.graph.updates.iter().map(update).collect()
    }

    fn results(&self) -> String {
        self.graph
            .results
            .iter()
            .map(|result| {
                let (name, value) = (&result.name, self.stated(result.value));
                match &result.role {
                    ResultRole::Loss { weight, trains } => {
                        let name = if name == "loss" { String::new() } else { format!(" {name}") };
                        let trains = trains.iter().map(|params| {
                            let params = params.iter().map(|id| self.variables[*id].as_str());
                            format!(" for {}", params.collect::<Vec<_>>().join(", "))
                        });
                        let trains: String = trains.collect();
                        let weight =
                            weight.map(|weight| format!(" weight {}", self.stated(weight))).unwrap_or_default();
                        format!("loss{name}{trains}{weight} = {value}\n")
                    }
                    ResultRole::Metric => format!("metric {name} = {value}\n"),
                    ResultRole::Output | ResultRole::Extra if *name == value => format!("output {name}\n"),
                    ResultRole::Output | ResultRole::Extra => format!("output {name} = {value}\n"),
                }
            })
            .collect()
    }
}

fn of_clocks(graph: &Graph) -> IndexVec<Value, bool> {
    let mut depends: IndexVec<Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for (id, node) in graph.nodes.iter_enumerated() {
        let own = node.op == op::INPUT && graph.inputs[node.attrs.get_int("index") as usize].is_scalar();
        depends[id] = own || node.inputs.iter().any(|input| depends[*input]);
    }
    depends
}

fn variable_of(graph: &Graph, value: Value) -> VarId {
    VarId::new(graph.node(value).attrs.get_int("index") as usize)
}

/// For each value, the value that it equals because operations between change neither elements nor type.
fn without_identities(graph: &Graph) -> IndexVec<Value, Value> {
    let mut same: IndexVec<Value, Value> = IndexVec::new();
    for (id, node) in graph.nodes.iter_enumerated() {
        let rearranges = ["reshape", "broadcast", "cast"].contains(&node.op.0);
        let kept = rearranges && *graph.ty(node.inputs[0]) == node.ty;
        same.push(if kept { same[node.inputs[0]] } else { id });
    }
    same
}

/// How often each value is used by what results and updates need.
fn uses(graph: &Graph, same: &IndexVec<Value, Value>) -> IndexVec<Value, usize> {
    let mut uses: IndexVec<Value, usize> = graph.nodes.iter().map(|_| 0).collect();
    for root in graph.roots() {
        uses[same[root]] += 1;
    }
    for id in graph.nodes.indices().rev() {
        if uses[id] > 0 {
            for input in &graph.node(id).inputs {
                uses[same[*input]] += 1;
            }
        }
    }
    uses
}

/// Whether an attribute of what is printed holds the size of the minibatch.
fn asks_for_batch(graph: &Graph, uses: &IndexVec<Value, usize>) -> bool {
    let used = graph.nodes.iter_enumerated().filter(|(id, _)| uses[*id] > 0);
    let mut attrs = used.flat_map(|(_, node)| node.attrs.iter());
    attrs.any(|(_, attr)| match attr {
        crate::ir::Attr::Dims(shape) => shape.iter().any(|dim| dim.mentions(BATCH)),
        _ => false,
    })
}
