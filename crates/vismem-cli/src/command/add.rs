pub mod pictures;
pub mod report;
mod rows;

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use vismem::{Editor, Memory, Taxonomy};
use vismem_data::{clip_retrieval, embedding_folder, has_extension, taxonomy};

pub use self::report::Report;
use super::{Outcome, import, index};
use crate::args::{Add, Args, wrong_use};
use crate::datasets;

pub fn run(args: &Args, options: &Add) -> Result<Outcome> {
    let report = add(&args.memory, options)?;
    index::update(&args.memory);
    report.print(&args.memory, args.format)
}

/// What a path brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brings {
    Pictures,
    /// A file of embeddings.
    Rows,
    /// Embeddings in many files, with tables of metadata.
    ClipRetrieval,
    /// What `vismem export embeddings` or `vismem encode` wrote.
    Exported,
}

impl Brings {
    fn of(path: &Path) -> Self {
        if has_extension(path, "npy") {
            Self::Rows
        } else if embedding_folder::is_one(path) {
            Self::Exported
        } else if clip_retrieval::is_one(path) {
            Self::ClipRetrieval
        } else {
            Self::Pictures
        }
    }
}

/// Adds what the user named to `memory`.
pub fn add(memory: &Path, options: &Add) -> Result<Report> {
    let taxonomy = options.taxonomy.as_deref().map(taxonomy::read).transpose()?;
    let brings = Brings::of(&options.paths[0]);
    if options.paths.iter().any(|path| Brings::of(path) != brings) {
        return Err(wrong_use("add one .npy file of embeddings at a time, and pictures by themselves"));
    }
    if options.labels.is_some() && brings != Brings::Rows {
        return Err(wrong_use("--labels belongs to a .npy file of embeddings"));
    }
    if let Some(option) = options.reading.for_pictures().filter(|_| brings != Brings::Pictures) {
        return Err(wrong_use(format!("{option} belongs to pictures, not to embeddings")));
    }
    match (brings, &options.paths[..]) {
        (Brings::Pictures, paths) => {
            let mut dataset = datasets::open_for(memory, paths, &options.reading)?;
            dataset.taxonomies.extend(taxonomy);
            pictures::add(memory, options, dataset, &mut |_, _| {})
        }
        (Brings::Exported, paths) => {
            if options.encoding.encoder.is_some() || options.reading.label.is_some() || taxonomy.is_some() {
                let fixed = "an exported folder has encoder, labels and taxonomy of its own";
                return Err(wrong_use(format!("{fixed}, drop --encoder, --label and --taxonomy")));
            }
            import::import(memory, paths)
        }
        (Brings::Rows, [file]) => rows::add_file(memory, options, file, taxonomy.as_ref()),
        (Brings::ClipRetrieval, [folder]) => rows::add_shards(memory, options, folder, taxonomy.as_ref()),
        _ => Err(wrong_use("add one .npy file of embeddings at a time, and pictures by themselves")),
    }
}

/// The memory's encoder, where there is a memory already.
fn encoder_of(memory: &Path) -> Result<Option<vismem::EncoderIdentity>> {
    match Memory::open(memory) {
        Ok(memory) => Ok(Some(memory.encoder().clone())),
        Err(vismem::StoreError::NotFound { .. } | vismem::StoreError::NotAMemory { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn add_taxonomies<'t>(
    editor: &mut Editor,
    taxonomies: impl IntoIterator<Item = &'t Taxonomy>,
) -> Result<()> {
    taxonomies.into_iter().try_for_each(|taxonomy| editor.add_taxonomy(taxonomy).map(|_| ()).map_err(Into::into))
}

/// What to know of an `add` that fails on the way.
pub(super) const KEPT: &str = "stopped; what was added before is kept, and the same command again goes on from there";

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
