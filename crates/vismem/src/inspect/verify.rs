//! Comparing a memory's files with its catalogue.

use std::path::{Path, PathBuf};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::error::{Result, SqlContext};
use crate::index::codes::{self, CodeMap};
use crate::index::derived;
use crate::index::partitions::{self, PartitionMap};
use crate::store::catalog::{self, Catalog, Record};
use crate::store::digest::DigestState;
use crate::store::readers::Readers;
use crate::store::{attribute_rows, state, turnstile, upgrade, vectors};
use crate::{Digest, Editor, Memory, StoreError};

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Exemplars that were checked.
    pub exemplars: usize,
    /// The digest as re-derived from every exemplar; `None` where the memory cannot even be read.
    pub digest: Option<Digest>,
    /// What is wrong; empty for a sound memory.
    pub faults: Vec<Fault>,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut fault = serializer.serialize_struct("Fault", 2)?;
        // A path that is not UTF-8 is shown as well as it can be.
        fault.serialize_field("file", &self.file.to_string_lossy())?;
        fault.serialize_field("what", &self.what)?;
        fault.end()
    }
}

/// Besides its fields it says whether the memory is `sound`.
impl Serialize for Verification {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut verification = serializer.serialize_struct("Verification", 4)?;
        verification.serialize_field("sound", &self.is_sound())?;
        verification.serialize_field("exemplars", &self.exemplars)?;
        verification.serialize_field("digest", &self.digest)?;
        verification.serialize_field("faults", &self.faults)?;
        verification.end()
    }
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks every file of the memory `dir` against its catalogue: SQLite's own structure and references, the hash of
/// every row, zeros in every free slot, the digest re-derived from every exemplar, and that no file is there that does
/// not belong. Finishes first what a killed writer left half-done, unless somebody is writing.
///
/// # Errors
/// When there is no memory, or it cannot be read for other reasons than damage.
pub fn verify(dir: &Path) -> Result<Verification> {
    // Held to the end, so that nobody changes what is being compared.
    let editor = match Editor::open_unchecked(dir) {
        Err(error @ (StoreError::NotFound { .. } | StoreError::NotAMemory { .. } | StoreError::Format { .. })) => {
            return Err(error);
        }
        // Somebody is writing, the directory is read-only, or the memory is damaged, which shows below.
        opened => opened,
    };
    let mut verification = Verification { exemplars: 0, digest: None, faults: Vec::new() };
    match &editor {
        Err(StoreError::Shared { path }) => {
            let what = "has other names (hard links); copy the memory and use the copy".into();
            verification.faults.push(Fault { file: path.clone(), what });
        }
        // Nothing else looks at it.
        Err(StoreError::Damaged { path, what }) if *path == dir.join("lock") => {
            verification.faults.push(Fault { file: path.clone(), what: what.clone() });
        }
        _ => {}
    }
    let outcome = (|| {
        let structure = Readers::open(dir)?.read(Catalog::structural_faults)?;
        let catalog = catalog::path(dir);
        verification.faults.extend(structure.into_iter().map(|what| Fault { file: catalog.clone(), what }));
        let memory = Memory::open_unchecked(dir)?;
        let audit = audit(&memory)?;
        verification.faults.extend(audit.faults);
        // A writer fills free rows before it commits them.
        if !matches!(editor, Err(StoreError::Locked { .. })) {
            verification.faults.extend(unerased_rows(&memory));
        }
        let wrong = |group| Fault {
            file: codes::path(dir),
            what: format!("group {group} holds other codes than those of its vectors; delete the file"),
        };
        verification.faults.extend(CodeMap::wrong_groups(&memory).into_iter().map(wrong));
        let wrong =
            |what| Fault { file: derived::path(dir, partitions::NAME), what: format!("{what}; delete the file") };
        verification.faults.extend(PartitionMap::faults(&memory).into_iter().map(wrong));
        let chain = memory.readers.read(|catalog| catalog.broken_chain(0))?;
        verification.faults.extend(chain.map(|what| Fault { file: catalog.clone(), what }));
        if editor.as_ref().is_ok_and(|editor| editor.log_held) {
            let what = "a reader keeps pages of forgotten exemplars in it; end that process and verify again".into();
            verification.faults.push(Fault { file: dir.join(catalog::LOG), what });
        }
        verification.faults.extend(unexpected_files(&memory));
        verification.exemplars = memory.len();
        verification.digest = Some(audit.digest);
        Ok(())
    })();
    match outcome {
        Ok(()) => {}
        Err(StoreError::Damaged { path, what }) => verification.faults.push(Fault { file: path, what }),
        Err(StoreError::Io { path, source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            verification.faults.push(Fault { file: path, what: "is missing".into() });
        }
        Err(error) => return Err(error),
    }
    Ok(verification)
}

/// What is wrong where the records do not add up to the digest.
pub(crate) const OTHER_DIGEST: &str =
    "labels, sources, attributes or hashes are not those that were stored (the digest differs)";

/// What is wrong where a batch has more exemplars than came with it.
pub(crate) fn overfull(batch: u64) -> String {
    format!("batch {batch} has exemplars that were not added with it")
}

/// What comparing every row and record with the catalogue's hashes brought.
pub(crate) struct Audit {
    pub faults: Vec<Fault>,
    /// Re-derived from the records.
    pub digest: Digest,
}

/// Compares every row and every record with the catalogue's hashes and the digest.
pub(crate) fn audit(memory: &Memory) -> Result<Audit> {
    let mut faults = Vec::new();
    let mut digest = DigestState::empty();
    let (vectors, catalog) = (vectors::path(memory.path()), catalog::path(memory.path()));
    let slots = &memory.slots;
    let (mut records, mut last) = (0, 0);
    let mut each = |record: Record, is_last: bool| {
        let (id, slot, label) = (record.id, record.slot, record.label.clone());
        // A row in the wrong place is there and not found.
        if id <= std::mem::replace(&mut last, id) {
            faults.push(Fault { file: catalog.clone(), what: format!("exemplar {id} is out of order") });
        }
        let here = memory.of_snapshot(record);
        // Others may have been added or given other labels since.
        if is_last && here.as_ref().is_none_or(|here| here.label != label) {
            faults.push(Fault { file: catalog.clone(), what: format!("table and index disagree on exemplar {id}") });
        }
        let Some(here) = here else { return };
        records += 1;
        digest.add(&here.element());
        if vectors::hash(memory.vector(slot)) != here.vector_hash {
            let what = format!("row {slot} (exemplar {id}) is not what was stored");
            faults.push(Fault { file: vectors.clone(), what });
        }
    };
    for part in memory.parts() {
        let read =
            |catalog: &Catalog| Ok((catalog.records_within(&part.within)?, catalog.header()?.commit == memory.commit));
        let (records, is_last) = memory.read(read)?;
        records.into_iter().for_each(|record| each(record, is_last));
    }
    if records != memory.len() {
        let what = format!("{records} exemplars in the table, {} in its index", memory.len());
        faults.push(Fault { file: catalog.clone(), what });
    }
    let free: Vec<usize> = (0..slots.ids.len()).filter(|&slot| memory.is_free(slot)).collect();
    let listed = |catalog: &Catalog| Ok((catalog.free_slots()?, catalog.header()?.commit == memory.commit));
    let (listed, is_last) = memory.read(listed)?;
    if is_last && !free.iter().map(|slot| *slot as u64).eq(listed.iter().copied()) {
        let what = format!("{} slots are free, {} are listed as free", free.len(), listed.len());
        faults.push(Fault { file: catalog.clone(), what });
    }
    if let Some(table) = memory.read(Catalog::fallen_sequence)? {
        let what = format!("the last id of table {table:?} is not that of its rows");
        faults.push(Fault { file: catalog.clone(), what });
    }
    if let Some(batch) = memory.read(Catalog::overfull_batch)? {
        faults.push(Fault { file: catalog.clone(), what: overfull(batch) });
    }
    for name in memory.read(|catalog| attribute_rows::unused(&catalog.db).at(&catalog.path))? {
        faults
            .push(Fault { file: catalog.clone(), what: format!("attribute {name:?} is there and no exemplar has it") });
    }
    if digest != memory.digest {
        let what = OTHER_DIGEST.into();
        // First, because a hash that was damaged makes its row look damaged as well.
        faults.insert(0, Fault { file: catalog, what });
    }
    Ok(Audit { faults, digest: digest.digest() })
}

/// Free rows that hold something. No answer comes from them, but what was erased must not be there any more.
fn unerased_rows(memory: &Memory) -> impl Iterator<Item = Fault> {
    let holds_something = |slot: &usize| memory.vector(*slot).iter().any(|value| value.to_bits() != 0);
    let slots = (0..memory.slots.ids.len()).filter(|&slot| memory.is_free(slot)).filter(holds_something);
    let file = vectors::path(memory.path());
    slots.map(move |slot| Fault { file: file.clone(), what: format!("free row {slot} is not zero") })
}

/// Files that no memory has.
fn unexpected_files(memory: &Memory) -> Vec<Fault> {
    let known = [
        "lock",
        state::NAME,
        turnstile::NAMES[0],
        turnstile::NAMES[1],
        "vectors.f32",
        vectors::UNFINISHED,
        "catalog.sqlite",
        catalog::LOG,
        "catalog.sqlite-shm",
    ];
    let format = memory.read(|catalog| upgrade::format(&catalog.db).at(&catalog.path));
    let former: &[&str] =
        if format.is_ok_and(|format| format < catalog::FORMAT) { &upgrade::FORMER_FILES } else { &[] };
    let files = std::fs::read_dir(memory.path()).into_iter().flatten().flatten();
    let what = |file: &std::fs::DirEntry| {
        let name = file.file_name();
        let is_known = known.iter().chain(former).any(|known| name == **known);
        match file.file_type().is_ok_and(|kind| kind.is_file()) {
            _ if !is_known && !name.to_str().is_some_and(derived::is_name) => {
                Some("is not a file of a memory; move it elsewhere")
            }
            false => Some("is no regular file, as all files of a memory are; remove it"),
            true => None,
        }
    };
    files.filter_map(|file| Some(Fault { what: what(&file)?.into(), file: file.path() })).collect()
}
