//! Where a diagram's boxes and arrows go: in layers from top to bottom, by dagre's algorithms.

use dugong::graphlib::{Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, LabelPos, NodeLabel};

use super::{Diagram, Part};

/// The sizes of letters, which have one width: of titles and of what is small. Pixels.
pub const TITLE: f64 = 12.5;
pub const SMALL: f64 = 10.5;
/// The width of a letter by its size; monospaced fonts have at most this.
const ADVANCE: f64 = 0.62;
/// From one line to the next, by the size of its letters.
pub const LEADING: f64 = 1.35;
/// Between text and border.
pub const PADDING: (f64, f64) = (12.0, 8.0);

/// A place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A rectangle by its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// The centre.
    pub centre: Point,
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
}

impl Rect {
    /// The left edge.
    pub fn left(&self) -> f64 {
        self.centre.x - self.width / 2.0
    }

    /// The upper edge.
    pub fn top(&self) -> f64 {
        self.centre.y - self.height / 2.0
    }

    /// The lower edge.
    pub fn bottom(&self) -> f64 {
        self.centre.y + self.height / 2.0
    }

    /// Where on its width an arrow from or to `x` meets it: not too near the corners.
    fn towards(&self, x: f64) -> f64 {
        let reach = (self.width / 2.0 - 16.0).max(0.0);
        self.centre.x + (x - self.centre.x).clamp(-reach, reach)
    }
}

/// A diagram with places.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// How wide the whole is, and how high.
    pub size: (f64, f64),
    /// The boxes.
    pub parts: Vec<Rect>,
    /// The frames of groups.
    pub groups: Vec<Rect>,
    /// The arrows' ways, from giver to taker, and the centres of their labels.
    pub arrows: Vec<(Vec<Point>, Point)>,
}

/// How wide a text is.
pub fn width(text: &str, size: f64) -> f64 {
    // Letters of East Asian scripts are twice as wide.
    let columns: usize = text.chars().map(|letter| if u32::from(letter) >= 0x1100 { 2 } else { 1 }).sum();
    columns as f64 * size * ADVANCE
}

/// Finds the places.
pub fn layout(diagram: &Diagram) -> Placed {
    let mut graph: Graph<NodeLabel, EdgeLabel, GraphLabel> =
        Graph::new(GraphOptions { directed: true, multigraph: true, compound: true });
    // The name of a group stands between its border and its first box, which are half of `ranksep` apart.
    let ranksep = if diagram.groups.is_empty() { 36.0 } else { 44.0 };
    graph.set_graph(GraphLabel { nodesep: 26.0, ranksep, edgesep: 14.0, ..GraphLabel::default() });
    for (number, part) in diagram.parts.iter().enumerate() {
        let (width, height) = size(part);
        graph.set_node(name("n", number), NodeLabel { width, height, ..NodeLabel::default() });
    }
    for (number, group) in diagram.groups.iter().enumerate() {
        graph.set_node(name("g", number), NodeLabel::default());
        if let Some(parent) = group.parent {
            graph.set_parent(name("g", number), name("g", parent));
        }
    }
    for (number, part) in diagram.parts.iter().enumerate() {
        if let Some(group) = part.group {
            graph.set_parent(name("n", number), name("g", group));
        }
    }
    for arrow in &diagram.arrows {
        let (width, height) = match arrow.label.as_str() {
            "" => (0.0, 0.0),
            label => (width(label, SMALL) + 4.0, SMALL * LEADING),
        };
        let label = EdgeLabel { width, height, labelpos: LabelPos::C, weight: 1.0, ..EdgeLabel::default() };
        graph.set_edge_with_label(name("n", arrow.from), name("n", arrow.to), label);
    }
    // Only a circle, or a control that gives up, is an error; there is neither.
    dugong::layout(&mut graph).expect("arrows run from earlier boxes to later ones");
    read(diagram, &graph)
}

fn name(letter: &str, number: usize) -> String {
    format!("{letter}{number}")
}

/// The size of a box: that of its text and the space around.
fn size(part: &Part) -> (f64, f64) {
    let lines = |lines: &[String], size: f64| {
        let widest = lines.iter().map(|line| width(line, size)).fold(0.0, f64::max);
        (widest, lines.len() as f64 * size * LEADING)
    };
    let (title, small) = (lines(&part.title, TITLE), lines(&part.details, SMALL));
    (title.0.max(small.0) + 2.0 * PADDING.0, title.1 + small.1 + 2.0 * PADDING.1)
}

