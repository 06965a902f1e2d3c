//! Bad input: each test is a row of docs/bad-input.md and takes its exit code from there.

mod datasets;
mod embeddings;
mod eval;
mod forgetting;
mod full_disk;
mod importing;
mod labels;
mod manifests;
mod memories;
mod models;
mod options;
mod outputs;
mod pictures;
mod relabelling;
mod sizes;

use std::collections::BTreeMap;

const DOC: &str = include_str!("../../../../docs/bad-input.md");

/// The exit code that the row of this test promises.
pub fn documented(test: &str) -> i32 {
    *rows().get(test).unwrap_or_else(|| panic!("docs/bad-input.md has no row for {test}"))
}

/// Test and exit code of every row: `| input | what happens | exit code | test |`.
fn rows() -> BTreeMap<&'static str, i32> {
    let mut rows = BTreeMap::new();
    for line in DOC.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{line}");
        let code = cells[2].parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(rows.insert(cells[3].trim_matches('`'), code).is_none(), "two rows for {line}");
    }
    rows
}

#[test]
fn the_document_and_the_tests_have_the_same_rows() {
    let sources = [
        include_str!("bad_input/datasets.rs"),
        include_str!("bad_input/embeddings.rs"),
        include_str!("bad_input/eval.rs"),
        include_str!("bad_input/forgetting.rs"),
        include_str!("bad_input/full_disk.rs"),
        include_str!("bad_input/importing.rs"),
        include_str!("bad_input/labels.rs"),
        include_str!("bad_input/manifests.rs"),
        include_str!("bad_input/memories.rs"),
        include_str!("bad_input/models.rs"),
        include_str!("bad_input/options.rs"),
        include_str!("bad_input/outputs.rs"),
        include_str!("bad_input/pictures.rs"),
        include_str!("bad_input/relabelling.rs"),
        include_str!("bad_input/sizes.rs"),
        include_str!("kill.rs"),
    ];
    let mut tested = Vec::new();
    for test in sources.iter().flat_map(|source| source.split("#[test]\nfn ").skip(1)) {
        let name = test.split('(').next().unwrap();
        assert!(test.contains(&format!("documented(\"{name}\")")), "{name} does not ask for its row");
        tested.push(name);
    }
    tested.sort_unstable();
    let documented: Vec<&str> = rows().into_keys().collect();
    assert!(documented.len() > 50, "the table was not read");
    assert_eq!(documented, tested);
}
