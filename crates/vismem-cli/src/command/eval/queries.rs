//! Labelled queries: read as `add` reads them, and encoded.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use vismem::Memory;
use vismem_encode::{Outcome as Encoding, StreamOptions};
use vismem_eval::gather::{Labelled, QuerySet};

use super::ground::name_of;
use super::kept;
use crate::args::eval::Asked;
use crate::args::wrong_use;
use crate::command::add::interrupted;
use crate::input::embeddings::{Embeddings, fault};
use crate::input::{folder, has_extension, labels, manifest};
use crate::progress::Progress;
use crate::{encoder, output};

/// What a path holds.
enum Read {
    /// Embeddings, and how many rows have no direction.
    Rows(Vec<Labelled>, usize),
    Pictures(Vec<Picture>),
}

/// A picture with its right labels.
struct Picture {
    path: PathBuf,
    labels: Vec<String>,
}

/// The queries, a set for each path, and how many could not be read.
pub fn read(memory: &Memory, asked: &Asked) -> Result<(Vec<QuerySet>, usize)> {
    let arrays = asked.queries.iter().filter(|path| has_extension(path, "npy")).count();
    if !asked.labels.is_empty() && asked.labels.len() != arrays {
        let given = output::counted(asked.labels.len(), "file");
        return Err(wrong_use(format!("--labels gives {given} for {arrays} .npy; give one for each")));
    }
    let mut label_files = asked.labels.iter().map(PathBuf::as_path);
    let mut read = Vec::new();
    for path in &asked.queries {
        let label = asked.label.as_deref();
        read.push(if has_extension(path, "npy") {
            let (rows, failed) = rows(memory, path, label_files.next(), label)?;
            Read::Rows(rows, failed)
        } else {
            Read::Pictures(pictures(path, label)?)
        });
    }
    let paths = read.iter().flat_map(|read| match read {
        Read::Pictures(pictures) => &pictures[..],
        Read::Rows(..) => &[],
    });
    let mut paths: Vec<&Path> = paths.map(|picture| picture.path.as_path()).collect();
    paths.sort_unstable();
    paths.dedup();
    let encoded = if paths.is_empty() { HashMap::new() } else { encode(memory, asked, &paths)? };

    let mut unreadable = 0;
    let mut sets = Vec::with_capacity(read.len());
    for (path, read) in asked.queries.iter().zip(read) {
        let (queries, failed) = match read {
            Read::Rows(queries, failed) => (queries, failed),
            Read::Pictures(pictures) => {
                let count = pictures.len();
                let query = |Picture { path, labels }| {
                    let embedding = encoded.get(&path)?.clone();
                    Some(Labelled { name: path.display().to_string(), truth: labels, embedding })
                };
                let queries: Vec<Labelled> = pictures.into_iter().filter_map(query).collect();
                let failed = count - queries.len();
                (queries, failed)
            }
        };
        unreadable += failed;
        ensure!(!queries.is_empty(), "{}: none of its queries can be used", path.display());
        sets.push(QuerySet::new(&name_of(path), memory.encoder().dim, queries)?);
    }
    Ok((sets, unreadable))
}

/// The pictures of a folder or a manifest. A picture that is listed again has all the labels that it is listed under.
fn pictures(path: &Path, label: Option<&str>) -> Result<Vec<Picture>> {
    let name = path.display();
    let is_folder = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?.is_dir();
    let listed: Vec<(PathBuf, String)> = if is_folder || !has_extension(path, "csv") {
        if !is_folder && label.is_none() {
            return Err(wrong_use(format!("{name}: say with --label what this picture shows")));
        }
        let found = if is_folder { folder::pictures(path)? } else { vec![path.to_owned()] };
        let with_label = |picture: PathBuf| {
            let label = label.map_or_else(|| folder::label_of(&picture), |label| Ok(label.to_owned()));
            let label = label.with_context(|| picture.display().to_string())?;
            Ok((picture, label))
        };
        found.into_iter().map(with_label).collect::<Result<_>>()?
    } else {
        if label.is_some() {
            return Err(wrong_use(format!("{name}: a manifest has labels of its own, drop --label")));
        }
        manifest::read(path)?.0.into_iter().map(|picture| (picture.path, picture.label)).collect()
    };
    let mut pictures: Vec<Picture> = Vec::with_capacity(listed.len());
    let mut place_of: HashMap<PathBuf, usize> = HashMap::new();
    for (path, label) in listed {
        let place = *place_of.entry(path.clone()).or_insert(pictures.len());
        match pictures.get_mut(place) {
            Some(known) if known.labels.contains(&label) => {}
            Some(known) => known.labels.push(label),
            None => pictures.push(Picture { path, labels: vec![label] }),
        }
    }
    Ok(pictures)
}

