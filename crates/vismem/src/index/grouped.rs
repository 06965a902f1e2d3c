//! A derived file that follows edits: parts of fixed lengths, of which an edit writes those alone that it changes.
//!
//! Layout: the digest of the memory that the content belongs to (32 bytes; zeros while a writer changes the file, so that
//! a kill leaves what nobody uses), the checksum (32, see [`Checksum`]), a head whose length is its kind's, sections of
//! parts. The checksum is a sum over the head and all parts, so that a changed part costs no look at the others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};
use vismem_search::parallel;

use crate::Digest;
use crate::index::checksum::Checksum;
use crate::platform::{self, FileExt};

/// Bytes of digest and checksum.
pub(crate) const MARK: usize = 64;
/// The number of the head in the checksum.
const HEAD_PART: usize = 1 << 62;
/// Bytes of changed parts that are held before they are written.
const HELD: usize = 16 << 20;

/// Parts of one length, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// Where the first one begins in the file.
    pub at: usize,
    /// Bytes of each.
    pub part: usize,
    /// How many there are.
    pub count: usize,
    /// The number of the first one in the checksum.
    pub number: usize,
}

impl Section {
    /// Where a part stands in the file.
    pub(crate) fn range(&self, part: usize) -> Range<usize> {
        let start = self.at + part * self.part;
        start..start + self.part
    }

    /// Where all of them stand.
    pub(crate) fn all(&self) -> Range<usize> {
        self.at..self.at + self.count * self.part
    }

    /// What these parts, the first of which is `first`, add to the checksum.
    fn checksum(&self, first: usize, bytes: &[u8]) -> Checksum {
        let of = |part| Checksum::of(self.number + first + part, &bytes[part * self.part..][..self.part]);
        parallel::map_ranges(0..bytes.len() / self.part, |parts| parts.map(of).sum::<Checksum>()).into_iter().sum()
    }
}

/// How a kind of file is divided.
pub(crate) trait Layout {
    /// Bytes of the head.
    const HEAD: usize;

    /// The sections of a file of this length with this head; `None` where there is no such file.
    fn sections(&self, head: &[u8], length: usize) -> Option<Vec<Section>>;
}

/// The sections of a whole file, if it belongs to `digest` and is what its checksum says.
pub(crate) fn check<L: Layout>(bytes: &[u8], layout: &L, digest: &Digest) -> Option<Vec<Section>> {
    let (mark, _) = bytes.split_first_chunk::<MARK>()?;
    let head = bytes.get(MARK..MARK + L::HEAD)?;
    if mark[..32] != *digest.as_bytes() {
        return None;
    }
    let sections = layout.sections(head, bytes.len())?;
    let of_parts = sections.iter().map(|section| section.checksum(0, &bytes[section.all()]));
    let checksum = of_parts.chain([of_head(head)]).sum::<Checksum>();
    (checksum.to_bytes() == mark[32..]).then_some(sections)
}

fn of_head(head: &[u8]) -> Checksum {
    if head.is_empty() { Checksum::default() } else { Checksum::of(HEAD_PART, head) }
}

/// A file of one state of a memory, memory-mapped, whose checksum was right.
pub(crate) struct MappedFile {
    map: Mmap,
    sections: Vec<Section>,
}

impl MappedFile {
    pub(crate) fn open<L: Layout>(path: &Path, layout: &L, digest: &Digest) -> Option<Self> {
        let file = platform::read_regular(path).ok()?;
        // Reading a head first spares mapping what belongs to another state.
        if !file_belongs(&file, digest).ok()? {
            return None;
        }
        // SAFETY: the mapping is read-only, and vismem never shortens the file: a new one takes its name instead. A
        // writer that adds rewrites what belongs to other rows with the bytes that it has, and what belongs to rows that
        // this reader's snapshot does not hold is masked out; once one has forgotten, the reader is told that it is
        // outdated. Other programs are as they are for `vectors.f32`.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let sections = check(&map, layout, digest)?;
        Some(Self { map, sections })
    }

    pub(crate) fn head<L: Layout>(&self) -> &[u8] {
        &self.map[MARK..MARK + L::HEAD]
    }

    pub(crate) fn section(&self, section: usize) -> &[u8] {
        &self.map[self.sections[section].all()]
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }
}

