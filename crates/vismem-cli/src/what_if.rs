//! What-if questions: as if exemplars were not there, or counted more or less.

use anyhow::Result;
use vismem::{Among, ClassifyOptions, Memory, Selector};

use crate::args::{Encoding, WhatIf};
use crate::output;
use crate::selector::{Criterion, any_of, selector_of};

impl WhatIf {
    pub fn is_empty(&self) -> bool {
        let Self { without, only, conditions, weights } = self;
        conditions.is_empty() && without.is_empty() && only.is_empty() && weights.is_empty()
    }

    /// The options with what is asked here besides.
    pub fn on(&self, options: &ClassifyOptions, memory: &Memory, encoding: &Encoding) -> Result<ClassifyOptions> {
        let selected = |option: &str, selector: &Selector| -> Result<Vec<u64>> {
            let ids = memory.select(selector)?;
            if ids.is_empty() {
                output::note(format_args!("note: {option} fits no exemplar"));
            }
            Ok(ids)
        };
        let named = |option: &str, criteria: &[Criterion]| -> Result<Option<Vec<u64>>> {
            if criteria.is_empty() {
                return Ok(None);
            }
            selected(option, &selector_of(criteria, encoding, memory.path(), memory.encoder())?).map(Some)
        };
        let (without, mut only) = (named("--without", &self.without)?, named("--only", &self.only)?);
        if let Some(filter) = any_of(&self.conditions) {
            let fitting = selected("--where", &Selector { filter: Some(filter), ..Selector::default() })?;
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
        Ok(ClassifyOptions { among, weights: self.weights.clone(), ..options.clone() })
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
        if let Some(condition) = any_of(&self.conditions) {
            parts.push(format!("only where {condition}"));
        }
        parts.extend(self.weights.iter().map(|(label, factor)| format!("the votes of {label} times {factor}")));
        parts.join(", ")
    }
}
