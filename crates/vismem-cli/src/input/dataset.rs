//! Labelled pictures, in whatever form they come.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use vismem::Taxonomy;

use super::{LabelledPicture, archive, coco, folder, has_extension, labels, manifest, parquet, real};
use crate::args::wrong_use;

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
    /// categories [default: in CSV manifests all further columns, in COCO's supercategory, else none]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub levels: Vec<String>,
    /// Folders above the label's are levels of the taxonomy, named as a path: kingdom/family for
    /// FOLDER/animals/cats/leopard/1.jpg
    #[arg(long, value_name = "LEVELS")]
    pub nested: Option<String>,
    /// Names of the classes 0, 1, ... for labels that are numbers: a file with a name in each line
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
        let Self { label: _, label_column: _, levels, nested, class_names, finding } = self;
        let given = [
            (!levels.is_empty(), "--levels"),
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

/// Labelled pictures as they come.
pub struct Dataset {
    pub pictures: Box<dyn Iterator<Item = LabelledPicture> + Send>,
    /// How many there are, where that is known before they are read.
    pub count: Option<u64>,
    /// What came with them.
    pub taxonomies: Vec<Taxonomy>,
}

impl Dataset {
    /// Pictures that are known beforehand.
    pub fn listed(pictures: Vec<LabelledPicture>, taxonomy: Taxonomy) -> Self {
        let taxonomies = if taxonomy.levels.is_empty() { Vec::new() } else { vec![taxonomy] };
        Self { count: Some(pictures.len() as u64), pictures: Box::new(pictures.into_iter()), taxonomies }
    }

    /// Pictures of which more is known while they are read.
    pub fn streamed(pictures: impl Iterator<Item = LabelledPicture> + Send + 'static, count: Option<u64>) -> Self {
        Self { pictures: Box::new(pictures), count, taxonomies: Vec::new() }
    }

    pub fn chain(self, next: Self) -> Self {
        Self {
            pictures: Box::new(self.pictures.chain(next.pictures)),
            count: self.count.zip(next.count).map(|(a, b)| a + b),
            taxonomies: self.taxonomies.into_iter().chain(next.taxonomies).collect(),
        }
    }
}

/// Opens everything that the user named, in that order. Whatever is wrong with a whole file is found here, before
/// anything is done.
pub fn open(paths: &[impl AsRef<Path>], reading: &Reading) -> Result<Dataset> {
    let reader = Reader::new(reading, Wanted::OneLabel)?;
    let nothing = Dataset::listed(Vec::new(), Taxonomy::default());
    paths.iter().try_fold(nothing, |all, path| Ok(all.chain(reader.open(path.as_ref())?)))
}

/// Opens a data set of ground truth: a picture of several labels comes once for each.
pub fn open_truth(path: &Path, reading: &Reading) -> Result<Dataset> {
    Reader::new(reading, Wanted::AllLabels)?.open(path)
}

/// Opens a data set of which the pictures alone are of interest: they need no labels, and get none.
pub fn open_unlabelled(path: &Path, finding: &Finding) -> Result<Dataset> {
    let reading = Reading { finding: finding.clone(), ..Reading::default() };
    Reader::new(&reading, Wanted::NoLabel)?.open(path)
}

/// What is wanted of a picture besides itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    NoLabel,
    OneLabel,
    AllLabels,
}

/// What is to be known of the user's wishes while reading.
pub struct Reader<'r> {
    pub reading: &'r Reading,
    /// Names of the classes 0, 1, ...
    pub names: Vec<String>,
    pub wanted: Wanted,
}

impl<'r> Reader<'r> {
    pub fn new(reading: &'r Reading, wanted: Wanted) -> Result<Self> {
        let names = reading.class_names.as_deref().map(labels::class_names).transpose()?;
        Ok(Self { reading, names: names.unwrap_or_default(), wanted })
    }

    /// Whether pictures must have labels.
    pub fn wants_labels(&self) -> bool {
        self.wanted != Wanted::NoLabel
    }

