//! Archives of pictures, `.zip`, `.tar`, `.tar.gz` and `.tar.zst`: folders that were packed, and WebDataset's shards. Nothing
//! is unpacked to disk. An archive is gone through twice: for the names and the labels, which may stand behind their
//! pictures, and for the pictures.

mod ahead;
mod beside;
mod samples;
mod tar;
mod zip;

use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

use self::beside::Rules;
use crate::dataset::{Dataset, Reader};
use crate::error::{Field, ReadError, ResolveError};
use crate::picture::{Fault, has_extension, is_named_like_a_picture};
use crate::{Result, file_kind, regular_file};

/// The most bytes of a picture in an archive that are read; what is larger fails as a picture does.
pub(crate) const LARGEST: u64 = 1 << 28;

/// The most bytes of a file that may tell a label.
const LARGEST_LABEL: u64 = 1 << 20;

/// How an archive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the mark of its end, or before it because nobody wanted more.
    Marked,
    /// Without: it was cut between two files, or its writer leaves the mark out.
    Unmarked,
}

/// A file in an archive.
struct Member {
    name: PathBuf,
    /// Its bytes, or why there are none.
    bytes: std::result::Result<Vec<u8>, Fault>,
}

/// What an archive is asked for of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// No more than that it is there.
    Name,
    /// Its bytes, of up to so many.
    Bytes(u64),
}

/// How an archive is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Zip,
    Tar(Compression),
}

/// How a tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstandard,
}

/// The ends of names of archives that are not read here.
const OTHER_KINDS: [&str; 12] = ["bz2", "tbz", "tbz2", "xz", "txz", "lzma", "lz4", "7z", "rar", "gz", "zst", "z"];

/// The beginnings of files of archives that are not read here, and what they are.
const OTHER_BEGINNINGS: [(&[u8], &str); 5] = [
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
];

impl Packing {
    /// As the name says.
    fn of(path: &Path) -> Option<Self> {
        let is_tar = || path.file_stem().is_some_and(|stem| has_extension(stem.as_ref(), "tar"));
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "zip" => Some(Self::Zip),
            "tar" => Some(Self::Tar(Compression::None)),
            "tgz" => Some(Self::Tar(Compression::Gzip)),
            "tzst" => Some(Self::Tar(Compression::Zstandard)),
            "gz" if is_tar() => Some(Self::Tar(Compression::Gzip)),
            "zst" if is_tar() => Some(Self::Tar(Compression::Zstandard)),
            _ => None,
        }
    }

    /// As the first bytes say, else as the name says: files are renamed, and browsers unpack `.tar.gz` without a word.
    fn in_file(path: &Path, file: &mut File) -> Result<Self> {
        let start = beginning(file).map_err(ReadError::io("read", path))?;
        if let Some((_, what)) = OTHER_BEGINNINGS.iter().find(|(beginning, _)| start.starts_with(beginning)) {
            return Err(other_kind(path, what));
        }
        Ok(match start[..] {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0x1f, 0x8b, ..] => Self::Tar(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Tar(Compression::Zstandard),
            _ if start.get(257..262) == Some(b"ustar") => Self::Tar(Compression::None),
            _ => Self::of(path).unwrap_or(Self::Tar(Compression::None)),
        })
    }
}

fn beginning(file: &mut File) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(512).read_to_end(&mut start)?;
    io::Seek::rewind(file)?;
    Ok(start)
}

fn other_kind(path: &Path, what: &str) -> ReadError {
    let what = format!("is {what}, which is not read here; unpack it, or pack it as .zip, .tar, .tar.gz or .tar.zst");
    ReadError::content(path, what)
}

pub(crate) fn is_named_like_one(path: &Path) -> bool {
    Packing::of(path).is_some()
}

/// Says of a file that is named as no picture, if it is an archive of a kind that is not read here.
pub(crate) fn refuse_other_kinds(path: &Path) -> Result<()> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) if OTHER_KINDS.contains(&extension.to_ascii_lowercase().as_str()) => {
            Err(other_kind(path, "an archive or a packed file"))
        }
        _ => Ok(()),
    }
}

/// Opens an archive as a data set. Its beginning is looked at now, its files when it is their turn.
pub(crate) fn open(path: &Path, reader: &Reader<'_>) -> Result<Dataset> {
    let packing = check(path)?;
    reader.survey.apply(&[Field::LabelColumn, Field::Attributes]);
    let (archive, rules) = (path.to_owned(), Rules::of(reader));
    // A data set may have more archives than a process may have open files.
    let pictures = iter::once_with(move || samples::pictures(archive, packing, &rules)).flatten();
    Ok(Dataset::streamed(pictures, None))
}

