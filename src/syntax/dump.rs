//! The AST as text for tests: statements and expressions as nested lists, names and literals as they are.

use super::ast::*;
use crate::base::IndexVec;

/// All items, one a line.
pub(super) fn dump(ast: &Ast) -> String {
    let dumper = Dumper { exprs: &ast.exprs };
    ast.items.iter().map(|item| dumper.stmt(item)).collect::<Vec<_>>().join("\n")
}

struct Dumper<'a> {
    exprs: &'a IndexVec<ExprId, Expr>,
}

fn names(names: &[Name]) -> String {
    names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn clause(word: &str, text: Option<String>) -> String {
    text.map_or(String::new(), |text| format!(" {word} {text}"))
}

fn quoted(text: &Option<Str>) -> Option<String> {
    text.as_ref().map(|text| format!("{:?}", text.value))
}

impl Dumper<'_> {
    fn all(&self, ids: &[ExprId]) -> String {
        ids.iter().map(|id| self.expr(*id)).collect::<Vec<_>>().join(" ")
    }

    fn option(&self, id: Option<ExprId>) -> Option<String> {
        id.map(|id| self.expr(id))
    }

    fn stmt(&self, stmt: &Stmt) -> String {
        let doc = stmt.doc.as_ref().map_or(String::new(), |doc| format!("{doc:?} "));
        format!("{doc}({})", self.kind(&stmt.kind))
    }

    fn kind(&self, kind: &StmtKind) -> String {
        match kind {
            StmtKind::Import { path, alias, names: list } => {
                let alias = clause("as", alias.as_ref().map(|alias| alias.text.clone()));
                format!("import {:?}{alias}{}", path.value, clause(":", (!list.is_empty()).then(|| names(list))))
            }
            StmtKind::Const { name, value } => format!("const {} {}", name.text, self.expr(*value)),
            StmtKind::Fn(function) => {
                let body = match &function.body {
                    FnBody::Exprs(values) => format!("= {}", self.all(values)),
                    FnBody::Block(block) => self.block(block),
                };
                let head = self.head(&function.name, &[&function.args], &function.returns, &function.wheres);
                format!("fn {head} {body}")
            }
            StmtKind::Layer(layer) => {
                let head = self.head(&layer.name, &[&layer.hypers, &layer.args], &layer.returns, &layer.wheres);
                format!("layer {head} {}", self.block(&layer.body))
            }
            StmtKind::Input { names: list, ty, from } => {
                format!("input {} : {}{}", names(list), self.ty(ty), clause("from", self.option(*from)))
            }
            StmtKind::Param(param) => {
                let path = clause("path", quoted(&param.path));
                let frozen = if param.frozen.is_some() { " frozen" } else { "" };
                let (lr, decay) = (clause("lr", self.option(param.lr)), clause("decay", self.option(param.decay)));
                let init = clause("=", self.option(param.init));
                format!("param {}{path} : {}{frozen}{lr}{decay}{init}", param.name.text, self.ty(&param.ty))
            }
            StmtKind::State { name, path, ty, init } => {
                format!("state {}{} : {} = {}", name.text, clause("path", quoted(path)), self.ty(ty), self.expr(*init))
            }
            StmtKind::Update { name, value } => format!("update {} {}", name.text, self.expr(*value)),
            StmtKind::Loss(loss) => {
                let name = loss.name.as_ref().map_or("-", |name| &name.text);
                let targets: Vec<String> = loss
                    .targets
                    .iter()
                    .map(|path| path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join("."))
                    .collect();
                let targets = clause("for", (!targets.is_empty()).then(|| targets.join(" ")));
                format!(
                    "loss {name}{targets}{} = {}",
                    clause("weight", self.option(loss.weight)),
                    self.expr(loss.value)
                )
            }
            StmtKind::Metric { name, value } => format!("metric {} {}", name.text, self.expr(*value)),
            StmtKind::Output { name, value } => format!("output {}{}", name.text, clause("=", self.option(*value))),
            StmtKind::Bind { names: list, values } => format!("bind {} = {}", names(list), self.all(values)),
            StmtKind::For { names: list, iterable, body } => {
                format!("for {} in {} {}", names(list), self.expr(*iterable), self.block(body))
            }
            StmtKind::If { condition, then, otherwise } => {
                let otherwise = clause("else", otherwise.as_ref().map(|block| self.block(block)));
                format!("if {} {}{otherwise}", self.expr(*condition), self.block(then))
            }
            StmtKind::Assert { condition, message } => {
                format!("assert {}{}", self.expr(*condition), clause("says", quoted(message)))
            }
            StmtKind::Data { name, source: DataSource::Whole(value) } => {
                format!("data {} = {}", name.text, self.expr(*value))
            }
            StmtKind::Data { name, source: DataSource::Columns(columns) } => {
                let columns: Vec<String> =
                    columns.iter().map(|(name, value)| format!("({} {})", name.text, self.expr(*value))).collect();
                format!("data {} {{{}}}", name.text, columns.join(" "))
            }
            StmtKind::Train { settings } => self.train(settings),
            StmtKind::Test { title, body } => format!("test {:?} {}", title.value, self.block(body)),
        }
    }

    fn train(&self, settings: &[Setting]) -> String {
        let settings: Vec<String> = settings
            .iter()
            .map(|setting| {
                let qualifier = clause("for", setting.qualifier.as_ref().map(|name| name.text.clone()));
                format!("({}{qualifier} {})", setting.key.text, self.expr(setting.value))
            })
            .collect();
        format!("train {{{}}}", settings.join(" "))
    }

    fn head(&self, name: &Name, lists: &[&Vec<Arg>], returns: &[TypeExpr], wheres: &[Where]) -> String {
        let mut text = name.text.clone();
        for list in lists {
            let args: Vec<String> = list
                .iter()
                .map(|arg| {
                    let ty = clause(":", arg.ty.as_ref().map(|ty| self.ty(ty)));
                    format!("{}{ty}{}", arg.name.text, clause("=", self.option(arg.default)))
                })
                .collect();
            text += &format!(" ({})", args.join(", "));
        }
        for ty in returns {
            text += &format!(" -> {}", self.ty(ty));
        }
        for item in wheres {
            text += &format!(" where {}{}", self.expr(item.condition), clause("says", quoted(&item.message)));
        }
        text
    }

    fn block(&self, block: &Block) -> String {
        let mut parts: Vec<String> = block.stmts.iter().map(|stmt| self.stmt(stmt)).collect();
        parts.extend(block.result.as_ref().map(|(values, _)| format!("return {}", self.all(values))));
        format!("{{{}}}", parts.join(" "))
    }

    fn ty(&self, ty: &TypeExpr) -> String {
        let TypeKind::Tensor { dtype, classes, dims } = &ty.kind;
        let dtype = dtype.as_ref().map_or("", |name| &name.text);
        let classes = classes.map_or(String::new(), |id| format!("<{}>", self.expr(id)));
        let dims = dims.as_ref().map_or(String::new(), |dims| {
            let dims: Vec<String> = dims
                .iter()
                .map(|dim| match dim {
                    DimExpr::Size(id) => self.expr(*id),
                    DimExpr::Run(name) => format!("..{}", name.text),
                })
                .collect();
            format!("[{}]", dims.join(" "))
        });
        format!("{dtype}{classes}{dims}")
    }

    fn expr(&self, id: ExprId) -> String {
        match &self.exprs[id].kind {
            ExprKind::Int(value) => value.to_string(),
            ExprKind::Float(value) => format!("{value:?}"),
            ExprKind::Str(value) => format!("{value:?}"),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::Training => "training".to_owned(),
            ExprKind::Name(name) => name.clone(),
            ExprKind::Unary { op, operand, .. } => format!("({op:?} {})", self.expr(*operand)),
            ExprKind::Binary { op, left, right, .. } => format!("({op:?} {} {})", self.expr(*left), self.expr(*right)),
            ExprKind::Pipe { value, target } => format!("(|> {} {})", self.expr(*value), self.expr(*target)),
            ExprKind::Range { start, end } => format!("(.. {} {})", self.expr(*start), self.expr(*end)),
            ExprKind::Call { callee, args, .. } => {
                let args: String = args
                    .iter()
                    .map(|arg| {
                        let name = arg.name.as_ref().map_or(String::new(), |name| format!("{}: ", name.text));
                        format!(" {name}{}", self.expr(arg.value))
                    })
                    .collect();
                format!("(call {}{args})", self.expr(*callee))
            }
            ExprKind::Index { value, indices, .. } => {
                let indices: String = indices.iter().map(|index| format!(" {}", self.index(index))).collect();
                format!("(index {}{indices})", self.expr(*value))
            }
            ExprKind::Member { value, name } => format!("(member {} {})", self.expr(*value), name.text),
            ExprKind::Cast { value, ty } => format!("(as {} {})", self.expr(*value), self.ty(ty)),
            ExprKind::If { condition, then, otherwise } => {
                format!("(if {} {} {})", self.expr(*condition), self.block(then), self.block(otherwise))
            }
            ExprKind::List(items) => format!("[{}]", self.all(items)),
        }
    }

    fn index(&self, index: &Index) -> String {
        match index {
            Index::At(id) => self.expr(*id),
            Index::Rest(_) => "..".to_owned(),
            Index::Slice { start, stop, step, .. } => {
                let part = |id: &Option<ExprId>| self.option(*id).unwrap_or_default();
                format!("{}:{}:{}", part(start), part(stop), part(step))
            }
        }
    }
}
