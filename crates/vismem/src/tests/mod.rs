//! What a memory promises across its parts.

mod attributes;
mod calibration;
mod compacting;
mod crash;
mod damage;
mod editing;
mod foreign_files;
mod forgetting;
mod formats;
mod indexes;
mod influence;
mod kernel_voting;
mod kills;
mod levels;
mod moving;
mod official_pruning;
mod partitions;
mod power_failure;
mod pruning;
mod read_only;
mod readers;
mod relabelling;
mod reliability;
mod selecting;
mod serialising;
mod since;
mod sources;
mod torn;
mod tuning;
mod what_if;

use std::path::Path;

use crate::error::Result;
use crate::{
    Added, Attributes, BuildOptions, Built, Editor, EncoderIdentity, IndexKind, Memory, NewExemplar, content_of,
};

pub(crate) const DIM: usize = 5;

/// What went wrong, of whichever group.
pub(crate) fn error_of<T>(outcome: std::result::Result<T, impl Into<crate::Error>>) -> Option<crate::Error> {
    outcome.err().map(Into::into)
}

/// Whether the memory itself is at fault in this way.
pub(crate) fn is_store<T>(
    outcome: std::result::Result<T, impl Into<crate::Error>>,
    is_this: impl Fn(&crate::StoreError) -> bool,
) -> bool {
    error_of(outcome).is_some_and(|error| error.as_store().is_some_and(is_this))
}

pub(crate) fn encoder() -> EncoderIdentity {
    EncoderIdentity { name: "test".into(), hash: "ab".repeat(32), dim: DIM }
}

/// A recognisable exemplar: `n` decides everything about it.
pub(crate) struct Sample {
    pub n: u32,
    pub label: String,
    pub embedding: [f32; DIM],
}

pub(crate) fn sample(n: u32) -> Sample {
    let wave = |i: usize| ((n as f32 + 1.0) * (i as f32 + 1.0) * 0.37).sin();
    Sample { n, label: format!("label-{}", n % 7), embedding: std::array::from_fn(wave) }
}

/// Adds the samples in one transaction.
pub(crate) fn add(dir: &Path, samples: &[Sample]) -> Result<Vec<Added>, crate::EditError> {
    let mut editor = Editor::open_or_create(dir, &encoder())?;
    editor.batch().add(&samples.iter().map(new_exemplar).collect::<Vec<_>>())
}

/// Builds an index of the memory as it is; whether there was anything to do.
pub(crate) fn build(dir: &Path, kind: IndexKind) -> bool {
    let options = BuildOptions { neighbors: Some(3), ..Default::default() };
    Memory::open(dir).unwrap().build_index(kind, &options, &mut ()).unwrap() == Built::New
}

/// Builds all of them.
pub(crate) fn build_all(dir: &Path) {
    for kind in IndexKind::ALL {
        build(dir, kind);
    }
}

pub(crate) fn new_exemplar(sample: &Sample) -> NewExemplar<'_> {
    NewExemplar {
        embedding: &sample.embedding,
        label: &sample.label,
        source: Some(format!("pictures/{}.jpg", sample.n).into()),
        content: content_of(&sample.embedding, &sample.n.to_le_bytes()),
        attributes: Attributes::new(),
    }
}
