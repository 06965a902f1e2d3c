//! The paper's own figures, to be shown beside one's own and marked as the paper's. ImageNet-1K validation against a
//! memory of ImageNet-train unless said otherwise; shares are in percent, as printed there.

use crate::{Cell, Table};

/// Top-1 accuracies of the four votes at k = 10, 50 and 100 (tables 3 to 9).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AggregationRow {
    /// The encoder.
    pub encoder: &'static str,
    /// Plurality voting.
    pub plurality: [f64; 3],
    /// Distance voting, ξ = 1.
    pub distance: [f64; 3],
    /// Softmax voting, τ = 0.07.
    pub softmax: [f64; 3],
    /// Rank voting, α = 2.
    pub rank: [f64; 3],
}

/// The numbers of neighbours of [`AGGREGATION`].
pub const AGGREGATION_KS: [usize; 3] = [10, 50, 100];

/// Tables 3 to 9.
pub const AGGREGATION: [AggregationRow; 5] = [
    AggregationRow {
        encoder: "DinoV2 ViT-L/14",
        plurality: [83.2, 82.1, 81.4],
        distance: [83.3, 82.2, 81.5],
        softmax: [83.5, 83.2, 82.9],
        rank: [83.5, 83.5, 83.3],
    },
    AggregationRow {
        encoder: "DinoV2 ViT-B/14",
        plurality: [81.8, 80.7, 79.6],
        distance: [81.9, 80.8, 79.7],
        softmax: [82.0, 81.7, 81.3],
        rank: [82.1, 82.0, 81.9],
    },
    AggregationRow {
        encoder: "DinoV2 ViT-S/14",
        plurality: [78.6, 77.1, 75.9],
        distance: [78.8, 77.2, 76.0],
        softmax: [78.9, 78.5, 77.7],
        rank: [78.9, 78.9, 78.8],
    },
    AggregationRow {
        encoder: "CLIP ViT-L/14",
        plurality: [79.0, 77.8, 77.0],
        distance: [79.2, 78.0, 77.1],
        softmax: [79.3, 78.8, 78.2],
        rank: [79.3, 79.7, 79.7],
    },
    AggregationRow {
        encoder: "CLIP ViT-B/16",
        plurality: [72.8, 71.7, 70.5],
        distance: [73.1, 71.9, 70.6],
        softmax: [73.3, 72.7, 71.7],
        rank: [73.0, 73.8, 73.7],
    },
];

/// The nearest neighbour alone.
pub const NEAREST_ALONE: [(&str, f64); 2] = [("DinoV2 ViT-L/14", 81.1), ("CLIP ViT-L/14", 76.0)];

/// Rank voting at its best k without pruning, with hard and with soft pruning, DinoV2 ViT-L/14 (appendix I).
pub const PRUNING: [(&str, f64); 3] = [("none", 83.6), ("hard", 83.7), ("soft", 84.1)];

/// The true label is among the first 100 neighbours, DinoV2 ViT-L/14 (figure 11).
pub const HIT_RATE_AT_100: f64 = 98.0;

/// Accuracy stays about flat up to this share of random labels (figure 10).
pub const CORRUPTION_IS_FLAT_TO: f64 = 60.0;

/// Adding 64 NINCO classes to a memory of ImageNet, rank voting (table 1): old classes before, after, and the new ones.
pub const NOVEL_CLASSES: [f64; 3] = [83.6, 83.6, 87.4];

/// A fit log10(error %) = a · log10(log10 N) + b (appendix F).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingFit {
    /// The encoder.
    pub encoder: &'static str,
    /// Slope.
    pub a: f64,
    /// Intercept.
    pub b: f64,
}

/// Memories up to a billion exemplars with labels from a classifier (figure 3b, appendix F).
pub const SCALING: [ScalingFit; 2] = [
    ScalingFit { encoder: "DinoV2 ViT-L/14", a: -0.9434, b: 2.0704 },
    ScalingFit { encoder: "DinoV2 ViT-S/14", a: -1.0942, b: 2.3187 },
];

