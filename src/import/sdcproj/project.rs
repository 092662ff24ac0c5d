//! A project file: sections of keys and values, in which networks are numbered layers and links.

use std::collections::BTreeMap;

/// The sections of a project.
pub struct Project {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// A network as it is drawn.
pub struct Drawing {
    /// Its name: `Main`.
    pub name: String,
    /// Its layers, in the file's order.
    pub layers: Vec<Layer>,
    /// Its links.
    pub links: Vec<Link>,
}

/// A box of a network.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its number.
    pub id: i64,
    /// What it is: `Affine`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Its properties.
    pub properties: BTreeMap<String, String>,
}

/// An arrow between two layers, which enters at a numbered pin.
#[derive(Clone, Debug)]
pub struct Link {
    pub from: i64,
    pub to: i64,
    pub to_pin: i64,
}

/// The most layers or links of a network, whatever a damaged file says.
const MOST: i64 = 100_000;

impl Project {
    /// Reads the sections of a text; lines that are neither a section nor a key are skipped.
    pub fn parse(text: &str) -> Project {
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut at = String::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_end_matches('\r');
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                at = name.to_owned();
                sections.entry(at.clone()).or_default();
            } else if let Some((key, value)) = line.split_once('=') {
                sections.entry(at.clone()).or_default().insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
        Project { sections }
    }

    /// A value; empty when it is not there.
    pub fn get(&self, section: &str, key: &str) -> &str {
        self.sections.get(section).and_then(|keys| keys.get(key)).map_or("", String::as_str)
    }

    /// A whole number, or `without`.
    pub fn whole(&self, section: &str, key: &str, without: i64) -> i64 {
        self.get(section, key).parse().unwrap_or(without)
    }

    /// A number, or `without`.
    pub fn number(&self, section: &str, key: &str, without: f64) -> f64 {
        self.get(section, key).parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(without)
    }

    /// The networks of the project, in its order. A project with one has no names in its sections.
    pub fn networks(&self) -> Vec<Drawing> {
        let count = self.whole("Global", "NumNetwork", 0).min(MOST);
        let named: Vec<String> = (0..count)
            .map(|i| self.get("Global", &format!("Network_{i}")).to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if !named.is_empty() {
            return named.iter().map(|name| self.network(name, &format!("{name}_"))).collect();
        }
        let one = self.sections.contains_key("Network_Global");
        one.then(|| self.network("Main", "")).into_iter().collect()
    }

    fn network(&self, name: &str, prefix: &str) -> Drawing {
        let head = format!("{prefix}Network_Global");
        let of = |kind: &str, count: &str| -> Vec<String> {
            let count = self.whole(&head, count, 0).min(MOST);
            let sections = (0..count).map(|i| format!("{prefix}{kind}_{i}"));
            sections.filter(|section| self.sections.contains_key(section)).collect()
        };
        let links = of("Link", "NumLink").into_iter().map(|section| Link {
            from: self.whole(&section, "SourceLayerID", -1),
            to: self.whole(&section, "DestLayerID", -1),
            to_pin: self.whole(&section, "DestPinIndex", 0),
        });
        let layers = of("Layer", "NumLayer").into_iter().map(|section| self.layer(&section));
        Drawing { name: name.to_owned(), layers: layers.collect(), links: links.collect() }
    }

    fn layer(&self, section: &str) -> Layer {
        let count = self.whole(section, "NumProperty", 0).min(1000);
        let mut properties = BTreeMap::new();
        for i in 0..count {
            let name = self.get(section, &format!("Property_{i}_Name"));
            properties.insert(name.to_owned(), self.get(section, &format!("Property_{i}_Value")).to_owned());
        }
        let kind = self.get(section, "Type").to_owned();
        let name = properties.get("Name").filter(|name| !name.is_empty()).unwrap_or(&kind).clone();
        Layer { id: self.whole(section, "ID", -1), kind, name, properties }
    }
}

impl Layer {
    /// The layer as a message names it.
    pub fn shown(&self) -> String {
        if self.name == self.kind { format!("`{}`", self.name) } else { format!("{} `{}`", self.kind, self.name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_layers_and_links() {
        let text = "\u{feff}[Network_Global]\r\nNumLayer=2\r\nNumLink=1\r\n[Layer_0]\nID=4\nType=Input\nNumProperty=1\nProperty_0_Name=Name\n\
            Property_0_Value=In\n[Layer_1]\nID=5\nType=ReLU\n[Link_0]\nSourceLayerID=4\nDestLayerID=5\nDestPinIndex=1\n";
        let networks = Project::parse(text).networks();
        let [network] = networks.as_slice() else { panic!("one network") };
        let layers: Vec<_> = network.layers.iter().map(|layer| (layer.id, layer.shown())).collect();
        assert_eq!(layers, [(4, "Input `In`".to_owned()), (5, "`ReLU`".to_owned())]);
        assert_eq!((network.name.as_str(), network.links[0].to, network.links[0].to_pin), ("Main", 5, 1));
    }

    #[test]
    fn what_is_no_project_has_no_network() {
        assert!(Project::parse("").networks().is_empty());
        assert!(Project::parse("[Global]\nNumNetwork=99999999999\n").networks().is_empty());
    }
}
