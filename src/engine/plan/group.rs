//! Which nodes are computed together: elementwise operations and the reductions behind them share one pass over memory.
//!
//! Nodes are taken in order and put into a list of items, each a node of its own or a group, such that everything an item needs stands
//! before it. An elementwise node joins the group that computes its latest operand if the shapes allow, else a later group that reads
//! the same operand in the same shape, else it opens a group. What depends only on what is there from the start (inputs, variables,
//! constants, draws) is *free*: it is computed again wherever it is used, and stored only for those who need it in memory.
//!
//! A group runs over a space of axes. The first partial reduction splits them into outer and inner axes: a reduction over the inner axes
//! (row) can be used further on in the group, one over the outer axes (columns) or over all only behind it.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::axes::{AxisMap, carry, extent, identity, unify};
use super::formula;
use super::store::Kind;
use super::view::Axes;
use crate::base::IndexVec;
use crate::ir::{Graph, Node, Value, op};

/// The most members of a group.
const MOST: usize = 128;
/// How long a chain of free values may get before it is stored.
const DEEPEST: usize = 16;
/// The longest row whose reduction may be used further on in its group: rows wait in scratch memory meanwhile.
const LONGEST_ROW: usize = 1 << 15;

/// What is to be done, an entry of the list.
pub(super) enum Item {
    /// A node by itself.
    Single(Value),
    /// Nodes in one pass.
    Group(Group),
}

/// Nodes in one pass.
pub(super) struct Group {
    /// The sizes of the space's axes, none of them 1.
    pub extent: Axes<usize>,
    /// Which axes are inner ones, once a reduction has decided it.
    pub inner: Option<Axes<bool>>,
    /// The nodes in order.
    pub members: Vec<Member>,
}

/// A node of a group.
pub(super) struct Member {
    /// The node.
    pub value: Value,
    /// How it is computed.
    pub role: Role,
}

/// How a member is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Element by element.
    Element,
    /// Reduced over the inner axes.
    Row,
    /// Reduced over the outer axes.
    Columns,
    /// Reduced over everything.
    All,
}

/// Before everything else (what depends on inputs and variables only), or in the main part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Zone {
    Front,
    Main,
}

/// The order of items: by zone, then by number.
type Key = (Zone, usize);

/// Where a value is computed.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// It is there from the start.
    Outside,
    /// Anywhere, from values there from the start: a chain of this many operations, not before this item of the front.
    Free {
        /// Operations in the longest chain.
        depth: usize,
        /// The first item of the front that may compute it.
        after: Option<usize>,
    },
    /// In memory once this item is done.
    Step(usize),
    /// In a register of this group, its axes being those of the group; in memory behind it.
    Inside(usize, AxisMap),
}

/// The result: items, their order of execution, and where each value is.
pub(super) struct Grouping {
    /// The items.
    pub items: Vec<Item>,
    /// The items' numbers in order of execution.
    pub order: Vec<usize>,
    /// By value; meaningful for reached ones.
    pub places: IndexVec<Value, Place>,
    /// Which values are free, though some of them are also stored.
    pub free: IndexVec<Value, bool>,
}

/// Groups the nodes that `reached` marks. `views` tells which nodes only look at their operand's elements in another way, `known` which need
/// not be computed.
pub(super) fn group(
    graph: &Graph,
    reached: &IndexVec<Value, bool>,
    sizes: &IndexVec<Value, Axes<usize>>,
    views: &IndexVec<Value, bool>,
    known: &IndexVec<Value, Option<f32>>,
) -> Grouping {
    let places = graph.nodes.iter().map(|_| Place::Outside).collect();
    let free = graph.nodes.iter().map(|_| false).collect();
    let (items, zones) = (Vec::new(), Vec::new());
    let mut grouper = Grouper { graph, sizes, views, known, items, zones, places, free, users: FxHashMap::default() };
    for value in graph.nodes.indices().filter(|value| reached[*value]) {
        grouper.place(value);
    }
    for root in graph.roots() {
        grouper.settle_root(root);
    }
    let Grouper { items, zones, places, free, .. } = grouper;
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|item| (zones[*item], *item));
    Grouping { items, order, places, free }
}

struct Grouper<'g> {
    graph: &'g Graph,
    sizes: &'g IndexVec<Value, Axes<usize>>,
    views: &'g IndexVec<Value, bool>,
    known: &'g IndexVec<Value, Option<f32>>,
    items: Vec<Item>,
    zones: Vec<Zone>,
    places: IndexVec<Value, Place>,
    free: IndexVec<Value, bool>,
    /// The last group that computes or reads a value; looked up, never listed.
    users: FxHashMap<Value, usize>,
}

