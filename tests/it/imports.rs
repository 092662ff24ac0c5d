//! `import`: definitions of other files work as if they stood here, messages point into the file that is wrong, and what cannot be
//! read, goes in a circle or is not there is said at the path or name.

use std::fs;

use nnlc::driver::{Request, Session};
use tempfile::TempDir;

const LOSSES: &str = "import \"parts/shapes.nn\" as shapes\n\
    const delta = 2\n\
    const table = tensor([1, 2])\n\
    fn huber(x, t) = where(abs(x - t) < delta, (x - t) ^ 2, delta * (2 * abs(x - t) - delta))\n\
    layer Scaled(n: int)(x) {\n    return x |> Affine(n) |> shapes.twice\n}\n\
    input unread: [3]\n\
    loss nothing = unread\n";

/// A folder with these files and one to check.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn open(text: &str, files: &[(&str, &str)]) -> Session {
    let shapes = ("parts/shapes.nn", "fn twice(x) = 2 * x\n");
    let folder = folder(&[&[("main.nn", text), ("losses.nn", LOSSES), shapes], files].concat());
    Session::open(&folder.path().join("main.nn"), &Request::default())
}

/// Each diagnostic: its code, the file and text that it points at, its title.
fn said(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let session = open(text, files);
    let line = |diagnostic: &nnlc::diagnostic::Diagnostic| {
        let span = diagnostic.span().unwrap();
        let file = session.sources.file(span.file).name.rsplit('/').next().unwrap_or_default().to_owned();
        format!("{} {file} {}: {}", diagnostic.code, session.sources.text(span), diagnostic.title)
    };
    session.diagnostics.iter().map(line).collect()
}

const MODEL: &str = "input x: [2]\ninput t: [2]\n";

#[test]
fn definitions_of_another_file_work_as_if_they_stood_here() {
    let own = format!("{LOSSES}fn twice(x) = 2 * x\n{MODEL}").replace("import \"parts/shapes.nn\" as shapes\n", "");
    let own = own.replace("shapes.twice", "twice").replace("input unread: [3]\nloss nothing = unread\n", "");
    let use_it = |prefix: &str| {
        format!(
            "y = x |> {prefix}Scaled(2)\nz = {prefix}Scaled(2)\nloss = {prefix}huber(y + z(x) * {prefix}table, t)\noutput y\n"
        )
    };
    let expected = Session::check("own.nn", own + &use_it(""), Default::default(), &Request::default());
    let expected = expected.program.expect("definitions of one file").graph.to_string();
    for (import, prefix) in [
        ("import \"losses.nn\": huber, Scaled, table\n", ""),
        ("import \"losses.nn\" as other\n", "other."),
        ("import \"losses.nn\"\n", "losses."),
        ("import \"./parts/../losses.nn\" as l\nimport \"losses.nn\": delta\nassert delta == 2\n", "l."),
    ] {
        let text = format!("{import}{MODEL}{}", use_it(prefix));
        let session = open(&text, &[]);
        assert!(session.diagnostics.is_empty(), "{text}{:#?}", session.diagnostics);
        let found = session.program.unwrap().graph;
        assert_eq!(found.inputs.len(), 2, "the other file's input stays behind");
        // The same nodes, but for the constant, which the other file makes first.
        let sorted = |text: &str| text.lines().count();
        assert_eq!(sorted(&found.to_string()), sorted(&expected));
        let paths: Vec<_> = found.variables.iter().map(|variable| variable.path.as_str()).collect();
        assert_eq!(paths, ["y.Scaled.Affine.W", "y.Scaled.Affine.b", "z.Affine.W", "z.Affine.b"]);
    }
}

#[test]
fn messages_point_into_the_imported_file() {
    let bad = ("bad.nn", "fn summed(a, b) = a + b + unknown\nconst wide = 3 +\nfn product_of(a, b) = a @ b\n");
    let found = said("import \"bad.nn\": summed\ninput x: [2]\noutput y = summed(x, x)\n", &[bad]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("E0102 bad.nn unknown")), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("E0109 bad.nn")), "{found:#?}");
    let fine = ("fine.nn", "fn product_of(a, b) = a @ b\n");
    let found = said("import \"fine.nn\" as m\ninput x: [2]\noutput y = m.product_of(x, zeros([3]))\n", &[fine]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("E0201 fine.nn a @ b: "), "{found:#?}");
}

#[test]
fn what_cannot_be_imported_is_said_at_its_path_or_name() {
    let rest = "input x: [2]\noutput y = x\n";
    let one = |import: &str, files: &[(&str, &str)]| said(&format!("{import}\n{rest}"), files).join("\n");
    let cases = [
        ("import \"gone.nn\": a", "E0701 main.nn \"gone.nn\": cannot import `gone.nn`: there is no such file"),
        ("import \"parts\": a", "E0701 main.nn \"parts\": cannot import `parts`: it is a folder"),
        ("import \"main.nn\": a", "E0701 main.nn \"main.nn\": `main.nn` imports itself"),
        ("import \"losses.nn\": hubr", "E0102 main.nn hubr: `losses.nn` defines no `hubr`"),
        ("import \"losses.nn\": unread", "E0102 main.nn unread: `losses.nn` defines no `unread`"),
        ("import \"losses.nn\": shapes", "E0102 main.nn shapes: `losses.nn` defines no `shapes`"),
        ("import \"losses.nn\" as m\noutput z = m.hubr(x, x)", "E0102 main.nn hubr: `m` defines no `hubr`"),
        ("import \"losses.nn\": huber", "W0604 main.nn huber: import `huber` is never used"),
        ("import \"losses.nn\" as m", "W0604 main.nn m: import `m` is never used"),
        ("import \"losses.nn\": huber\nfn huber(x) = x", "E0106 main.nn huber: `huber` is defined twice"),
        ("fn f(x) {\n    import \"losses.nn\": huber\n    return x\n}\noutput z = f(x)", "E0113 main.nn"),
    ];
    for (import, expected) in cases {
        let found = match import.contains("(x") {
            true => said(&format!("input x: [2]\n{import}\n"), &[]).join("\n"),
            false => one(import, &[]),
        };
        assert!(found.starts_with(expected), "{import}\n{found}");
    }
    let circle = [("a.nn", "import \"b.nn\": g\nfn f(x) = g(x)\n"), ("b.nn", "import \"a.nn\": f\nfn g(x) = f(x)\n")];
    let found = one("import \"a.nn\": f", &circle);
    assert!(found.contains("E0701 b.nn \"a.nn\": the imports go in a circle: "), "{found}");
}
