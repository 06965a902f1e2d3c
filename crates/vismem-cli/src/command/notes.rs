//! What a data set has besides what was read, and what of it may be meant differently, with the command that says so.

use std::io::{self, Write};

use vismem_data::{About, Note, PassedOver};
use vismem_report::words::{self, option};

use crate::output;

/// How many kinds of files people are shown; programs get them all.
const SHOWN: usize = 8;

/// How many files were not read, by kind.
pub fn passed_over(out: &mut impl Write, passed_over: &[PassedOver]) -> io::Result<()> {
    let all: u64 = passed_over.iter().map(|passed| passed.files).sum();
    if all == 0 {
        return Ok(());
    }
    let mut kinds: Vec<&PassedOver> = passed_over.iter().collect();
    kinds.sort_by_key(|passed| std::cmp::Reverse(passed.files));
    let shown = kinds.iter().take(SHOWN).map(|passed| format!("{} {}", passed.kind, output::count(passed.files)));
    let mut shown: Vec<String> = shown.collect();
    let more: u64 = kinds.iter().skip(SHOWN).map(|passed| passed.files).sum();
    if more > 0 {
        shown.push(format!("others {}", output::count(more)));
    }
    writeln!(out, "passed over: {} ({})", output::counted(all, "file"), shown.join(", "))
}

/// What may be meant differently.
pub fn notes(out: &mut impl Write, notes: &[Note]) -> io::Result<()> {
    notes.iter().try_for_each(|note| writeln!(out, "note: {}", in_words(note)))
}

fn in_words(note: &Note) -> String {
    let labels = note.labels.iter().map(|label| format!("{label:?}")).collect::<Vec<_>>().join(", ");
    let first = option("--label", note.labels.first().map(String::as_str).unwrap_or_default());
    let path = note.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let quoted = words::path(&path);
    match note.about {
        About::LabelsOfSplits => format!(
            "labels that parts of a data set have: {labels}; if the pictures show something else, take them out with \
             `vismem forget {first}` and add each part, or say what they show with `vismem relabel {first} --to LABEL`"
        ),
        About::LabelsOfNothing => format!(
            "labels that stand for none: {labels}; `vismem forget {first}` takes such exemplars out, \
             `vismem relabel {first} --to LABEL` says what they show"
        ),
        About::LabelsOfContainers => format!(
            "labels that folders of any pictures have: {labels}; `vismem relabel {first} --to LABEL` says what they \
             show, or forget them and add their folders with --label"
        ),
        About::LabelWithinLabel => {
            let outer = option("--to", note.labels.get(1).map(String::as_str).unwrap_or_default());
            format!(
                "{path} lies in a folder that is a label too; if its pictures are of that label: \
                 `vismem relabel {first} {outer}`"
            )
        }
        About::PicturesAboveFolders => format!(
            "pictures directly in {path} got its name as their label, beside folders of others; if it is not what they \
             show: `vismem relabel {first} --to LABEL`"
        ),
        About::OneFlatFolder => format!(
            "all pictures lie directly in {path}, so its name is their label; if it is not what they show: \
             `vismem relabel {first} --to LABEL`"
        ),
        About::PicturesBesideShards => format!(
            "pictures beside archives and tables, such as {path}, were passed over; `vismem add {quoted} --label LABEL` \
             adds one"
        ),
        About::TableBesidePictures => {
            format!("{path} lies beside the pictures and was not read; if it has their labels: `vismem add {quoted}`")
        }
        About::OutlinesNotRead => format!(
            "{path} and files like it may outline what is in the pictures (Pascal VOC, YOLO) and were not read; a CSV with the \
             columns path and label says what each picture shows"
        ),
        About::ArchiveWithoutEnd => {
            format!("{path} ends without the mark of its end: it may have been cut; compare it with where it came from")
        }
        About::ClassNamesNotUsed => {
            format!("the names in {path} were not used: no label is a number, or the labels have names of their own")
        }
        About::ClassesOfOneName => format!("several classes in {path} are called {labels} and are one label now"),
        _ => format!("{labels} {path}"),
    }
}
