//! From files in an archive to labelled pictures.

use std::iter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::beside::{Beside, Rules};
use super::{End, LARGEST, Member, Packing, Want, ahead, is_picture, visit};
use crate::picture::{Fault, LabelledPicture, name_inside};

type Pictures = Box<dyn Iterator<Item = LabelledPicture> + Send>;

/// The pictures of an archive with their labels: goes through it for the names and the labels, and then for the pictures.
pub(super) fn pictures(archive: PathBuf, packing: Packing, rules: &Rules) -> Pictures {
    let mut beside = Beside::new(rules);
    let read = visit(&archive, packing, &|name| rules.want(name), &mut |member| beside.take(&member));
    let is_whole = read == Ok(End::Marked);
    if read == Ok(End::Unmarked) {
        beside.note_missing_end(&archive);
    }
    let fault = match read {
        _ if beside.is_too_much() => {
            Some("its names and labels do not fit in memory; pack it as several archives".into())
        }
        Err(fault) if !beside.has_pictures() => Some(fault),
        Ok(_) if !beside.has_pictures() => Some(Fault::from("holds no pictures")),
        // What cannot be read on is said behind the pictures that can be read.
        _ => None,
    };
    if let Some(fault) = fault {
        return Box::new(iter::once(LabelledPicture::missing(archive, fault)));
    }
    let mut beside = beside.end(is_whole);
    let path = archive.clone();
    let members = ahead::read(move |put| {
        visit(&path, packing, &want, &mut |member| {
            if is_picture(&member.name) { put(member) } else { ControlFlow::Continue(()) }
        })
    });
    Box::new(members.filter_map(move |member| match member {
        Ok(member) => picture(&archive, member, &mut beside),
        Err(fault) => Some(LabelledPicture::missing(archive.clone(), fault)),
    }))
}

/// What is wanted of a file on the way through an archive for its pictures.
fn want(name: &Path) -> Want {
    if is_picture(name) { Want::Bytes(LARGEST) } else { Want::Name }
}

/// A picture, unless it is passed over.
fn picture(archive: &Path, member: Member, beside: &mut Beside) -> Option<LabelledPicture> {
    let Member { name, bytes } = member;
    if beside.passes_over(&name) {
        return None;
    }
    let path = name_inside(archive, &name);
    let is_first = beside.is_first(&name);
    let picture = bytes.and_then(|bytes| {
        let (label, attributes) = beside.of(&name)?;
        if !is_first {
            return Err("an earlier file of the archive has the same name; pack it again".into());
        }
        Ok(LabelledPicture { bytes: Some(Ok(bytes)), attributes, ..LabelledPicture::file(path.clone(), label) })
    });
    Some(picture.unwrap_or_else(|fault| LabelledPicture::missing(path, fault)))
}
