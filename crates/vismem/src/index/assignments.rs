//! `slots.u64`: which exemplar is in which slot, with what label. Derived: the catalogue says so, but asking it takes most of
//! the time that opening a large memory takes.
//!
//! A [grouped file](crate::index::grouped) with a head of 8 bytes, the length of the first section (u64, little-endian), and
//! two sections: the labels by name, each ended by a zero byte, as one part; then groups of 1,024 slots, of each an id (u64,
//! [`FREE`] for none), then of each the position of its label (u32). Labels are kept by name, since their rows in the catalogue may
//! change while digest and slots do not.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use vismem_search::FREE;

use crate::error::{IoContext, Result};
use crate::index::derived::{self, Unfinished};
use crate::index::grouped::{self, GroupedFile, Layout, MARK, Section};
use crate::store::slots::Slots;
use crate::{Digest, platform};

/// Slots in a group.
const GROUP: usize = 1024;
const PART: usize = GROUP * (size_of::<u64>() + size_of::<u32>());
const HEAD: usize = size_of::<u64>();
/// The number of the names in the checksum, beyond those of groups.
const NAMES_PART: usize = 1 << 61;
/// The sections.
const NAMES: usize = 0;
const GROUPS: usize = 1;
/// What ends a name.
const END: char = '\0';

struct NamesAndGroups;

impl Layout for NamesAndGroups {
    const HEAD: usize = HEAD;

    fn sections(&self, head: &[u8], length: usize) -> Option<Vec<Section>> {
        let names = usize::try_from(u64::from_le_bytes(*head.first_chunk()?)).ok()?;
        let groups = length.checked_sub(MARK + HEAD)?.checked_sub(names)?;
        (names > 0 && groups.is_multiple_of(PART)).then(|| {
            let groups = Section { at: MARK + HEAD + names, part: PART, count: groups / PART, number: 0 };
            vec![Section { at: MARK + HEAD, part: names, count: 1, number: NAMES_PART }, groups]
        })
    }
}

/// What the file says, as of one state of the memory.
pub(crate) struct Assignments {
    /// The id in each slot; [`FREE`] for none. Those of whole groups, of which the last one is filled up with anything.
    pub ids: Vec<u64>,
    /// The position in `names` of each slot's label; meaningless for free slots.
    pub label_of: Vec<u32>,
    /// The labels.
    pub names: Vec<String>,
}

impl Assignments {
    /// Those that belong to `digest`, if they are there and whole.
    pub(crate) fn load(dir: &Path, digest: &Digest) -> Option<Self> {
        let mut bytes = Vec::new();
        let path = derived::path(dir, derived::SLOTS);
        if !grouped::belongs(&path, digest) {
            return None;
        }
        // Not mapped: a writer may go on to the next state while this one is read.
        platform::read_regular(&path).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
        let sections = grouped::check(&bytes, &NamesAndGroups, digest)?;
        let names = names(&bytes[sections[NAMES].all()])?;
        let (mut ids, mut label_of) = (Vec::new(), Vec::new());
        for group in bytes[sections[GROUPS].all()].chunks_exact(PART) {
            let (of_ids, of_labels) = group.split_at(GROUP * size_of::<u64>());
            ids.extend(of_ids.as_chunks().0.iter().map(|id| u64::from_le_bytes(*id)));
            label_of.extend(of_labels.as_chunks().0.iter().map(|label| u32::from_le_bytes(*label)));
        }
        Some(Self { ids, label_of, names })
    }
}

fn names(bytes: &[u8]) -> Option<Vec<String>> {
    Some(std::str::from_utf8(bytes).ok()?.split_terminator(END).map(str::to_owned).collect())
}

/// Writes the file anew, for the state of this digest. There is none of a memory without labels, nor with one that holds a
/// zero byte.
///
/// # Errors
/// When the disk refuses.
pub(crate) fn write(dir: &Path, slots: &Slots, digest: &Digest) -> Result<()> {
    if slots.labels.is_empty() || slots.labels.iter().any(|label| label.name.contains(END)) {
        return Ok(());
    }
    let names: String = slots.labels.iter().map(|label| format!("{}{END}", label.name)).collect();
    let mut groups = Vec::with_capacity(slots.ids.len().div_ceil(GROUP) * PART);
    for (ids, labels) in slots.ids.chunks(GROUP).zip(slots.label_of.chunks(GROUP)) {
        let mut group = vec![0; PART];
        for (place, (id, label)) in ids.iter().zip(labels).enumerate() {
            assign(&mut group, place, *id, *label);
        }
        groups.extend(group);
    }
    let unfinished = Unfinished::create(dir, derived::SLOTS)?;
    let write = |file: File| -> io::Result<()> {
        let head = (names.len() as u64).to_le_bytes();
        let mut sections = NamesAndGroups.sections(&head, MARK + HEAD + names.len()).expect("a file without groups");
        sections[NAMES].count = 0;
        let mut file = GroupedFile::create(file, head.to_vec(), sections)?;
        file.append(NAMES, names.as_bytes())?;
        file.append(GROUPS, &groups)?;
        file.finish(digest)
    };
    write(unfinished.file()?).at(&unfinished.path, "write")?;
    unfinished.install(dir, derived::SLOTS).map(drop)
}

