//! What lies beside the pictures of an archive and tells their labels: `.cls`, `.json`, `.txt`, as WebDataset has them.
//!
//! Its samples are files that have the same name up to the first dot. Names of files have dots of their own, though, so the
//! file that belongs to a picture is the one that has its whole name, `v1.0_7.cls` for `v1.0_7.png`; else the one whose name
//! the picture's goes on from, `7.cls` for `7.left.png`; else the only one of its sample that belongs to no other picture,
//! `7.class.txt` for `7.image.png`.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vismem::Attributes;

use super::{LARGEST_LABEL, Member, Want};
use crate::attributes::{self, Chosen};
use crate::dataset::Reader;
use crate::file_kind::{self, HIDDEN};
use crate::label::{Classes, Written};
use crate::picture::{Fault, has_extension, is_named_like_a_picture};
use crate::survey::{About, Survey};
use crate::{platform, text};

/// Files that may have the label, best first.
const LABELS: [&str; 5] = ["cls", "label", "class", "json", "txt"];

/// Keys of a JSON object that may have the label, best first, unless the user names one.
const KEYS: [&str; 4] = ["label", "cls", "class", "label_name"];

/// What an archive's names and labels may take in memory, in bytes. Ten million files with short names fit.
const LARGEST_DIRECTORY: usize = 1 << 29;

/// What a name or a label takes besides its bytes.
const OVERHEAD: usize = 48;

/// How labels are found.
#[derive(Clone)]
pub(super) struct Rules {
    /// The label of every picture, where they have one.
    label: Option<String>,
    key: Option<String>,
    attributes: Chosen,
    classes: Classes,
    survey: Survey,
}

/// What a file beside a picture says.
#[derive(Debug, Clone, Default)]
struct Told {
    /// The place of the file's kind in [`LABELS`], and the label.
    label: Option<(usize, Result<String, Fault>)>,
    attributes: Option<Result<Attributes, Fault>>,
}

/// The names of an archive, and what its files tell of labels.
pub(super) struct Beside {
    rules: Rules,
    told: HashMap<Box<[u8]>, Told>,
    /// The names of pictures, and of them what is before the last dot.
    pictures: HashSet<Box<[u8]>>,
    stems: HashSet<Box<[u8]>>,
    /// For each sample the files that tell a label and belong to no picture by their names: the only one, or none if there
    /// are several.
    of_sample: HashMap<Box<[u8]>, Option<Box<[u8]>>>,
    /// Hidden files and folders that were met.
    hidden: HashSet<PathBuf>,
    /// About how many bytes all of it takes.
    bytes: usize,
    /// Whether the archive could be read to its end.
    is_whole: bool,
}

impl Rules {
    pub fn of(reader: &Reader<'_>) -> Self {
        Self {
            label: reader.one_label(),
            key: reader.reading.label_column.clone(),
            attributes: Chosen::of(reader),
            classes: reader.classes.clone(),
            survey: reader.survey.clone(),
        }
    }

    /// Whether nothing beside a picture is of interest.
    fn need_nothing(&self) -> bool {
        self.label.is_some() && self.attributes.is_none()
    }

    /// What is wanted of a file on the way through an archive for its names and labels.
    pub fn want(&self, name: &Path) -> Want {
        let is_label = kind_of_label(name).is_some() && file_kind::hidden_part(name).is_none();
        if is_label && !self.need_nothing() { Want::Bytes(LARGEST_LABEL) } else { Want::Name }
    }

    fn told(&self, kind: usize, member: &Member) -> Told {
        let name = member.name.display();
        let bytes = member.bytes.as_deref().map_err(|fault| Fault::from(format!("{name}: {fault}")));
        if LABELS[kind] == "json" {
            let parsed = bytes.and_then(|bytes| {
                serde_json::from_slice(text::without_mark(bytes))
                    .map_err(|error| format!("{name}: is not JSON: {error}").into())
            });
            let label = match &parsed {
                Ok(value) => {
                    self.label_in_json(value).map(|label| label.map_err(|fault| format!("{name}: {fault}").into()))
                }
                Err(fault) => Some(Err(fault.clone())),
            };
            return Told { label: label.map(|label| (kind, label)), attributes: self.attributes_in(&parsed) };
        }
        let label = bytes.and_then(|bytes| {
            let text = str::from_utf8(bytes).map_err(|_| Fault::from(format!("{name}: is not UTF-8")))?;
            if LABELS[kind] == "txt" && has_boxes(text) {
                return Ok(None);
            }
            let label = self.classes.label(text, "label");
            label.map(Some).map_err(|fault| format!("{name}: {fault}").into())
        });
        Told { label: label.transpose().map(|label| (kind, label)), attributes: None }
    }

