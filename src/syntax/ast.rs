//! The abstract syntax of one file, complete: nothing that the grammar accepts is left out.
//!
//! Expressions live in an arena ([`Ast::exprs`]), so that later stages keep what they learn in side tables and dropping a deep
//! tree does not recurse. Spans cover the whole construct; names carry their own.
//! Operators are kept as written; `check` turns them into calls of library functions.

#![allow(missing_docs, reason = "fields of variants are told by the syntax in the variant's own line")]

use crate::base::IndexVec;
use crate::newtype_index;
use crate::source::Span;

newtype_index! {
    /// An expression of an [`Ast`].
    pub struct ExprId;
}

/// One file. Statements that failed to parse are missing from the items, reported in the diagnostics, and named in `broken`.
#[derive(Debug, Default)]
pub struct Ast {
    /// The items in source order.
    pub items: Vec<Stmt>,
    /// All expressions.
    pub exprs: IndexVec<ExprId, Expr>,
    /// What was left out. While this is not empty, a name in it is no unknown name but one whose value nobody knows, and
    /// nothing can be called missing or unused: it may stand in a part that was not understood.
    pub broken: Vec<Broken>,
}

/// A part of the file that was left out because it did not parse.
#[derive(Debug)]
pub struct Broken {
    /// The names that it would have bound, as far as one can see.
    pub names: Vec<Name>,
    /// The place.
    pub span: Span,
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The text.
    pub text: String,
    /// The place.
    pub span: Span,
}

/// A string literal, escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Str {
    /// What it denotes.
    pub value: String,
    /// The place, quotes included.
    pub span: Span,
}

/// An item or a statement: one type, because most may stand in both places; `check` says which may stand where.
#[derive(Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// From its first to its last token.
    pub span: Span,
    /// The `##` lines above it, joined by line breaks.
    pub doc: Option<String>,
}

/// The statements of the language.
#[derive(Debug)]
pub enum StmtKind {
    /// `import "f.nn" as m` or `import "f.nn": a, b`.
    Import { path: Str, alias: Option<Name>, names: Vec<Name> },
    /// `const n = e`.
    Const { name: Name, value: ExprId },
    /// `fn f(a, b: T = e) -> T where c { ... }`.
    Fn(Function),
    /// `layer L(h)(x) -> T where c { ... }`.
    Layer(LayerDef),
    /// `input x, y: T from e`.
    Input { names: Vec<Name>, ty: TypeExpr, from: Option<ExprId> },
    /// `param w "path": T frozen lr e decay e = e`.
    Param(Param),
    /// `state s "path": T = e`.
    State { name: Name, path: Option<Str>, ty: TypeExpr, init: ExprId },
    /// `update s = e`.
    Update { name: Name, value: ExprId },
    /// `loss l for a, b weight e = e`.
    Loss(Loss),
    /// `metric m = e`.
    Metric { name: Name, value: ExprId },
    /// `output o = e`; without `= e` the value named `o`.
    Output { name: Name, value: Option<ExprId> },
    /// `a, b = e` or `a, b = e, f`.
    Bind { names: Vec<Name>, values: Vec<ExprId> },
    /// `for a, b in e { ... }`.
    For { names: Vec<Name>, iterable: ExprId, body: Block },
    /// `if c { ... } else { ... }`; an `else if` is a block of one `If`.
    If { condition: ExprId, then: Block, otherwise: Option<Block> },
    /// `assert e, "message"`.
    Assert { condition: ExprId, message: Option<Str> },
    /// `data train = e` or `data train { x = e }`.
    Data { name: Name, source: DataSource },
    /// `train { key = e; key sub = e }`.
    Train { settings: Vec<Setting> },
    /// `test "what" { ... }`.
    Test { title: Str, body: Block },
}

/// What a `data` statement reads.
#[derive(Debug)]
pub enum DataSource {
    /// One expression that gives all columns by name.
    Whole(ExprId),
    /// A column for each input.
    Columns(Vec<(Name, ExprId)>),
}

/// One setting of a `train` block: `optimizer d = adam()` has the qualifier `d`.
#[derive(Debug)]
pub struct Setting {
    /// The key.
    pub key: Name,
    /// The loss it is for.
    pub qualifier: Option<Name>,
    /// The value.
    pub value: ExprId,
}

/// `{ statements; return e, f }`.
#[derive(Debug)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// The returned expressions and the span of the whole `return`.
    pub result: Option<(Vec<ExprId>, Span)>,
    /// Braces included.
    pub span: Span,
}

/// The parameter of a function or layer.
#[derive(Debug)]
pub struct Arg {
    /// Its name.
    pub name: Name,
    /// Its declared type.
    pub ty: Option<TypeExpr>,
    /// Its default.
    pub default: Option<ExprId>,
}

