//! Exemplars as the user names them.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use vismem::Where;
use vismem_app::{Criterion, Selection};

use crate::args::encoding::Encoding;
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
    /// By likeness to a picture, or to the rows of a .npy file, or to one as FILE.npy#ROW
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

    /// The selection, with the pictures of `--like` encoded as the user says.
    pub fn selection(&self, encoding: &Encoding) -> Selection {
        let distance = self.distance.unwrap_or_default();
        let ids = (!self.ids.is_empty()).then(|| Criterion::Ids(self.ids.clone()));
        let labels = self.labels.iter().cloned().map(Criterion::Label);
        let sources = self.sources.iter().cloned().map(Criterion::Source);
        let batches = self.batches.iter().copied().map(Criterion::Batch);
        let like = self.like.iter().map(|file| Criterion::Like(file.clone(), distance));
        let conditions = self.conditions.iter().cloned().map(Criterion::Where);
        let pruned = self.pruned.then_some(Criterion::Pruned);
        let named = ids.into_iter().chain(labels).chain(sources).chain(batches);
        let criteria = named.chain(like).chain(conditions).chain(pruned).collect();
        Selection { criteria, encoding: encoder::meant(encoding) }
    }
}

/// One criterion in one word, for options that take any: `label=tench`.
pub fn criterion(text: &str) -> Result<Criterion, String> {
    if text == "pruned" {
        return Ok(Criterion::Pruned);
    }
    let kinds = "id=3,5 label=LABEL source=GLOB batch=N like=FILE,DISTANCE where=CONDITION pruned";
    let unknown = || format!("{text:?} names no exemplars; say one of: {kinds}");
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is not a number"));
    match text.split_once('=').filter(|(_, value)| !value.is_empty()).ok_or_else(unknown)? {
        ("id", ids) => Ok(Criterion::Ids(ids.split(',').map(number).collect::<Result<_, _>>()?)),
        ("label", label) => Ok(Criterion::Label(label.into())),
        ("source", glob) => Ok(Criterion::Source(glob.into())),
        ("where", condition) => condition.parse().map(Criterion::Where).map_err(|error| format!("{error}")),
        ("batch", batch) => Ok(Criterion::Batch(number(batch)?)),
        ("like", like) => {
            let (file, distance) = like.rsplit_once(',').ok_or("say like=FILE,DISTANCE")?;
            let within = distance.trim().parse().ok().filter(|distance| (0.0..=2.0).contains(distance));
            let within = within.ok_or_else(|| format!("{distance:?} is not a distance within 0 to 2"))?;
            Ok(Criterion::Like(file.into(), within))
        }
        _ => Err(unknown()),
    }
}
