//! What-if questions: as if exemplars were not there, or counted more or less.

use vismem::{Among, ClassifyOptions, Memory, Selector, Where};

use crate::observer::Steps;
use crate::select::{any_of, selector};
use vismem_models::Purpose;

use crate::{Criterion, Encoding, Observer, Result, held};

/// As if a memory were another one. Nothing is changed by asking.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WhatIf {
    /// As if these exemplars were not there.
    pub without: Vec<Criterion>,
    /// As if no others were there; empty for all.
    pub only: Vec<Criterion>,
    /// As if no exemplars were there but those that meet one of these; empty for all.
    pub conditions: Vec<Where>,
    /// As if the votes of a label's exemplars counted so many times as much, 0 or more.
    pub weights: Vec<(String, f64)>,
}

impl WhatIf {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        let Self { without, only, conditions, weights } = self;
        conditions.is_empty() && without.is_empty() && only.is_empty() && weights.is_empty()
    }

    /// The question in words; empty for none.
    pub fn in_words(&self) -> String {
        let criteria = |criteria: &[Criterion]| criteria.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let mut parts = Vec::new();
        if !self.without.is_empty() {
            parts.push(format!("without {}", criteria(&self.without)));
        }
        if !self.only.is_empty() {
            parts.push(format!("only {}", criteria(&self.only)));
        }
        if let Some(condition) = any_of(self.conditions.iter().cloned()) {
            parts.push(format!("only where {condition}"));
        }
        parts.extend(self.weights.iter().map(|(label, factor)| format!("the votes of {label} times {factor}")));
        parts.join(", ")
    }
}

/// A part of a [`WhatIf`] that names exemplars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// [`WhatIf::without`]
    Without,
    /// [`WhatIf::only`]
    Only,
    /// [`WhatIf::conditions`]
    Conditions,
}

/// How a memory is asked, checked so that it can answer.
#[derive(Debug, Clone)]
pub struct Question {
    /// How it is asked as it is.
    pub plain: ClassifyOptions,
    /// How it is asked with the what-if.
    pub asked: ClassifyOptions,
    /// The what-if.
    pub what_if: WhatIf,
    /// Parts of the what-if that fit no exemplar.
    pub fits_nothing: Vec<Part>,
}

impl Question {
    /// Makes sure that the memory can answer before anything else is read, and finds what a what-if names.
    ///
    /// # Errors
    /// When the memory cannot answer, criteria cannot be resolved, or the observer ends it.
    pub fn new(
        memory: &Memory,
        plain: ClassifyOptions,
        what_if: WhatIf,
        encoding: &Encoding,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        memory.pruned(&mut Steps(observer))?;
        memory.classify(&[], &plain)?;
        let (among, fits_nothing) = among(memory, &what_if, encoding, observer)?;
        let asked = ClassifyOptions { among, weights: what_if.weights.clone(), ..plain.clone() };
        memory.classify(&[], &asked)?;
        Ok(Self { plain, asked, what_if, fits_nothing })
    }
}

/// Among which exemplars the memory is asked, and what fits none.
fn among(
    memory: &Memory,
    what_if: &WhatIf,
    encoding: &Encoding,
    observer: &mut dyn Observer,
) -> Result<(Option<Among>, Vec<Part>)> {
    let mut fits_nothing = Vec::new();
    let mut selected = |part: Part, selector: &Selector| -> Result<Vec<u64>> {
        let ids = memory.select(selector)?;
        if ids.is_empty() {
            fits_nothing.push(part);
        }
        Ok(ids)
    };
    let mut named = |part: Part, criteria: &[Criterion]| -> Result<Option<Vec<u64>>> {
        if criteria.is_empty() {
            return Ok(None);
        }
        selected(part, &selector(criteria, encoding, held(memory, Purpose::Queries), observer)?).map(Some)
    };
    let (without, mut only) = (named(Part::Without, &what_if.without)?, named(Part::Only, &what_if.only)?);
    if let Some(filter) = any_of(what_if.conditions.iter().cloned()) {
        let fitting = selected(Part::Conditions, &Selector { filter: Some(filter), ..Selector::default() })?;
        only = Some(match only {
            Some(only) => only.into_iter().filter(|id| fitting.binary_search(id).is_ok()).collect(),
            None => fitting,
        });
    }
    let among = match (without, only) {
        (None, None) => None,
        (Some(without), None) => Some(Among::Without(without)),
        (None, Some(only)) => Some(Among::Only(only)),
        (Some(without), Some(mut only)) => {
            only.retain(|id| without.binary_search(id).is_err());
            Some(Among::Only(only))
        }
    };
    Ok((among, fits_nothing))
}
