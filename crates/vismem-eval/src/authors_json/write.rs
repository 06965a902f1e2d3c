//! Writing such files.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Classes, Entry};
use crate::{Error, Neighborhoods, Result};

/// Writes a file query by query, so that they need not all be in memory.
pub struct Writer {
    path: PathBuf,
    out: BufWriter<File>,
    is_empty: bool,
}

impl Writer {
    /// Makes the file, in the place of what is there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|source| failed(path, source))?;
        Ok(Self { path: path.into(), out: BufWriter::new(file), is_empty: true })
    }

    /// Writes a query. Each has a name of its own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push<D: Serialize>(&mut self, entry: &Entry<'_, D>) -> Result<()> {
        let separator = if std::mem::take(&mut self.is_empty) { "{" } else { "," };
        let mut write = || -> io::Result<()> {
            writeln!(self.out, "{separator}")?;
            serde_json::to_writer(&mut self.out, &entry.image_id)?;
            write!(self.out, ": ")?;
            Ok(serde_json::to_writer(&mut self.out, entry)?)
        };
        write().map_err(|source| failed(&self.path, source))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        let start = if self.is_empty { "{" } else { "" };
        writeln!(self.out, "{start}\n}}").and_then(|()| self.out.flush()).map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Io { path: path.into(), action: "write", source }
}

/// Writes the queries of a table. The [class ids](class_ids) are returned, by label. Names that are there more than once get
/// a number.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, table: &Neighborhoods, featurizer: &str) -> Result<Vec<(String, i64)>> {
    let ids = class_ids(&table.labels);
    let class = |label: u32| ids[label as usize];
    let exemplars = distinct(table.exemplars.iter().map(|exemplar| exemplar.name.as_str()));
    let names = distinct(table.queries.iter().map(|query| query.name.as_str()));
    let mut out = Writer::create(path)?;
    for (query, name) in table.queries.iter().zip(&names) {
        let classes: Vec<i64> = query.truth.iter().map(|label| class(*label)).collect();
        out.push(&Entry {
            featurizer: featurizer.into(),
            image_id: name.into(),
            image_class: match classes[..] {
                [one] => Classes::One(one),
                _ => Classes::Some(classes),
            },
            neighbor_image_ids: query
                .neighbors
                .iter()
                .map(|near| Cow::from(&exemplars[near.exemplar as usize]))
                .collect(),
            neighbor_classes: query.neighbors.iter().map(|near| class(table.label_of(near))).collect(),
            neighbor_distances: query.neighbors.iter().map(|near| near.distance).collect(),
        })?;
    }
    out.finish()?;
    Ok(table.labels.iter().cloned().zip(ids).collect())
}

/// The class id of each label: the label itself where all of them are whole numbers, else its position in the order of
/// names, from 1 on, since the authors' own code takes 0 for no class.
pub fn class_ids<L: AsRef<str>>(labels: &[L]) -> Vec<i64> {
    let number = |label: &L| label.as_ref().parse().ok().filter(|id: &i64| id.to_string() == label.as_ref());
    let numbers: Option<Vec<i64>> = labels.iter().map(number).collect();
    numbers.unwrap_or_else(|| {
        let mut in_order: Vec<usize> = (0..labels.len()).collect();
        in_order.sort_by(|a, b| labels[*a].as_ref().cmp(labels[*b].as_ref()));
        let mut ids = vec![0; labels.len()];
        in_order.into_iter().zip(1..).for_each(|(label, id)| ids[label] = id);
        ids
    })
}

/// The names, later ones of the same name with a number.
fn distinct<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Vec<String> {
    let mut taken: BTreeSet<String> = names.clone().map(str::to_owned).collect();
    let mut seen = BTreeSet::new();
    let mut name = |name: &str| {
        if seen.insert(name.to_owned()) {
            return name.to_owned();
        }
        let free = (2u64..).map(|number| format!("{name}#{number}")).find(|name| !taken.contains(name));
        let free = free.unwrap_or_default();
        taken.insert(free.clone());
        free
    };
    names.map(&mut name).collect()
}
