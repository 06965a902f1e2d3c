//! What the report promises, whatever was measured.

use vismem_eval::{
    About, CalibrationOptions, Evaluation, Exemplar, LearnFrom, LeftOut, Near, Neighborhoods, QueriesFacts, Query,
    Results, aggregation, calibration, corruption, hyperparameters, neighbor_reliability, report, shift,
};
use vismem_report::{Picture, Report, report_html};

/// `queries` of four labels with ten neighbours each; those of a fourth of the queries have the next label.
fn table(queries: usize) -> Neighborhoods {
    let labels = ["cat", "<b>dog</b>", "cup & saucer", "it's a tree"];
    let query = |at: usize| {
        let (label, seen) = ((at % 4) as u32, ((at + usize::from(at.is_multiple_of(5))) % 4) as u32);
        let near =
            |rank: u32| Near::new(10 * if rank % 4 == 3 { label } else { seen } + rank, 0.1 + 0.02 * f64::from(rank));
        Query { name: format!("query-{at}.jpg"), truth: vec![label], neighbors: (0..10).map(near).collect() }
    };
    Neighborhoods {
        labels: labels.map(str::to_owned).to_vec(),
        exemplars: (0..40)
            .map(|at| Exemplar { name: format!("{at}.jpg"), id: Some(at), label: at as u32 / 10 })
            .collect(),
        queries: (0..queries).map(query).collect(),
        ..Default::default()
    }
}

fn about(table: &Neighborhoods) -> About {
    About {
        r#where: None,
        memory: Some("some/<b>pets</b>.vismem".into()),
        neighbor_files: Vec::new(),
        digest: Some("0123456789abcdef".repeat(4)),
        encoder: "some encoder".into(),
        encoder_hash: "hash of the encoder".into(),
        exemplars: table.exemplars.len(),
        labels: table.labels.len(),
        queries: vec![QueriesFacts::of("holiday", table)],
        leave_one_out: false,
        k: 10,
        recall: 1.0,
        inputs: String::new(),
        seeds: vec![3, 4],
        vismem: "1.2.3".into(),
        command: "vismem eval all holiday -o out".into(),
    }
}

fn evaluation(table: &Neighborhoods) -> Evaluation {
    let results = Results {
        aggregation: Some(aggregation(table, &Default::default()).unwrap()),
        reliability: Some(neighbor_reliability(table).unwrap()),
        hyperparameters: Some(hyperparameters(table).unwrap()),
        corruption: Some(corruption(table, &[3, 4]).unwrap()),
        calibration: Some(calibration(table, LearnFrom::Memory(table), &CalibrationOptions::default()).unwrap()),
        shift: Some(shift([("holiday".to_owned(), table), ("work".to_owned(), table)]).unwrap()),
        ..Default::default()
    };
    let left_out = vec![LeftOut { experiment: "granularity".into(), why: "no taxonomy".into() }];
    Evaluation { about: about(table), results, left_out }
}

fn shown(evaluation: &Evaluation) -> Report {
    report(evaluation, &|name| Picture::Missing(format!("no picture of {name}")))
}

#[test]
fn every_experiment_has_a_section_with_question_answer_figures_and_the_command_that_repeats_it() {
    let report = shown(&evaluation(&table(40)));
    let names: Vec<&str> = report.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["aggregation", "reliability", "hyperparameters", "corruption", "calibration", "shift"]);
    for section in &report.sections {
        assert!(!section.question.is_empty() && !section.answer.is_empty(), "{}", section.name);
        assert!(!section.figures.is_empty() && !section.in_paper.is_empty(), "{}", section.name);
        assert_eq!(section.command, format!("vismem eval {} holiday -o out", section.name));
        let mut figures: Vec<&str> = section.figures.iter().map(|figure| figure.name.as_str()).collect();
        figures.sort_unstable();
        figures.dedup();
        assert_eq!(figures.len(), section.figures.len(), "two figures of {} have one name", section.name);
    }
}

#[test]
fn the_first_page_says_what_was_measured_on_what_and_what_was_found() {
    let evaluation = evaluation(&table(40));
    let html = report_html(&shown(&evaluation)).unwrap();
    for part in [
        "0123456789abcdef0123456789abcdef",
        "some encoder",
        "hash of the encoder",
        "vismem 1.2.3",
        "3, 4",
        "vismem eval all holiday -o out",
        "holiday: 40",
        "granularity",
        "no taxonomy",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    let best = evaluation.results.aggregation.as_ref().unwrap().curves[..4]
        .iter()
        .map(|curve| curve.best.accuracy.value)
        .fold(0.0, f64::max);
    assert!(html.contains(&format!("<p class=\"value\">{:.1}\u{a0}%</p>", 100.0 * best)), "the best accuracy");
    assert!(!html.contains("<b>dog") && !html.contains("<b>pets"), "labels and names are escaped");
    assert!(!html.contains("NaN"));
}

#[test]
fn the_papers_numbers_are_marked_as_the_papers() {
    let report = shown(&evaluation(&table(40)));
    let html = report_html(&report).unwrap();
    assert!(html.contains("rank (paper)") && html.contains("at k = 100 (paper)"));
    let of_paper = report.sections[0].figures.iter().find(|figure| figure.name == "accuracy-at-k-paper").unwrap();
    assert!(of_paper.series.iter().all(|series| series.origin == vismem_report::figure::Origin::Paper));
}

#[test]
fn a_single_query_makes_a_report_too() {
    let html = report_html(&shown(&evaluation(&table(1)))).unwrap();
    assert!(html.ends_with("</html>") && !html.contains("NaN"));
}

#[test]
fn no_result_makes_a_report_too() {
    let about = about(&table(1));
    let evaluation = Evaluation { about, results: Results::default(), left_out: Vec::new() };
    assert!(shown(&evaluation).sections.is_empty());
}
