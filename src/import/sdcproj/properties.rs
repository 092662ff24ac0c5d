//! Properties of a layer as values: expressions such as `*KernelShape` are followed.

use super::project::Layer;
use crate::import::nnabla::bounded;

/// A layer's properties, with what their expressions refer to.
pub struct Properties<'l> {
    layer: &'l Layer,
    /// The sizes of the layer's first operand.
    input: &'l [i64],
}

impl<'l> Properties<'l> {
    /// The properties of a layer that reads a value of these sizes.
    pub fn of(layer: &'l Layer, input: &'l [i64]) -> Properties<'l> {
        Properties { layer, input }
    }

    /// A property without expressions, or `without` when the project does not have it.
    pub fn text(&self, name: &str, without: &str) -> Result<String, String> {
        let mut name = name.to_owned();
        for _ in 0..8 {
            let Some(value) = self.layer.properties.get(&name).filter(|value| !value.is_empty()) else {
                return Ok(without.to_owned());
            };
            let Some(referred) = value.strip_prefix('*') else {
                return if value.contains(['$', '{']) { Err(self.unclear(&name, value)) } else { Ok(value.clone()) };
            };
            match referred {
                "Input" | "GraphInput" => {
                    return Ok(self.input.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
                }
                "ConvolutionPaddingSize" => return self.padding(),
                _ if self.layer.properties.contains_key(referred) => name = referred.to_owned(),
                _ => return Err(self.unclear(&name, value)),
            }
        }
        Err(format!("its property {name} refers to itself"))
    }

    fn unclear(&self, name: &str, value: &str) -> String {
        format!("its property {name} is the expression `{value}`")
    }

    /// A list of whole numbers.
    pub fn list(&self, name: &str, without: &str) -> Result<Vec<i64>, String> {
        let text = self.text(name, without)?;
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let read: Option<Vec<i64>> = parts.map(|part| part.parse().ok().map(bounded)).collect();
        read.ok_or_else(|| format!("its property {name} is no list of numbers: `{text}`"))
    }

    /// A list of sizes: numbers from 1.
    pub fn sizes(&self, name: &str, without: &str) -> Result<Vec<i64>, String> {
        let sizes = self.list(name, without)?;
        let small = |size: &i64| (1..=1 << 30).contains(size);
        if sizes.iter().all(small) { Ok(sizes) } else { Err(format!("its property {name} is no shape")) }
    }

    /// A whole number.
    pub fn whole(&self, name: &str, without: i64) -> Result<i64, String> {
        let text = self.text(name, &without.to_string())?;
        let read = text.parse().map(bounded);
        read.map_err(|_| format!("its property {name} is no whole number: `{text}`"))
    }

    /// A number.
    pub fn number(&self, name: &str, without: f64) -> Result<f64, String> {
        let text = self.text(name, &without.to_string())?;
        text.parse().map_err(|_| format!("its property {name} is no number: `{text}`"))
    }

    /// A truth value.
    pub fn flag(&self, name: &str, without: bool) -> Result<bool, String> {
        let text = self.text(name, if without { "True" } else { "False" })?;
        Ok(matches!(text.to_lowercase().as_str(), "true" | "1"))
    }

    /// The padding of a convolution by its border mode.
    fn padding(&self) -> Result<String, String> {
        let kernel = self.list("KernelShape", "")?;
        let dilation = self.list("Dilation", "")?;
        let reach = |i: usize| (kernel[i] - 1) * dilation.get(i).copied().unwrap_or(1);
        let sizes: Vec<i64> = match self.text("BorderMode", "same")?.as_str() {
            "valid" => vec![0; kernel.len()],
            "full" => (0..kernel.len()).map(reach).collect(),
            _ => (0..kernel.len()).map(|i| reach(i) / 2).collect(),
        };
        Ok(sizes.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_followed_or_told() {
        let given = [
            ("KernelShape", "3,5"),
            ("Strides", "*KernelShape"),
            ("Padding", "*ConvolutionPaddingSize"),
            ("BorderMode", "same"),
            ("Stop", "*Input"),
            ("Maps", "*Calc 2*${n}"),
            ("A", "*B"),
            ("B", "*A"),
        ];
        let properties = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let layer = Layer { id: 0, kind: "X".into(), name: "X".into(), properties };
        let properties = Properties::of(&layer, &[2, 4]);
        assert_eq!(properties.list("Strides", ""), Ok(vec![3, 5]));
        assert_eq!(properties.list("Padding", ""), Ok(vec![1, 2]));
        assert_eq!(properties.list("Stop", ""), Ok(vec![2, 4]));
        assert_eq!(properties.whole("None", 7), Ok(7));
        assert_eq!(properties.list("Maps", ""), Err("its property Maps is the expression `*Calc 2*${n}`".into()));
        assert!(properties.list("A", "").is_err());
    }
}
