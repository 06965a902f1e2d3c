mod pictures;
mod report;
mod rows;

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use vismem::{Editor, Memory, Taxonomy};

use self::report::Report;
use super::Outcome;
use crate::args::{Add, Args, wrong_use};
use crate::input::{LabelledPicture, folder, has_extension, manifest, taxonomy};

pub fn run(args: &Args, options: &Add) -> Result<Outcome> {
    add(&args.memory, options)?.print(&args.memory, args.format)
}

/// Adds what the user named to `memory`.
pub fn add(memory: &Path, options: &Add) -> Result<Report> {
    let (embeddings, others): (Vec<_>, Vec<_>) = options.paths.iter().partition(|path| has_extension(path, "npy"));
    let taxonomy = options.taxonomy.as_deref().map(taxonomy::read).transpose()?;
    if !options.levels.is_empty() && !options.paths.iter().any(|path| path.is_dir()) {
        return Err(wrong_use("--levels names nested folders, and there is none among what is to be added"));
    }
    match (&embeddings[..], &others[..]) {
        ([], _) => {
            if options.labels.is_some() {
                return Err(wrong_use("--labels belongs to a .npy file of embeddings"));
            }
            let (pictures, mut taxonomies) = collect(options)?;
            taxonomies.extend(taxonomy);
            pictures::add(memory, options, pictures, &taxonomies)
        }
        ([file], []) => rows::add(memory, options, file, taxonomy.as_ref()),
        _ => Err(wrong_use("add one .npy file of embeddings at a time, and pictures by themselves")),
    }
}

/// Everything that is to be added, in the order in which the user named it.
fn collect(options: &Add) -> Result<(Vec<LabelledPicture>, Vec<Taxonomy>)> {
    let (mut pictures, mut taxonomies) = (Vec::new(), Vec::new());
    for path in &options.paths {
        if has_extension(path, "csv") && !path.is_dir() {
            if options.label.is_some() {
                return Err(wrong_use(format!("{}: a manifest has labels of its own, drop --label", path.display())));
            }
            let (listed, taxonomy) = manifest::read(path)?;
            pictures.extend(listed);
            taxonomies.extend((!taxonomy.levels.is_empty()).then_some(taxonomy));
            continue;
        }
        let is_folder = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.is_dir();
        if !is_folder && options.label.is_none() {
            return Err(wrong_use(format!("{}: say with --label what this picture shows", path.display())));
        }
        let found = if is_folder { folder::pictures(path)? } else { vec![path.clone()] };
        if is_folder && !options.levels.is_empty() {
            taxonomies.push(folder::taxonomy(path, &found, &options.levels)?);
        }
        for path in found {
            let label = options.label.clone().map_or_else(|| folder::label_of(&path), Ok);
            let label = label.with_context(|| path.display().to_string())?;
            pictures.push(LabelledPicture { path, label, source: None });
        }
    }
    Ok((pictures, taxonomies))
}

/// The memory's encoder, where there is a memory already.
fn encoder_of(memory: &Path) -> Result<Option<vismem::Encoder>> {
    match Memory::open(memory) {
        Ok(memory) => Ok(Some(memory.encoder().clone())),
        Err(vismem::Error::NotFound { .. } | vismem::Error::NotAMemory { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn add_taxonomies<'t>(editor: &mut Editor, taxonomies: impl IntoIterator<Item = &'t Taxonomy>) -> Result<()> {
    taxonomies.into_iter().try_for_each(|taxonomy| editor.add_taxonomy(taxonomy).map(|_| ()).map_err(Into::into))
}

/// What to know of an `add` that fails on the way.
const KEPT: &str = "stopped; what was added before is kept, and the same command again goes on from there";

/// Whether the user has pressed Ctrl-C. From the first call on it no longer ends the program by itself.
pub(super) fn interrupted() -> bool {
    static PRESSED: AtomicBool = AtomicBool::new(false);
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // Without the handler Ctrl-C just ends the program, which costs the pictures since the last commit.
        let _ = ctrlc::set_handler(|| PRESSED.store(true, Ordering::Relaxed));
    });
    PRESSED.load(Ordering::Relaxed)
}
