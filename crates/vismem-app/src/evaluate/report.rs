//! The results as a page for people, and its figures as files of their own.

use std::path::Path;

use vismem_eval::Evaluation;
use vismem_report::{CASE_SIDE, report_html};

use super::experiment::Experiment;
use super::kept::write_whole;
use crate::Result;
use crate::picture::Pictures;

/// Writes `report.html`, and each of its figures as `figures/EXPERIMENT-FIGURE.svg`.
pub fn write(directory: &Path, evaluation: &Evaluation, pictures: &Pictures) -> Result<()> {
    let report = vismem_eval::report(evaluation, &|name| pictures.of_file(Path::new(name), CASE_SIDE));
    write_whole(&directory.join("report.html"), report_html(&report)?.as_bytes())?;
    let figures = directory.join("figures");
    remove_stale(&figures);
    for section in &report.sections {
        for figure in &section.figures {
            let file = figures.join(format!("{}-{}.svg", section.name, figure.name));
            write_whole(&file, figure.svg()?.as_bytes())?;
        }
    }
    Ok(())
}

/// Removes the figures of an earlier run: the report has everything that is still true, others may be of another memory.
/// Files of other names are somebody else's.
fn remove_stale(figures: &Path) {
    let is_ours = |name: &str| {
        let of =
            |experiment: &Experiment| name.strip_prefix(experiment.name()).is_some_and(|rest| rest.starts_with('-'));
        name.ends_with(".svg") && Experiment::ALL.iter().any(of)
    };
    for file in std::fs::read_dir(figures).into_iter().flatten().flatten() {
        if file.file_name().to_str().is_some_and(is_ours) {
            // What cannot be removed cannot be replaced either, and that is reported.
            let _ = std::fs::remove_file(file.path());
        }
    }
}
