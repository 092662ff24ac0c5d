//! Pictures of networks: what is drawn as what, pictures that are whole and readable, and texts that are kept as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nnlc::diagram::{Diagram, Kind, Part, Unfold, diagram, dot, mermaid, svg};
use nnlc::driver::{Request, Session};
use nnlc::networks::Network;

use crate::cli::Desk;

fn drawn(session: &Session, network: Network, unfold: Unfold) -> Diagram {
    let program = session.program.as_ref().expect("a program");
    let drawn = diagram(&program.graph, network, &session.sources, unfold);
    Diagram { title: format!("{}: {}", session.title(), network.name()), ..drawn }
}

fn example(name: &str, unfold: usize) -> Diagram {
    let path = Path::new("examples").join(name).with_extension("nn");
    drawn(&Session::open(&path, &Request::default()), Network::Main, Unfold::Definitions(unfold))
}

fn of(text: &str) -> Diagram {
    let session = Session::check("m.nn", text.to_owned(), PathBuf::new(), &Request::default());
    assert!(session.program.is_some(), "{:#?}", session.diagnostics);
    drawn(&session, Network::Main, Unfold::Definitions(0))
}

/// The boxes as `title | details`.
fn lines(diagram: &Diagram) -> Vec<String> {
    let line = |part: &Part| [part.title.join(" "), part.details.join(", ")].join(" | ");
    diagram.parts.iter().map(line).collect()
}

/// The box that is called so, by number.
fn find(diagram: &Diagram, title: &str) -> usize {
    let found = diagram.parts.iter().position(|part| part.title.join(" ") == title);
    found.unwrap_or_else(|| panic!("no `{title}` in {:#?}", lines(diagram)))
}

#[test]
fn calls_are_boxes_and_results_are_drawn_with_their_formulas() {
    assert_eq!(
        lines(&example("iris", 0)),
        [
            "x | [4]",
            "y | index<3>",
            "(x - centre) / spread | [4]",
            "Affine(16) | [16], 80 parameters",
            "tanh | h: [16]",
            "Affine(3) | logits: [3], 51 parameters",
            "(1 - smoothing) * one_hot(y) + smoothing / 3 | target: [3]",
            "loss | -sum(target * log_softmax(logits))",
            "metric accuracy | accuracy(logits, y)",
        ]
    );
}

#[test]
fn instances_that_are_called_again_say_whose_parameters_they_read() {
    let gan = example("gan", 0);
    assert!(lines(&gan).contains(&"z | [64], from normal(0, 1)".to_owned()), "{:#?}", lines(&gan));
    assert!(lines(&gan).contains(&"Discriminator() | real_logit: f32, 533,505 parameters of dis".to_owned()));
    assert!(lines(&gan).contains(&"Discriminator() | fake_logit: f32, the same parameters of dis".to_owned()));
    assert!(lines(&gan).contains(&"loss g | softplus(-fake_logit), trains gen".to_owned()));
    let teacher = lines(&example("mean_teacher", 0));
    assert!(teacher.contains(&"Classifier() | taught: [10], 203,530 in states of teacher".to_owned()), "{teacher:#?}");
    assert!(teacher.iter().any(|line| line.ends_with("stop_gradient(softmax(taught)) | disagreement: [10]")));
}

#[test]
fn a_derivative_points_at_what_it_is_taken_by_and_weights_are_written_down() {
    let pinn = example("pinn", 0);
    let (from, to) = (find(&pinn, "t"), find(&pinn, "grad(u, t)"));
    let by = pinn.arrows.iter().find(|arrow| (arrow.from, arrow.to) == (from, to)).expect("an arrow");
    assert!(by.dashed && by.label == "by", "{by:?}");
    assert!(lines(&pinn).contains(&"loss rest | grad(u_start, start) ^ 2, weight 10".to_owned()));
    let vae = lines(&example("vae", 0));
    let kl = "loss kl | kl_normal(mu, log_variance), weight minimum(1, progress * 4)";
    assert!(vae.contains(&kl.to_owned()), "{vae:#?}");
    assert!(!vae.iter().any(|line| line.contains('@')), "what the trainer feeds is no input: {vae:#?}");
}