/// The rows of a `.npy` file.
fn rows(
    memory: &Memory,
    file: &Path,
    labels_file: Option<&Path>,
    label: Option<&str>,
) -> Result<(Vec<Labelled>, usize)> {
    let (name, held) = (file.display(), memory.encoder().dim);
    let mut rows = Embeddings::open(file)?;
    ensure!(
        rows.dim == held,
        "{name}: its rows have {} values, the memory's embeddings have {held}; use the memory's encoder",
        rows.dim
    );
    let labels = match (labels_file, label) {
        (Some(file), _) => labels::read(file)?,
        (None, Some(label)) => vec![label.to_owned(); rows.rows],
        (None, None) => return Err(wrong_use(format!("{name}: say with --labels FILE or --label what its rows show"))),
    };
    ensure!(
        labels.len() == rows.rows,
        "{name}: {} for {}; give one label for each row",
        output::counted(labels.len(), "label"),
        output::counted(rows.rows, "row")
    );
    let values = rows.next_rows(rows.rows)?;
    let (mut queries, mut failed) = (Vec::with_capacity(labels.len()), 0);
    for (row, (embedding, label)) in values.chunks_exact(rows.dim).zip(labels).enumerate() {
        match fault(embedding) {
            Some(fault) => {
                output::note(format_args!("warning: {} {fault}", rows.name_of(row)));
                failed += 1;
            }
            None => {
                queries.push(Labelled { name: rows.name_of(row), truth: vec![label], embedding: embedding.to_vec() })
            }
        }
    }
    Ok((queries, failed))
}

/// The embeddings of pictures; those that cannot be read get a warning and none.
fn encode(memory: &Memory, asked: &Asked, paths: &[&Path]) -> Result<HashMap<PathBuf, Vec<f32>>> {
    let encoder = encoder::load(&asked.encoding, Some((memory.path(), memory.encoder())))?;
    let mut kept = kept::Embeddings::open(asked.output.as_deref(), memory.encoder());
    let mut progress = Progress::new(paths.len() as u64, "pictures");
    let mut embeddings = HashMap::with_capacity(paths.len());
    let mut stopped = false;
    let mut new = Vec::new();
    encoder.encode_stream(
        paths.iter().map(|path| path.to_path_buf()),
        StreamOptions::default(),
        &|_, content| kept.get(content).is_none(),
        &mut |encoded| {
            progress.advance(1);
            match (encoded.outcome, encoded.hash) {
                (Encoding::Embedded(embedding), content) => {
                    new.extend(content.map(|content| (content, embedding.clone())));
                    embeddings.insert(encoded.input, embedding);
                }
                (Encoding::Skipped, content) => {
                    let embedding = content.and_then(|content| kept.get(&content));
                    embeddings.extend(embedding.map(|embedding| (encoded.input, embedding.to_vec())));
                }
                (Encoding::Failed(error), _) => {
                    progress.pause(|| output::note(format_args!("warning: {error}")));
                }
            }
            stopped = interrupted();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    kept.add(new)?;
    if stopped {
        bail!("stopped{}", if asked.output.is_some() { "; the same command again goes on from there" } else { "" });
    }
    Ok(embeddings)
}
