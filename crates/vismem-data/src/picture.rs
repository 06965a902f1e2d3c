//! A picture of a data set.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};

use vismem::{Attributes, Source};

use crate::error::{Field, Remedy};

/// A picture that is to be read, with what its data set says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledPicture {
    /// Its file; or what holds it and its name there: `shard.tar#cat/1.jpg`, `train.parquet#17`.
    pub path: PathBuf,
    /// Its bytes, if it has no file of its own; or why there are none.
    pub bytes: Option<Result<Vec<u8>, Fault>>,
    /// What it shows.
    pub label: String,
    /// Where it comes from, if its manifest says that: any text, instead of the path.
    pub source: Option<String>,
    /// What else its data set says of it.
    pub attributes: Attributes,
}

/// Why something that was to be a picture is none, or has no label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The reason, in words.
    pub reason: String,
    /// What would mend it, if that is not said by the reason.
    pub remedy: Option<Remedy>,
    /// How many pictures are lost by it.
    pub pictures: u64,
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self { reason, remedy: None, pictures: 1 }
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl Fault {
    /// A reason that a label would mend.
    pub(crate) fn unlabelled(reason: &str) -> Self {
        Self::from(reason).with_remedy(Remedy::Say(Field::Label))
    }

    pub(crate) fn with_remedy(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl LabelledPicture {
    /// A picture in a file of its own.
    pub fn file(path: PathBuf, label: String) -> Self {
        Self { path, bytes: None, label, source: None, attributes: Attributes::default() }
    }

    /// Something that was to be a picture, and why it is none.
    pub fn missing(path: PathBuf, fault: impl Into<Fault>) -> Self {
        Self { bytes: Some(Err(fault.into())), ..Self::file(path, String::new()) }
    }

    /// What an exemplar of this picture names as its source: what the data set says, as it says it; else the picture's
    /// path. That one is absolute, so that the picture is found again from whatever folder the memory is asked in.
    ///
    /// A source is only a name. What opens the picture again is
    /// [`SourceResolver`](crate::SourceResolver), which decides whether it may.
    ///
    /// # Errors
    /// When the path is relative and the current folder is not known.
    pub fn source(&self) -> io::Result<Source> {
        match &self.source {
            Some(source) => Ok(Source::from(source)),
            None => absolute(&self.path).map(Source::from),
        }
    }
}

#[cfg(feature = "encode")]
impl vismem_encode::Input for LabelledPicture {
    fn picture(&self) -> vismem_encode::Picture<'_> {
        match &self.bytes {
            None => vismem_encode::Picture::File(&self.path),
            Some(Ok(bytes)) => vismem_encode::Picture::Bytes(&self.path, bytes),
            Some(Err(fault)) => vismem_encode::Picture::Missing(&self.path, &fault.reason),
        }
    }

    fn release(&mut self) {
        if let Some(Ok(bytes)) = &mut self.bytes {
            *bytes = Vec::new();
        }
    }
}

/// The path from the root on, without `.` and `..`: the one name under which a picture is known, however it is reached.
/// Links are not followed but before a `..`, which leads out of where they lead to.
///
/// # Errors
/// When the current folder is not known, or what is before a `..` cannot be found.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let parts: Vec<_> = path.components().collect();
    let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else { return Ok(path) };
    let turning: PathBuf = parts[..=last].iter().collect();
    Ok(turning.canonicalize()?.join(parts[last + 1..].iter().collect::<PathBuf>()))
}

/// Whether the file name ends in `.extension`, whatever its case.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// File names that are taken for pictures; what they are is decided by their content. Those of the last line cannot be
/// read, but cameras and telephones write them, and to pass over them would hide that.
pub(crate) const PICTURE_EXTENSIONS: [&str; 22] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "dib", "tif",
    "tiff", // formats of many programs
    "ppm", "pgm", "pbm", "pnm", "pam", // Netpbm's
    "heic", "heif", "avif", "jxl", "jp2",
];

/// Whether a file is taken for a picture: by its name alone.
pub(crate) fn is_named_like_a_picture(path: &Path) -> bool {
    PICTURE_EXTENSIONS.iter().any(|known| has_extension(path, known))
}

/// The most bytes of a picture unless something else is said. Decoders refuse less than that.
pub(crate) const LARGEST: u64 = 1 << 30;

/// The name of something in an archive or a table.
pub(crate) fn name_inside(file: &Path, name: impl AsRef<OsStr>) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push("#");
    path.push(name);
    path.into()
}