/// Sees that there is something to read, and how it is packed.
fn check(path: &Path) -> Result<Packing> {
    let (mut file, len) = regular_file::open(path, "an archive")?;
    if len == 0 {
        return Err(ReadError::nothing(path, "the archive is empty (0 bytes); delete it or fetch it again"));
    }
    let packing = Packing::in_file(path, &mut file)?;
    if packing == Packing::Zip {
        zip::open(path)?;
    }
    Ok(packing)
}

/// Goes through the files of an archive, in the order in which they are packed, until `take` breaks. What is not wanted comes
/// without bytes.
///
/// # Errors
/// Where the archive cannot be read on.
fn visit(
    path: &Path,
    packing: Packing,
    want: &dyn Fn(&Path) -> Want,
    take: &mut dyn FnMut(Member) -> ControlFlow<()>,
) -> std::result::Result<End, Fault> {
    match packing {
        Packing::Zip => zip::visit(path, want, take).map(|()| End::Marked),
        Packing::Tar(compression) => tar::visit(path, compression, want, take),
    }
}

fn is_picture(name: &Path) -> bool {
    is_named_like_a_picture(name) && file_kind::hidden_part(name).is_none()
}

/// The bytes of one file of up to `largest` bytes, in an archive that goes by the name `called`.
pub(crate) fn read(
    path: &Path,
    called: &Path,
    wanted: &Path,
    largest: u64,
) -> std::result::Result<Vec<u8>, ResolveError> {
    let (mut file, _) = regular_file::open(path, "an archive")?;
    match Packing::in_file(called, &mut file)? {
        Packing::Zip => zip::read(path, wanted, largest),
        Packing::Tar(compression) => tar::read(path, compression, wanted, largest),
    }
}

/// All of a file, if it is not larger than it may be.
fn whole(file: &mut impl Read, archive: &Path, largest: u64) -> std::result::Result<Vec<u8>, ResolveError> {
    let mut bytes = Vec::new();
    file.take(largest.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| damaged(archive, error))?;
    if bytes.len() as u64 > largest { Err(ResolveError::TooLarge { limit: largest }) } else { Ok(bytes) }
}

fn damaged(archive: &Path, error: impl Into<io::Error>) -> ResolveError {
    ReadError::io("read", archive)(error.into()).into()
}

/// Why a name is not to be trusted: it leads out of the archive.
fn escape(name: &Path) -> Option<&'static str> {
    let leads_out = |part| !matches!(part, Component::Normal(_) | Component::CurDir);
    name.components().any(leads_out).then_some("its name leads out of the archive, it is refused; pack it again")
}

const LINK: &str = "is a link, and links in archives are not followed; pack the picture itself";

