//! What the user may say.

pub mod encoding;
pub mod eval;
pub mod reading;

use std::fmt;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use vismem::{Threshold, Tuning, Vote, Where};
use vismem_app::Criterion;
use vismem_app::doctor::Request as DoctorRequest;
use vismem_app::encode::Share;
use vismem_app::tune::SAMPLE;

use self::encoding::Encoding;
use self::reading::{Finding, Reading};
use crate::selector::{SelectorArgs, criterion};

const EXAMPLES: &str = "\
Examples:
  vismem demo                  what it does, with pictures that it draws itself
  vismem add photos            learn: each folder in photos is a label
  vismem classify new.jpg      ask
  vismem explain new.jpg       ask why

Exit codes: 0 done, 1 something failed, 2 wrong use";

pub const DEFAULT_MEMORY: &str = "memory.vismem";

/// An editable visual memory: classifies pictures by their nearest neighbours among yours.
#[derive(Debug, Parser)]
#[command(name = "vismem", version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Args {
    /// The memory, a directory
    #[arg(short, long, global = true, env = "VISMEM_MEMORY", default_value = DEFAULT_MEMORY)]
    pub memory: PathBuf,
    /// How to answer: text for people, or one JSON document
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How many threads search, build and encode [default: one for each core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draw pictures, learn them, classify others, explain one, learn a new class: a tour of a minute
    Demo(Demo),
    /// Put labelled pictures or embeddings into the memory
    Add(Add),
    /// Follow a folder: add what is new there, and forget what is gone if that is asked for
    Sync(Sync),
    /// Encode pictures into files that `vismem add` takes, such as a share of them on each of many machines
    Encode(Encode),
    /// Say what pictures show, by their nearest neighbours
    Classify(Classify),
    /// Show why: the decision on a picture as a page or a picture
    Explain(Explain),
    /// List labels, or some of the exemplars
    Ls(Ls),
    /// Hide or weaken exemplars that mislead the others; reversible
    #[command(subcommand)]
    Prune(Prune),
    /// Choose the vote that suits the memory: each exemplar is asked without itself; `undo` takes it back
    Tune(Tune),
    /// Say what the memory is and how large, and what additions changed in its decisions
    Stats(Stats),
    /// Measure how fast this machine searches the memory, exactly and by partitions
    Bench(Bench),
    /// Build what makes searches and counts fast, or show or drop it
    Index(Index),
    /// Do an experiment of the paper on the memory: how good it is, and why
    #[command(subcommand)]
    Eval(Box<eval::Eval>),
    /// Forget exemplars for good: nothing of them is left in any file of the memory
    Forget(Forget),
    /// Give exemplars another label
    Relabel(Relabel),
    /// Give all exemplars of some labels one label
    Merge(Merge),
    /// Give some exemplars of a label another one
    Split(Split),
    /// Take the latest change of labels, of the taxonomy or of the tuning back, as long as nothing was forgotten since
    Undo,
    /// Set, show or check what labels are called at the levels above them
    #[command(subcommand)]
    Taxonomy(Taxonomy),
    /// Make a new memory of the same exemplars with another encoder, from their pictures
    Reencode(Reencode),
    /// List the models that have names, fetch one, or show what one is
    #[command(subcommand)]
    Model(Model),
    /// Write what the memory holds into files that other programs read
    #[command(subcommand)]
    Export(Export),
    /// Add what `vismem export embeddings` or `vismem encode` wrote
    Import(Import),
    /// Close the gaps that forgetting leaves, and give their room back
    Compact,
    /// List what changed the memory, in order
    Log,
    /// Check every file of the memory against its catalogue
    Verify(Verify),
    /// Look for what is wrong though every file is sound: changed pictures, other embeddings, mistaken labels, duplicates
    Doctor(Doctor),
}

impl Command {
    /// Whether it leaves the memory as it is, so that it may be done twice.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Classify(_)
            | Self::Explain(_)
            | Self::Ls(_)
            | Self::Stats(_)
            | Self::Bench(_)
            | Self::Eval(_)
            | Self::Export(_)
            | Self::Log
            | Self::Verify(_)
            | Self::Doctor(_)
            | Self::Prune(Prune::Show | Prune::Suggest(_))
            | Self::Tune(Tune { dry_run: true, .. })
            | Self::Taxonomy(Taxonomy::Show | Taxonomy::Check) => true,
            Self::Index(index) => matches!(index.action, Some(IndexAction::Show)),
            _ => false,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Where to leave the demo's pictures, memory and page
    #[arg(short, long, default_value = "vismem-demo")]
    pub output: PathBuf,
    #[command(flatten)]
    pub encoding: Encoding,
}

