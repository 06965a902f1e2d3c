//! The experiments of "Towards flexible perception with visual memory" (Geirhos et al., ICML 2025) on any memory and
//! any queries: functions that return typed results.
//!
//! Most of them compute from one table, [`Neighborhoods`]: for every query the right labels and its nearest exemplars.
//! [`gather`] makes it with one search of a memory, or by asking the memory about itself, each exemplar left out once
//! (leave-one-out); [`authors_json`] reads it from the file format of the paper's authors, and writes it. Each
//! experiment is a file of its own and returns a result that says everything in numbers; [`Evaluation`] holds the
//! results together with what they were measured on.
//!
//! ```
//! use vismem_eval::{Exemplar, Near, Neighborhoods, Query, aggregation};
//!
//! // Two labels, three exemplars, two queries with their neighbours, nearest first.
//! let table = Neighborhoods {
//!     labels: vec!["cat".into(), "dog".into()],
//!     exemplars: [0, 0, 1].map(|label| Exemplar { name: "picture".into(), id: None, label }).to_vec(),
//!     queries: vec![
//!         Query { name: "a".into(), truth: vec![0], neighbors: vec![Near::new(0, 0.1), Near::new(2, 0.2)], ..Query::default() },
//!         Query { name: "b".into(), truth: vec![1], neighbors: vec![Near::new(1, 0.3), Near::new(2, 0.3)], ..Query::default() },
//!     ],
//!     ..Default::default()
//! };
//! let result = aggregation(&table, &Default::default(), None)?;
//! assert_eq!(result.curves[0].accuracy[0].accuracy.value, 0.5);
//! # Ok::<(), vismem_eval::Error>(())
//! ```

mod about;
mod accuracy;
mod aggregation;
pub mod authors_json;
mod ballot;
mod boxes;
mod calibration;
mod cholesky;
mod composition;
mod confusion;
mod corruption;
mod error;
mod evaluation;
mod fit;
pub mod gather;
mod granularity;
mod hard_threshold;
mod hyperparameters;
mod interval;
mod linear_probe;
mod mistakes;
mod neighborhoods;
mod novel_classes;
mod paired;
pub mod paper;
mod parallel;
mod probabilities;
mod random;
mod reliability;
mod report;
mod result_table;
mod rules;
mod scaling;
mod shift;
mod tuning;
mod unlearning;

pub use about::{About, QueriesFacts};
pub use accuracy::{AtK, decisions_at_every_k, right_at_every_k};
pub use aggregation::{
    Aggregation, AggregationOptions, ByLabel, ChosenBy, Curve, HardPruning, LabelAccuracy, aggregation,
};
pub use boxes::Box5;
pub use calibration::{Calibration, CalibrationOptions, Confidence, Part, calibration};
pub use composition::{Composed, Composition, CompositionOptions, Found, composition};
pub use confusion::{AsClassified, Confused, LabelQuality};
pub use corruption::{Corrupted, Corruption, FlatTo, SHARES as CORRUPTED_SHARES, corruption};
pub use error::{Error, Result};
pub use evaluation::{Evaluation, LeftOut, Results};
pub use fit::Line;
pub use granularity::{Granularity, GranularityOptions, GranularityPoint, LevelBaseline, granularity};
pub use hard_threshold::hard_threshold;
pub use hyperparameters::{ALPHA, GAMMA, Hyperparameters, LAMBDA, SweepPoint, TAU, XI, hyperparameters};
pub use interval::{Estimate, Repeated, Share, wilson};
pub use linear_probe::{LinearProbe, Probed, linear_probe, penalties};
pub use mistakes::{Blame, FAR, Mistake, Mistakes, MistakesOptions, Voted, mistakes};
pub use neighborhoods::{Embedding, Exemplar, Near, Neighborhoods, Query, Rows, SetPruning};
pub use novel_classes::{Distances, NovelClasses, NovelClassesOptions, NovelRun, novel_classes};
pub use paired::Paired;
pub use probabilities::{Probabilities, SetsAt, probabilities};
pub use reliability::{AtRank, NeighborReliability, neighbor_reliability};
pub use report::{Pictures, report};
pub use result_table::{Cell, Table};
pub use rules::{PAPERS_VOTES, PrunedBy, Rule, VOTES};
pub use scaling::{Beside, Halving, Scaling, ScalingOptions, SizePoint, scaling};
pub use shift::{Shift, ShiftSet, ShiftVote, shift};
pub use tuning::{FOLDS, HeldOut, SettingTrial, TuningChoice, choose_tuning};
pub use unlearning::{Times, Unlearning, UnlearningOptions, unlearning};
