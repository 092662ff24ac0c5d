//! Every construct's AST, spans, recovery, and the promises of `parse`: total, linear, one message for one mistake.

use std::time::Instant;

use proptest::prelude::*;

use super::dump::dump;
use super::*;
use crate::diagnostic::Code;
use crate::source::Span;

const FILE: FileId = FileId(0);

/// The AST of text without faults.
#[track_caller]
fn ast(text: &str) -> String {
    let (ast, diagnostics) = parse(FILE, text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert!(ast.broken.is_empty());
    dump(&ast)
}

#[track_caller]
fn value(text: &str) -> String {
    let dumped = ast(&format!("x = {text}"));
    dumped.strip_prefix("(bind x = ").and_then(|rest| rest.strip_suffix(')')).expect("one binding").to_owned()
}

#[track_caller]
fn codes(text: &str) -> Vec<Code> {
    parse(FILE, text).1.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn operators_bind_as_the_reference_says() {
    assert_eq!(value("a + b * c - d"), "(Sub (Add a (Mul b c)) d)");
    assert_eq!(value("a @ b / c % d"), "(Mod (Div (MatMul a b) c) d)");
    assert_eq!(value("-x^2"), "(Neg (Pow x 2))");
    assert_eq!(value("x^-1^y * 2"), "(Mul (Pow x (Neg (Pow 1 y))) 2)");
    assert_eq!(value("a^b^c"), "(Pow a (Pow b c))");
    assert_eq!(value("-a * b"), "(Mul (Neg a) b)");
    assert_eq!(value("not a == b and c or d"), "(Or (And (Not (Equal a b)) c) d)");
    assert_eq!(value("not not a"), "(Not (Not a))");
    assert_eq!(value("0 .. n + 1"), "(.. 0 (Add n 1))");
    assert_eq!(value("a < b + 1"), "(Less a (Add b 1))");
    assert_eq!(value("(a + b) * c"), "(Mul (Add a b) c)");
    assert_eq!(value("x + h |> L() |> f(2)(y)"), "(|> (|> (Add x h) (call L)) (call (call f 2) y))");
    assert_eq!(value("a >= b or a <= c"), "(Or (GreaterEqual a b) (LessEqual a c))");
    assert_eq!(value("a != b"), "(NotEqual a b)");
}

#[test]
fn postfix_expressions() {
    assert_eq!(value("f(x, kernel = 3,)"), "(call f x kernel: 3)");
    assert_eq!(value("f()()"), "(call (call f))");
    assert_eq!(value("f(weight = w, from = 1)"), "(call f weight: w from: 1)");
    assert_eq!(value("m.enc.W[0]"), "(index (member (member m enc) W) 0)");
    assert_eq!(value("x[1:, ::2, :, .., -1, a:b:c, :n]"), "(index x 1:: ::2 :: .. (Neg 1) a:b:c :n:)");
    assert_eq!(value("x as [2, T]"), "(as x [2 T])");
    assert_eq!(value("-x as index<K + 1>[T]"), "(Neg (as x index<(Add K 1)>[T]))");
    assert_eq!(value("x as i32 |> f"), "(|> (as x i32) f)");
    assert_eq!(value("f\n(y)"), "(call f y)");
}

#[test]
fn primary_expressions() {
    assert_eq!(
        value("[1_000, 0.5, 1e-3, \"a\\n\\\"\", true, false, training]"),
        "[1000 0.5 0.001 \"a\\n\\\"\" true false training]"
    );
    assert_eq!(value("[]"), "[]");
    assert_eq!(value("損失 + σ_1"), "(Add 損失 σ_1)");
    assert_eq!(value("if a { b } else { c }"), "(if a {return b} {return c})");
    assert_eq!(
        value("if a { b } else if c { y = d y, z } else { e }"),
        "(if a {return b} {return (if c {(bind y = d) return y z} {return e})})"
    );
    assert_eq!(value("2 * if a { 1 } else { 2 } + 1"), "(Add (Mul 2 (if a {return 1} {return 2})) 1)");
    assert_eq!(value("index + inputs + form"), "(Add (Add index inputs) form)");
}

#[test]
fn inputs_params_and_states() {
    assert_eq!(ast("input x, y: [1, 28, 28]"), "(input x y : [1 28 28])");
    assert_eq!(ast("input t: index<vocab>[T, ..S]"), "(input t : index<vocab>[T ..S])");
    assert_eq!(
        ast("input z: [64] from normal(0, 1) input s: f32"),
        "(input z : [64] from (call normal 0 1))\n(input s : f32)"
    );
    assert_eq!(ast("param w: [D, N] = glorot_normal()"), "(param w : [D N] = (call glorot_normal))");
    assert_eq!(
        ast("param w \"code.W\": i32 frozen lr 0.1 decay 0 = zeros()\nlr = 3"),
        "(param w path \"code.W\" : i32 frozen lr 0.1 decay 0 = (call zeros))\n(bind lr = 3)"
    );
    assert_eq!(ast("param w: []\ndecay, lr = f(x)"), "(param w : [])\n(bind decay lr = (call f x))");
    assert_eq!(ast("state m: [n] = zeros() update m = m + 1"), "(state m : [n] = (call zeros))\n(update m (Add m 1))");
    assert_eq!(ast("state m \"p\": f32 = w"), "(state m path \"p\" : f32 = w)");
}

#[test]
fn roles() {
    assert_eq!(ast("loss = mean(x)"), "(loss - = (call mean x))");
    assert_eq!(ast("loss weight = x"), "(loss weight = x)");
    assert_eq!(
        ast("loss g for enc.W, dec weight minimum(1, progress * 4) = y"),
        "(loss g for enc.W dec weight (call minimum 1 (Mul progress 4)) = y)"
    );
    assert_eq!(ast("loss weight 2 = x"), "(loss - weight 2 = x)");
    assert_eq!(ast("metric accuracy = accuracy(y, t)"), "(metric accuracy (call accuracy y t))");
    assert_eq!(ast("output recon\noutput p = softmax(y)"), "(output recon)\n(output p = (call softmax y))");
}

#[test]
fn definitions() {
    assert_eq!(
        ast("fn f(x, p: float = 0.5, act: fn = relu) = x, p"),
        "(fn f (x, p : float = 0.5, act : fn = relu) = x p)"
    );
    assert_eq!(
        ast("fn g(x: [..S, C]) -> [C], f32 where C % 2 == 0, \"odd {C}\", C > 1 { y = x return y, 1 }"),
        "(fn g (x : [..S C]) -> [C] -> f32 where (Equal (Mod C 2) 0) says \"odd {C}\" where (Greater C 1) {(bind y = x) return y 1})"
    );
    assert_eq!(
        ast("layer L(n: int, k = 3,)(x) -> [n] {\n  param w: [n]\n  fn h(a) = a\n  return h(x) }"),
        "(layer L (n : int, k = 3) (x) -> [n] {(param w : [n]) (fn h (a) = a) return (call h x)})"
    );
    assert_eq!(ast("layer Empty()() { }"), "(layer Empty () () {})");
    assert_eq!(ast("const n = 3 * 4"), "(const n (Mul 3 4))");
    assert_eq!(ast("mu, sigma = encode(x)\na, b = 1, 2"), "(bind mu sigma = (call encode x))\n(bind a b = 1 2)");
}

#[test]
fn loops_branches_and_checks() {
    assert_eq!(
        ast("for maps, s in [[16, 1], [32, 2]] { h = h |> R(maps, stride = s) }"),
        "(for maps s in [[16 1] [32 2]] {(bind h = (|> h (call R maps stride: s)))})"
    );
    assert_eq!(
        ast("if a { x = 1 } else if b { x = 2 } else { x = 3 }\nif c {}"),
        "(if a {(bind x = 1)} else {(if b {(bind x = 2)} else {(bind x = 3)})})\n(if c {})"
    );
    assert_eq!(ast("assert n > 0, \"n\" assert m"), "(assert (Greater n 0) says \"n\")\n(assert m)");
    assert_eq!(ast("test \"huber\" { assert close(a, b) }"), "(test \"huber\" {(assert (call close a b))})");
}

#[test]
fn files_data_and_training() {
    assert_eq!(ast("import \"a.nn\" import \"b.nn\" as b"), "(import \"a.nn\")\n(import \"b.nn\" as b)");
    assert_eq!(ast("import \"c.nn\": f, G"), "(import \"c.nn\" : f G)");
    assert_eq!(ast("data train = csv(\"t.csv\")"), "(data train = (call csv \"t.csv\"))");
    assert_eq!(ast("data test { x = a, y = b z = c }"), "(data test {(x a) (y b) (z c)})");
    assert_eq!(
        ast("train { optimizer d = adam(lr = 1e-3) batch = 64, order = [d, g] monitor = loss optimizer loss = sgd() }"),
        "(train {(optimizer for d (call adam lr: 0.001)) (batch 64) (order [d g]) (monitor loss) (optimizer for loss (call sgd))})"
    );
}

#[test]
fn contextual_words_are_names_elsewhere() {
    assert_eq!(
        ast("state = 1 update = 2 data, train = 3, 4\ntest = state + data\nwhere = as + from"),
        "(bind state = 1)\n(bind update = 2)\n(bind data train = 3 4)\n(bind test = (Add state data))\n(bind where = (Add as from))"
    );
    assert_eq!(ast("y = x\nas = 1"), "(bind y = x)\n(bind as = 1)");
    assert_eq!(ast("y = where(c, a, b) + weight"), "(bind y = (Add (call where c a b) weight))");
}

#[test]
fn documentation_belongs_to_what_is_below() {
    let text = "## The file.\n\n## One.\n##  Two.\n# plain\nconst n = 1 ## not this\n\n##\nfn f(x) {\n  ## Inner.\n  y = x\n  return y\n}";
    assert_eq!(ast(text), "\"One.\\n Two.\" (const n 1)\n(fn f (x) {\"Inner.\" (bind y = x) return y})");
}

#[test]
fn spans_cover_first_to_last_token() {
    let text = "y = (a + b) * c   # note\n\nz, w = f( x )[ 1 : ] |> g\nloss g = x\nparam p: f32 [ 2 ]  frozen\n";
    let (ast, diagnostics) = parse(FILE, text);
    assert!(diagnostics.is_empty());
    let part = |span: Span| &text[span.range()];
    let items: Vec<&str> = ast.items.iter().map(|item| part(item.span)).collect();
    assert_eq!(items, ["y = (a + b) * c", "z, w = f( x )[ 1 : ] |> g", "loss g = x", "param p: f32 [ 2 ]  frozen"]);
    let exprs: Vec<&str> = ast.exprs.iter().map(|expr| part(expr.span)).collect();
    for expr in ["a + b", "(a + b) * c", "f( x )", "f( x )[ 1 : ]", "f( x )[ 1 : ] |> g"] {
        assert!(exprs.contains(&expr), "{expr} not in {exprs:?}");
    }
    let ast::StmtKind::Param(param) = &ast.items[3].kind else { panic!() };
    assert_eq!(part(param.ty.span), "f32 [ 2 ]");
    assert_eq!(param.frozen.map(part), Some("frozen"));
}

#[test]
fn tokens_are_lossless_and_agree_with_the_grammar() {
    let words = "import const fn layer input param for in if else return assert training and or not true false frozen loss metric output";
    for word in words.split(' ') {
        assert_eq!(tokenize(word)[0].kind, TokenKind::Keyword, "{word}");
        assert!(grammar::parse(Rule::name, word).is_err(), "{word}");
        assert!(grammar::parse(Rule::name, &format!("{word}s")).is_ok(), "{word}s");
        assert_eq!(tokenize(&format!("{word}s"))[0].kind, TokenKind::Name);
    }
    for name in ["state", "update", "data", "train", "test", "weight", "lr", "as", "_", "_x1", "損失", "σ"] {
        assert_eq!(tokenize(name)[0].kind, TokenKind::Name, "{name}");
        assert!(grammar::parse(Rule::name, name).is_ok(), "{name}");
    }
    for number in ["0", "12", "1_000", "0.5", "1e3", "1E-3", "2.5e+10", "1_0.0_1"] {
        assert_eq!(
            tokenize(number).iter().map(|token| token.kind).collect::<Vec<_>>(),
            [TokenKind::Number],
            "{number}"
        );
        assert!(value(number).parse::<f64>().is_ok(), "{number}");
    }
    for bad in ["1_", "12ab", "1e", "0x1f", "1__0"] {
        assert_eq!(tokenize(bad).iter().map(|token| token.kind).collect::<Vec<_>>(), [TokenKind::BadNumber], "{bad}");
        assert!(grammar::parse(Rule::program, &format!("x = {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn one_broken_statement_hides_no_other() {
    let text = "a = 1\nb = (2 +\nc = 3\nlayer L(n)(x) {\n    y = x x\n    return x\n}\n";
    let (ast, diagnostics) = parse(FILE, text);
    assert_eq!(dump(&ast), "(bind a = 1)\n(bind c = 3)\n(layer L (n) (x) {return x})");
    assert_eq!(diagnostics.len(), 2, "{diagnostics:?}");
    let broken: Vec<&str> = ast.broken.iter().flat_map(|part| &part.names).map(|name| name.text.as_str()).collect();
    assert_eq!(broken, ["b", "y"]);
}

#[test]
fn recovery_reads_blocks_like_the_grammar() {
    let good = "import \"a.nn\": f\n## Doc.\nlayer L(n)(x) where n > 0, \"n\" {\n  for i in 0..n { x = x |> f }\n  if training { x = x + 1 } else if n > 1 { x = 2 } else { x = 3 }\n  return x\n}\nfn g(x) {\n  return x\n}\ndata train { x = a, y = b\n z = c }\ntrain {\n batch = 1\n order = [a,\n b]\n}\ntest \"t\" { assert f(1) == 1 }\nfn h(x) = if x { 1 } else { 2 }\n";
    let (whole, none) = parse(FILE, good);
    assert!(none.is_empty());
    let (pieces, one) = parse(FILE, &format!("{good}bad =\n"));
    assert_eq!(one.len(), 1);
    assert_eq!(dump(&pieces), dump(&whole));
    let spans = |ast: &Ast| ast.items.iter().map(|item| item.span).collect::<Vec<_>>();
    assert_eq!(spans(&pieces), spans(&whole));
}

#[test]
fn a_function_without_its_return_is_broken() {
    let (ast, diagnostics) = parse(FILE, "fn f(x) {\n    y = x\n    return y +\n}\nz = f(1)\n");
    assert_eq!(dump(&ast), "(bind z = (call f 1))");
    assert_eq!(diagnostics.len(), 1);
    assert!(ast.broken.iter().flat_map(|part| &part.names).any(|name| name.text == "f"));
}

#[test]
fn unclosed_brackets_end_where_a_statement_begins() {
    let (ast, diagnostics) =
        parse(FILE, "layer A()(x) {\n    h = f(x\n    return h\n\nlayer B()(x) {\n    return x\n}\ny = 1\n");
    assert_eq!(diagnostics.iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>(), [Code::E0101, Code::E0101]);
    assert_eq!(dump(&ast), "(layer A () (x) {return h})\n(layer B () (x) {return x})\n(bind y = 1)");
    let (ast, diagnostics) = parse(FILE, "layer A()(x) {\n  for i in n {\n    x = x |> f\n  return x\n}\ny = 1\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].span(), Some(Span::new(FILE, 28, 29)));
    assert_eq!(dump(&ast).lines().count(), 2);
}

#[test]
fn certain_fixes_give_the_program_that_was_meant() {
    for (wrong, right) in [
        ("x = y[0..4]", "x = y[0:4]"),
        ("x = 0 < y < 1", "x = 0 < y and y < 1"),
        ("x = a ** 2", "x = a ^ 2"),
        ("x = a && !b", "x = a and not b"),
        ("x = a||b", "x = a or b"),
        ("x = 'a';", "x = \"a\""),
        ("x = .5 + a", "x = 0.5 + a"),
        ("x = 5. * a", "x = 5.0 * a"),
        ("x = True", "x = true"),
        ("x = f(a, b\ny = 1", "x = f(a, b)\ny = 1"),
        ("fn f(x) { x + 1 }", "fn f(x) { return x + 1 }"),
        ("x\u{3000}= 1", "x = 1"),
    ] {
        let (_, diagnostics) = parse(FILE, wrong);
        let mut edits: Vec<_> =
            diagnostics.iter().flat_map(|diagnostic| &diagnostic.fixes).flat_map(|fix| &fix.edits).collect();
        assert!(!edits.is_empty(), "{wrong}");
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
        let mut text = wrong.to_owned();
        for edit in edits {
            text.replace_range(edit.span.range(), &edit.text);
        }
        assert_eq!(ast(&text), ast(right), "{wrong}");
    }
}

#[test]
fn repaired_text_is_still_read() {
    let (ast, diagnostics) = parse(FILE, "x = 'a';  // half\ny = b ** 2\nz = w[..., 0]\n");
    assert_eq!(dump(&ast), "(bind x = \"a\")\n(bind y = (Pow b 2))\n(bind z = (index w .. 0))");
    assert_eq!(diagnostics.len(), 5);
    assert!(ast.broken.is_empty());
}

#[test]
fn stray_characters_are_one_message_a_run() {
    assert_eq!(codes("x = 1 $$$$ 2\ny = 3"), [Code::E0100]);
    assert_eq!(codes("x = \"abc\ny = 3"), [Code::E0101]);
}

#[test]
fn nesting_is_bounded() {
    let n = 100_000;
    let chain = |unit: &str| format!("x = a{}\ny = 1", unit.repeat(n));
    for text in [
        format!("x = {}1{}\ny = 1", "(".repeat(n), ")".repeat(n)),
        format!("x = {}\ny = 1", "(".repeat(n)),
        format!("x = {}\ny = 1", "a[".repeat(n)),
        format!("x = {}1\ny = 1", "-".repeat(n)),
        format!("x = {}1{}\ny = 1", "if a { ".repeat(n), "} else { 1 }".repeat(n)),
        chain(" + 1"),
        chain("()"),
        chain(".b"),
        chain(" |> f"),
        chain("^2"),
        format!("if a {{ }}{}\ny = 1", " else if b { }".repeat(n)),
        format!("{}y = 1", "if a {\n".repeat(n)),
    ] {
        let start = Instant::now();
        let (_, diagnostics) = parse(FILE, &text);
        assert!(start.elapsed().as_secs() < 2, "{:?}", &text[..20]);
        assert!(diagnostics.iter().any(|diagnostic| diagnostic.code == Code::E0111), "{:?}", &text[..20]);
    }
    assert_eq!(codes(&format!("x = {}1{}\ny = 1", "(".repeat(n), ")".repeat(n))), [Code::E0111]);
    let wide = format!("x = [{}]\n{}", "f(1), ".repeat(n), "y = a + b\n".repeat(1000));
    assert_eq!(codes(&wide), []);
    let tests = "test \"t\" {\n    assert a\n}\n".repeat(1000);
    assert_eq!(codes(&tests), []);
}

#[test]
fn the_deepest_allowed_nesting_needs_little_stack() {
    let n = stream::MAX_DEPTH as usize - 10;
    for (open, close) in
        [("(", ")"), ("[", "]"), ("f(", ")"), ("f(k = ", ")"), ("if a { ", " } else { 1 }"), ("x[", "]"), ("-", "")]
    {
        for fault in ["", "\nbad ="] {
            // An `if` adds a level, and its brace another.
            let n = if open.starts_with("if") { n / 2 } else { n };
            let text = format!("x = {}1{}{fault}", open.repeat(n), close.repeat(n));
            let thread = std::thread::Builder::new().stack_size(1 << 20);
            let thread = thread.spawn(move || parse(FILE, &text).1.len()).expect("threads start");
            assert_eq!(thread.join().expect("no overflow"), usize::from(!fault.is_empty()), "{open}");
        }
    }
}

#[test]
fn time_is_linear() {
    let statement = "h = x[1:, ..] |> Affine(64, bias = true) |> relu(alpha = 0.1)\n";
    let time = |text: &str| {
        let start = Instant::now();
        let (ast, _) = parse(FILE, text);
        assert!(ast.items.len() > 1000);
        start.elapsed().as_secs_f64()
    };
    for fault in ["", "y = x +\n"] {
        let small = time(&(statement.repeat(5_000) + fault));
        let large = time(&(statement.repeat(20_000) + fault));
        assert!(large < 10.0 * small.max(0.01), "{small} {large}");
    }
    // Text that the grammar must give up on at its very end.
    for open in ["x[", "f(a = ", "[", "(", "if c { y = ", "x as index<(", "x as f32 < ("] {
        let start = Instant::now();
        parse(FILE, &format!("x = {}", open.repeat(90)));
        parse(FILE, &format!("x = {}!", open.repeat(90)));
        assert!(start.elapsed().as_secs_f64() < 0.5, "{open}");
    }
}

/// A string that lacks a quote ends where a person would end it, so that what follows on its line is read.
#[test]
fn a_string_without_a_quote_is_cut_where_it_was_meant_to_end() {
    for (text, meant) in [
        ("data train { x = csv(\"t.csv) }", "\"t.csv"),
        ("data train { x = csv(\"t.csv, \"a:b\") }", "\"t.csv"),
        ("    x = csv(\"t.csv\", \"a:b)", "\"a:b"),
        ("    x = csv(t.csv\", \"a:b\")", "t.csv\""),
        ("    x = csv(\"t.csv\", a:b\")", "a:b\""),
        ("    x = csv(\"t.csv\", [\"a\", \"b])", "\"b"),
        ("    x = csv(\"t.csv,  # the table", "\"t.csv"),
        ("y = rearrange(x, \"(a c) b -> b a c, c = 2)", "\"(a c) b -> b a c"),
        ("y = rearrange(x, \"a (b c) -> (b c) a)", "\"a (b c) -> (b c) a"),
        ("import \"blocks.nn: Block", "\"blocks.nn"),
        ("import \"blocks.nn as b", "\"blocks.nn"),
        ("test \"it works {", "\"it works"),
        ("param w \"code.W: [4] = zeros()", "\"code.W"),
        ("assert n > 0, \"n, a width, is positive", "\"n, a width, is positive"),
        ("assert n > 0, \"", "\""),
    ] {
        let tokens = tokenize(text);
        let open: Vec<&str> =
            tokens.iter().filter(|token| token.kind == TokenKind::OpenStr).map(|token| &text[token.range()]).collect();
        assert_eq!(open, [meant], "{text}");
    }
}

/// A program with every construct, to mutate.
const PROGRAM: &str = include_str!("../../examples/auto_encoder.nn");
const LIBRARY: &str = include_str!("../library/normalization.nn");

fn check_total(text: &str) -> Result<(), TestCaseError> {
    let tokens = tokenize(text);
    let mut end = 0;
    for token in &tokens {
        prop_assert_eq!(token.start, end);
        prop_assert!(token.end > token.start);
        end = token.end;
    }
    prop_assert_eq!(end as usize, text.len());
    let (ast, diagnostics) = parse(FILE, text);
    dump(&ast);
    let spans = diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels).map(|label| label.span);
    let edits =
        diagnostics.iter().flat_map(|diagnostic| &diagnostic.fixes).flat_map(|fix| &fix.edits).map(|edit| edit.span);
    let nodes = ast.items.iter().map(|item| item.span).chain(ast.exprs.iter().map(|expr| expr.span));
    for span in spans.chain(edits).chain(nodes).chain(ast.broken.iter().map(|part| part.span)) {
        prop_assert!(text.get(span.range()).is_some(), "{:?}", span);
    }
    // Whatever is left out was reported, and what the grammar takes as a whole is left out nowhere.
    prop_assert!(ast.broken.is_empty() || !diagnostics.is_empty());
    if grammar::parse(Rule::program, text).is_err() {
        prop_assert!(!diagnostics.is_empty());
    }
    Ok(())
}

fn token_soup() -> impl Strategy<Value = String> {
    let words = "import const fn layer input param for in if else return assert training and or not true false frozen loss metric \
                 output state update data train test weight lr decay from as where x Y f 1 0.5 \"s\" ( ) [ ] { } , : . .. = -> |> == < > + \
                 - * / % @ ^ ; && ** ' \" $ # ## \n \n \n";
    let words: Vec<&'static str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    proptest::collection::vec(proptest::sample::select(words), 0..60).prop_map(|words| words.join(" "))
}

fn mutated() -> impl Strategy<Value = String> {
    let source = proptest::sample::select(vec![PROGRAM, LIBRARY]);
    let edit = (
        any::<prop::sample::Index>(),
        0usize..12,
        prop::sample::select(vec!["", "(", ")", "{", "}", "\n", "=", "\"", "損", "if "]),
    );
    (source, proptest::collection::vec(edit, 1..6)).prop_map(|(source, edits)| {
        let mut text = source.to_owned();
        for (place, length, with) in edits {
            let mut start = place.index(text.len());
            let mut end = (start + length).min(text.len());
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            while !text.is_char_boundary(end) {
                end += 1;
            }
            text.replace_range(start..end, with);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_is_total_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check_total(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn parsing_is_total_on_tokens(text in token_soup()) {
        check_total(&text)?;
    }

    #[test]
    fn parsing_is_total_on_mutated_programs(text in mutated()) {
        check_total(&text)?;
    }
}
