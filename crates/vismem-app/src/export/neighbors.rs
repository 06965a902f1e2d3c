//! Each exemplar's nearest neighbours in the JSON of the paper's authors.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use vismem::{Memory, NeighborOptions};
use vismem_eval::authors_json::{Classes, Entry, Writer, class_ids};

use super::Exported;
use crate::{IoContext, Observer, Result};

/// Exemplars that are searched for together.
const TOGETHER: usize = 1024;

/// Which neighbours are to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighborsRequest {
    /// The folder of the neighbours and of `classes.json`, which is made if need be.
    pub output: PathBuf,
    /// How many neighbours of each exemplar, 1 to 10,000.
    pub k: usize,
}

/// Writes each exemplar's nearest neighbours in the JSON of the paper's authors.
///
/// # Errors
/// When there are fewer than two exemplars, `k` is out of range, a file cannot be written, or the observer ends it.
pub fn neighbors(memory: &Memory, request: &NeighborsRequest, observer: &mut dyn Observer) -> Result<Exported> {
    if memory.len() < 2 {
        return Err(vismem::Error::TooFewExemplars { path: memory.path().into() }.into());
    }
    let ids = memory.ids();
    let classes = classes(memory);
    let exemplars = named(memory, &classes)?;
    let name = memory.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let encoder = &memory.encoder().name;
    // A repository's name has a slash.
    let model = encoder.replace(['/', ':'], "-");
    let path = super::file_in(
        &request.output,
        format!("memory-{name}_msplit-all_query-{name}_qsplit-all_{model}_full_neighbor_info.json"),
    )?;
    let classes_path = super::file_in(&request.output, "classes.json")?;
    write_classes(&classes, &classes_path)?;

    let mut out = Writer::create(&path)?;
    for (number, part) in ids.chunks(TOGETHER).enumerate() {
        super::step(observer, number * TOGETHER, ids.len())?;
        let stored = memory.stored_all(part)?;
        let queries: Vec<f32> = stored.iter().flat_map(|stored| stored.embedding).copied().collect();
        let found =
            memory.nearest(&queries, &NeighborOptions { k: request.k, except: Some(part), ..Default::default() })?;
        for (id, found) in part.iter().zip(found) {
            let (image_id, image_class) = &exemplars[id];
            out.push(&Entry {
                featurizer: encoder.into(),
                image_id: image_id.into(),
                image_class: Classes::One(*image_class),
                neighbor_image_ids: found.iter().map(|near| exemplars[&near.id].0.as_str().into()).collect(),
                neighbor_classes: found.iter().map(|near| exemplars[&near.id].1).collect(),
                neighbor_distances: found.iter().map(|near| near.distance).collect(),
            })?;
        }
    }
    out.finish()?;
    Ok(Exported::new(memory, ids.len(), &[path, classes_path]))
}

/// What every exemplar is called, and its class. Sources that several exemplars share are told apart by ids.
fn named(memory: &Memory, classes: &BTreeMap<&str, i64>) -> Result<HashMap<u64, (String, i64)>> {
    let (mut names, mut uses) = (Vec::with_capacity(memory.len()), HashMap::<String, usize>::new());
    memory.for_each_exemplar(|exemplar| {
        let source = exemplar.source.map(|source| source.to_string()).unwrap_or_default();
        *uses.entry(source.clone()).or_default() += 1;
        names.push((exemplar.id, source, classes[exemplar.label.as_str()]));
    })?;
    let name = |id: u64, source: String| match uses[&source] {
        1 if !source.is_empty() => source,
        _ => format!("{source}#{id}"),
    };
    Ok(names.into_iter().map(|(id, source, class)| (id, (name(id, source), class))).collect())
}

/// The classes' numbers.
fn classes(memory: &Memory) -> BTreeMap<&str, i64> {
    let labels: Vec<&str> = memory.labels().iter().map(|label| label.name.as_str()).collect();
    let ids = class_ids(&labels);
    labels.into_iter().zip(ids).collect()
}

fn write_classes(classes: &BTreeMap<&str, i64>, path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(classes).map_err(std::io::Error::from).at("write", path)? + "\n";
    std::fs::write(path, text).at("write", path)
}
