//! Expressions as text, with parentheses exactly where the precedence of operators asks for them.

use crate::tensor::Type;

/// How tightly an expression binds, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    Or,
    And,
    Compare,
    Sum,
    Product,
    Unary,
    Power,
    Postfix,
}

/// The text of an expression.
#[derive(Clone, Debug)]
pub struct Expr {
    pub text: String,
    precedence: Precedence,
    /// How many operations are written in it, which is what makes it hard to read.
    pub operations: usize,
}

impl Expr {
    /// A name, a list, a call: what binds tightest.
    pub fn atom(text: impl Into<String>) -> Expr {
        Expr { text: text.into(), precedence: Precedence::Postfix, operations: 0 }
    }

    /// A number's text.
    pub fn number(text: String) -> Expr {
        let precedence = if text.starts_with('-') { Precedence::Unary } else { Precedence::Postfix };
        Expr { text, precedence, operations: 0 }
    }

    /// `callee(arguments)`, where `operands` are the expressions among the arguments.
    pub fn call(callee: &str, arguments: &[String], operands: &[Expr]) -> Expr {
        let operations = 1 + operands.iter().map(|operand| operand.operations).sum::<usize>();
        Expr { operations, ..Expr::atom(format!("{callee}({})", arguments.join(", "))) }
    }

    /// `a + b` and its like.
    pub fn binary(operator: &Operator, a: &Expr, b: &Expr) -> Expr {
        let Operator { sign, precedence, .. } = *operator;
        // Comparisons do not chain; all others but the power group to the left.
        let (left, right) = match precedence {
            Precedence::Power => (Precedence::Postfix, Precedence::Postfix),
            Precedence::Compare => (Precedence::Sum, Precedence::Sum),
            Precedence::Sum => (Precedence::Sum, Precedence::Product),
            Precedence::Product => (Precedence::Product, Precedence::Unary),
            other => (other, Precedence::Compare),
        };
        let text = format!("{} {sign} {}", a.at(left), b.at(right));
        Expr { text, precedence, operations: 1 + a.operations + b.operations }
    }

    /// `-x`.
    pub fn negated(x: &Expr) -> Expr {
        Expr {
            text: format!("-{}", x.at(Precedence::Power)),
            precedence: Precedence::Unary,
            operations: 1 + x.operations,
        }
    }

    /// `x[...]`.
    pub fn indexed(x: &Expr, indices: &[String]) -> Expr {
        let text = format!("{}[{}]", x.at(Precedence::Postfix), indices.join(", "));
        Expr { operations: 1 + x.operations, ..Expr::atom(text) }
    }

    /// `(x as [...])`.
    pub fn claimed(x: &Expr, ty: &Type) -> Expr {
        let text = format!("({} as {ty})", x.at(Precedence::Postfix));
        Expr { operations: 1 + x.operations, ..Expr::atom(text) }
    }

    fn at(&self, least: Precedence) -> String {
        if self.precedence < least { format!("({})", self.text) } else { self.text.clone() }
    }
}

/// An operator and the operation that it stands for.
pub struct Operator {
    pub op: &'static str,
    pub sign: &'static str,
    pub precedence: Precedence,
}

const fn operator(op: &'static str, sign: &'static str, precedence: Precedence) -> Operator {
    Operator { op, sign, precedence }
}

/// The product of matrices, which is a contraction of certain axes.
pub const MATMUL: Operator = operator("matmul", "@", Precedence::Product);

/// The operators on two values.
pub const OPERATORS: [Operator; 14] = [
    operator("add", "+", Precedence::Sum),
    operator("sub", "-", Precedence::Sum),
    operator("mul", "*", Precedence::Product),
    operator("div", "/", Precedence::Product),
    operator("mod", "%", Precedence::Product),
    operator("pow", "^", Precedence::Power),
    operator("equal", "==", Precedence::Compare),
    operator("not_equal", "!=", Precedence::Compare),
    operator("less", "<", Precedence::Compare),
    operator("less_equal", "<=", Precedence::Compare),
    operator("greater", ">", Precedence::Compare),
    operator("greater_equal", ">=", Precedence::Compare),
    operator("logical_and", "and", Precedence::And),
    operator("logical_or", "or", Precedence::Or),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(op: &str, a: &Expr, b: &Expr) -> Expr {
        Expr::binary(OPERATORS.iter().find(|operator| operator.op == op).expect("an operator"), a, b)
    }

    #[test]
    fn parentheses_stand_where_they_are_needed() {
        let [a, b, c] = ["a", "b", "c"].map(Expr::atom);
        let difference = binary("sub", &a, &b);
        assert_eq!(binary("sub", &difference, &c).text, "a - b - c");
        assert_eq!(binary("sub", &c, &difference).text, "c - (a - b)");
        assert_eq!(binary("pow", &difference, &Expr::number("2".into())).text, "(a - b) ^ 2");
        assert_eq!(binary("pow", &a, &Expr::number("-1".into())).text, "a ^ (-1)");
        assert_eq!(binary("mul", &Expr::number("-1".into()), &a).text, "-1 * a");
        assert_eq!(Expr::negated(&Expr::negated(&a)).text, "-(-a)");
        assert_eq!(Expr::negated(&binary("pow", &a, &b)).text, "-a ^ b");
        assert_eq!(Expr::indexed(&difference, &["0".into()]).text, "(a - b)[0]");
        let less = binary("less", &difference, &c);
        assert_eq!(binary("equal", &less, &b).text, "(a - b < c) == b");
        assert_eq!(binary("logical_or", &binary("logical_and", &less, &b), &c).text, "a - b < c and b or c");
    }
}
