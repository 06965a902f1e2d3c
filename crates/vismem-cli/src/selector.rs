//! Exemplars as the user names them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use vismem::{Near, Selector, Where};
use vismem_data::embeddings::{Embeddings, fault};
use vismem_data::{has_extension, inside};

use crate::args::{Encoding, wrong_use};
use crate::encoder;

/// Options that name exemplars. Any of them may be given again: several values of one option are alternatives, different
/// options narrow each other.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which exemplars (values of one option are alternatives, different options narrow)")]
pub struct SelectorArgs {
    /// By id, as `vismem ls --all` shows it; 3,5,8 are three
    #[arg(long = "id", value_name = "ID", value_delimiter = ',')]
    pub ids: Vec<u64>,
    /// By label
    #[arg(short, long = "label", value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    pub labels: Vec<String>,
    /// By source, or its end after a `/`: `*` is any text, `?` any character, `[ab]` one of these
    #[arg(long = "source", value_name = "GLOB", value_parser = NonEmptyStringValueParser::new())]
    pub sources: Vec<String>,
    /// By the run of `add` that brought them, as `vismem ls --all --format json` shows it
    #[arg(long = "batch", value_name = "BATCH")]
    pub batches: Vec<u64>,
    /// By likeness to a picture, or to the rows of a .npy file
    #[arg(long = "like", value_name = "FILE", requires = "distance")]
    pub like: Vec<PathBuf>,
    /// Cosine distance up to which exemplars are like it, 0 to 2
    #[arg(long, value_name = "DISTANCE", requires = "like", allow_negative_numbers = true)]
    pub distance: Option<f32>,
    /// By what is known of it: "camera = 'north' and year >= 2020"; `vismem stats` lists the attributes
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<Where>,
    /// Only those that hard pruning hides, see `vismem prune`
    #[arg(long)]
    pub pruned: bool,
}

impl SelectorArgs {
    /// Whether no option was given.
    pub fn is_empty(&self) -> bool {
        let Self { ids, labels, sources, batches, like, distance: _, conditions, pruned } = self;
        let lists = [ids.is_empty(), labels.is_empty(), sources.is_empty(), batches.is_empty(), like.is_empty()];
        !pruned && conditions.is_empty() && lists.into_iter().all(|is_empty| is_empty)
    }

    /// The selector, with the pictures of `--like` encoded as those of `memory` are.
    pub fn selector(&self, encoding: &Encoding, memory: &Path, held: &vismem::EncoderIdentity) -> Result<Selector> {
        if self.is_empty() {
            return Err(wrong_use(
                "say which exemplars: --id, --label, --source, --batch, --like, --where or --pruned",
            ));
        }
        let distance = self.distance.unwrap_or_default();
        if !(0.0..=2.0).contains(&distance) {
            return Err(wrong_use(format!("--distance {distance} is out of range: must be within 0 to 2")));
        }
        let embeddings = self.like.iter().map(|file| embeddings(file, encoding, memory, held));
        let embeddings = embeddings.collect::<Result<Vec<_>>>()?.concat();
        Ok(Selector {
            ids: self.ids.clone(),
            labels: self.labels.clone(),
            sources: self.sources.clone(),
            batches: self.batches.clone(),
            near: embeddings.into_iter().map(|embedding| Near { embedding, distance }).collect(),
            filter: any_of(&self.conditions),
            pruned: self.pruned,
        })
    }
}

/// The condition that is met where one of these is; `None` for none.
pub fn any_of(conditions: &[Where]) -> Option<Where> {
    conditions.iter().cloned().reduce(Where::or)
}

/// One criterion of a selector in one word, for commands that take several selectors: `label=tench`.
#[derive(Debug, Clone, PartialEq)]
pub enum Criterion {
    Ids(Vec<u64>),
    Label(String),
    Source(String),
    Batch(u64),
    Like(PathBuf, f32),
    Where(Where),
    Pruned,
}

