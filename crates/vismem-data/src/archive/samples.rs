//! From files in an archive to labelled pictures.
//!
//! Files that follow each other and have the same name up to the first dot are one sample, as WebDataset has it. Its label
//! is in a `.cls`, `.json` or `.txt` beside the picture; else it is the folder that the picture lies in.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vismem::Attributes;

use super::{Member, Members};
use crate::attributes::{self, Chosen};
use crate::dataset::{self, Reader};
use crate::picture::{Fault, LabelledPicture, has_extension, is_named_like_a_picture, name_inside};
use crate::platform;

/// Files that may have the label, best first.
const LABELS: [&str; 3] = ["cls", "json", "txt"];

/// Keys of a JSON object that may have the label, best first, unless the user names one.
const KEYS: [&str; 4] = ["label", "cls", "class", "label_name"];

pub fn is_label(name: &Path) -> bool {
    LABELS.iter().any(|extension| has_extension(name, extension))
}

/// The pictures of an archive.
pub(super) struct Samples {
    archive: PathBuf,
    members: Peekable<Members>,
    ready: VecDeque<LabelledPicture>,
    /// The label of every picture, where they have one.
    label: Option<String>,
    key: Option<String>,
    attributes: Chosen,
    names: Vec<String>,
    /// Whether any picture was found.
    some: bool,
    ended: bool,
}

impl Samples {
    pub fn new(archive: &Path, members: Members, reader: &Reader<'_>) -> Self {
        Self {
            archive: archive.into(),
            members: members.peekable(),
            ready: VecDeque::new(),
            label: reader.one_label(),
            key: reader.reading.label_column.clone(),
            attributes: Chosen::of(reader),
            names: reader.names.clone(),
            some: false,
            ended: false,
        }
    }

    /// Reads one sample. Errors are those of the archive.
    fn read_sample(&mut self) -> Option<Result<(), Fault>> {
        let first = match self.members.next()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        let key = key(&first.name).to_owned();
        let mut sample = vec![first];
        while let Some(Ok(next)) =
            self.members.next_if(|next| next.as_ref().is_ok_and(|next| self::key(&next.name) == key))
        {
            sample.push(next);
        }
        let json = sample.iter().find(|file| has_extension(&file.name, "json")).map(parsed);
        let told = self.told_label(&sample, json.as_ref());
        let attributes = json.as_ref().map_or(Ok(Attributes::default()), |json| self.attributes(json));
        for Member { name, bytes } in sample.into_iter().filter(|file| is_named_like_a_picture(&file.name)) {
            let path = name_inside(&self.archive, &name);
            self.some = true;
            let label = told.clone().unwrap_or_else(|| folder_label(&name));
            let picture = bytes.and_then(|bytes| {
                let (label, attributes) = (label?, attributes.clone()?);
                Ok(LabelledPicture { path: path.clone(), bytes: Some(Ok(bytes)), label, source: None, attributes })
            });
            self.ready.push_back(picture.unwrap_or_else(|fault| LabelledPicture::missing(path, fault)));
        }
        Some(Ok(()))
    }

    /// The label that the user or a file of the sample tells, if one does.
    fn told_label(&self, sample: &[Member], json: Option<&Result<Value, Fault>>) -> Option<Result<String, Fault>> {
        if let Some(label) = &self.label {
            return Some(Ok(label.clone()));
        }
        let with = |extension| sample.iter().find(|file| has_extension(&file.name, extension));
        let files = LABELS.iter().filter_map(|extension| Some((*extension, with(extension)?)));
        files.filter_map(|(extension, file)| self.label_in(extension, file, json)).next()
    }

    fn label_in(
        &self,
        extension: &str,
        file: &Member,
        json: Option<&Result<Value, Fault>>,
    ) -> Option<Result<String, Fault>> {
        let name = file.name.display();
        if extension == "json" {
            let value = match json? {
                Ok(value) => value,
                Err(fault) => return Some(Err(fault.clone())),
            };
            // Metadata without a label is common, and no fault unless the user has named the key.
            return match &self.key {
                Some(key) => Some(match value.get(key) {
                    Some(value) => self.label_of(value).map_err(|fault| format!("{name}: {key} {fault}").into()),
                    None => Err(format!("{name}: has no {key}").into()),
                }),
                None => KEYS.iter().find_map(|key| self.label_of(value.get(key)?).ok()).map(Ok),
            };
        }
        let bytes = match bytes_of(file) {
            Ok(bytes) => bytes,
            Err(fault) => return Some(Err(fault)),
        };
        let text = match str::from_utf8(bytes) {
            Ok(text) => text.trim(),
            Err(_) => return Some(Err(format!("{name}: is not UTF-8").into())),
        };
        Some(match text.parse() {
            _ if text.is_empty() => Err(format!("{name}: holds no label").into()),
            Ok(number) => self.class(number),
            Err(_) => Ok(text.to_owned()),
        })
    }

    /// What else a sample's JSON says.
    fn attributes(&self, json: &Result<Value, Fault>) -> Result<Attributes, Fault> {
        if self.attributes.is_none() {
            return Ok(Attributes::default());
        }
        let is_label = |name: &str| self.key.as_ref().map_or(KEYS.contains(&name), |key| key == name);
        match json.as_ref().map_err(Clone::clone)? {
            Value::Object(object) => attributes::of_json(object, &self.attributes, is_label),
            _ => Ok(Attributes::default()),
        }
    }

    fn label_of(&self, value: &Value) -> Result<String, Fault> {
        match value {
            Value::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Value::Number(number) => number.as_i64().ok_or("is not a whole number".into()).and_then(|n| self.class(n)),
            _ => Err("is neither text nor a number".into()),
        }
    }