impl Grouper<'_> {
    fn key(&self, item: usize) -> Key {
        (self.zones[item], item)
    }

    fn push(&mut self, zone: Zone, item: Item) -> usize {
        self.items.push(item);
        self.zones.push(zone);
        self.items.len() - 1
    }

    fn group_mut(&mut self, item: usize) -> &mut Group {
        match &mut self.items[item] {
            Item::Group(group) => group,
            Item::Single(_) => panic!("a place inside a group names a group"),
        }
    }

    fn group_of(&self, item: usize) -> &Group {
        match &self.items[item] {
            Item::Group(group) => group,
            Item::Single(_) => panic!("a place inside a group names a group"),
        }
    }

    fn kinds(&self, node: &Node) -> SmallVec<[Kind; 3]> {
        node.inputs.iter().map(|input| Kind::of(&self.graph.ty(*input).dtype)).collect()
    }

    /// The first key at which a value can be read from memory; none if it always can.
    fn ready(&self, value: Value) -> Option<Key> {
        match self.places[value] {
            Place::Outside => None,
            Place::Free { after, .. } => after.map(|first| (Zone::Front, first)),
            Place::Step(item) | Place::Inside(item, _) => Some((self.zones[item], item + 1)),
        }
    }

    fn place(&mut self, value: Value) {
        let graph = self.graph;
        let node = graph.node(value);
        let place = match node.op {
            op::INPUT | op::VARIABLE | op::CONSTANT => Place::Outside,
            _ if self.known[value].is_some() => Place::Outside,
            _ if self.views[value] => self.alias(value, node),
            _ if self.is_elementwise(value, node) => self.elementwise(value, node),
            _ => match self.fold(value, node) {
                Some(place) => place,
                None => self.single(value, node),
            },
        };
        self.free[value] = matches!(place, Place::Free { .. });
        self.places[value] = place;
    }

    fn is_elementwise(&self, value: Value, node: &Node) -> bool {
        !self.sizes[value].contains(&0) && formula::is_known(node, &self.kinds(node))
    }

    fn alias(&mut self, value: Value, node: &Node) -> Place {
        let source = node.inputs[0];
        let (from, to) = (&self.sizes[source], &self.sizes[value]);
        match self.places[source].clone() {
            Place::Inside(item, map) => match carry(node, from, to, &map) {
                Some(map) => Place::Inside(item, map),
                None => Place::Step(item),
            },
            Place::Free { depth, after } if carry(node, from, to, &identity(from)).is_some() => {
                Place::Free { depth, after }
            }
            Place::Free { .. } => Place::Step(self.materialise(source)),
            other => other,
        }
    }

    fn single(&mut self, value: Value, node: &Node) -> Place {
        for input in &node.inputs {
            self.materialise_if_free(*input);
        }
        let zone = if node.inputs.is_empty() { Zone::Front } else { Zone::Main };
        Place::Step(self.push(zone, Item::Single(value)))
    }

    fn elementwise(&mut self, value: Value, node: &Node) -> Place {
        let less = |len: usize| (2..self.len(value)).contains(&len);
        let stretched = |input: &&Value| less(self.len(**input)) || self.column(**input).is_some_and(less);
        let stretched: SmallVec<[Value; 3]> = node.inputs.iter().filter(stretched).copied().collect();
        // What is stretched would be computed again for every row.
        stretched.into_iter().for_each(|input| self.materialise_if_free(input));
        let host = node.inputs.iter().filter_map(|input| match self.places[*input] {
            Place::Inside(item, _) => Some((self.key(item), item)),
            _ => None,
        });
        let host = host.max().map(|(_, item)| item);
        let floor = |but: Option<usize>| {
            let inputs = node
                .inputs
                .iter()
                .filter(|input| !matches!(self.places[**input], Place::Inside(item, _) if Some(item) == but));
            inputs.filter_map(|input| self.ready(*input)).max()
        };
        if let Some(item) = host
            && floor(host) <= Some(self.key(item))
            && let Some(map) = self.fits(item, value, node)
        {
            return self.join(item, value, Role::Element, map);
        }
        let floor = floor(None);
        let in_front = floor.is_none_or(|(zone, _)| zone == Zone::Front);
        let depth = node.inputs.iter().map(|input| match self.places[*input] {
            Place::Free { depth, .. } => depth + 1,
            _ => 1,
        });
        let depth = depth.max().unwrap_or(1);
        if in_front && depth < DEEPEST {
            return Place::Free { depth, after: floor.map(|(_, first)| first) };
        }
        self.beside(value, floor, if in_front { Zone::Front } else { Zone::Main })
    }

    fn len(&self, value: Value) -> usize {
        self.sizes[value].iter().product()
    }

    /// The number of elements of what a value is a view of, if they vary along its last axis: a loop over rows would compute them again
    /// for each row.
    fn column(&self, value: Value) -> Option<usize> {
        let mut base = value;
        while self.views[base] {
            base = self.graph.node(base).inputs[0];
        }
        let last = |value: Value| self.sizes[value].last().copied();
        (last(base) == last(value)).then(|| self.len(base))
    }

    /// Computes a value in a group of its shape that reads one of its operands already, or in a new one.
    fn beside(&mut self, value: Value, floor: Option<Key>, zone: Zone) -> Place {
        let node = self.graph.node(value);
        let shape = extent(&self.sizes[value]);
        let item = match self.neighbour(&node.inputs, &shape, floor) {
            Some(item) => item,
            None => self.open(zone, shape),
        };
        let map = identity(&self.sizes[value]);
        self.join(item, value, Role::Element, map)
    }

    fn open(&mut self, zone: Zone, extent: Axes<usize>) -> usize {
        self.push(zone, Item::Group(Group { extent, inner: None, members: Vec::new() }))
    }

    /// A group over `shape`, not before `floor`, that uses one of `values` or what a free one of them is made of.
    fn neighbour(&self, values: &[Value], shape: &[usize], floor: Option<Key>) -> Option<usize> {
        let mut open: Vec<Value> = values.to_vec();
        let mut seen = 0;
        while let Some(value) = open.pop() {
            let found = self.users.get(&value).copied().filter(|item| {
                let group = self.group_of(*item);
                group.extent[..] == *shape && group.members.len() < MOST && floor <= Some(self.key(*item))
            });
            if found.is_some() {
                return found;
            }
            seen += 1;
            if seen < 64 && self.free[value] {
                open.extend(&self.graph.node(value).inputs);
            }
        }
        None
    }

    /// How a node's axes lie in a group, if it can be computed there from the operands that the group has in registers.
    fn fits(&self, item: usize, value: Value, node: &Node) -> Option<AxisMap> {
        let group = self.group_of(item);
        if group.members.len() >= MOST || node.op.0 == "one_hot" {
            return None;
        }
        let inside: Vec<AxisMap> = node
            .inputs
            .iter()
            .filter_map(|input| match &self.places[*input] {
                Place::Inside(own, map) if *own == item => Some(map.clone()),
                _ => None,
            })
            .collect();
        let map = unify(&self.sizes[value], &group.extent, &inside)?;
        let mapped = |axis: usize| map.contains(&Some(axis));
        let whole = (0..group.extent.len()).all(mapped);
        let narrow = group
            .inner
            .as_ref()
            .is_some_and(|inner| inner.iter().enumerate().all(|(axis, inner)| !(*inner && mapped(axis))));
        (whole || narrow).then_some(map)
    }

    fn join(&mut self, item: usize, value: Value, role: Role, map: AxisMap) -> Place {
        self.group_mut(item).members.push(Member { value, role });
        self.users.insert(value, item);
        // What a member is computed from, through free values, is at hand in the group.
        let mut open: Vec<Value> = self.graph.node(value).inputs.to_vec();
        let mut steps = 0;
        while let Some(input) = open.pop().filter(|_| steps < 64) {
            steps += 1;
            if self.free[input] || self.views[input] {
                open.extend(&self.graph.node(input).inputs);
            }
            self.users.insert(input, item);
        }
        match role {
            Role::Columns | Role::All => Place::Step(item),
            Role::Row | Role::Element => Place::Inside(item, map),
        }
    }

    /// Places a reduction behind or in a group that has its operand, or in one of its own. None for other nodes and when no kernel can.
    fn fold(&mut self, value: Value, node: &Node) -> Option<Place> {
        if !formula::is_fold(node, &self.kinds(node)) || self.sizes[node.inputs[0]].contains(&0) {
            return None;
        }
        let x = node.inputs[0];
        let reduced: Vec<usize> = node.attrs.get_ints("axis").iter().map(|axis| *axis as usize).collect();
        if let Place::Inside(item, map) = self.places[x].clone()
            && let Some((role, split)) = self.split(item, x, &map, &reduced)
        {
            return Some(self.reduce(item, value, role, split, &map, &reduced));
        }
        let (floor, shape) = (self.ready(x), extent(&self.sizes[x]));
        let map = identity(&self.sizes[x]);
        let zone = if floor.is_none_or(|(zone, _)| zone == Zone::Front) { Zone::Front } else { Zone::Main };
        let near = self.neighbour(&[x], &shape, floor).filter(|item| self.split(*item, x, &map, &reduced).is_some());
        let item = near.unwrap_or_else(|| self.open(zone, shape));
        let (role, split) = self.split(item, x, &map, &reduced)?;
        Some(self.reduce(item, value, role, split, &map, &reduced))
    }

    /// The kind of reduction over `reduced` axes of a whole value of a group, and the split of the group that it needs.
    fn split(&self, item: usize, x: Value, map: &AxisMap, reduced: &[usize]) -> Option<(Role, Option<Axes<bool>>)> {
        let group = self.group_of(item);
        let whole = self.sizes[x].iter().zip(map).all(|(size, axis)| *size == 1 || axis.is_some());
        let every = (0..group.extent.len()).all(|axis| map.contains(&Some(axis)));
        if !whole || !every || group.members.len() >= MOST {
            return None;
        }
        let mut over: Axes<bool> = SmallVec::from_elem(false, group.extent.len());
        reduced.iter().filter_map(|axis| map[*axis]).for_each(|axis| over[axis] = true);
        if over.iter().all(|over| *over) {
            return Some((Role::All, group.inner.clone()));
        }
        let kept: Axes<bool> = over.iter().map(|over| !over).collect();
        match &group.inner {
            Some(inner) if *inner == over => Some((Role::Row, Some(over))),
            Some(inner) if *inner == kept => Some((Role::Columns, Some(kept))),
            Some(_) => None,
            None if *over.last()? => Some((Role::Row, Some(over))),
            None => Some((Role::Columns, Some(kept))),
        }
    }

    fn reduce(
        &mut self,
        item: usize,
        value: Value,
        role: Role,
        split: Option<Axes<bool>>,
        map: &AxisMap,
        reduced: &[usize],
    ) -> Place {
        let group = self.group_mut(item);
        group.inner = split;
        let inner = group.inner.iter().flatten().zip(&group.extent).filter(|(inner, _)| **inner).map(|(_, size)| *size);
        let usable = role == Role::Row && inner.product::<usize>() <= LONGEST_ROW;
        let keepdims = self.graph.node(value).attrs.get_bool("keepdims");
        let axes = (0..map.len()).filter(|axis| keepdims || !reduced.contains(axis));
        let own: AxisMap = axes.map(|axis| if reduced.contains(&axis) { None } else { map[axis] }).collect();
        let place = self.join(item, value, role, own);
        if usable { place } else { Place::Step(item) }
    }

    fn materialise_if_free(&mut self, value: Value) {
        if matches!(self.places[value], Place::Free { .. }) {
            self.materialise(value);
        }
    }

    /// Stores a free value, or what it is a view of, in memory; returns the group that does.
    fn materialise(&mut self, value: Value) -> usize {
        let mut chain = vec![value];
        while let Some(last) = chain.last().filter(|last| self.views[**last]) {
            chain.push(self.graph.node(*last).inputs[0]);
        }
        let base = chain.pop().expect("the value itself");
        let item = match self.places[base].clone() {
            Place::Inside(item, _) | Place::Step(item) => item,
            Place::Free { .. } | Place::Outside => {
                let item = self.open(Zone::Front, extent(&self.sizes[base]));
                let map = identity(&self.sizes[base]);
                self.places[base] = self.join(item, base, Role::Element, map);
                item
            }
        };
        for view in chain.into_iter().rev() {
            self.places[view] = self.alias(view, self.graph.node(view));
        }
        item
    }

    /// A free root is computed beside what it shares operands with.
    fn settle_root(&mut self, root: Value) {
        let mut base = root;
        while self.views[base] && matches!(self.places[base], Place::Free { .. }) {
            base = self.graph.node(base).inputs[0];
        }
        if matches!(self.places[base], Place::Free { .. }) {
            let floor = self.ready(base);
            self.places[base] = self.beside(base, floor, Zone::Front);
        }
    }
}