impl FromStr for Criterion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "pruned" {
            return Ok(Self::Pruned);
        }
        let kinds = "id=3,5 label=LABEL source=GLOB batch=N like=FILE,DISTANCE where=CONDITION pruned";
        let unknown = || format!("{text:?} names no exemplars; say one of: {kinds}");
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is no number"));
        match text.split_once('=').filter(|(_, value)| !value.is_empty()).ok_or_else(unknown)? {
            ("id", ids) => Ok(Self::Ids(ids.split(',').map(number).collect::<Result<_, _>>()?)),
            ("label", label) => Ok(Self::Label(label.into())),
            ("source", glob) => Ok(Self::Source(glob.into())),
            ("where", condition) => condition.parse().map(Self::Where).map_err(|error| format!("{error}")),
            ("batch", batch) => Ok(Self::Batch(number(batch)?)),
            ("like", like) => {
                let (file, distance) = like.rsplit_once(',').ok_or("say like=FILE,DISTANCE")?;
                let within = distance.trim().parse().ok().filter(|distance| (0.0..=2.0).contains(distance));
                let within = within.ok_or_else(|| format!("{distance:?} is no distance within 0 to 2"))?;
                Ok(Self::Like(file.into(), within))
            }
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ids(ids) => {
                write!(f, "id={}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
            }
            Self::Label(label) => write!(f, "label={label}"),
            Self::Source(glob) => write!(f, "source={glob}"),
            Self::Batch(batch) => write!(f, "batch={batch}"),
            Self::Like(file, distance) => write!(f, "like={},{distance}", file.display()),
            Self::Where(condition) => write!(f, "where={condition}"),
            Self::Pruned => write!(f, "pruned"),
        }
    }
}

/// The selector of these criteria: those of one kind are alternatives, different kinds narrow each other.
pub fn selector_of(
    criteria: &[Criterion],
    encoding: &Encoding,
    memory: &Path,
    held: &vismem::EncoderIdentity,
) -> Result<Selector> {
    let mut selector = Selector::default();
    for criterion in criteria {
        match criterion {
            Criterion::Ids(ids) => selector.ids.extend(ids),
            Criterion::Label(label) => selector.labels.push(label.clone()),
            Criterion::Source(glob) => selector.sources.push(glob.clone()),
            Criterion::Batch(batch) => selector.batches.push(*batch),
            Criterion::Like(file, distance) => {
                let near = |embedding| Near { embedding, distance: *distance };
                selector.near.extend(embeddings(file, encoding, memory, held)?.into_iter().map(near));
            }
            Criterion::Where(condition) => {
                let condition = condition.clone();
                selector.filter = Some(match selector.filter.take() {
                    Some(before) => before.or(condition),
                    None => condition,
                });
            }
            Criterion::Pruned => selector.pruned = true,
        }
    }
    Ok(selector)
}

/// The embedding of a picture, or those in a `.npy` file.
fn embeddings(
    file: &Path,
    encoding: &Encoding,
    memory: &Path,
    held: &vismem::EncoderIdentity,
) -> Result<Vec<Vec<f32>>> {
    if !has_extension(file, "npy") {
        let encoder = encoder::load(encoding, Some((memory, held)))?;
        return Ok(vec![encoder.encode_file(inside::picture(file))?]);
    }
    let mut rows = Embeddings::open(file).with_context(|| format!("--like {}", file.display()))?;
    let (name, dim) = (file.display(), rows.dim);
    ensure!(dim == held.dim, "{name}: its rows have {dim} values, the memory's embeddings have {}", held.dim);
    let values = rows.next_rows(rows.rows)?;
    for (row, values) in values.chunks_exact(dim).enumerate() {
        if let Some(fault) = fault(values) {
            bail!("{} {fault}", rows.name_of(row));
        }
    }
    Ok(values.chunks_exact(dim).map(<[f32]>::to_vec).collect())
}
