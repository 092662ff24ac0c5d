//! A node of the file and its attributes.

use crate::formats::onnx::{Attribute, Node, Tensor};

/// A node, and the version of the operators.
#[derive(Clone, Copy)]
pub struct Op<'g> {
    pub node: &'g Node,
    pub version: i64,
}

impl<'g> Op<'g> {
    /// The operator's name.
    pub fn kind(&self) -> &'g str {
        &self.node.op_type
    }

    /// What the file calls the node: its name, or that of its first result.
    pub fn name(&self) -> &'g str {
        match self.node.output.first() {
            Some(output) if self.node.name.is_empty() => output,
            _ => &self.node.name,
        }
    }

    fn attribute(&self, name: &str) -> Option<&'g Attribute> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// An integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    /// A truth value, false unless given.
    pub fn flag(&self, name: &str) -> bool {
        self.int(name).unwrap_or(0) != 0
    }

    /// A number.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.f
    }

    /// Integers.
    pub fn ints(&self, name: &str) -> Option<&'g [i64]> {
        self.attribute(name).map(|attribute| &attribute.ints[..])
    }

    /// Numbers.
    pub fn floats(&self, name: &str) -> Option<&'g [f32]> {
        self.attribute(name).map(|attribute| &attribute.floats[..])
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'g str> {
        std::str::from_utf8(self.attribute(name)?.s.as_deref()?).ok()
    }

    /// Texts.
    pub fn texts(&self, name: &str) -> Vec<&'g str> {
        let texts = self.attribute(name).map(|attribute| &attribute.strings[..]).unwrap_or_default();
        texts.iter().filter_map(|text| std::str::from_utf8(text).ok()).collect()
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Option<&'g Tensor> {
        self.attribute(name)?.t.as_ref()
    }
}