/// Puts an id and the position of its label at a place of a group.
fn assign(group: &mut [u8], place: usize, id: u64, label: u32) {
    let (ids, labels) = group.split_at_mut(GROUP * size_of::<u64>());
    ids.as_chunks_mut().0[place] = id.to_le_bytes();
    labels.as_chunks_mut().0[place] = label.to_le_bytes();
}

/// The file while the memory changes.
pub(super) struct OpenAssignments {
    file: GroupedFile,
    /// The positions of labels, once one was asked for.
    positions: Option<HashMap<String, u32>>,
}

impl OpenAssignments {
    /// That of `digest`; `None` where there is none.
    pub(super) fn open(path: &Path, digest: &Digest) -> io::Result<Option<Self>> {
        Ok(GroupedFile::open(path, &NamesAndGroups, digest)?.map(|file| Self { file, positions: None }))
    }

    /// An exemplar took a slot. False if its label is none of those that are kept.
    pub(super) fn add(&mut self, slot: usize, id: u64, label: &str) -> io::Result<bool> {
        if self.positions.is_none() {
            let names = names(&self.file.read(NAMES, 0)?).ok_or(io::ErrorKind::InvalidData)?;
            self.positions = Some(names.into_iter().zip(0..).collect());
        }
        let Some(&position) = self.positions.as_ref().and_then(|positions| positions.get(label)) else {
            return Ok(false);
        };
        self.file.change(GROUPS, slot / GROUP, |group| assign(group, slot % GROUP, id, position))?;
        Ok(true)
    }

    /// A slot is free.
    pub(super) fn erase(&mut self, slot: usize) -> io::Result<()> {
        self.file.change(GROUPS, slot / GROUP, |group| assign(group, slot % GROUP, FREE, 0))
    }

    /// Writes what changed; the file belongs to `digest` from now on.
    pub(super) fn finish(&mut self, digest: &Digest) -> io::Result<&File> {
        self.file.finish(digest)?;
        Ok(self.file.file())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::tests::{Sample, add, sample};
    use crate::{Editor, Memory, Selector};

    fn kept(dir: &Path) -> Option<(Vec<u64>, Vec<String>)> {
        let memory = Memory::open(dir).unwrap();
        let Assignments { ids, label_of, names } = Assignments::load(dir, &memory.digest())?;
        let label = |slot: usize| if ids[slot] == FREE { "" } else { &names[label_of[slot] as usize] }.to_owned();
        let slots = memory.slots.ids.len();
        Some((ids[..slots].to_vec(), (0..slots).map(label).collect()))
    }

    #[test]
    fn a_file_that_followed_changes_says_what_one_that_is_made_anew_does() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let path = derived::path(dir, derived::SLOTS);
        let samples = |range: std::ops::Range<u32>| range.map(sample).collect::<Vec<Sample>>();
        let forget = |ids: &[u64]| {
            let selector = Selector { ids: ids.to_vec(), ..Default::default() };
            Editor::open(dir).unwrap().forget(&selector).unwrap().unwrap();
        };
        add(dir, &samples(0..1_020)).unwrap();
        // A file that is made anew has another number, as long as somebody has the first one.
        let _held = File::open(&path).unwrap();
        let number = || std::fs::metadata(&path).unwrap().ino();
        let first = number();
        for (forgotten, added) in
            [(&[3, 5, 1_020][..], 0..0), (&[], 2_000..2_002), (&[], 3_000..3_040), (&[1_024, 7], 0..0)]
        {
            if !forgotten.is_empty() {
                forget(forgotten);
            }
            add(dir, &samples(added)).unwrap();
            assert_eq!(number(), first);
            let followed = kept(dir).unwrap();
            std::fs::rename(&path, dir.join("aside")).unwrap();
            let memory = Memory::open(dir).unwrap();
            assert_eq!(followed.0, memory.slots.ids);
            let label = |slot: usize| if memory.is_free(slot) { "" } else { &memory.slots.label(slot).name }.to_owned();
            assert_eq!(followed.1, (0..followed.0.len()).map(label).collect::<Vec<_>>());
            std::fs::rename(dir.join("aside"), &path).unwrap();
        }
        // A label that comes or goes.
        let other = Sample { label: "other".into(), ..sample(9_000) };
        add(dir, &[other]).unwrap();
        assert_ne!(number(), first);
        let slot = kept(dir).unwrap().1.iter().position(|label| label == "other").unwrap();
        forget(&[1_063]);
        assert_eq!(kept(dir).unwrap().0[slot], FREE);
        let named = std::fs::read(&path).unwrap();
        assert!(!named.windows(5).any(|bytes| bytes == b"other"));
    }
}
