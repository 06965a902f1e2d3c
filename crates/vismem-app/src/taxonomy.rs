//! Labels and the levels above them.

use std::path::Path;

use serde::Serialize;
use vismem::{Editor, Memory, TwoPlaces};

use crate::calibration::Before;
use crate::{Observer, Result};

/// A memory's taxonomy.
#[derive(Debug, Serialize)]
pub struct Taxonomy {
    /// The levels above the labels, the nearest first.
    pub levels: Vec<String>,
    /// The labels that have a place.
    pub labels: Vec<Placed>,
}

/// A label and where it stands.
#[derive(Debug, Serialize)]
pub struct Placed {
    /// The label.
    pub label: String,
    /// How many exemplars it has.
    pub exemplars: usize,
    /// Its name at each level.
    pub names: Vec<String>,
}

/// What is missing or contradictory in a taxonomy.
#[derive(Debug, Serialize)]
pub struct Check {
    /// The levels above the labels, the nearest first.
    pub levels: Vec<String>,
    /// Whether every label has one place.
    pub whole: bool,
    /// Labels without a place.
    pub unplaced: Vec<String>,
    /// Names that stand below two others.
    pub two_places: Vec<TwoPlaces>,
}

/// What setting a taxonomy came to.
#[derive(Debug)]
pub struct Set {
    /// How many labels the given taxonomy places.
    pub labels: usize,
    /// Whether the memory had another one before.
    pub changed: bool,
    /// The memory's taxonomy now.
    pub taxonomy: Taxonomy,
}

/// Puts the taxonomy of a CSV in the place of the one that is there.
///
/// # Errors
/// When the file cannot be read or the memory not be changed.
pub fn set(memory: &Path, file: &Path, observer: &mut dyn Observer) -> Result<Set> {
    let given = vismem_data::taxonomy::read(file)?;
    let before = Before::of(memory);
    let event = Editor::open(memory)?.set_taxonomy(&given)?;
    before.renew(observer);
    Ok(Set { labels: given.labels.len(), changed: event.is_some(), taxonomy: show(&Memory::open(memory)?)? })
}

/// The memory's taxonomy.
///
/// # Errors
/// When the memory cannot be read.
pub fn show(memory: &Memory) -> Result<Taxonomy> {
    let mut taxonomy = memory.taxonomy()?;
    let placed = memory.labels().iter().filter_map(|label| {
        let names = taxonomy.labels.remove(&label.name)?;
        Some(Placed { label: label.name.clone(), exemplars: label.exemplars, names })
    });
    let labels = placed.collect();
    Ok(Taxonomy { levels: taxonomy.levels, labels })
}

/// Looks for labels without a place, and for names in two places.
///
/// # Errors
/// When the memory cannot be read.
pub fn check(memory: &Memory) -> Result<Check> {
    let taxonomy = memory.taxonomy()?;
    let unplaced = memory.labels().iter().filter(|label| !taxonomy.labels.contains_key(&label.name));
    let unplaced: Vec<String> = unplaced.map(|label| label.name.clone()).collect();
    let two_places = taxonomy.names_in_two_places();
    let whole = unplaced.is_empty() && two_places.is_empty();
    Ok(Check { levels: taxonomy.levels, whole, unplaced, two_places })
}