    fn class(&self, number: i64) -> Result<String, Fault> {
        dataset::class(&self.names, number)
    }
}

impl Iterator for Samples {
    type Item = LabelledPicture;

    fn next(&mut self) -> Option<LabelledPicture> {
        while self.ready.is_empty() && !self.ended {
            match self.read_sample() {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(LabelledPicture::missing(self.archive.clone(), error));
                }
                None => {
                    self.ended = true;
                    if !self.some {
                        let reason = "holds no pictures".to_owned();
                        return Some(LabelledPicture::missing(self.archive.clone(), reason));
                    }
                }
            }
        }
        self.ready.pop_front()
    }
}

fn bytes_of(file: &Member) -> Result<&[u8], Fault> {
    let name = file.name.display();
    file.bytes.as_deref().map_err(|fault| format!("{name}: {fault}").into())
}

fn parsed(file: &Member) -> Result<Value, Fault> {
    let name = file.name.display();
    serde_json::from_slice(bytes_of(file)?).map_err(|error| format!("{name}: is not JSON: {error}").into())
}

/// The name up to the first dot in its last part: `train/0001.left.jpg` is of the sample `train/0001`.
fn key(name: &Path) -> &[u8] {
    let bytes = platform::bytes(name.as_os_str());
    let file = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let end = bytes[file..].iter().position(|byte| *byte == b'.').map_or(bytes.len(), |dot| file + dot);
    &bytes[..end]
}

/// The name of the folder that a picture lies in.
fn folder_label(name: &Path) -> Result<String, Fault> {
    let nowhere = "lies in no folder that could name its label, and nothing beside it does";
    let folder = name.parent().and_then(Path::file_name).ok_or_else(|| Fault::unlabelled(nowhere))?;
    let unreadable = || Fault::unlabelled("its folder's name is not UTF-8 and cannot be a label");
    folder.to_str().map(str::to_owned).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Wanted;
    use crate::error::{Field, Remedy};
    use crate::request::Reading;

    fn labels(files: &[(&str, &str)], reading: &Reading, names: &[&str]) -> Vec<(String, Result<String, Fault>)> {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| Ok(Member { name: (*name).into(), bytes: Ok(text.as_bytes().to_vec()) }))
            .collect();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let reader = Reader { reading, names, wanted: Wanted::OneLabel };
        let samples = Samples::new(Path::new("a.tar"), Box::new(files.into_iter()), &reader);
        let outcome = |picture: LabelledPicture| match picture.bytes.unwrap() {
            Ok(_) => Ok(picture.label),
            Err(fault) => Err(fault),
        };
        samples.map(|picture| (picture.path.display().to_string(), outcome(picture))).collect()
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
        ];
        let found = labels(&files, &Reading::default(), &["zero", "one"]);
        let found: Vec<_> = found.iter().map(|(name, label)| (name.as_str(), label.as_deref().ok())).collect();
        let expected = [
            ("a.tar#x/1.jpg", Some("one")),
            ("a.tar#x/2.jpg", Some("dog")),
            ("a.tar#x/3.right.png", Some("bird")),
            ("a.tar#x/4.jpg", Some("x")),
            ("a.tar#x/5.jpg", Some("x")),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn keys_beside_the_label_are_attributes() {
        let json = r#"{"width": 3, "label": "dog", "exif": {"camera": "x"}}"#;
        let files = [("1.jpg", ""), ("1.json", json), ("2.jpg", ""), ("2.cls", "cat"), ("2.json", "{")];
        let files = files.map(|(name, text)| Ok(Member { name: name.into(), bytes: Ok(text.as_bytes().to_vec()) }));
        let read = |attributes| {
            let reading = Reading { attributes, ..Reading::default() };
            let reader = Reader { reading: &reading, names: Vec::new(), wanted: Wanted::OneLabel };
            let members = files.iter().map(|member: &Result<Member, Fault>| {
                let Member { name, bytes } = member.as_ref().unwrap();
                Ok(Member { name: name.clone(), bytes: bytes.clone() })
            });
            let members: Vec<_> = members.collect();
            Samples::new(Path::new("a.tar"), Box::new(members.into_iter()), &reader).collect::<Vec<_>>()
        };
        let pictures = read(None);
        assert_eq!(pictures[0].attributes.to_string(), "width=3");
        let fault = pictures[1].bytes.as_ref().unwrap().as_ref().unwrap_err();
        assert!(fault.reason.contains("2.json: is not JSON"), "{fault}");
        let pictures = read(Some(Vec::new()));
        assert!(pictures[0].attributes.is_empty() && pictures[1].label == "cat");
    }

    #[test]
    fn what_has_no_label_is_said_with_the_reason() {
        let reading = Reading { label_column: Some("species".into()), ..Reading::default() };
        let files = [("1.json", r#"{"label": "dog"}"#), ("1.jpg", ""), ("2.cls", "7"), ("2.jpg", ""), ("3.jpg", "")];
        let found = labels(&files, &reading, &["zero"]);
        for ((_, outcome), words) in
            found.iter().zip(["1.json: has no species", "class 7 is not among the 1", "lies in no folder"])
        {
            assert!(outcome.as_ref().is_err_and(|fault| fault.reason.contains(words)), "{outcome:?}");
        }
        assert_eq!(found[2].1.as_ref().unwrap_err().remedy, Some(Remedy::Say(Field::Label)));
        let none = labels(&[("readme.txt", "x")], &Reading::default(), &[]);
        assert_eq!(none, [("a.tar".to_owned(), Err("holds no pictures".into()))]);
    }
}
