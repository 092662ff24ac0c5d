//! The archive itself: a ZIP of a network as text and of parameters, as messages or in an HDF5 file.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use prost::Message as _;
use zip::ZipArchive;

use super::Trained;
use crate::formats::hdf5;
use crate::formats::nnabla::parameters::Parameters;
use crate::formats::nnabla::text::{Message, parse};
use crate::import::Refusal;

/// The most bytes that a member may unpack to.
const MOST: u64 = 4 << 30;

/// What an archive holds.
pub struct Archive {
    /// The network's text; of several files all fields together.
    pub tree: Message,
    /// Trained values by name.
    pub trained: BTreeMap<String, Trained>,
}

/// Unpacks an archive.
///
/// # Errors
/// When it is none, or damaged.
pub fn open(bytes: &[u8]) -> Result<Archive, Refusal> {
    let damaged = |why: String| Refusal::new(format!("it is damaged, cut short or no NNabla archive ({why})"));
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(error.to_string()))?;
    let mut archive = Archive { tree: Message::default(), trained: BTreeMap::new() };
    for i in 0..zip.len() {
        let member = zip.by_index(i).map_err(|error| damaged(error.to_string()))?;
        let name = member.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        let kind = name.rsplit('.').next().unwrap_or_default().to_lowercase();
        if !["nntxt", "prototxt", "protobuf", "h5"].contains(&kind.as_str()) || name.contains("solver_state") {
            continue;
        }
        let mut content = Vec::new();
        member.take(MOST).read_to_end(&mut content).map_err(|error| damaged(format!("{name}: {error}")))?;
        let wrong = |why: String| damaged(format!("{name}: {why}"));
        match kind.as_str() {
            "protobuf" => archive.trained.extend(messages(&content).map_err(wrong)?),
            "h5" => archive.trained.extend(arrays(&content).map_err(|why| unread(&name, &why))?),
            _ => {
                let text = String::from_utf8_lossy(&content);
                let tree = parse(&text).map_err(|fault| wrong(fault.to_string()))?;
                archive.tree.fields.extend(tree.fields);
            }
        }
    }
    if archive.tree.fields.is_empty() {
        return Err(damaged("it holds no network, no file that ends in `.nntxt`".to_owned()));
    }
    Ok(archive)
}

fn messages(bytes: &[u8]) -> Result<Vec<(String, Trained)>, String> {
    let parameters = Parameters::decode(bytes).map_err(|error| error.to_string())?;
    let trained = parameters.parameter.into_iter().map(|parameter| {
        let sizes = parameter.shape.map(|shape| shape.dim).unwrap_or_default();
        let shape = sizes.into_iter().map(|size| usize::try_from(size).unwrap_or(0)).collect();
        (parameter.variable_name, Trained { shape, values: parameter.data })
    });
    Ok(trained.collect())
}

fn arrays(bytes: &[u8]) -> Result<Vec<(String, Trained)>, String> {
    let arrays = hdf5::arrays(bytes)?.into_iter();
    Ok(arrays.map(|array| (array.path, Trained { shape: array.shape, values: array.values })).collect())
}

/// An HDF5 file of a form that is not read.
fn unread(name: &str, why: &str) -> Refusal {
    let help = "save it by NNabla with `nnabla.utils.save.save(\"x.nnp\", contents, parameter_format=\".protobuf\")`";
    Refusal { help: Some(help.to_owned()), ..Refusal::new(format!("its parameters `{name}` are not read: {why}")) }
}
