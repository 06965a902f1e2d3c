//! Labels that are read from names of folders and columns and are seldom meant: parts of data sets, "no label", containers.

use crate::label;
use crate::survey::About;

const SPLITS: [&str; 14] = [
    "train",
    "training",
    "trainset",
    "trn",
    "val",
    "valid",
    "validation",
    "dev",
    "test",
    "testing",
    "testset",
    "eval",
    "holdout",
    "split",
];

const NOTHING: [&str; 30] = [
    "unlabeled",
    "unlabelled",
    "nolabel",
    "label",
    "labels",
    "class",
    "unknown",
    "none",
    "null",
    "nil",
    "nan",
    "na",
    "n/a",
    "#n/a",
    "undefined",
    "unset",
    "unsorted",
    "unclassified",
    "uncategorized",
    "uncategorised",
    "todo",
    "tbd",
    "tmp",
    "temp",
    "untitled",
    "untitledfolder",
    "newfolder",
    "?",
    "-",
    "default",
];

const CONTAINERS: [&str; 23] = [
    "data",
    "dataset",
    "datasets",
    "images",
    "image",
    "img",
    "imgs",
    "jpegimages",
    "pictures",
    "pics",
    "photos",
    "photo",
    "files",
    "file",
    "frames",
    "thumbnails",
    "thumbs",
    "crops",
    "download",
    "downloads",
    "upload",
    "uploads",
    "dcim",
];

/// Why a label may not be meant, by its name alone.
pub fn doubtful(label: &str) -> Option<About> {
    let folded = label::fold(label);
    let name = folded.trim_matches(['_', '.', '(', ')', '[', ']', '<', '>', '"']);
    let name: String = name.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    let name = if name.is_empty() { folded.as_str() } else { &name };
    let is_card_folder = name.len() == 8 && name.is_ascii() && name[..3].bytes().all(|byte| byte.is_ascii_digit());
    if SPLITS.contains(&name) {
        Some(About::LabelsOfSplits)
    } else if NOTHING.contains(&name) {
        Some(About::LabelsOfNothing)
    } else if CONTAINERS.contains(&name) || (is_card_folder && !name[3..].bytes().any(|byte| byte.is_ascii_digit())) {
        Some(About::LabelsOfContainers)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_seldom_meant_as_labels_are_told_from_those_that_are() {
        for (label, about) in [
            ("test", About::LabelsOfSplits),
            ("Train", About::LabelsOfSplits),
            ("_unlabeled", About::LabelsOfNothing),
            ("No Label", About::LabelsOfNothing),
            ("N/A", About::LabelsOfNothing),
            ("?", About::LabelsOfNothing),
            ("New Folder", About::LabelsOfNothing),
            ("JPEGImages", About::LabelsOfContainers),
            ("100APPLE", About::LabelsOfContainers),
        ] {
            let found = doubtful(label);
            assert_eq!(found, Some(about), "{label}");
        }
        for label in ["cat", "camera", "trainer", "testudo", "007", "12345678", "sea lion", "valley", "image of a cat"]
        {
            assert_eq!(doubtful(label), None, "{label}");
        }
    }
}