pub(crate) fn too_large(limit: u64) -> Fault {
    format!("is larger than {} MiB, the limit in an archive or a table; unpack it", limit >> 20).into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::dataset::Wanted;
    use crate::picture::LabelledPicture;
    use crate::request::Reading;
    use crate::survey::About;

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = ::tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A zip of stored files, whose names are these bytes.
    fn zip(files: &[(&[u8], &str)]) -> Vec<u8> {
        let (mut local, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in files {
            let (offset, len) = (local.len() as u32, content.len() as u32);
            let checksum = {
                let mut crc = flate2::Crc::new();
                crc.update(content.as_bytes());
                crc.sum()
            };
            let common = |out: &mut Vec<u8>| {
                out.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
                out.extend([checksum, len, len].iter().flat_map(|number| number.to_le_bytes()));
                out.extend((name.len() as u16).to_le_bytes());
                out.extend([0, 0]);
            };
            local.extend(b"PK\x03\x04");
            common(&mut local);
            local.extend(*name);
            local.extend(content.as_bytes());
            directory.extend(b"PK\x01\x02\x14\x00");
            common(&mut directory);
            directory.extend([0; 10]);
            directory.extend(offset.to_le_bytes());
            directory.extend(*name);
        }
        let (at, len, count) = (local.len() as u32, directory.len() as u32, files.len() as u16);
        let mut zip = [local, directory, b"PK\x05\x06\0\0\0\0".to_vec()].concat();
        zip.extend([count, count].iter().flat_map(|number| number.to_le_bytes()));
        zip.extend([len, at].iter().flat_map(|number| number.to_le_bytes()));
        zip.extend([0, 0]);
        zip
    }

    struct Packed {
        folder: tempfile::TempDir,
        path: PathBuf,
    }

    fn packed(name: &str, bytes: &[u8]) -> Packed {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Packed { folder, path }
    }

    impl Packed {
        /// Name within the archive, and the label or why there is none.
        fn pictures(&self) -> Vec<(String, String)> {
            let reading = Reading::default();
            let dataset = open(&self.path, &Reader::new(&reading, Wanted::OneLabel).unwrap()).unwrap();
            let told = |picture: LabelledPicture| {
                let name = picture.path.strip_prefix(self.folder.path()).unwrap().display().to_string();
                let label = match picture.bytes {
                    Some(Err(fault)) => fault.reason,
                    _ => picture.label,
                };
                (name.split_once('#').map_or(name.clone(), |(_, name)| name.to_owned()), label)
            };
            dataset.pictures.map(told).collect()
        }

        fn refusal(&self) -> String {
            let reading = Reading::default();
            open(&self.path, &Reader::new(&reading, Wanted::OneLabel).unwrap()).err().unwrap().to_string()
        }
    }

    fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned())).collect()
    }

    const CATS: [(&str, &str); 4] = [("a/1.png", "1"), ("a/2.png", "2"), ("a/1.cls", "cat"), ("a/2.cls", "dog")];

    #[test]
    fn labels_may_stand_anywhere_in_an_archive_however_it_is_packed_and_called() {
        let (expected, tar) = (named(&[("a/1.png", "cat"), ("a/2.png", "dog")]), tar(&CATS));
        let files = CATS.map(|(name, content)| (name.as_bytes(), content));
        for (name, bytes) in [
            ("plain.tar", tar.clone()),
            ("packed.tar.gz", gzipped(&tar)),
            ("packed.tgz", gzipped(&tar)),
            ("packed.tar.zst", zstd::encode_all(&*tar, 1).unwrap()),
            ("unpacked_by_a_browser.tar.gz", tar.clone()),
            ("packed_without_saying.tar", gzipped(&tar)),
            ("plain.zip", zip(&files)),
            ("zip_called.tar", zip(&files)),
        ] {
            assert_eq!(packed(name, &bytes).pictures(), expected, "{name}");
        }
    }

    #[test]
    fn archives_that_were_joined_are_read_to_the_end() {
        let (first, second) = (tar(&[("cat/1.png", "1")]), tar(&[("dog/2.png", "2")]));
        let expected = named(&[("cat/1.png", "cat"), ("dog/2.png", "dog")]);
        assert_eq!(packed("joined.tar", &[first.clone(), second.clone()].concat()).pictures(), expected);
        assert_eq!(packed("joined.tar.gz", &[gzipped(&first), gzipped(&second)].concat()).pictures(), expected);
    }

    #[test]
    fn what_is_cut_off_takes_no_label_from_the_folder() {
        let whole = tar(&[("a/1.cls", "cat"), ("a/1.png", "1"), ("a/2.png", "2"), ("a/2.cls", "dog")]);
        let cut = packed("cut.tar", &whole[..512 * 6 + 100]).pictures();
        assert_eq!(cut[0], ("a/1.png".to_owned(), "cat".to_owned()));
        assert!(cut[1].1.contains("its label may be in the part"), "{cut:?}");
    }

    #[test]
    fn a_second_picture_of_one_name_fails_because_its_name_finds_the_first() {
        let found = packed("twice.tar", &tar(&[("cat/1.png", "1"), ("cat/1.png", "2")])).pictures();
        assert_eq!(found[0].1, "cat");
        assert!(found[1].1.contains("an earlier file of the archive has the same name"), "{found:?}");
    }

    #[test]
    fn names_in_a_zip_are_the_same_whoever_wrote_it_and_find_their_pictures() {
        for (name, picture, label) in [
            (&b"data\\cat\\1.png"[..], "data/cat/1.png", "cat"),
            (b"data/cat\\1.png", "data/cat/1.png", "cat"),
            (b"caf\x82/1.png", "café/1.png", "café"),
            ("cafe\u{301}/1.png".as_bytes(), "cafe\u{301}/1.png", "café"),
        ] {
            let zip = packed("names.zip", &zip(&[(name, "bytes")]));
            assert_eq!(zip.pictures(), named(&[(picture, label)]));
            for called in [Path::new(picture).to_owned(), crate::platform::os_string(name.to_vec()).into()] {
                assert_eq!(read(&zip.path, &zip.path, &called, 100).unwrap(), b"bytes");
            }
        }
    }

    #[test]
    fn archives_of_other_kinds_are_named() {
        for (name, start, words) in [
            ("a.tar.gz", &b"BZh91AY"[..], "compressed with bzip2"),
            ("a.tar", b"\xfd7zXZ\0\0", "compressed with xz"),
            ("a.zip", b"Rar!\x1a", "a RAR archive"),
            ("a.zip", b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        ] {
            let refusal = packed(name, start).refusal();
            assert!(refusal.contains(words) && refusal.contains("pack it as .zip"), "{refusal}");
        }
        for name in ["a.tar.bz2", "a.txz", "a.7z", "a.RAR", "a.gz"] {
            assert!(refuse_other_kinds(Path::new(name)).is_err(), "{name}");
        }
        refuse_other_kinds(Path::new("a.png")).unwrap();
    }

    #[test]
    fn records_between_files_that_go_on_and_on_are_refused_before_they_fill_the_memory() {
        let mut header = ::tar::Header::new_ustar();
        header.set_path("long").unwrap();
        header.set_entry_type(::tar::EntryType::XHeader);
        header.set_size(1 << 30);
        header.set_cksum();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(header.as_bytes()).unwrap();
        let zeros = vec![b'1'; 1 << 20];
        (0..80).for_each(|_| encoder.write_all(&zeros).unwrap());
        let found = packed("bomb.tar.gz", &encoder.finish().unwrap()).pictures();
        assert!(found[0].1.contains("too much lies between two files"), "{found:?}");
    }

    #[test]
    fn a_file_that_is_stored_without_its_holes_is_named_and_refused() {
        let mut tar = ::tar::Builder::new(Vec::new());
        let records = [("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", b"cat/1.png")];
        tar.append_pax_extensions(records).unwrap();
        let mut header = ::tar::Header::new_ustar();
        header.set_size(3);
        tar.append_data(&mut header, "cat/GNUSparseFile.7/1.png", &b"0\n\n"[..]).unwrap();
        let found = packed("sparse.tar", &tar.into_inner().unwrap()).pictures();
        assert!(found[0].0 == "cat/1.png" && found[0].1.contains("PAX sparse"), "{found:?}");
    }

    #[test]
    fn a_tar_that_is_cut_between_two_files_is_told_from_a_whole_one() {
        let whole = tar(&CATS);
        // Each file takes two blocks; the last two are the mark of the end.
        let of_blocks = |blocks: usize| whole[..blocks * 512].to_vec();
        let notes = |name: &str, bytes: &[u8]| {
            let packed = packed(name, bytes);
            let reading = Reading::default();
            let reader = Reader::new(&reading, Wanted::OneLabel).unwrap();
            let count = open(&packed.path, &reader).unwrap().pictures.count();
            (count, reader.survey.notes().into_iter().map(|note| note.about).collect::<Vec<_>>())
        };
        let joined = [tar(&CATS[..2]), tar(&CATS[2..])].concat();
        for bytes in [whole.clone(), of_blocks(9), [whole.clone(), vec![0; 9 * 512]].concat(), joined] {
            assert_eq!(notes("a.tar", &bytes), (2, vec![]));
            assert_eq!(notes("a.tar.gz", &gzipped(&bytes)), (2, vec![]));
        }
        for bytes in [of_blocks(8), of_blocks(6)] {
            assert_eq!(notes("a.tar", &bytes), (2, vec![About::ArchiveWithoutEnd]));
            assert_eq!(notes("a.tar.gz", &gzipped(&bytes)), (2, vec![About::ArchiveWithoutEnd]));
        }
        // The label of the second picture may have been in what is missing, so its folder is none.
        let cut = packed("a.tar", &of_blocks(6)).pictures();
        assert_eq!(cut[0], ("a/1.png".to_owned(), "cat".to_owned()));
        assert!(cut[1].1.contains("part of the archive that cannot be read"), "{cut:?}");
    }

    #[test]
    fn a_picture_behind_a_password_is_named_with_what_mends_it() {
        let mut bytes = zip(&[(b"cat/1.png", "1"), (b"cat/2.png", "2")]);
        // The flag of encryption in the entry of the first file, and in the directory.
        let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        bytes[6] |= 1;
        bytes[directory + 8] |= 1;
        let pictures = packed("locked.zip", &bytes).pictures();
        assert_eq!(pictures[0].1, "is locked by a password; pack the archive without one");
        assert_eq!(pictures[1], ("cat/2.png".to_owned(), "cat".to_owned()));
    }

    #[test]
    fn files_of_a_zip_that_lie_in_one_place_are_read_once() {
        let whole = zip(&[(b"cat/1.png", "picture"), (b"cat/2.png", "picture")]);
        // The directory says of the second file that it lies where the first does.
        let entries: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"PK\x01\x02")).collect();
        let mut bytes = whole.clone();
        bytes[entries[1] + 42..entries[1] + 46].fill(0);
        let pictures = packed("overlapping.zip", &bytes).pictures();
        let faults = pictures.iter().filter(|(_, label)| label.contains("lies where another file")).count();
        assert_eq!((pictures.len(), faults), (2, 1), "{pictures:?}");
    }
}