#[derive(Debug, ClapArgs)]
pub struct Add {
    /// Folders (each picture is labelled with the name of the folder it lies in), pictures (with --label), manifests
    /// (.csv or .parquet with the columns path, label, source), Hugging Face data sets (.parquet), WebDataset shards and
    /// packed folders (.tar, .tar.gz, .zip), JSON as COCO or ReaL have it, embeddings (.npy with --labels or --label,
    /// folders of clip-retrieval), what `vismem encode` or `vismem export embeddings` wrote
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Labels of the rows of a .npy file, one each: .npy (integers or strings), .csv or .parquet (column label), .txt
    /// (lines)
    #[arg(long, value_name = "FILE", conflicts_with = "label")]
    pub labels: Option<PathBuf>,
    /// Levels above the labels, a CSV: first column the label, one column for each level, the nearest first
    #[arg(long, value_name = "CSV")]
    pub taxonomy: Option<PathBuf>,
    /// How many exemplars each transaction holds: what a kill can cost [default: 256 pictures, 16384 embeddings]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub commit_every: Option<u32>,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, ClapArgs)]
pub struct Sync {
    /// The folder that the memory is to follow
    pub folder: PathBuf,
    /// Forget exemplars whose pictures are gone from the folder, or were replaced there
    #[arg(long)]
    pub forget_missing: bool,
    /// Forget them even if a label loses all that it has, or more than a tenth of what comes from the folder goes
    #[arg(long, requires = "forget_missing")]
    pub yes: bool,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, ClapArgs)]
pub struct Encode {
    /// Labelled pictures, in any of the forms that `vismem add` takes
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The folder for embeddings.npy, the metadata and memory.json, which `vismem add` takes
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// Only a share of the pictures: 2/8 is every eighth, from the second on
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Share>,
    /// How to write the metadata
    #[arg(long, value_enum, default_value_t = TableFormat::Parquet)]
    pub metadata: TableFormat,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub reading: Reading,
}

/// `2/8`
fn shard(text: &str) -> Result<Share, String> {
    let numbers = text.split_once('/').and_then(|(shard, of)| Some((shard.parse().ok()?, of.parse().ok()?)));
    numbers
        .map(|(number, of)| Share { number, of })
        .filter(|share| share.number <= share.of)
        .ok_or_else(|| format!("{text:?} is not a shard; say 1/4 to 4/4"))
}

#[derive(Debug, ClapArgs)]
pub struct Classify {
    /// Pictures, folders, and data sets in any of the forms that `vismem add` takes, with or without labels; or embeddings
    /// as .npy
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Answer only where the what-if changes the answer, and say what it was
    #[arg(long, requires = "WhatIf")]
    pub changed: bool,
    #[command(flatten)]
    pub voting: Voting,
    #[command(flatten)]
    pub what_if: WhatIf,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub finding: Finding,
}

#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// Pictures; ARCHIVE#NAME or TABLE#ROW, as `vismem classify` says it, for one in an archive or a Parquet file, and
    /// FILE.npy#ROW for an embedding
    #[arg(value_name = "PICTURE", required_unless_present = "ids")]
    pub images: Vec<PathBuf>,
    /// Exemplars of the memory, each asked without itself; 3,5,8 are three
    #[arg(long = "id", value_name = "ID", value_delimiter = ',')]
    pub ids: Vec<u64>,
    /// Where to write the page (.html) or the picture (.png); of several explanations a folder for a page of each; may be given
    /// again [default: explanation.html, or the folder explanations]
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Find the smallest set of exemplars without which the answer would be another one
    #[arg(long)]
    pub flip: bool,
    #[command(flatten)]
    pub voting: Voting,
    #[command(flatten)]
    pub what_if: WhatIf,
    #[command(flatten)]
    pub encoding: Encoding,
}