/// Query sets of table 2.
pub const SHIFT_SETS: [&str; 5] = ["ImageNet-A", "ImageNet-R", "ImageNet-Sketch", "ImageNet-V2", "ImageNet-ReaL"];

/// Accuracy on each of [`SHIFT_SETS`] with the memories of table 2.
pub const SHIFT: [(&str, [f64; 5]); 2] =
    [("ImageNet-train", [58.8, 62.8, 61.5, 75.6, 87.1]), ("JFT", [61.1, 73.7, 68.0, 77.6, 88.2])];

/// The genus is right for so many queries of a species before there is a single exemplar of it, iNaturalist 2021
/// (figure 4).
pub const GENUS_WITHOUT_EXEMPLARS: f64 = 35.2;

/// The paper's figures for an experiment, as tables; none where it has none that can be put beside one's own.
pub fn tables(experiment: &str) -> Vec<Table> {
    match experiment {
        "aggregation" => vec![aggregation_table(), pruning_table()],
        "reliability" => {
            one_line("The paper's hit rate of the first 100, DinoV2 ViT-L/14 (figure 11)", HIT_RATE_AT_100)
        }
        "corruption" => one_line(
            "The paper's accuracy is flat up to this share of random labels (figure 10)",
            CORRUPTION_IS_FLAT_TO,
        ),
        "scaling" => vec![scaling_table()],
        "novel-classes" => vec![novel_classes_table()],
        "shift" => vec![shift_table()],
        "granularity" => one_line("The paper's genus without an exemplar, iNaturalist 2021", GENUS_WITHOUT_EXEMPLARS),
        _ => Vec::new(),
    }
}

fn percent(value: f64) -> Cell {
    Cell::Share(value / 100.0)
}

fn aggregation_table() -> Table {
    let caption = "The paper's, ImageNet-1K (tables 3 to 9)";
    let mut table = Table::new("paper-aggregation", caption, ["encoder", "vote", "k=10", "k=50", "k=100"]);
    for row in AGGREGATION {
        let AggregationRow { encoder, plurality, distance, softmax, rank } = row;
        for (vote, shares) in [("plurality", plurality), ("distance", distance), ("softmax", softmax), ("rank", rank)] {
            table.row([encoder.into(), vote.into()].into_iter().chain(shares.map(percent)));
        }
    }
    table
}

fn one_line(caption: &str, value: f64) -> Vec<Table> {
    let mut table = Table::new("paper", caption, ["share"]);
    table.row([percent(value)]);
    vec![table]
}

fn pruning_table() -> Table {
    let caption = "The paper's, rank voting at its best k, DinoV2 ViT-L/14 (appendix I)";
    let mut table = Table::new("paper-pruning", caption, ["pruning", "accuracy"]);
    PRUNING.iter().for_each(|(pruning, accuracy)| table.row([(*pruning).into(), percent(*accuracy)]));
    table
}

fn scaling_table() -> Table {
    let caption = "The paper's law log10(error %) = a · log10(log10 N) + b, ImageNet-1K (appendix F)";
    let mut table = Table::new("paper-scaling", caption, ["encoder", "a", "b"]);
    SCALING.iter().for_each(|fit| table.row([fit.encoder.into(), Cell::Number(fit.a), Cell::Number(fit.b)]));
    table
}

fn novel_classes_table() -> Table {
    let caption = "The paper's, 64 classes of NINCO added to ImageNet-1K, rank voting (table 1)";
    let mut table = Table::new("paper-novel-classes", caption, ["old_before", "old_after", "new"]);
    table.row(NOVEL_CLASSES.map(percent));
    table
}

fn shift_table() -> Table {
    let mut table = Table::new("paper-shift", "The paper's (table 2)", ["queries", "ImageNet-train", "JFT"]);
    for (at, set) in SHIFT_SETS.iter().enumerate() {
        table.row([Cell::from(*set)].into_iter().chain(SHIFT.map(|(_, shares)| percent(shares[at]))));
    }
    table
}