    /// The label of everything, where there is one: what the user says, or none at all.
    pub fn one_label(&self) -> Option<String> {
        if self.wants_labels() { self.reading.label.clone() } else { Some(String::new()) }
    }

    fn open(&self, path: &Path) -> Result<Dataset> {
        let name = path.display();
        let is_folder = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?.is_dir();
        if self.reading.nested.is_some() && !is_folder {
            return Err(wrong_use(format!("{name}: --nested belongs to folders")));
        }
        if is_folder {
            return self.folder(path);
        }
        if archive::is_named_like_one(path) {
            return archive::open(path, self);
        }
        let brings_labels = ["csv", "parquet", "json"].into_iter().find(|extension| has_extension(path, extension));
        match brings_labels {
            Some(_) if self.reading.label.is_some() => {
                Err(wrong_use(format!("{name}: a manifest has labels of its own, drop --label")))
            }
            Some("csv") => manifest::open(path, self),
            Some("parquet") => parquet::open(path, self),
            Some(_) => self.json(path),
            None => {
                let label = self.one_label();
                let label =
                    label.ok_or_else(|| wrong_use(format!("{name}: say with --label what this picture shows")))?;
                Ok(Dataset::listed(vec![LabelledPicture::file(path.into(), label)], Taxonomy::default()))
            }
        }
    }

    /// JSON of COCO's kind or of ReaL's.
    fn json(&self, path: &Path) -> Result<Dataset> {
        let json = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if real::is_one(&json) { real::open(path, &json, self) } else { coco::open(path, &json, self) }
    }

    /// Where the pictures are that a file lists: where the user says, else beside it; empty for the current folder.
    pub fn folder_of_pictures<'a>(&'a self, file: &'a Path) -> &'a Path {
        self.reading.finding.images.as_deref().or(file.parent()).unwrap_or(Path::new(""))
    }

    /// A picture with the labels that a file lists for it: once for each where all are wanted, else with its one.
    pub fn labelled(&self, picture: &Path, labels: &[String], list: &Path) -> Vec<LabelledPicture> {
        let missing = |reason| vec![LabelledPicture::missing(picture.to_owned(), reason)];
        let list = list.display();
        match labels {
            [] => missing(format!("has no label in {list}")),
            [one, other, ..] if self.wanted == Wanted::OneLabel => {
                missing(format!("has several labels in {list}, such as {one} and {other}; a picture has one"))
            }
            _ => labels.iter().map(|label| LabelledPicture::file(picture.to_owned(), label.clone())).collect(),
        }
    }

    /// A folder of pictures, else of archives and tables.
    fn folder(&self, path: &Path) -> Result<Dataset> {
        let none = match (folder::pictures(path), self.one_label(), &self.reading.nested) {
            (Ok(_), Some(_), Some(_)) => return Err(wrong_use("--nested has its labels from folders, drop --label")),
            (Ok(pictures), None, Some(levels)) => return folder::nested(path, pictures, levels),
            (Ok(pictures), label, _) => {
                let labelled = pictures.into_iter().map(|path| {
                    let label = label.clone().map_or_else(|| folder::label_of(&path), Ok);
                    Ok(LabelledPicture::file(path.clone(), label.with_context(|| path.display().to_string())?))
                });
                return Ok(Dataset::listed(labelled.collect::<Result<_>>()?, Taxonomy::default()));
            }
            (Err(none), ..) => none,
        };
        let shards = folder::shards(path)?;
        if shards.is_empty() {
            return Err(none);
        }
        shards
            .iter()
            .try_fold(Dataset::listed(Vec::new(), Taxonomy::default()), |all, shard| Ok(all.chain(self.open(shard)?)))
    }
}

/// What a class is called: its name where classes have names, else the number.
pub fn class(names: &[String], number: i64) -> Result<String, String> {
    if names.is_empty() {
        return Ok(number.to_string());
    }
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    name.cloned().ok_or_else(|| format!("its class {number} is not among the {} class names", names.len()))
}
