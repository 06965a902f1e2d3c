//! Each exemplar's nearest fellows in the JSON of the paper's authors.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use vismem::Memory;
use vismem::search::Filter;

use crate::args::ExportNeighbors;
use crate::progress::Progress;

/// Exemplars that are searched for together.
const TOGETHER: usize = 1024;

/// The value of one key of the file; the key is `image_id`.
#[derive(Serialize)]
struct Neighborhood<'a> {
    featurizer: &'a str,
    image_id: &'a str,
    image_class: u64,
    neighbor_image_ids: Vec<&'a str>,
    neighbor_classes: Vec<u64>,
    neighbor_distances: Vec<f32>,
}

pub fn export(memory: &Memory, options: &ExportNeighbors) -> Result<(usize, Vec<PathBuf>)> {
    if memory.len() < 2 {
        return Err(vismem::Error::NoFellows { path: memory.path().into() }.into());
    }
    let ids = memory.ids();
    let exemplars: HashMap<u64, (String, u64)> = named(memory)?;
    let name = memory.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let encoder = &memory.encoder().name;
    // A repository's name has a slash.
    let model = encoder.replace(['/', ':'], "-");
    let path = super::file_in(
        &options.output,
        format!("memory-{name}_msplit-all_query-{name}_qsplit-all_{model}_full_neighbor_info.json"),
    )?;
    let classes = super::file_in(&options.output, "classes.json")?;
    write_classes(memory, &classes)?;

    let failed = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(File::create(&path).with_context(failed)?);
    let mut progress = Progress::new(ids.len() as u64, "exemplars");
    let mut separator = '{';
    for part in ids.chunks(TOGETHER) {
        let stored = super::stored(memory, part)?;
        let queries: Vec<f32> = stored.iter().flat_map(|stored| stored.embedding).copied().collect();
        let found =
            memory.neighbors(&queries, options.k as usize, Filter { except: Some(part), ..Default::default() })?;
        for (id, found) in part.iter().zip(found) {
            let (image_id, image_class) = &exemplars[id];
            let neighborhood = Neighborhood {
                featurizer: encoder,
                image_id,
                image_class: *image_class,
                neighbor_image_ids: found.iter().map(|near| exemplars[&near.id].0.as_str()).collect(),
                neighbor_classes: found.iter().map(|near| exemplars[&near.id].1).collect(),
                neighbor_distances: found.iter().map(|near| near.distance).collect(),
            };
            let key = serde_json::to_string(image_id)?;
            let value = serde_json::to_string(&neighborhood)?;
            write!(out, "{separator}\n{key}: {value}").with_context(failed)?;
            separator = ',';
        }
        progress.advance(part.len() as u64);
    }
    writeln!(out, "\n}}").and_then(|()| out.flush()).with_context(failed)?;
    Ok((ids.len(), vec![path, classes]))
}

/// What every exemplar is called, and its class. Sources that several exemplars share are told apart by ids.
fn named(memory: &Memory) -> Result<HashMap<u64, (String, u64)>> {
    let classes = classes(memory);
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

/// The classes' numbers, from 1 on: the authors' own code takes 0 for no class.
fn classes(memory: &Memory) -> BTreeMap<&str, u64> {
    memory.labels().iter().map(|label| label.name.as_str()).zip(1..).collect()
}

fn write_classes(memory: &Memory, path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(&classes(memory))? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
