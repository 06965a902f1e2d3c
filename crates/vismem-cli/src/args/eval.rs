//! What the user may say to `vismem eval`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use vismem::{Threshold, Where};

use super::reading::Reading;
use super::{Chosen, Encoding, Searching, VoteOptions, threshold};

#[derive(Debug, Subcommand)]
pub enum Eval {
    /// The four votes at every k, with soft and hard pruning beside them (figure 2, tables 3 to 9)
    Aggregation(Aggregation),
    /// How often the i-th neighbour is right, with a logarithmic fit; how often the label is among the first k (figures 1,
    /// 11, 13)
    Reliability(Tabled),
    /// The votes with other parameters (figure 9)
    Hyperparameters(Tabled),
    /// Random labels in the memory, from none to all (figure 10)
    Corruption(Corruption),
    /// Whether sure decisions are right: by plurality, entropy and confidence (figure 15), by probability, and sets of labels
    Calibration(Calibration),
    /// 1, 2, 5, 10, ... exemplars a label: error against memory size, and its law (figure 3, appendix F)
    Scaling(Scaling),
    /// Labels held out and then inserted: old and new accuracy, and whether new ones are known to be new (table 1, figure 12)
    NovelClasses(NovelClasses),
    /// Several sets of queries, each path one (table 2)
    Shift(Tabled),
    /// What is known of a class before and after its first exemplars, level by level of the taxonomy (figure 4)
    Granularity(Granularity),
    /// What forgetting costs, on a copy of the memory, and what it leaves (section 3.4)
    Unlearning(Unlearning),
    /// The most confident mistakes, who is likely to blame, and the command that mends each (figures 6, 16, appendix N)
    Errors(Errors),
    /// Neighbours of queries, and of what is left of them without the nearest (figure 17)
    Composition(Composition),
    /// All that applies
    All(All),
}

/// What is asked about, and where the answer goes.
#[derive(Debug, ClapArgs)]
pub struct Asked {
    /// Queries whose labels are known, as `vismem add` reads them: folders, manifests, archives, data sets, embeddings as
    /// .npy; one that is listed under several labels is right with any of them [default: the memory's own exemplars, each without
    /// itself]
    #[arg(value_name = "QUERIES")]
    pub queries: Vec<PathBuf>,
    /// Labels of the rows of a .npy file; for several of these say it again, in their order
    #[arg(long, value_name = "FILE", conflicts_with = "label")]
    pub labels: Vec<PathBuf>,
    /// A directory for report.html with its figures, results.json, and a CSV for each table. What is finished there is not
    /// measured again while memory, queries and options stay the same
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Take only the exemplars for the memory that meet this condition: "camera = 'north' and year >= 2020". They are copied
    /// into a memory beside it, which goes at the end
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<Where>,
    #[command(flatten)]
    pub searching: Searching,
    #[command(flatten)]
    pub encoding: Encoding,
    #[command(flatten)]
    pub reading: Reading,
}

/// How many neighbours to look at.
#[derive(Debug, ClapArgs)]
pub struct Depth {
    /// How many neighbours to search for, 1 to 10000; never fewer than vote
    #[arg(short, default_value_t = DEPTH, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub k: u32,
}

/// As many as the paper looks at; experiments that need fewer search for as many too, once for all of them.
pub const DEPTH: u32 = 100;

/// Neighbours from files in the place of a memory.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Neighbour files (the JSON of the paper's authors)")]
pub struct NeighborFiles {
    /// Neighbours of the queries, in the place of a memory; `shift` takes several
    #[arg(long, value_name = "FILE", conflicts_with_all = ["queries", "write_neighbors", "condition", "views"])]
    pub neighbors: Vec<PathBuf>,
    /// The memory asked about itself, for pruning
    #[arg(long, value_name = "FILE", requires = "neighbors")]
    pub memory_neighbors: Option<PathBuf>,
    /// Write the neighbours that were found; the class ids go to FILE.classes.json
    #[arg(long, value_name = "FILE")]
    pub write_neighbors: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct Aggregation {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub depth: Depth,
    #[command(flatten)]
    pub files: NeighborFiles,
    #[command(flatten)]
    pub pruning: HardThreshold,
}

/// An experiment that needs neighbours alone.
#[derive(Debug, ClapArgs)]
pub struct Tabled {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub depth: Depth,
    #[command(flatten)]
    pub files: NeighborFiles,
}

#[derive(Debug, ClapArgs)]
pub struct Corruption {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub depth: Depth,
    #[command(flatten)]
    pub files: NeighborFiles,
    #[command(flatten)]
    pub seeds: Seeds,
}

#[derive(Debug, ClapArgs)]
pub struct Calibration {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub depth: Depth,
    #[command(flatten)]
    pub files: NeighborFiles,
    #[command(flatten)]
    pub voters: Voters,
}

#[derive(Debug, ClapArgs)]
pub struct Scaling {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub voters: Voters,
    #[command(flatten)]
    pub seeds: Seeds,
    /// Results of another memory, such as one of another encoder, to put beside: a results.json that `eval scaling -o` wrote;
    /// may be given again
    #[arg(long, value_name = "FILE")]
    pub beside: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct NovelClasses {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub voters: Voters,
    #[command(flatten)]
    pub seeds: Seeds,
    /// Hold out this label; may be given again [default: a tenth of all, drawn for each seed]
    #[arg(long, value_name = "LABEL")]
    pub hold_out: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Granularity {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub seeds: Seeds,
}

#[derive(Debug, ClapArgs)]
pub struct Unlearning {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub voters: Voters,
    /// Seed of which exemplars are drawn
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How many exemplars to forget, one at a time; at most a quarter of all
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub count: u32,
}

#[derive(Debug, ClapArgs)]
pub struct Errors {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub voters: Voters,
    /// How many mistakes to show, the most confident first
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub shown: u32,
}

#[derive(Debug, ClapArgs)]
pub struct Composition {
    #[command(flatten)]
    pub asked: Asked,
    /// How many queries to show, evenly spread
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub shown: u32,
}

#[derive(Debug, ClapArgs)]
pub struct All {
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub depth: Depth,
    #[command(flatten)]
    pub files: NeighborFiles,
    #[command(flatten)]
    pub pruning: HardThreshold,
    #[command(flatten)]
    pub voters: Voters,
    #[command(flatten)]
    pub seeds: Seeds,
}

#[derive(Debug, ClapArgs)]
pub struct Seeds {
    /// Seeds of what is drawn at random, separated by commas; it is done once for each
    #[arg(long, value_name = "SEED,...", value_delimiter = ',', default_value = "0,1,2,3,4")]
    pub seeds: Vec<u64>,
}

/// Who decides: the neighbours that `vismem classify` lets vote, unless something else is said.
#[derive(Debug, ClapArgs)]
pub struct Voters {
    /// How many of the neighbours vote, 1 to 10000, with kernel 1 to 2000 [default: as `vismem classify`]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub voters: Option<u32>,
    #[command(flatten)]
    pub vote: VoteOptions,
}

impl Voters {
    /// What is said of the vote, once it is known to make sense.
    pub fn checked(&self) -> anyhow::Result<Chosen> {
        self.vote.with(self.voters.map(|voters| voters as usize))
    }
}

#[derive(Debug, ClapArgs)]
pub struct HardThreshold {
    /// Hard pruning from so many wrong votes over 100 neighbours on; with % from this share of retrievals on [default: the
    /// share that is best for the memory asked about itself]
    #[arg(long, value_name = "N|P%", value_parser = threshold)]
    pub threshold: Option<Threshold>,
}