/// What the layout found.
fn read(diagram: &Diagram, graph: &Graph<NodeLabel, EdgeLabel, GraphLabel>) -> Placed {
    let rect = |letter: &str, number: usize| {
        let node = graph.node(&name(letter, number)).cloned().unwrap_or_default();
        let centre = Point { x: node.x.unwrap_or(0.0), y: node.y.unwrap_or(0.0) };
        Rect { centre, width: node.width, height: node.height }
    };
    let way = |arrow: &super::Arrow| {
        let edge = graph.edge(&name("n", arrow.from), &name("n", arrow.to), None).cloned().unwrap_or_default();
        let points = edge.points.iter().map(|point| Point { x: point.x, y: point.y }).collect();
        (points, Point { x: edge.x.unwrap_or(0.0), y: edge.y.unwrap_or(0.0) })
    };
    let mut placed = Placed {
        size: (0.0, 0.0),
        parts: (0..diagram.parts.len()).map(|number| rect("n", number)).collect(),
        groups: (0..diagram.groups.len()).map(|number| rect("g", number)).collect(),
        arrows: diagram.arrows.iter().map(way).collect(),
    };
    placed.route(diagram);
    placed.settle(diagram);
    placed
}

/// How far arrows go straight downwards before a layer, and after one.
const BEFORE: f64 = 10.0;
const AFTER: f64 = 5.0;

/// The boxes of one layer, and where arrows go straight downwards.
struct Band {
    centre: f64,
    top: f64,
    bottom: f64,
}

/// The layers; boxes of one have their centres at one height.
fn bands(parts: &[Rect]) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for part in parts {
        let (centre, top, bottom) = (part.centre.y, part.top(), part.bottom());
        match bands.iter_mut().find(|band| (band.centre - centre).abs() < 0.5) {
            Some(band) => (band.top, band.bottom) = (band.top.min(top - BEFORE), band.bottom.max(bottom + AFTER)),
            None => bands.push(Band { centre, top: top - BEFORE, bottom: bottom + AFTER }),
        }
    }
    bands
}

impl Placed {
    /// Lets arrows leave boxes at the bottom and reach them at the top, and pass layers straight downwards: between two layers there is
    /// no box that they could cross.
    fn route(&mut self, diagram: &Diagram) {
        let bands = bands(&self.parts);
        let band_of = |y: f64| bands.iter().find(|band| (band.centre - y).abs() < 0.5);
        for (arrow, (points, _)) in diagram.arrows.iter().zip(&mut self.arrows) {
            let (from, to) = (&self.parts[arrow.from], &self.parts[arrow.to]);
            let inner = points.get(1..points.len().saturating_sub(1)).unwrap_or_default().to_vec();
            let (start, end) = (
                from.towards(inner.first().unwrap_or(&to.centre).x),
                to.towards(inner.last().unwrap_or(&from.centre).x),
            );
            let mut way = vec![Point { x: start, y: from.bottom() }];
            let below = band_of(from.centre.y).map_or(from.bottom(), |band| band.bottom);
            way.push(Point { x: start, y: below });
            for point in inner {
                match band_of(point.y) {
                    Some(band) => way.extend([band.top, band.bottom].map(|y| Point { x: point.x, y })),
                    None => way.push(point),
                }
            }
            way.push(Point { x: end, y: band_of(to.centre.y).map_or(to.top(), |band| band.top) });
            way.push(Point { x: end, y: to.top() });
            way.dedup_by(|a, b| (a.x - b.x).abs() < 0.1 && (a.y - b.y).abs() < 0.1);
            *points = way;
        }
    }

    /// Moves everything to where it begins at 0, and measures it. Ways and labels may leave the ground of the boxes.
    fn settle(&mut self, diagram: &Diagram) {
        let labels = diagram.arrows.iter().zip(&self.arrows).filter(|(arrow, _)| !arrow.label.is_empty());
        let labels = labels.map(|(arrow, (_, centre))| Rect {
            centre: *centre,
            width: width(&arrow.label, SMALL),
            height: SMALL * LEADING,
        });
        let points = self.arrows.iter().flat_map(|(points, _)| points);
        let points = points.map(|point| Rect { centre: *point, width: 2.0, height: 2.0 });
        let all: Vec<Rect> = self.parts.iter().chain(&self.groups).copied().chain(labels).chain(points).collect();
        let least = |of: fn(&Rect) -> f64| all.iter().map(of).reduce(f64::min).unwrap_or(0.0);
        let most = |of: fn(&Rect) -> f64| all.iter().map(of).reduce(f64::max).unwrap_or(0.0);
        let (left, top) = (least(Rect::left), least(Rect::top));
        self.size = (most(|rect| rect.left() + rect.width) - left, most(|rect| rect.top() + rect.height) - top);
        let moved = |point: &mut Point| *point = Point { x: point.x - left, y: point.y - top };
        self.parts.iter_mut().chain(&mut self.groups).for_each(|rect| moved(&mut rect.centre));
        for (points, label) in &mut self.arrows {
            points.iter_mut().chain([label]).for_each(moved);
        }
    }
}