#[derive(Debug, ClapArgs)]
pub struct Ls {
    /// List the exemplars of these labels, as with --label
    #[arg(value_name = "LABEL")]
    pub labelled: Vec<String>,
    /// List all exemplars
    #[arg(long, conflicts_with_all = ["labelled", "SelectorArgs"])]
    pub all: bool,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub selection: SelectorArgs,
}

/// How the decisions that `--since` compares are made is said only beside it.
#[derive(Debug, ClapArgs)]
#[command(
    mut_arg("k", |arg| arg.requires("since")),
    mut_arg("vote", |arg| arg.requires("since")),
    mut_arg("parameter", |arg| arg.requires("since")),
    mut_arg("gamma", |arg| arg.requires("since")),
    mut_arg("lambda", |arg| arg.requires("since")),
)]
pub struct Stats {
    /// Say as well what this run of `add` and later ones changed in the decisions on older exemplars: the number of its
    /// batch, or last. Searches the first time for everyone's neighbours, as `vismem prune` does
    #[arg(long, value_name = "BATCH|last", value_parser = since)]
    pub since: Option<Since>,
    #[command(flatten)]
    pub rule: VoteRule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Batch(u64),
    Last,
}

/// `3`, or `last`.
fn since(text: &str) -> Result<Since, String> {
    match text {
        "last" => Ok(Since::Last),
        _ => text.parse().map(Since::Batch).map_err(|_| format!("{text:?} is neither the number of a batch nor last")),
    }
}