    /// The label in a sample's JSON. Metadata without a label is common, and no fault unless the user has named the key.
    fn label_in_json(&self, value: &Value) -> Option<Result<String, Fault>> {
        let (key, value) = match &self.key {
            Some(key) => match value.get(key) {
                Some(value) => (key.as_str(), value),
                None => return Some(Err(format!("has no {key}").into())),
            },
            None => KEYS.iter().find_map(|key| Some((*key, value.get(key)?)))?,
        };
        Some(self.classes.label(Written::from(value), key))
    }

    /// What else a sample's JSON says.
    fn attributes_in(&self, json: &Result<Value, Fault>) -> Option<Result<Attributes, Fault>> {
        if self.attributes.is_none() {
            return None;
        }
        let is_label = |name: &str| self.key.as_ref().map_or(KEYS.contains(&name), |key| key == name);
        Some(match json {
            Ok(Value::Object(object)) => attributes::of_json(object, &self.attributes, is_label),
            Ok(_) => Ok(Attributes::default()),
            Err(fault) => Err(fault.clone()),
        })
    }
}

impl Beside {
    pub fn new(rules: &Rules) -> Self {
        Self {
            rules: rules.clone(),
            told: HashMap::new(),
            pictures: HashSet::new(),
            stems: HashSet::new(),
            of_sample: HashMap::new(),
            hidden: HashSet::new(),
            bytes: 0,
            is_whole: true,
        }
    }

