//! Folders to start from: a model that trains at once, its data, and what to type next.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{reason, write_whole};

/// What a project starts from.
pub struct Template {
    /// The model.
    model: &'static str,
    /// What the model does, as a sentence.
    about: &'static str,
    /// What a run of it reaches, as a sentence.
    reached: &'static str,
    data: &'static Data,
}

/// A data set in two parts.
struct Data {
    /// The columns, named for the inputs that they feed.
    header: &'static str,
    /// Tables whose first line is another header.
    train: &'static str,
    validation: &'static str,
    /// What it is, where it comes from, and its licence.
    about: &'static str,
}

const IRIS: Data = Data {
    header: "x__0:sepal length (cm),x__1:sepal width (cm),x__2:petal length (cm),x__3:petal width (cm),y:kind",
    train: include_str!("../../../examples/data/tabular/iris_train.csv"),
    validation: include_str!("../../../examples/data/tabular/iris_validation.csv"),
    about: "150 irises (R. A. Fisher, 1936): four lengths in centimetres, and the kind, 0 setosa, 1 versicolor, 2 virginica. 120 to train\n\
            on, 30 to validate, divided by a seeded shuffle.\n\n\
            From scikit-learn 1.9.1, BSD-3-Clause; the data is that of the UCI Machine Learning Repository.\n",
};

const DIABETES: Data = Data {
    header: "x__0:age,x__1:sex,x__2:bmi,x__3:bp,x__4:s1,x__5:s2,x__6:s3,x__7:s4,x__8:s5,x__9:s6,y:progression",
    train: include_str!("../../../examples/data/tabular/diabetes_train.csv"),
    validation: include_str!("../../../examples/data/tabular/diabetes_validation.csv"),
    about: "442 patients (Efron and others, 2004): age, sex, body mass index, blood pressure and six blood values, and the progression\n\
            of diabetes after one year. 353 to train on, 89 to validate, divided by a seeded shuffle.\n\n\
            From scikit-learn 1.9.1, BSD-3-Clause; the data is that of the UCI Machine Learning Repository.\n",
};

/// A classifier of irises, with a smoothed cross entropy.
pub const CLASSIFIER: Template = Template {
    model: include_str!("classifier.nn"),
    about: "Tells three kinds of iris apart by four measurements.",
    reached: "At its best epoch, its accuracy on the 30 flowers kept aside is 0.967.",
    data: &IRIS,
};

/// A regression of diabetes, with a robust loss.
pub const REGRESSION: Template = Template {
    model: include_str!("regression.nn"),
    about: "Foretells the progression of diabetes after a year from ten measurements.",
    reached: "At its best epoch, it is 42.8 off on average for the 89 patients kept aside.",
    data: &DIABETES,
};

/// An auto-encoder of irises, from a layer of its own.
pub const AUTO_ENCODER: Template = Template {
    model: include_str!("auto_encoder.nn"),
    about: "Presses four measurements of an iris into two numbers, and finds them again from these.",
    reached: "At its best epoch, the measurements that it finds are 0.143 cm off on average for the 30 flowers kept aside.",
    data: &IRIS,
};

/// Why no project was made.
#[derive(Debug)]
pub enum NoProject {
    /// The folder's name or what stands there is in the way; the sentence says how.
    Refused(String),
    /// The system did not let a file be written: which one, and why.
    Unwritten(PathBuf, io::Error),
}

impl Template {
    /// The files of a project called `name`, by their paths in its folder.
    fn files(&self, name: &str) -> [(&'static str, String); 6] {
        let table = |rows: &str| {
            let rows = rows.split_once('\n').map_or("", |(_, rows)| rows);
            format!("{}\n{rows}", self.data.header)
        };
        [
            ("model.nn", self.model.to_owned()),
            ("data/train.csv", table(self.data.train)),
            ("data/validation.csv", table(self.data.validation)),
            ("data/README.md", format!("# The data\n\n{}", self.data.about)),
            ("README.md", self.readme(name)),
            (".gitignore", "runs/\n".to_owned()),
        ]
    }

    fn readme(&self, name: &str) -> String {
        let Template { about, reached, .. } = self;
        format!(
            "# {name}\n\n{about} The model is [model.nn](model.nn), its data is in [data](data/README.md).\n\n\
             ```sh\n\
             nnlc check model.nn\n\
             nnlc run model.nn\n\
             nnlc infer model.nn --weights runs/model/weights.safetensors --input x=data/validation.csv --out runs/model\n\
             ```\n\n\
             `check` tells mistakes before anything runs. `run` trains, and leaves the weights, a log and the learning curve in `runs/model`.\n\
             {reached} `infer` computes with the trained model, without its loss, and writes an array for each output.\n"
        )
    }
}

/// Makes a project in `folder`, which may be there if it is empty, and gives the paths of its files in it.
///
/// # Errors
/// When the folder's name is none for a project, when something stands there, or when the system refuses.
pub fn create_project(folder: &Path, template: &Template) -> Result<Vec<&'static str>, NoProject> {
    let name = valid_name(folder).map_err(NoProject::Refused)?;
    let unwritten = |path: &Path, error| NoProject::Unwritten(path.to_path_buf(), error);
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            return Err(NoProject::Refused(format!(
                "`{}` is a folder with files in it: a project needs a new or an empty one",
                folder.display()
            )));
        }
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(NoProject::Refused(format!("`{}`: {}", folder.display(), reason(&error))));
        }
        Err(error) => return Err(unwritten(folder, error)),
    }
    let data = folder.join("data");
    fs::create_dir_all(&data).map_err(|error| unwritten(&data, error))?;
    let mut made = Vec::new();
    for (file, text) in template.files(name) {
        let path = folder.join(file);
        write_whole(&path, text.as_bytes()).map_err(|error| unwritten(&path, error))?;
        made.push(file);
    }
    Ok(made)
}

/// The name of a project in `folder`: the last part of the path.
fn valid_name(folder: &Path) -> Result<&str, String> {
    let shown = folder.display();
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let first = name.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    let rest = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if first && rest {
        return Ok(name);
    }
    Err(format!(
        "`{shown}` does not name a project: a name is made of letters, digits, `_` and `-`, which does not come first"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_the_path() {
        assert_eq!(valid_name(Path::new("a/b/iris-2")), Ok("iris-2"));
        assert_eq!(valid_name(Path::new("信号/")), Ok("信号"));
        for wrong in ["", ".", "..", "a/..", "-a", "a b", "model.nn", "a/b c"] {
            assert!(valid_name(Path::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn columns_are_as_many_as_the_header_names() {
        for template in [CLASSIFIER, REGRESSION, AUTO_ENCODER] {
            for (file, text) in template.files("x").iter().filter(|(file, _)| file.ends_with(".csv")) {
                let counts: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
                assert!(
                    counts.len() > 30 && counts.iter().all(|count| *count == counts[0]),
                    "{} {file}",
                    template.about
                );
            }
        }
    }
}