#[derive(Debug, ClapArgs)]
pub struct Bench {
    /// Embeddings to search for, .npy [default: 1000 exemplars, each without itself]
    #[arg(long, value_name = "FILE.npy")]
    pub queries: Option<PathBuf>,
    /// How many neighbours to search for, 1 to 10000
    #[arg(short, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub k: u32,
    /// The recall that partitions must have, 0.5 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.99, allow_negative_numbers = true)]
    pub recall: f64,
    /// Build partitions anew, though there are some
    #[arg(long)]
    pub rebuild: bool,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Index {
    #[command(subcommand)]
    pub action: Option<IndexAction>,
    #[command(flatten)]
    pub build: BuildIndex,
}

#[derive(Debug, Subcommand)]
pub enum IndexAction {
    /// Build indexes, as without a word
    Build(BuildIndex),
    /// Say which indexes there are, how large they are, and whether they are worth it
    Show,
    /// Delete indexes
    Drop {
        /// Only these [default: all]
        #[arg(long = "kind", value_enum, value_name = "KIND", value_delimiter = ',')]
        kinds: Vec<IndexName>,
    },
}

#[derive(Debug, Clone, ClapArgs)]
pub struct BuildIndex {
    /// Only these [default: those that are there, and those that pay in a memory of this size]
    #[arg(long = "kind", value_enum, value_name = "KIND", value_delimiter = ',')]
    pub kinds: Vec<IndexName>,
    /// Build them anew, though they are up to date
    #[arg(long)]
    pub rebuild: bool,
    /// How many neighbours the lists hold, 1 to 10000 [default: as many as pruning asks, else as there are, else 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub neighbors: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IndexName {
    /// Codes of all embeddings: exact search reads them first
    Codes,
    /// Exemplars by partition, for searches with a recall below 1
    Partitions,
    /// The nearest neighbours of each exemplar, for pruning and leave-one-out
    Neighbors,
    /// What the novelty of queries is measured by
    Novelty,
}

impl From<IndexName> for vismem::IndexKind {
    fn from(name: IndexName) -> Self {
        match name {
            IndexName::Codes => Self::Codes,
            IndexName::Partitions => Self::Partitions,
            IndexName::Neighbors => Self::NeighborLists,
            IndexName::Novelty => Self::Novelty,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Prune {
    /// Exemplars that were wrong neighbours often enough do not vote any more
    Hard(HardPruning),
    /// Exemplars that were wrong neighbours count less: their votes are multiplied by d / (c + wrong votes)
    Soft(SoftPruning),
    /// Every exemplar counts as it is
    Off,
    /// Say what is set, and what it does
    Show,
    /// Try prunings on the memory itself, each exemplar asked without itself, and say which does best
    Suggest(SuggestPruning),
}

#[derive(Debug, ClapArgs)]
pub struct HardPruning {
    /// From so many wrong votes on; with % from this share of its retrievals on
    #[arg(short, long, value_name = "N|P%", value_parser = threshold)]
    pub threshold: Threshold,
    /// How many neighbours each exemplar asks, 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub neighbors: u32,
    #[command(flatten)]
    pub trial: PruningTrial,
}

#[derive(Debug, ClapArgs)]
pub struct SoftPruning {
    /// How many neighbours each exemplar asks, 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub neighbors: u32,
    /// 0 or more
    #[arg(long, value_name = "VALUE", default_value_t = 1.0, allow_negative_numbers = true)]
    pub c: f64,
    /// More than 0
    #[arg(long, value_name = "VALUE", default_value_t = 1.75, allow_negative_numbers = true)]
    pub d: f64,
    #[command(flatten)]
    pub trial: PruningTrial,
}

#[derive(Debug, ClapArgs)]
pub struct PruningTrial {
    /// Say what it would do, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write a page of the exemplars that mislead most: they are mostly labelled wrong
    #[arg(long, value_name = "FILE.html")]
    pub page: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct SuggestPruning {
    /// How many neighbours each exemplar asks where wrong votes are counted for hard pruning, 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub neighbors: u32,
    #[command(flatten)]
    pub rule: VoteRule,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Tune {
    #[command(subcommand)]
    pub action: Option<TuneAction>,
    /// Say what would be chosen, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How many exemplars to ask at most, drawn by their content
    #[arg(long, value_name = "N", default_value_t = SAMPLE as u32, value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: u32,
}

#[derive(Debug, Subcommand)]
pub enum TuneAction {
    /// Give the choice up: the memory decides by the default
    Off,
}

/// `128` wrong votes, or `30%` of retrievals.
fn threshold(text: &str) -> Result<Threshold, String> {
    let explain = || format!("{text:?} is neither a number of wrong votes, such as 128, nor a share, such as 30%");
    match text.strip_suffix('%') {
        Some(percent) => Ok(Threshold::Share(percent.trim().parse::<f64>().map_err(|_| explain())? / 100.0)),
        None => Ok(Threshold::Votes(text.parse().map_err(|_| explain())?)),
    }
}

#[derive(Debug, ClapArgs)]
pub struct Forget {
    /// Only say what would be forgotten
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Show the pictures of what would be forgotten, as a page (.html)
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub page: Option<PathBuf>,
    /// Write the receipt into a new file, for `vismem verify --receipt`
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub receipt: Option<PathBuf>,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub selection: SelectorArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Relabel {
    /// The new label
    #[arg(long, value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    pub to: Option<String>,
    /// New labels one by one: a CSV with the columns id and label
    #[arg(long, value_name = "CSV", conflicts_with_all = ["to", "SelectorArgs"])]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub selection: SelectorArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Merge {
    /// Labels that end
    #[arg(required = true, value_name = "LABEL")]
    pub labels: Vec<String>,
    /// The label that their exemplars get; it may be one of them, or new
    #[arg(long, value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    pub into: String,
}

#[derive(Debug, ClapArgs)]
pub struct Split {
    /// The label that is split
    #[arg(value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    pub split: String,
    /// The label that the selected exemplars of it get
    #[arg(long, value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    pub into: String,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub selection: SelectorArgs,
}

#[derive(Debug, Subcommand)]
pub enum Taxonomy {
    /// Put a taxonomy in the place of the one that is there
    Set {
        /// A CSV: first column the label, one column for each level, the nearest first
        #[arg(value_name = "CSV")]
        file: PathBuf,
    },
    /// Print the taxonomy as a CSV that `set` reads
    Show,
    /// Name labels without a place, and names in two places
    Check,
}

#[derive(Debug, ClapArgs)]
pub struct Reencode {
    /// The new memory, a directory
    #[arg(short, long, value_name = "MEMORY")]
    pub output: PathBuf,
    /// Where else to look for pictures that were moved: folders, archives, tables; they are known by their content
    #[arg(long, value_name = "PATH")]
    pub from: Vec<PathBuf>,
    /// Encode again with the encoder that the memory has, as after a version of vismem that prepared pictures differently, or
    /// in other views with --views
    #[arg(long)]
    pub again: bool,
    #[command(flatten)]
    pub encoding: Encoding,
}

#[derive(Debug, Subcommand)]
pub enum Model {
    /// The models that have names
    List,
    /// Fetch a model, or what has changed of it, from the Hugging Face hub
    Pull {
        /// A name, or OWNER/REPO[@REVISION], with :FILE or :VARIANT behind it for another ONNX file
        name: String,
    },
    /// What a model is: its file, preprocessing, output, hash
    Show(Encoding),
}

#[derive(Debug, Subcommand)]
pub enum Export {
    /// Embeddings as .npy, with labels, sources and taxonomy beside them: what `vismem import` reads
    Embeddings(ExportEmbeddings),
    /// Each exemplar's nearest neighbours, in the JSON of the paper's authors
    Neighbors(ExportNeighbors),
    /// Ids, labels, levels of the taxonomy, sources and batches as a table
    Catalog(ExportCatalog),
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Parquet,
    Csv,
}

impl From<TableFormat> for vismem_data::TableFormat {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Parquet => Self::Parquet,
            TableFormat::Csv => Self::Csv,
        }
    }
}

/// How the catalogue is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CatalogFormat {
    Parquet,
    Csv,
    /// CSV in which nothing is a formula: what begins with =, +, - or @ has a ' before it
    Spreadsheet,
}

impl From<CatalogFormat> for vismem_app::export::CatalogFormat {
    fn from(format: CatalogFormat) -> Self {
        match format {
            CatalogFormat::Parquet => Self::Table(vismem_data::TableFormat::Parquet),
            CatalogFormat::Csv => Self::Table(vismem_data::TableFormat::Csv),
            CatalogFormat::Spreadsheet => Self::Spreadsheet,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct ExportEmbeddings {
    /// The folder for embeddings.npy, the metadata, taxonomy.csv and memory.json
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// How to write the metadata
    #[arg(long, value_enum, default_value_t = TableFormat::Parquet)]
    pub metadata: TableFormat,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub selection: SelectorArgs,
}

#[derive(Debug, ClapArgs)]
pub struct ExportNeighbors {
    /// The folder for the neighbours and for classes.json
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// How many neighbours of each exemplar, 1 to 10000
    #[arg(short, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub k: u32,
}

#[derive(Debug, ClapArgs)]
pub struct ExportCatalog {
    /// The folder for the table
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t = CatalogFormat::Parquet)]
    pub table: CatalogFormat,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub selection: SelectorArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Import {
    /// Folders that were written
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct Verify {
    /// Check as well that this receipt of `vismem forget --receipt` belongs to the memory
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct Doctor {
    /// Queries that should have nothing in common with the memory, such as a held-out set: pictures and embeddings in any of
    /// the forms that `vismem classify` takes
    #[arg(value_name = "QUERIES")]
    pub queries: Vec<PathBuf>,
    /// How many exemplars to compare with the pictures that they came from, spread evenly over the memory
    #[arg(long, value_name = "N", default_value_t = DoctorRequest::SAMPLE as u32)]
    pub sample: u32,
    /// Up to this cosine distance, 0 to 2, two pictures are taken for the same
    #[arg(long, value_name = "DISTANCE", default_value_t = DoctorRequest::DISTANCE, allow_negative_numbers = true)]
    pub distance: f32,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub finding: Finding,
}

#[derive(Debug, ClapArgs)]
pub struct Voting {
    #[command(flatten)]
    pub rule: VoteRule,
    /// Decide at this level of the taxonomy
    #[arg(long)]
    pub level: Option<String>,
    /// Decide at the lowest level, from --level up, at which the winner has at least this probability or, in a memory that is
    /// not calibrated, this share of the vote, 0 to 1
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub min_confidence: Option<f64>,
    /// Say as well which labels hold the right one this often, 0 to 1: the memory must be calibrated, as by `vismem tune`
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub coverage: Option<f64>,
    #[command(flatten)]
    pub searching: Searching,
}

#[derive(Debug, ClapArgs)]
pub struct Searching {
    /// How to find neighbours: exact compares all exemplars; partitioned, from 8192 exemplars on, those in partitions near
    /// the query; auto takes partitions if --recall is below 1 and there are 200000 exemplars
    #[arg(long, value_enum, default_value_t = SearchName::Auto)]
    pub search: SearchName,
    /// The share of the nearest exemplars that must be found on average, 0.5 to 1 [default: 1, for partitioned 0.99]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub recall: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchName {
    Auto,
    Exact,
    Partitioned,
}

impl Searching {
    pub fn checked(&self) -> anyhow::Result<vismem::Search> {
        let search = match (self.search, self.recall) {
            (SearchName::Exact, None | Some(1.0)) => vismem::Search::Exact,
            (SearchName::Exact, Some(_)) => {
                return Err(wrong_use("an exact search has a recall of 1; leave out --recall"));
            }
            (SearchName::Auto, recall) => vismem::Search::Auto { recall: recall.unwrap_or(1.0) },
            (SearchName::Partitioned, recall) => vismem::Search::Partitioned { recall: recall.unwrap_or(0.99) },
        };
        search.checked().map_err(wrong_use)
    }
}

#[derive(Debug, ClapArgs)]
pub struct VoteRule {
    /// How many neighbours vote, 1 to 10000, with kernel 1 to 2000 [default: as the memory is tuned; 100 with kernel, else 20]
    #[arg(short, allow_negative_numbers = true)]
    pub k: Option<usize>,
    #[command(flatten)]
    pub vote: VoteOptions,
}

/// A vote and its parameters.
#[derive(Debug, ClapArgs)]
pub struct VoteOptions {
    /// How much each of them counts [default: as the memory is tuned, or kernel]
    #[arg(long, value_enum)]
    pub vote: Option<VoteName>,
    /// Parameter of the vote: ξ of distance [default: 1], τ of softmax [default: 0.07], α of rank [default: 2]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub parameter: Option<f64>,
    /// γ of kernel: how fast likeness falls with distance, 0 to 300 [default: 2]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub gamma: Option<f64>,
    /// λ of kernel: how little single neighbours are trusted, 1e-6 to 1e6 [default: 0.1]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub lambda: Option<f64>,
}

/// Nothing is changed by asking. A criterion is id=3,5 or label=LABEL, source=GLOB, batch=N, like=FILE,DISTANCE,
/// where=CONDITION, pruned.
#[derive(Debug, ClapArgs)]
#[command(
    next_help_heading = "What if (criteria: id=3,5 label=LABEL source=GLOB batch=N like=FILE,DISTANCE where=CONDITION \
    pruned; those of one kind are alternatives, different kinds narrow)"
)]
pub struct WhatIf {
    /// As if these exemplars were not there; may be given again
    #[arg(long, value_name = "CRITERION", value_parser = criterion)]
    pub without: Vec<Criterion>,
    /// As if no others were there; may be given again
    #[arg(long, value_name = "CRITERION", value_parser = criterion)]
    pub only: Vec<Criterion>,
    /// As if no exemplars were there but those that meet this condition: "camera = 'north' and year >= 2020"; may be given
    /// again, and one of them is enough then
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<Where>,
    /// As if the votes of a label's exemplars counted so many times as much, 0 or more; may be given again
    #[arg(long, value_name = "LABEL=FACTOR", value_parser = label_weight)]
    pub weights: Vec<(String, f64)>,
}

/// `tench=0.5`
fn label_weight(text: &str) -> Result<(String, f64), String> {
    let (label, factor) = text.rsplit_once('=').ok_or("say LABEL=FACTOR, such as tench=0.5")?;
    let known = factor.parse().ok().filter(|factor| (0.0..=1e6).contains(factor));
    Ok((label.into(), known.ok_or_else(|| format!("{factor:?} is not a factor within 0 to 1e6"))?))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VoteName {
    /// 1/(α + i): nearer neighbours count more, by their rank
    Rank,
    /// 1: every neighbour counts the same
    Plurality,
    /// exp(-d)^ξ
    Distance,
    /// exp((1 - d)/τ)
    Softmax,
    /// Kernel ridge regression on the neighbours: those that are alike share one vote
    Kernel,
}

impl Voting {
    pub fn checked(&self) -> anyhow::Result<Asked> {
        let rule = self.rule.checked()?;
        let min_confidence = self.min_confidence;
        if min_confidence.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
            return Err(wrong_use("--min-confidence must be within 0 to 1"));
        }
        let coverage = self.coverage;
        if coverage.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err(wrong_use("--coverage must be within 0 to 1"));
        }
        let (level, search) = (self.level.clone(), self.searching.checked()?);
        let options = vismem::ClassifyOptions { level, min_confidence, coverage, search, ..Default::default() };
        Ok(Asked { rule, options })
    }
}

/// How a memory is to decide, as far as that does not depend on the memory.
#[derive(Debug)]
pub struct Asked {
    rule: Chosen,
    options: vismem::ClassifyOptions,
}

impl Asked {
    /// Whether the memory's own choice of a vote is what decides.
    pub fn is_left_to_the_memory(&self) -> bool {
        self.rule.vote.is_none()
    }

    /// How this memory decides.
    pub fn of(&self, memory: &vismem::Memory) -> anyhow::Result<vismem::ClassifyOptions> {
        let Tuning { vote, k } = self.rule.of(memory)?;
        Ok(vismem::ClassifyOptions { vote, k, ..self.options.clone() })
    }
}

/// What was said of a vote.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chosen {
    vote: Option<Vote>,
    k: Option<usize>,
}

impl Chosen {
    /// With what the memory decides by where nothing was said.
    pub fn of(self, memory: &vismem::Memory) -> anyhow::Result<Tuning> {
        self.or(memory.decides_by()?)
    }

    /// With a vote where none was said.
    pub fn or(self, usual: Tuning) -> anyhow::Result<Tuning> {
        let usual = self.vote.map_or(usual, Tuning::usual);
        let k = self.k.unwrap_or(usual.k);
        usual.vote.checked_for(k).map_err(wrong_use)?;
        Ok(Tuning { vote: usual.vote, k })
    }
}

impl VoteRule {
    /// What is said of the vote, once it is known to make sense.
    pub fn checked(&self) -> anyhow::Result<Chosen> {
        self.vote.with(self.k)
    }
}

impl VoteOptions {
    /// The vote with so many neighbours, once it is known to make sense.
    pub fn with(&self, k: Option<usize>) -> anyhow::Result<Chosen> {
        if self.vote != Some(VoteName::Kernel) && self.gamma.or(self.lambda).is_some() {
            return Err(wrong_use("--gamma and --lambda are parameters of kernel voting; say --vote kernel as well"));
        }
        let vote = match (self.vote, self.parameter) {
            (None, None) => None,
            (None, Some(_)) => return Err(wrong_use("--parameter is one of a vote; say --vote as well")),
            (Some(VoteName::Plurality), None) => Some(Vote::Plurality),
            (Some(VoteName::Plurality), Some(_)) => return Err(wrong_use("plurality voting has no --parameter")),
            (Some(VoteName::Kernel), Some(_)) => {
                return Err(wrong_use("kernel voting has --gamma and --lambda in the place of --parameter"));
            }
            (Some(VoteName::Rank), alpha) => Some(alpha.map_or(Vote::RANK, |alpha| Vote::Rank { alpha })),
            (Some(VoteName::Distance), xi) => Some(xi.map_or(Vote::DISTANCE, |xi| Vote::Distance { xi })),
            (Some(VoteName::Softmax), tau) => Some(tau.map_or(Vote::SOFTMAX, |tau| Vote::Softmax { tau })),
            (Some(VoteName::Kernel), None) => {
                let (gamma, lambda) = (self.gamma.unwrap_or(2.0), self.lambda.unwrap_or(0.1));
                Some(Vote::Kernel { gamma, lambda })
            }
        };
        let usual = vote.map(Tuning::usual);
        // Where the vote is the memory's, its own bound is looked at when that is known.
        let most = usual.map_or(Vote::RANK, |usual| usual.vote);
        most.checked_for(k.or(usual.map(|usual| usual.k)).unwrap_or(1)).map_err(wrong_use)?;
        Ok(Chosen { vote, k })
    }
}

/// The user said something that cannot be meant; exit code 2.
#[derive(Debug)]
pub struct WrongUse(String);

impl WrongUse {
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WrongUse {}

/// An error that tells the user to say it differently.
pub fn wrong_use(message: impl fmt::Display) -> anyhow::Error {
    WrongUse::new(message).into()
}