    /// Takes a file of the archive, with its bytes if it may have a label. Ends where there is too much to hold.
    pub fn take(&mut self, member: &Member) -> ControlFlow<()> {
        let name = platform::bytes(member.name.as_os_str());
        if let Some(hidden) = file_kind::hidden_part(&member.name) {
            self.bytes += OVERHEAD;
            if self.hidden.insert(hidden) {
                self.rules.survey.pass_over(HIDDEN);
            }
        } else if is_named_like_a_picture(&member.name) {
            self.bytes += 2 * (name.len() + OVERHEAD);
            self.pictures.insert(name.into());
            self.stems.insert(stem(name).into());
        } else if let Some(kind) = kind_of_label(&member.name) {
            if self.rules.need_nothing() {
                return ControlFlow::Continue(());
            }
            let told = self.rules.told(kind, member);
            if LABELS[kind] == "txt" && told.label.is_none() {
                self.rules.survey.pass_over(file_kind::ending(&member.name));
            }
            self.bytes += name.len() + OVERHEAD + told.size();
            self.told.entry(stem(name).into()).or_default().merge(told);
        } else {
            self.rules.survey.pass_over(file_kind::ending(&member.name));
        }
        if self.is_too_much() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub fn is_too_much(&self) -> bool {
        self.bytes > LARGEST_DIRECTORY
    }

    pub fn has_pictures(&self) -> bool {
        !self.pictures.is_empty()
    }

    /// Everything was taken, or as much as can be read.
    pub fn end(mut self, is_whole: bool) -> Self {
        self.is_whole = is_whole;
        for stem in self.told.keys().filter(|stem| !self.stems.contains(*stem)) {
            let only = self.of_sample.entry(sample(stem).into()).or_insert_with(|| Some(stem.clone()));
            if only.as_ref() != Some(stem) {
                *only = None;
            }
        }
        self
    }

    /// Whether a picture is something else of its sample, such as a mask: `7.seg.png` beside `7.png` and `7.cls`. Then it is
    /// counted as passed over.
    pub fn passes_over(&self, picture: &Path) -> bool {
        let name = platform::bytes(picture.as_os_str());
        let (own, sample) = (stem(name), sample(name));
        let is_component = sample != own
            && !self.told.contains_key(own)
            && self.told.contains_key(sample)
            && self.stems.contains(sample);
        if is_component {
            let component = String::from_utf8_lossy(&name[sample.len()..]).to_lowercase();
            self.rules.survey.pass_over(file_kind::plain(component));
        }
        is_component
    }

    /// Says that the archive ends without the mark of its end.
    pub fn note_missing_end(&self, archive: &Path) {
        self.rules.survey.note(About::ArchiveWithoutEnd, [], Some(archive));
    }

    /// Whether this is the first picture of its name.
    pub fn is_first(&mut self, picture: &Path) -> bool {
        self.pictures.remove(platform::bytes(picture.as_os_str()))
    }

    /// The label and the attributes of a picture.
    pub fn of(&self, picture: &Path) -> Result<(String, Attributes), Fault> {
        let told = if self.rules.need_nothing() { None } else { self.beside(picture)? };
        let attributes = told.and_then(|told| told.attributes.clone()).unwrap_or_else(|| Ok(Attributes::default()))?;
        let label = match (&self.rules.label, told.and_then(|told| told.label.as_ref())) {
            (Some(label), _) => label.clone(),
            (None, Some((_, label))) => label.clone()?,
            (None, None) if !self.is_whole && !self.told.is_empty() => {
                return Err("its label may be in the part of the archive that cannot be read".into());
            }
            (None, None) => folder_label(picture, &self.rules.classes)?,
        };
        Ok((label, attributes))
    }

    fn beside(&self, picture: &Path) -> Result<Option<&Told>, Fault> {
        let own = stem(platform::bytes(picture.as_os_str()));
        let sample = sample(own);
        let shorter = std::iter::successors(Some(own), |name| {
            let shorter = stem(name);
            (shorter.len() >= sample.len() && shorter.len() < name.len()).then_some(shorter)
        });
        if let Some(told) = shorter.into_iter().find_map(|name| self.told.get(name)) {
            return Ok(Some(told));
        }
        match self.of_sample.get(sample) {
            Some(Some(only)) => Ok(self.told.get(only)),
            Some(None) => Err("several files of its sample may have its label; call one as the picture".into()),
            None => Ok(None),
        }
    }
}

impl Told {
    /// What another file of the same name says as well. The best kind of file has the label.
    fn merge(&mut self, other: Self) {
        if let Some((kind, _)) = &other.label
            && self.label.as_ref().is_none_or(|(known, _)| kind < known)
        {
            self.label = other.label;
        }
        if other.attributes.is_some() {
            self.attributes = other.attributes;
        }
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let outcome = |label: &Result<String, Fault>| match label {
            Ok(label) => label.len(),
            Err(fault) => fault.reason.len(),
        };
        let attributes = self.attributes.iter().flatten().flat_map(Attributes::iter);
        let attributes: usize = attributes.map(|(name, value)| name.len() + value.to_string().len() + OVERHEAD).sum();
        self.label.as_ref().map_or(0, |(_, label)| outcome(label)) + attributes
    }
}

fn kind_of_label(name: &Path) -> Option<usize> {
    LABELS.iter().position(|extension| has_extension(name, extension))
}

/// A name without what is behind the last dot of its last part.
fn stem(name: &[u8]) -> &[u8] {
    let file = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    // A dot at the beginning is part of the name.
    match name[file..].iter().rposition(|byte| *byte == b'.') {
        Some(dot @ 1..) => &name[..file + dot],
        _ => name,
    }
}

/// A name up to the first dot in its last part, by which WebDataset knows the files of a sample.
fn sample(name: &[u8]) -> &[u8] {
    let file = name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    match name[file..].iter().skip(1).position(|byte| *byte == b'.') {
        Some(dot) => &name[..file + dot + 1],
        None => name,
    }
}

/// Whether a text has boxes or outlines rather than a label: on each line the number of a class and four or more numbers, as
/// YOLO has them.
fn has_boxes(text: &str) -> bool {
    let is_box = |line: &str| {
        let mut numbers = line.split_whitespace();
        let class = numbers.next().is_some_and(|class| class.parse::<u64>().is_ok());
        let (mut count, mut are_numbers) = (0, true);
        numbers.for_each(|number| {
            count += 1;
            are_numbers &= number.parse::<f64>().is_ok();
        });
        class && are_numbers && count >= 4
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    lines.peek().is_some() && lines.all(is_box)
}

/// The name of the folder that a picture lies in.
fn folder_label(name: &Path, classes: &Classes) -> Result<String, Fault> {
    let nowhere = "lies in no folder that could name its label, and nothing beside it does";
    let folder = name.parent().and_then(Path::file_name).ok_or_else(|| Fault::unlabelled(nowhere))?;
    let unreadable = || Fault::unlabelled("its folder's name is not UTF-8 and cannot be a label");
    classes.label(folder.to_str().ok_or_else(unreadable)?, "folder that could name its label")
}

#[cfg(test)]
mod tests {
    use super::super::is_picture;
    use super::*;
    use crate::dataset::Wanted;
    use crate::request::Reading;

    type Outcome = Result<String, String>;
    /// The label of each picture, and what was passed over.
    type Found = (Vec<(String, Outcome)>, Vec<(String, u64)>);

    /// The label of each picture of an archive of these files, and what was passed over.
    fn labels(files: &[(&str, &str)], reading: &Reading, names: &[&str]) -> Found {
        let mut reader = Reader::new(reading, Wanted::OneLabel).unwrap();
        reader.classes = Classes::new(names.iter().map(|&name| name.to_owned()).collect());
        let mut beside = Beside::new(&Rules::of(&reader));
        for (name, content) in files {
            let member = Member { name: name.into(), bytes: Ok(content.as_bytes().to_vec()) };
            assert!(beside.take(&member).is_continue());
        }
        let beside = beside.end(true);
        let pictures = files.iter().map(|(name, _)| *name).filter(|name| is_picture(Path::new(name)));
        let pictures = pictures.filter(|name| !beside.passes_over(Path::new(name)));
        let of = |name: &str| {
            let outcome = beside.of(Path::new(name));
            (name.to_owned(), outcome.map(|(label, _)| label).map_err(|fault| fault.reason))
        };
        let found = pictures.map(of).collect();
        (found, reader.survey.passed_over().into_iter().map(|passed| (passed.kind, passed.files)).collect())
    }

    fn sound(found: &[(String, Outcome)]) -> Vec<(&str, &str)> {
        found.iter().map(|(name, label)| (name.as_str(), label.as_deref().unwrap_or_else(|fault| fault))).collect()
    }

    #[test]
    fn a_label_beside_the_picture_counts_more_than_the_folder() {
        let files = [
            ("x/1.jpg", ""),
            ("x/1.cls", "1\n"),
            ("x/1.txt", "a caption"),
            ("x/2.json", r#"{"width": 3, "label": "dog"}"#),
            ("x/2.jpg", ""),
            ("x/3.txt", "bird"),
            ("x/3.right.png", ""),
            ("x/4.jpg", ""),
            ("x/5.json", r#"{"width": 3}"#),
            ("x/5.jpg", ""),
            ("x/6.jpg", ""),
            ("x/6.label", "wren"),
        ];
        let (found, _) = labels(&files, &Reading::default(), &["zero", "one"]);
        let expected = [
            ("x/1.jpg", "one"),
            ("x/2.jpg", "dog"),
            ("x/3.right.png", "bird"),
            ("x/4.jpg", "x"),
            ("x/5.jpg", "x"),
            ("x/6.jpg", "wren"),
        ];
        assert_eq!(sound(&found), expected);
    }

    #[test]
    fn every_picture_has_the_label_of_its_own_sample_whatever_dots_its_name_has() {
        let files = [
            ("v1.0_000.png", ""),
            ("v1.0_001.png", ""),
            ("v1.0_002.jpg", ""),
            ("v1.0_001.cls", "dog"),
            ("v1.0_000.cls", "cat"),
            ("v1.0_002.json", r#"{"label": "bird"}"#),
            ("7.left.png", ""),
            ("7.right.png", ""),
            ("7.cls", "owl"),
            ("8.image.png", ""),
            ("8.target.cls", "fox"),
            ("9.JPG", ""),
            ("9.CLS", "elk"),
        ];
        let (found, _) = labels(&files, &Reading::default(), &[]);
        let labels: Vec<_> = found.iter().map(|(_, label)| label.as_deref().unwrap()).collect();
        assert_eq!(labels, ["cat", "dog", "bird", "owl", "owl", "fox", "elk"]);
    }

    #[test]
    fn masks_beside_a_picture_are_passed_over() {
        let files = [("1.jpg", ""), ("1.seg.png", ""), ("1.cls", "cat"), ("2.depth.png", ""), ("2.cls", "dog")];
        let (found, passed) = labels(&files, &Reading::default(), &[]);
        assert_eq!(sound(&found), [("1.jpg", "cat"), ("2.depth.png", "dog")]);
        assert_eq!(passed, [(".seg.png".to_owned(), 1)]);
    }

    #[test]
    fn a_label_that_is_there_and_of_no_use_is_an_error_and_never_the_folder() {
        for (name, content, words) in [
            ("x/1.json", r#"{"label": null}"#, "x/1.json: has no label"),
            ("x/1.json", r#"{"label": ""}"#, "x/1.json: has no label"),
            ("x/1.json", r#"{"label": ["cat"]}"#, "is a list, neither text nor a whole number"),
            ("x/1.json", r#"{"label": {"name": "cat"}}"#, "is an object"),
            ("x/1.json", r#"{"label": 0.5}"#, "0.5 is not a whole number"),
            ("x/1.json", "{", "x/1.json: is not JSON"),
            ("x/1.cls", " \n", "x/1.cls: has no label"),
            ("x/1.txt", "", "x/1.txt: has no label"),
            ("x/1.cls", "7", "class 7 is not among the 1"),
        ] {
            let (found, _) = labels(&[("x/1.jpg", ""), (name, content)], &Reading::default(), &["zero"]);
            assert!(found[0].1.as_ref().is_err_and(|fault| fault.contains(words)), "{content}: {found:?}");
        }
        let (found, _) = labels(&[("1.a.png", ""), ("1.b.cls", "x"), ("1.c.cls", "y")], &Reading::default(), &[]);
        assert!(found[0].1.as_ref().is_err_and(|fault| fault.contains("several files of its sample")), "{found:?}");
        let reading = Reading { label_column: Some("species".into()), ..Reading::default() };
        let (found, _) = labels(&[("1.json", r#"{"label": "dog"}"#), ("1.jpg", "")], &reading, &[]);
        assert!(found[0].1.as_ref().is_err_and(|fault| fault.contains("has no species")), "{found:?}");
    }

    #[test]
    fn a_whole_number_is_one_however_json_writes_it() {
        for label in ["1", "1.0", "\"1\"", "true"] {
            let json = format!("{{\"label\": {label}}}");
            let (found, _) = labels(&[("1.jpg", ""), ("1.json", &json)], &Reading::default(), &[]);
            let expected = label.trim_matches('"').trim_end_matches(".0");
            assert_eq!(found[0].1.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn boxes_are_no_label() {
        let files = [("cat/1.png", ""), ("cat/1.txt", "0 0.5 0.5 0.2 0.3\n1 0.1 0.2 0.3 0.4\n")];
        let (found, passed) = labels(&files, &Reading::default(), &[]);
        assert_eq!((sound(&found), passed), (vec![("cat/1.png", "cat")], vec![(".txt".to_owned(), 1)]));
    }

    #[test]
    fn what_is_hidden_counts_once_and_other_files_by_their_kind() {
        let files = [
            ("photos/.cache/1.png", ""),
            ("photos/.cache/2.png", ""),
            ("photos/cat/1.png", ""),
            ("photos/cat/dog.zip", ""),
            ("__MACOSX/cat/._1.png", ""),
        ];
        let (found, passed) = labels(&files, &Reading::default(), &[]);
        assert_eq!(sound(&found), [("photos/cat/1.png", "cat")]);
        assert_eq!(passed, [(".zip".to_owned(), 1), ("hidden".to_owned(), 2)]);
    }

    #[test]
    fn keys_beside_the_label_are_attributes() {
        let json = r#"{"width": 3, "label": "dog", "exif": {"camera": "x"}}"#;
        let read = |attributes| {
            let reading = Reading { attributes, ..Reading::default() };
            let reader = Reader::new(&reading, Wanted::OneLabel).unwrap();
            let mut beside = Beside::new(&Rules::of(&reader));
            for (name, content) in [("1.jpg", ""), ("1.json", json), ("2.jpg", ""), ("2.cls", "cat"), ("2.json", "{")] {
                let _ = beside.take(&Member { name: name.into(), bytes: Ok(content.as_bytes().to_vec()) });
            }
            let beside = beside.end(true);
            ["1.jpg", "2.jpg"].map(|name| beside.of(Path::new(name)))
        };
        let [first, second] = read(None);
        assert_eq!(first.unwrap().1.to_string(), "width=3");
        assert!(second.unwrap_err().reason.contains("2.json: is not JSON"));
        let [first, second] = read(Some(Vec::new()));
        assert!(first.unwrap().1.is_empty() && second.unwrap().0 == "cat");
    }
}