#[test]
fn the_steps_of_a_scan_are_one_box_and_each_round_of_a_loop_is_its_own() {
    let text = "layer Decay()(h, x) {\n    param a: f32 = tensor(0.5)\n    h = a * h + x\n    return h, h\n}\n\
        input x: [T]\ncell = Decay()\nh, hs = scan(cell, 0, x)\nloss = (h + mean(hs)) ^ 2\noutput h\n";
    let open = of(text);
    assert_eq!(lines(&open)[1], "scan(Decay) | h, hs: f32, [T], 1 parameter");
    let labels: Vec<&str> = open.arrows.iter().map(|arrow| arrow.label.as_str()).collect();
    assert_eq!(labels, ["", "hs: [T], h: f32"], "several values of one box are told on their arrows");
    assert_eq!(lines(&of(&text.replace("[T]", "[5]"))).len(), 3);
    let stacked = text.replace("h, hs = scan(cell, 0, x)", "hs = x\nfor i in 0..3 { h, hs = scan(cell, 0, hs) }");
    let rounds = of(&stacked.replace("[T]", "[5]"));
    assert_eq!(lines(&rounds).iter().filter(|line| line.starts_with("scan(Decay)")).count(), 3, "{rounds:#?}");
}

#[test]
fn definitions_unfold_into_groups_and_primitives_into_single_operations() {
    let unet = example("denoise_unet", 1);
    assert_eq!(unet.groups.iter().map(|group| group.title.as_str()).collect::<Vec<_>>(), ["denoise: UNet([8, 16])"]);
    let inside = unet.parts.iter().filter(|part| part.group == Some(0)).count();
    assert_eq!(inside, 12, "{:#?}", lines(&unet));
    let block = example("transformer", 2);
    assert_eq!(block.groups.iter().filter(|group| group.parent.is_some()).count(), 2, "an Attention in each Block");
    let session = Session::open(Path::new("examples/iris.nn"), &Request::default());
    let all = drawn(&session, Network::MainRuntime, Unfold::Primitives);
    assert!(all.parts.iter().all(|part| part.kind != Kind::Layer));
    assert!(lines(&all).iter().any(|line| line.starts_with("exp |")), "{:#?}", lines(&all));
    assert_eq!(all.parts.last().expect("a box").title, ["output kind"]);
}

#[test]
fn texts_are_kept_as_they_are() {
    insta::assert_snapshot!("dot_gan", dot(&example("gan", 0)));
    insta::assert_snapshot!("dot_transformer_unfolded", dot(&example("transformer", 1)));
    insta::assert_snapshot!("mermaid_residual_unfolded", mermaid(&example("residual", 1)));
    insta::assert_snapshot!("mermaid_wgan_gp", mermaid(&example("wgan_gp", 0)));
    insta::assert_snapshot!("mermaid_char_lstm", mermaid(&example("char_lstm", 0)));
}

/// An element of an SVG: its attributes and text.
struct Element {
    attributes: BTreeMap<String, String>,
    text: String,
}

impl Element {
    fn number(&self, name: &str) -> f64 {
        self.attributes[name].parse().expect("a number")
    }

    fn class(&self) -> &str {
        self.attributes.get("class").map_or("", String::as_str)
    }
}