/// Whether a file says that it belongs to `digest`. It may be damaged.
pub(crate) fn belongs(path: &Path, digest: &Digest) -> bool {
    platform::read_regular(path).and_then(|file| file_belongs(&file, digest)).unwrap_or(false)
}

fn file_belongs(file: &File, digest: &Digest) -> io::Result<bool> {
    let mut found = [0; 32];
    file.read_exact_at(&mut found, 0)?;
    Ok(found == *digest.as_bytes())
}

/// What belonged to the state `before` belongs to `after`, to which it fits as it is.
pub(crate) fn follow(path: &Path, before: &Digest, after: &Digest) {
    let write = || -> io::Result<()> {
        let file = platform::change_regular(path)?;
        if file_belongs(&file, before)? { file.write_all_at(after.as_bytes(), 0) } else { Ok(()) }
    };
    // What belongs to another state is not used, so that nothing is lost where this fails.
    let _ = write();
}

/// A file as of one state of the memory, and what has changed since. Little is written before it is finished, and what is
/// written belongs to nothing until then.
pub(crate) struct GroupedFile {
    file: File,
    checksum: Checksum,
    head: Vec<u8>,
    sections: Vec<Section>,
    /// Parts that have changed, by section, and the checksum that each had.
    changed: BTreeMap<(usize, usize), (Checksum, Vec<u8>)>,
    held: usize,
    is_marked: bool,
}

impl GroupedFile {
    /// A new file with this head. Its parts are to be [appended](GroupedFile::append).
    pub(crate) fn create(file: File, head: Vec<u8>, sections: Vec<Section>) -> io::Result<Self> {
        file.write_all_at(&[0; MARK], 0)?;
        file.write_all_at(&head, MARK as u64)?;
        let checksum = of_head(&head);
        Ok(Self { file, checksum, head, sections, changed: BTreeMap::new(), held: 0, is_marked: true })
    }

