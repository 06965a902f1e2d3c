//! How data sets are read.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// How a data set is read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How data sets are read")]
pub struct Reading {
    /// One label for everything
    #[arg(short, long, value_parser = NonEmptyStringValueParser::new())]
    pub label: Option<String>,
    /// The column that has the label, in manifests, Parquet files and metadata; the key, in JSON of WebDataset
    /// [default: label, or the only ClassLabel of a Hugging Face data set]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// Columns that are levels of the taxonomy, the nearest to the label first; in JSON of COCO's kind keys of the
    /// categories [default: in COCO's supercategory, else none]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub levels: Vec<String>,
    /// Columns of manifests and Parquet files, and keys in JSON of WebDataset, that are kept as attributes of the
    /// exemplars; none keeps none [default: all that have no other meaning]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub attributes: Option<Vec<String>>,
    /// Folders above the label's are levels of the taxonomy, named as a path: kingdom/family for
    /// FOLDER/animals/cats/leopard/1.jpg
    #[arg(long, value_name = "LEVELS")]
    pub nested: Option<String>,
    /// Names of the classes 0, 1, ... for labels that are numbers: a file with a name in each line, a table with a column
    /// label, or JSON
    #[arg(long, value_name = "FILE")]
    pub class_names: Option<PathBuf>,
    #[command(flatten)]
    pub finding: Finding,
}

/// Where the pictures of a data set are.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "How data sets are read")]
pub struct Finding {
    /// The column that has the pictures, in manifests and Parquet files [default: path, or the only image column]
    #[arg(long, value_name = "NAME")]
    pub image_column: Option<String>,
    /// The folder of the pictures that JSON of COCO's or ReaL's kind is about [default: the JSON's]
    #[arg(long, value_name = "FOLDER")]
    pub images: Option<PathBuf>,
}

impl Reading {
    /// An option that was given and makes sense for pictures alone.
    pub fn for_pictures(&self) -> Option<&'static str> {
        let Self { label: _, label_column: _, levels, attributes, nested, class_names, finding } = self;
        let given = [
            (!levels.is_empty(), "--levels"),
            (attributes.is_some(), "--attributes"),
            (nested.is_some(), "--nested"),
            (class_names.is_some(), "--class-names"),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, option)| option).or(finding.given())
    }
}

impl Finding {
    /// An option that was given.
    pub fn given(&self) -> Option<&'static str> {
        let Self { image_column, images } = self;
        image_column.is_some().then_some("--image-column").or(images.is_some().then_some("--images"))
    }
}

impl From<&Reading> for vismem_data::Reading {
    fn from(reading: &Reading) -> Self {
        let Reading { label, label_column, levels, attributes, nested, class_names, finding } = reading.clone();
        let attributes = attributes.map(|names| if names == ["none"] { Vec::new() } else { names });
        let finding = (&finding).into();
        Self { label, label_column, levels, attributes, nested, class_names, finding, ..Self::default() }
    }
}

impl From<&Finding> for vismem_data::Finding {
    fn from(finding: &Finding) -> Self {
        let Finding { image_column, images } = finding.clone();
        Self { image_column, images }
    }
}
