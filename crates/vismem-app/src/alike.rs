//! Labels that may be one.

use std::collections::BTreeMap;

use vismem::Label;
use vismem_data::fold_label;

/// Groups of labels that differ in capitals, spaces or the forms of their characters alone, each in the order given.
pub(crate) fn alike<'l>(labels: impl IntoIterator<Item = &'l Label>) -> Vec<Vec<&'l Label>> {
    let mut by_name: BTreeMap<String, Vec<&Label>> = BTreeMap::new();
    for label in labels {
        by_name.entry(fold_label(&label.name)).or_default().push(label);
    }
    by_name.into_values().filter(|labels| labels.len() > 1).collect()
}