/// The elements of a text that must be well-formed XML: closed in order, attributes in quotation marks, no letter that needs an entity.
fn elements(text: &str) -> Vec<Element> {
    let (mut open, mut found): (Vec<String>, Vec<Element>) = (Vec::new(), Vec::new());
    for piece in text.split('<').skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap_or_else(|| panic!("`<{piece}` has no end"));
        assert!(!rest.contains('>') || open.last().is_some_and(|name| name == "style"), "a bare `>` in {rest}");
        for part in rest.split('&').skip(1) {
            assert!(
                ["amp;", "lt;", "gt;", "quot;"].iter().any(|entity| part.starts_with(entity)),
                "a bare `&` in {rest}"
            );
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let inner = tag.trim_end_matches('/');
        let (name, mut attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        let mut element = Element { attributes: BTreeMap::new(), text: rest.trim().to_owned() };
        while let Some((key, value)) = attributes.split_once("=\"") {
            let (value, next) = value.split_once('"').expect("a closing quotation mark");
            element.attributes.insert(key.trim().to_owned(), value.to_owned());
            attributes = next;
        }
        assert!(attributes.trim().is_empty(), "`{attributes}` of <{tag}> is no attribute");
        found.push(element);
        if !tag.ends_with('/') {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "{open:?} are never closed");
    found
}

/// A rectangle: left, top, right, bottom.
type Sides = [f64; 4];

fn sides(element: &Element) -> Sides {
    let (x, y) = (element.number("x"), element.number("y"));
    [x, y, x + element.number("width"), y + element.number("height")]
}

fn overlap(a: &Sides, b: &Sides) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// The points that a way is made of.
fn way(path: &Element) -> Vec<(f64, f64)> {
    let text = path.attributes["d"].replace(['M', 'L', 'Q'], " ");
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Holds a picture to what a reader may expect of it.
fn is_readable(diagram: &Diagram) {
    let picture = svg(diagram);
    let title = &diagram.title;
    let elements = elements(&picture);
    let boxes: Vec<Sides> = elements.iter().filter(|one| one.class().starts_with("b ")).map(sides).collect();
    assert_eq!(boxes.len(), diagram.parts.len(), "{title}");
    for (number, one) in boxes.iter().enumerate() {
        assert!(boxes[..number].iter().all(|other| !overlap(one, other)), "{title}: boxes overlap at {one:?}");
    }
    let root = &elements[0];
    let page = [0.0, 0.0, root.number("width") - 20.0, root.number("height") - 20.0 - 34.0];
    let mut texts = elements.iter().filter(|one| ["t", "s"].contains(&one.class())).peekable();
    for (part, sides) in diagram.parts.iter().zip(&boxes) {
        assert!(
            sides[0] >= -0.1 && sides[2] <= page[2] && sides[3] <= page[3],
            "{title}: {sides:?} leaves the picture"
        );
        for (line, letter) in
            part.title.iter().map(|line| (line, 12.5)).chain(part.details.iter().map(|line| (line, 10.5)))
        {
            let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            let text = loop {
                let text = texts.next().unwrap_or_else(|| panic!("{title}: `{line}` is not written"));
                if text.text == escaped {
                    break text;
                }
            };
            // Letters of common monospaced fonts are 0.6 of their size wide.
            let half = line.chars().count() as f64 * letter * 0.6 / 2.0;
            let (x, y) = (text.number("x"), text.number("y"));
            assert!(x - half > sides[0] && x + half < sides[2], "{title}: `{line}` is wider than its box");
            assert!(y - letter * 0.8 > sides[1] && y + letter * 0.2 < sides[3], "{title}: `{line}` is above or below");
        }
    }
    let ways: Vec<Vec<(f64, f64)>> = elements.iter().filter(|one| one.class().starts_with("arrow")).map(way).collect();
    assert_eq!(ways.len(), diagram.arrows.len(), "{title}");
    for (arrow, way) in diagram.arrows.iter().zip(&ways) {
        let (from, to) = (&boxes[arrow.from], &boxes[arrow.to]);
        let ((_, begin), (_, end)) = (way[0], way[way.len() - 1]);
        assert!(
            (begin - from[3]).abs() < 0.2 && (end - to[1]).abs() < 0.2,
            "{title}: {arrow:?} does not join its boxes"
        );
        for (number, other) in boxes.iter().enumerate().filter(|(number, _)| ![arrow.from, arrow.to].contains(number)) {
            let crossed = way.iter().any(|(x, y)| *x > other[0] && *x < other[2] && *y > other[1] && *y < other[3]);
            assert!(!crossed, "{title}: {arrow:?} runs through `{}`", lines(diagram)[number]);
        }
    }
}

#[test]
fn pictures_of_all_examples_are_well_formed_and_nothing_lies_on_anything() {
    let mut shown = 0;
    for entry in fs::read_dir("examples").expect("examples").flatten() {
        if entry.path().extension().is_none_or(|ending| ending != "nn") {
            continue;
        }
        let session = Session::open(&entry.path(), &Request::default());
        for (network, _) in Network::ALL {
            for unfold in [0, 1, 2] {
                let diagram = drawn(&session, network, Unfold::Definitions(unfold));
                if !diagram.parts.is_empty() {
                    is_readable(&diagram);
                    shown += 1;
                }
            }
        }
    }
    assert!(shown > 150, "{shown}");
}

#[test]
fn names_that_mean_something_elsewhere_are_only_names_here() {
    let text = "input x: [2]\n損失 = x |> Affine(3)\nflag = float(損失 < 1 and 損失 > -1)\nloss = (損失 * flag) ^ 2\noutput 損失\n";
    let diagram = of(text);
    is_readable(&diagram);
    assert!(mermaid(&diagram).contains("損失 #60; 1 and 損失 #62; -1"), "{}", mermaid(&diagram));
    assert!(svg(&diagram).contains("損失 &lt; 1 and 損失 &gt; -1"));
    let odd = Diagram { title: "a \"b\" \\ c".to_owned(), ..diagram };
    assert!(dot(&odd).starts_with("digraph \"a \\\"b\\\" \\\\ c\" {\n"), "{}", dot(&odd));
    assert!(mermaid(&odd).starts_with("---\ntitle: \"a \\\"b\\\" \\\\ c\"\n---\nflowchart TB\n"));
}

#[test]
fn the_command_writes_what_the_ending_says() {
    let text = "input x: [2]\ny = x |> Affine(3)\noutput y\n";
    let desk = Desk::with(&[("m.nn", text), ("l.nn", "input x: [2]\nloss = (x |> Affine(3)) ^ 2\n")]);
    for (file, start) in
        [("p.svg", "<svg "), ("p.mmd", "---\n"), ("p.dot", "digraph "), ("p.gv", "digraph "), ("p", "<svg ")]
    {
        desk.nnlc(&format!("graph m.nn --out {file}")).is(0, &[]);
        let text = fs::read_to_string(desk.at(file)).unwrap();
        assert!(text.starts_with(start), "{file}: {text}");
    }
    let said = desk.nnlc("graph m.nn --format dot");
    assert!(said.is(0, &[]).out.starts_with("digraph \"m: MainRuntime\""), "{}", said.out);
    desk.nnlc("graph m.nn --network Main").is(1, &["error: Main of m is empty"]);
    desk.nnlc("graph l.nn --network MainRuntime").is(1, &["error: MainRuntime of l is empty"]);
    desk.nnlc("graph m.nn --out none/p.svg").is(3, &["error: `none/p.svg` could not be written"]);
    desk.nnlc("graph m.nn --unfold 1 --primitives").is(2, &["cannot be used with"]);
    desk.nnlc("graph m.nn --format png").is(2, &["possible values: svg, mermaid, dot"]);
}

#[test]
fn the_picture_in_the_documentation_is_the_commands() {
    let path = Path::new("docs/denoise_unet.svg");
    let expected = svg(&example("denoise_unet", 1));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, &expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "docs/denoise_unet.svg: run `UPDATE=1 cargo test diagram`");
}