    /// The file, to be changed; `None` where there is none that belongs to `digest`.
    pub(crate) fn open<L: Layout>(path: &Path, layout: &L, digest: &Digest) -> io::Result<Option<Self>> {
        let file = match platform::change_regular(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut start = vec![0; MARK + L::HEAD];
        file.read_exact_at(&mut start, 0)?;
        let head = start.split_off(MARK);
        let Some(sections) = layout.sections(&head, file.metadata()?.len() as usize) else { return Ok(None) };
        if start[..32] != *digest.as_bytes() {
            return Ok(None);
        }
        let checksum = Checksum::from_bytes(start[32..].first_chunk().expect("the second half of the mark"));
        Ok(Some(Self { file, checksum, head, sections, changed: BTreeMap::new(), held: 0, is_marked: false }))
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(crate) fn section(&self, section: usize) -> &Section {
        &self.sections[section]
    }

    /// A section's parts, as they stand in the file.
    pub(crate) fn map(&self, section: usize) -> io::Result<Mmap> {
        let range = self.sections[section].all();
        let mut options = MmapOptions::new();
        options.offset(range.start as u64).len(range.len());
        // SAFETY: the mapping is read-only, and nobody else writes: the file has no name yet, or the writer's lock is
        // held. Its user does not change the file while it looks. Nobody shortens the file: a new one takes its name
        // instead. Other programs are as they are for `vectors.f32`.
        unsafe { options.map(&self.file) }
    }

    /// Changes the head.
    pub(crate) fn set_head(&mut self, head: Vec<u8>) {
        self.checksum = self.checksum.minus(of_head(&self.head)).plus(of_head(&head));
        self.head = head;
    }

    /// Adds whole parts behind the last one of a section, and writes them.
    pub(crate) fn append(&mut self, section: usize, bytes: &[u8]) -> io::Result<()> {
        let Self { file, sections, checksum, .. } = self;
        let section = &mut sections[section];
        file.write_all_at(bytes, section.range(section.count).start as u64)?;
        *checksum = checksum.plus(section.checksum(section.count, bytes));
        section.count += bytes.len() / section.part;
        Ok(())
    }

    /// A part; zeros where there is none yet.
    pub(crate) fn read(&self, section: usize, part: usize) -> io::Result<Vec<u8>> {
        if let Some((_, bytes)) = self.changed.get(&(section, part)) {
            return Ok(bytes.clone());
        }
        let section = &self.sections[section];
        let mut bytes = vec![0; section.part];
        if part < section.count {
            self.file.read_exact_at(&mut bytes, section.range(part).start as u64)?;
        }
        Ok(bytes)
    }

    /// Puts bytes in the place of a part's; one behind the last is new.
    pub(crate) fn write(&mut self, section: usize, part: usize, bytes: Vec<u8>) -> io::Result<()> {
        let before = match self.changed.get(&(section, part)) {
            Some((before, _)) => *before,
            None => {
                let old = self.read(section, part)?;
                let section = &mut self.sections[section];
                self.held += section.part;
                if part < section.count {
                    Checksum::of(section.number + part, &old)
                } else {
                    section.count = part + 1;
                    Checksum::default()
                }
            }
        };
        self.changed.insert((section, part), (before, bytes));
        if self.held > HELD { self.flush() } else { Ok(()) }
    }

    /// Changes bytes of a part in their place.
    pub(crate) fn change(&mut self, section: usize, part: usize, change: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut bytes = self.read(section, part)?;
        change(&mut bytes);
        self.write(section, part, bytes)
    }

    /// From now on it belongs to nothing.
    pub(crate) fn mark(&mut self) -> io::Result<()> {
        if !self.is_marked {
            self.file.write_all_at(&[0; 32], 0)?;
            self.is_marked = true;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.mark()?;
        self.held = 0;
        for ((section, part), (before, bytes)) in std::mem::take(&mut self.changed) {
            let section = &self.sections[section];
            self.file.write_all_at(&bytes, section.range(part).start as u64)?;
            self.checksum = self.checksum.minus(before).plus(Checksum::of(section.number + part, &bytes));
        }
        Ok(())
    }

    /// Writes what was changed; the file belongs to `digest` then.
    pub(crate) fn finish(&mut self, digest: &Digest) -> io::Result<()> {
        self.flush()?;
        let rest = [&self.checksum.to_bytes()[..], &self.head].concat();
        self.file.write_all_at(&rest, 32)?;
        self.file.write_all_at(digest.as_bytes(), 0)?;
        self.is_marked = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::digest::DigestState;

    /// A head of 8 bytes, three parts of 4 bytes, then parts of 2.
    struct Toy;

    impl Layout for Toy {
        const HEAD: usize = 8;

        fn sections(&self, _: &[u8], length: usize) -> Option<Vec<Section>> {
            let first = Section { at: 72, part: 4, count: 3, number: 1 << 61 };
            let second = Section { at: 84, part: 2, count: length.checked_sub(84)? / 2, number: 0 };
            length.is_multiple_of(2).then(|| vec![first, second])
        }
    }

    #[test]
    fn a_changed_file_is_the_one_that_is_written_anew_and_no_changed_byte_goes_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("toy");
        let digest = DigestState::empty().digest();
        let create = |head: &[u8], firsts: &[u8], seconds: &[u8]| {
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
            let mut sections = Toy.sections(head, 84).unwrap();
            sections[0].count = 0;
            let mut file = GroupedFile::create(file, head.to_vec(), sections).unwrap();
            file.append(0, firsts).unwrap();
            file.append(1, seconds).unwrap();
            assert!(MappedFile::open(&path, &Toy, &digest).is_none(), "not finished");
            file.finish(&digest).unwrap();
            std::fs::read(&path).unwrap()
        };
        let anew = create(b"headhead", b"aaaabbbbcccc", b"ddeeff");
        create(b"HEADhead", b"aaaaBBBBcccc", b"dd");
        let mut file = GroupedFile::open(&path, &Toy, &digest).unwrap().unwrap();
        file.set_head(b"headhead".to_vec());
        file.write(0, 1, b"xxxx".to_vec()).unwrap();
        file.change(0, 1, |part| part.copy_from_slice(b"bbbb")).unwrap();
        file.write(1, 1, b"ee".to_vec()).unwrap();
        file.flush().unwrap();
        file.change(1, 2, |part| part.copy_from_slice(b"ff")).unwrap();
        file.finish(&digest).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), anew);
        let mapped = MappedFile::open(&path, &Toy, &digest).unwrap();
        assert_eq!((mapped.head::<Toy>(), mapped.section(1)), (&b"headhead"[..], &b"ddeeff"[..]));
        for at in 0..anew.len() {
            let mut bytes = anew.clone();
            bytes[at] ^= 0x41;
            assert!(check(&bytes, &Toy, &digest).is_none(), "byte {at}");
        }
    }
}