/// One `where` condition.
#[derive(Debug)]
pub struct Where {
    /// The condition.
    pub condition: ExprId,
    /// The message, with `{name}` placeholders.
    pub message: Option<Str>,
}

/// What a function's body is.
#[derive(Debug)]
pub enum FnBody {
    /// `= e, f`.
    Exprs(Vec<ExprId>),
    /// `{ ... }`.
    Block(Block),
}

/// A function definition.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub args: Vec<Arg>,
    /// The declared results; empty when none are.
    pub returns: Vec<TypeExpr>,
    /// The conditions.
    pub wheres: Vec<Where>,
    /// The body.
    pub body: FnBody,
}

/// A layer definition.
#[derive(Debug)]
pub struct LayerDef {
    /// Its name.
    pub name: Name,
    /// The hyperparameters (first list).
    pub hypers: Vec<Arg>,
    /// The tensors (second list).
    pub args: Vec<Arg>,
    /// The declared results; empty when none are.
    pub returns: Vec<TypeExpr>,
    /// The conditions.
    pub wheres: Vec<Where>,
    /// The body.
    pub body: Block,
}

/// A `param` statement.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// The path set outright.
    pub path: Option<Str>,
    /// Its type.
    pub ty: TypeExpr,
    /// `frozen`, and where it says so.
    pub frozen: Option<Span>,
    /// `lr e`.
    pub lr: Option<ExprId>,
    /// `decay e`.
    pub decay: Option<ExprId>,
    /// The initialiser.
    pub init: Option<ExprId>,
}

/// A `loss` statement.
#[derive(Debug)]
pub struct Loss {
    /// Its name; `loss = e` has none and is called `loss`.
    pub name: Option<Name>,
    /// The `loss` keyword.
    pub keyword: Span,
    /// The dotted paths behind `for`.
    pub targets: Vec<Vec<Name>>,
    /// The weight.
    pub weight: Option<ExprId>,
    /// The value.
    pub value: ExprId,
}

/// A written type.
#[derive(Debug)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeKind,
    /// The place.
    pub span: Span,
}

/// `f32`, `[1, 28]`, `index<K>[T]`, `int`.
#[derive(Debug)]
pub enum TypeKind {
    /// A tensor type, or a hyperparameter's (`int float bool str fn list`): which of the two the name says is `check`'s to decide.
    Tensor {
        /// The dtype's name; none means `f32`.
        dtype: Option<Name>,
        /// `<K>` of `index<K>`.
        classes: Option<ExprId>,
        /// The dims; none when no brackets were written.
        dims: Option<Vec<DimExpr>>,
    },
}

/// One entry of a written shape.
#[derive(Debug)]
pub enum DimExpr {
    /// A size.
    Size(ExprId),
    /// `..S`: a run of sizes.
    Run(Name),
}

/// An expression.
#[derive(Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// From its first to its last token; parentheses around it are not included.
    pub span: Span,
}

/// The expressions of the language.
#[derive(Debug)]
pub enum ExprKind {
    /// `12`.
    Int(i64),
    /// `0.5`.
    Float(f64),
    /// `"text"`.
    Str(String),
    /// `true`.
    Bool(bool),
    /// `training`.
    Training,
    /// A name.
    Name(String),
    /// `-e` or `not e`; the span of the operator.
    Unary { op: UnaryOp, op_span: Span, operand: ExprId },
    /// `a + b`.
    Binary { op: BinaryOp, op_span: Span, left: ExprId, right: ExprId },
    /// `a |> b`.
    Pipe { value: ExprId, target: ExprId },
    /// `a .. b`; both ends may be missing only where the grammar says so.
    Range { start: ExprId, end: ExprId },
    /// `f(a, k = b)`.
    Call { callee: ExprId, args: Vec<CallArg>, parens: Span },
    /// `x[1:, ..]`.
    Index { value: ExprId, indices: Vec<Index>, brackets: Span },
    /// `m.name`.
    Member { value: ExprId, name: Name },
    /// `x as [2, T]`.
    Cast { value: ExprId, ty: TypeExpr },
    /// `if c { a } else { b }`.
    If { condition: ExprId, then: Block, otherwise: Block },
    /// `[a, b]`.
    List(Vec<ExprId>),
}

/// One argument of a call.
#[derive(Debug)]
pub struct CallArg {
    /// The name, when given by name.
    pub name: Option<Name>,
    /// The value.
    pub value: ExprId,
}

/// One entry between the brackets of `x[...]`.
#[derive(Debug)]
pub enum Index {
    /// `i`.
    At(ExprId),
    /// `a:b:s`, each part optional; the span of the whole.
    Slice { start: Option<ExprId>, stop: Option<ExprId>, step: Option<ExprId>, span: Span },
    /// `..`.
    Rest(Span),
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`.
    Neg,
    /// `not`.
    Not,
}

/// Infix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// `%`.
    Mod,
    /// `@`.
    MatMul,
    /// `^`.
    Pow,
}
