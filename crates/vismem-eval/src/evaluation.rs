//! All results of a run in one document: what `--format json` prints and `results.json` holds.

use serde::{Deserialize, Serialize};

use crate::{
    About, Aggregation, Calibration, Composition, Corruption, Granularity, Hyperparameters, Mistakes,
    NeighborReliability, NovelClasses, Scaling, Shift, Table, Unlearning,
};

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What they were measured on.
    pub about: About,
    /// What was measured.
    pub results: Results,
    /// Experiments that were asked for and do not apply.
    pub left_out: Vec<LeftOut>,
}

/// The result of each experiment; `None` for those that were not done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// See [`crate::aggregation`].
    pub aggregation: Option<Aggregation>,
    /// See [`crate::neighbor_reliability`].
    pub reliability: Option<NeighborReliability>,
    /// See [`crate::hyperparameters`].
    pub hyperparameters: Option<Hyperparameters>,
    /// See [`crate::corruption`].
    pub corruption: Option<Corruption>,
    /// See [`crate::calibration`].
    pub calibration: Option<Calibration>,
    /// See [`crate::scaling`].
    pub scaling: Option<Scaling>,
    /// See [`crate::novel_classes`].
    pub novel_classes: Option<NovelClasses>,
    /// See [`crate::shift`].
    pub shift: Option<Shift>,
    /// See [`crate::granularity`].
    pub granularity: Option<Granularity>,
    /// See [`crate::unlearning`].
    pub unlearning: Option<Unlearning>,
    /// See [`crate::mistakes`].
    pub errors: Option<Mistakes>,
    /// See [`crate::composition`].
    pub composition: Option<Composition>,
}

/// An experiment that does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub experiment: String,
    /// Why it does not apply, and what it would need.
    pub why: String,
}

impl Results {
    /// Everything as tables, with the name of the experiment.
    pub fn by_experiment(&self) -> Vec<(&'static str, Vec<Table>)> {
        let all = [
            ("aggregation", self.aggregation.as_ref().map(Aggregation::tables)),
            ("reliability", self.reliability.as_ref().map(NeighborReliability::tables)),
            ("hyperparameters", self.hyperparameters.as_ref().map(Hyperparameters::tables)),
            ("corruption", self.corruption.as_ref().map(Corruption::tables)),
            ("calibration", self.calibration.as_ref().map(Calibration::tables)),
            ("scaling", self.scaling.as_ref().map(Scaling::tables)),
            ("novel-classes", self.novel_classes.as_ref().map(NovelClasses::tables)),
            ("shift", self.shift.as_ref().map(Shift::tables)),
            ("granularity", self.granularity.as_ref().map(Granularity::tables)),
            ("unlearning", self.unlearning.as_ref().map(Unlearning::tables)),
            ("errors", self.errors.as_ref().map(Mistakes::tables)),
            ("composition", self.composition.as_ref().map(Composition::tables)),
        ];
        all.into_iter().filter_map(|(name, tables)| Some((name, tables?))).collect()
    }

    /// Takes over one experiment, by its name, if `other` has it.
    pub fn take_over(&mut self, experiment: &str, other: &Self) -> bool {
        fn take<T: Clone>(to: &mut Option<T>, from: &Option<T>) -> bool {
            to.clone_from(from);
            to.is_some()
        }
        match experiment {
            "aggregation" => take(&mut self.aggregation, &other.aggregation),
            "reliability" => take(&mut self.reliability, &other.reliability),
            "hyperparameters" => take(&mut self.hyperparameters, &other.hyperparameters),
            "corruption" => take(&mut self.corruption, &other.corruption),
            "calibration" => take(&mut self.calibration, &other.calibration),
            "scaling" => take(&mut self.scaling, &other.scaling),
            "novel-classes" => take(&mut self.novel_classes, &other.novel_classes),
            "shift" => take(&mut self.shift, &other.shift),
            "granularity" => take(&mut self.granularity, &other.granularity),
            "unlearning" => take(&mut self.unlearning, &other.unlearning),
            "errors" => take(&mut self.errors, &other.errors),
            "composition" => take(&mut self.composition, &other.composition),
            _ => false,
        }
    }

    /// Takes over what `other` has and this has not.
    pub fn fill_from(&mut self, other: Self) {
        let Self {
            aggregation,
            reliability,
            hyperparameters,
            corruption,
            calibration,
            scaling,
            novel_classes,
            shift,
            granularity,
            unlearning,
            errors,
            composition,
        } = other;
        self.aggregation = self.aggregation.take().or(aggregation);
        self.reliability = self.reliability.take().or(reliability);
        self.hyperparameters = self.hyperparameters.take().or(hyperparameters);
        self.corruption = self.corruption.take().or(corruption);
        self.calibration = self.calibration.take().or(calibration);
        self.scaling = self.scaling.take().or(scaling);
        self.novel_classes = self.novel_classes.take().or(novel_classes);
        self.shift = self.shift.take().or(shift);
        self.granularity = self.granularity.take().or(granularity);
        self.unlearning = self.unlearning.take().or(unlearning);
        self.errors = self.errors.take().or(errors);
        self.composition = self.composition.take().or(composition);
    }

    /// Everything as tables, experiment by experiment.
    pub fn tables(&self) -> Vec<Table> {
        self.by_experiment().into_iter().flat_map(|(_, tables)| tables).collect()
    }
}
