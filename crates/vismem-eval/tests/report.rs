//! What the report promises, whatever was measured.

use vismem_eval::{
    About, CalibrationOptions, Evaluation, Exemplar, Halving, LeftOut, Line, Near, Neighborhoods, QueriesFacts, Query,
    Repeated, Results, Scaling, SizePoint, aggregation, calibration, corruption, hyperparameters, neighbor_reliability,
    report, shift,
};
use vismem_report::{Picture, Report, Tenor, report_html};

/// `queries` of four labels with ten neighbours each; those of a fourth of the queries have the next label.
fn table(queries: usize) -> Neighborhoods {
    let labels = ["cat", "<b>dog</b>", "cup & saucer", "it's a tree"];
    let query = |at: usize| {
        let (label, seen) = ((at % 4) as u32, ((at + usize::from(at.is_multiple_of(5))) % 4) as u32);
        let near =
            |rank: u32| Near::new(10 * if rank % 4 == 3 { label } else { seen } + rank, 0.1 + 0.02 * f64::from(rank));
        Query {
            name: format!("query-{at}.jpg"),
            truth: vec![label],
            neighbors: (0..10).map(near).collect(),
            ..Query::default()
        }
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
        aggregation: Some(aggregation(table, &Default::default(), None).unwrap()),
        reliability: Some(neighbor_reliability(table).unwrap()),
        hyperparameters: Some(hyperparameters(table).unwrap()),
        corruption: Some(corruption(table, &[3, 4]).unwrap()),
        calibration: Some(calibration(table, None, &CalibrationOptions::default()).unwrap()),
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
fn a_linear_probe_stands_beside_the_votes_as_what_is_trained_and_files_of_neighbours_have_none() {
    let table = table(40);
    let accuracy = vismem_eval::Share::of(30, 40).unwrap();
    // Right for three of four labels.
    let decisions = table.queries.iter().map(|query| query.truth[0].min(2)).collect();
    let probed = vismem_eval::Probed {
        lambda: 1.0,
        errors: Vec::new(),
        leave_one_out: accuracy,
        exemplars: 40,
        labels: 4,
        decisions,
    };
    let aggregation = aggregation(&table, &Default::default(), Some(&probed)).unwrap();
    let probe = aggregation.linear_probe.unwrap();
    assert_eq!(probe.accuracy, accuracy);
    assert_eq!((probe.against_best.gained + 40 * 8 / 10, probe.against_best.tried), (30 + probe.against_best.lost, 1));
    let row = aggregation.tables()[0].rows.last().unwrap().clone();
    assert_eq!(row[..2], [vismem_eval::Cell::Text("linear probe".into()), vismem_eval::Cell::Empty]);
    let results = Results { aggregation: Some(aggregation), ..Default::default() };
    let with = shown(&Evaluation { about: about(&table), results, left_out: Vec::new() });
    let section = &with.sections[0];
    assert_eq!(section.figures[0].references[0].name, "linear probe");
    assert!(section.answer.iter().any(|said| said.contains("is no memory, answers 75.0")), "{:?}", section.answer);

    let mut evaluation = evaluation(&table);
    evaluation.about.memory = None;
    let section = &shown(&evaluation).sections[0];
    assert!(section.figures[0].references.is_empty());
    assert!(section.answer.iter().any(|said| said.contains("neighbours from files have none")), "{:?}", section.answer);
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

/// A hundred queries of a label that is right at the first `good` neighbours and wrong at the others; `better` of them are
/// right at all.
fn decided_by_depth(better: usize) -> Neighborhoods {
    let exemplars =
        (0..60).map(|at| Exemplar { name: String::new(), id: Some(at), label: u32::from(at >= 30) }).collect();
    let query = |at: usize| {
        // The first neighbour is right; the nineteen after it outvote it for some.
        let near = |rank: u32| {
            let is_right = rank == 0 || at >= better;
            Near::new(rank + if is_right { 0 } else { 30 }, 0.1 + 0.01 * f64::from(rank))
        };
        Query { name: format!("{at}.jpg"), truth: vec![0], neighbors: (0..20).map(near).collect(), ..Query::default() }
    };
    Neighborhoods {
        labels: vec!["cat".into(), "dog".into()],
        exemplars,
        queries: (0..100).map(query).collect(),
        ..Default::default()
    }
}

fn steps(table: &Neighborhoods, about: About) -> (Vec<String>, String) {
    let results = Results {
        aggregation: Some(aggregation(table, &Default::default(), None).unwrap()),
        hyperparameters: Some(hyperparameters(table).unwrap()),
        ..Default::default()
    };
    let report = shown(&Evaluation { about, results, left_out: Vec::new() });
    let sentences = report.steps.iter().map(|step| format!("{} {}", step.sentence, step.command)).collect();
    (sentences, report.sections.iter().flat_map(|section| section.answer.clone()).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_vote_is_advised_only_where_it_is_better_by_more_than_chance_and_the_best_of_many_tries() {
    // Four votes of twenty neighbours were tried: 80 · 2 · 2⁻³ is chance, 80 · 2 · 2⁻¹² is not.
    for (better, is_advised) in [(3, false), (12, true)] {
        let table = decided_by_depth(better);
        let (steps, answer) = steps(&table, about(&table));
        let vote = steps.iter().any(|step| step.contains("Let 1\u{a0}neighbour vote by"));
        assert_eq!(vote, is_advised, "{better}: {steps:?}");
        assert_eq!(answer.contains("may be chance"), !is_advised, "{better}: {answer}");
        assert!(!steps.iter().any(|step| step.contains("chance")), "{steps:?}");
    }
}

#[test]
fn pruning_is_advised_by_the_command_that_sets_what_was_measured() {
    // The nearest two exemplars of every query mislead; whoever counted knows it.
    let mut table = decided_by_depth(0);
    for query in &mut table.queries {
        let misleading = (0..19).map(|rank| Near::new(30 + rank, 0.001 * f64::from(rank)));
        query.neighbors = misleading.chain(query.neighbors.iter().copied()).take(20).collect();
    }
    let votes = |at| vismem::Votes { wrong: if at >= 30 { 90 } else { 0 }, retrievals: 100 };
    for neighbors in [10, 100] {
        table.votes.insert(neighbors, (0..60).map(votes).collect());
    }
    let (advised, _) = steps(&table, about(&table));
    assert!(
        advised.iter().any(|step| step.contains(".vismem' prune soft") || step.contains("prune soft")),
        "{advised:?}"
    );
    // A memory that is asked about itself counted the votes of those who are judged.
    let (advised, answer) = steps(&table, About { leave_one_out: true, ..about(&table) });
    assert!(!advised.iter().any(|step| step.contains("prune")), "{advised:?}");
    assert!(answer.contains("prune suggest judges each as if it were not there"), "{answer}");
}

#[test]
fn labels_that_the_memory_does_not_have_are_said_first() {
    let mut table = decided_by_depth(0);
    table.labels.push("zebra".into());
    table.queries[0].truth = vec![2];
    let lead = |table: &Neighborhoods| {
        shown(&Evaluation { about: about(table), results: Results::default(), left_out: Vec::new() }).lead
    };
    assert!(lead(&table).contains("1 of them has a label that the memory does not have"), "{}", lead(&table));
    table.queries.truncate(1);
    assert!(lead(&table).starts_with("1\u{a0}query was put"), "{}", lead(&table));
}

#[test]
fn votes_that_are_equally_good_are_not_called_the_best_and_the_weakest() {
    let table = decided_by_depth(0);
    let (_, answer) = steps(&table, about(&table));
    assert!(answer.contains("all votes are as good, with 100.0"), "{answer}");
    assert!(!answer.contains("the weakest"), "{answer}");
}

#[test]
fn every_command_that_is_advised_can_be_done_whatever_labels_and_paths_are_called() {
    let mut table = decided_by_depth(0);
    // Twenty of the queries are of another label.
    table.labels.push("-z".into());
    for query in &mut table.queries[..20] {
        query.truth = vec![2];
    }
    let odd = |table: &Neighborhoods| About { memory: Some("-odd.vismem".into()), ..about(table) };
    let (advised, _) = steps(&table, odd(&table));
    let of_label = |advised: &[String]| advised.iter().find(|step| step.contains("exemplars of -z")).cloned().unwrap();
    assert!(of_label(&advised).starts_with("Add exemplars of -z"), "nobody can be listed: {advised:?}");
    table.exemplars[59].label = 2;
    let (advised, _) = steps(&table, odd(&table));
    assert!(of_label(&advised).ends_with("vismem -m ./-odd.vismem ls -- '-z'"), "{advised:?}");
}

#[test]
fn a_law_that_asks_for_more_exemplars_than_can_be_had_is_not_told_as_a_number() {
    let point = |exemplars, right| SizePoint {
        per_label: None,
        exemplars,
        accuracy: Repeated::of(&[right], 100).unwrap(),
        fitted: None,
        fitted_low: None,
        fitted_high: None,
    };
    let line = |n| Line {
        a: -1.0,
        b: 1.0,
        a_error: 0.1,
        b_error: 0.1,
        r_squared: 0.9,
        residual: 0.1,
        n,
        mean_x: 0.0,
        spread_x: 1.0,
    };
    let report = |exemplars, high, n| {
        let scaling = Scaling {
            rule: vismem::Vote::RANK.into(),
            k: 20,
            unknown: 3,
            points: vec![point(10, 40), point(100, 50)],
            fit: Some(line(n)),
            halving: Some(Halving { error: 0.25, exemplars, low: Some(exemplars / 2.0), high }),
            beside: Vec::new(),
        };
        let results = Results { scaling: Some(scaling), ..Default::default() };
        let report = shown(&Evaluation { about: about(&table(4)), results, left_out: Vec::new() });
        let answer = report.sections[0].answer.join("\n");
        (answer, report.findings.len())
    };
    let (answer, findings) = report(1e16, None, 3);
    assert!(answer.contains("More exemplars alone would hardly help") && !answer.contains("would halve"), "{answer}");
    assert!(answer.contains("3\u{a0}queries of labels that the memory does not have are left out"), "{answer}");
    assert_eq!(findings, 0);
    let (answer, findings) = report(1e4, Some(2e4), 3);
    assert!(answer.contains("would halve the error to 25.0") && answer.contains("of the variance"), "{answer}");
    assert_eq!(findings, 1);
    // A card without an interval would look surer than one with it; two points are always on a line.
    let (answer, findings) = report(1e4, None, 2);
    assert!(answer.contains("How far off") && !answer.contains("of the variance"), "{answer}");
    assert_eq!(findings, 0);
}

#[test]
fn numbers_agree_with_their_nouns_in_every_part_of_a_report() {
    // One query with one neighbour.
    let mut one = table(1);
    one.queries[0].neighbors.truncate(1);
    let evaluation = Evaluation { about: About { k: 1, ..about(&one) }, ..evaluation(&one) };
    let html = report_html(&shown(&evaluation)).unwrap().replace('\u{a0}', " ");
    for noun in ["queries", "neighbours", "exemplars", "labels", "decisions", "seeds"] {
        for (at, _) in html.match_indices(&format!("1 {noun}")) {
            let before = html[..at].chars().next_back().unwrap_or(' ');
            assert!(before.is_ascii_digit() || before == ',', "…{}…", &html[at.saturating_sub(60)..at + 40]);
        }
    }
    assert!(!html.contains("query were") && !html.contains("up to 0 %") && !html.contains("+ -"));
}

fn of_calibration(table: &Neighborhoods, about: About) -> vismem_report::Finding {
    let calibration = calibration(table, None, &CalibrationOptions::default()).unwrap();
    let results = Results { calibration: Some(calibration), ..Default::default() };
    shown(&Evaluation { about, results, left_out: Vec::new() }).findings.remove(0)
}

#[test]
fn confidence_is_praised_only_where_there_are_decisions_and_labels_enough() {
    let praised = |table: &Neighborhoods, about: About| {
        let finding = of_calibration(table, about);
        assert_eq!(finding.tenor == Tenor::Good, finding.sentence.contains("it can be read as the chance"));
        finding.tenor == Tenor::Good
    };
    let mut table = decided_by_depth(0);
    assert!(praised(&table, about(&table)), "a hundred decisions, all sure and all right");
    assert!(!praised(&table, About { labels: 1, ..about(&table) }), "whatever is answered is right");
    table.queries.truncate(49);
    assert!(!praised(&table, about(&table)));
}

#[test]
fn a_memory_that_is_no_better_than_chance_has_no_labels_to_lose() {
    // Nine of ten queries are cats, and everything is taken for a cat.
    let mut table = decided_by_depth(0);
    table.queries.iter_mut().step_by(10).for_each(|query| query.truth = vec![1]);
    let results = Results { corruption: Some(corruption(&table, &[1, 2]).unwrap()), ..Default::default() };
    let report = shown(&Evaluation { about: about(&table), results, left_out: Vec::new() });
    assert!(report.findings.is_empty(), "{:?}", report.findings[0].sentence);
    assert!(report.sections[0].answer[0].contains("hardly better than chance"), "{:?}", report.sections[0].answer);
}

#[test]
fn of_many_labels_with_few_queries_none_is_called_the_hardest_by_chance() {
    // Forty labels of five queries; three of four are right, so that one label or another has one right at most.
    let labels = 40;
    let mut state = 7u32;
    let mut is_right = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 30 != 0
    };
    let query = |at: u32| Query {
        name: format!("{at}.jpg"),
        truth: vec![at % labels],
        neighbors: vec![Near::new((at + u32::from(!is_right())) % labels, 0.1)],
        ..Query::default()
    };
    let mut table = Neighborhoods {
        labels: (0..labels).map(|label| format!("label {label}")).collect(),
        exemplars: (0..labels).map(|label| Exemplar { name: String::new(), id: Some(label.into()), label }).collect(),
        queries: (0..5 * labels).map(query).collect(),
        ..Default::default()
    };
    let names =
        |table: &Neighborhoods| steps(table, about(table)).0.iter().any(|step| step.contains("the exemplars of"));
    assert!(!names(&table), "{:?}", steps(&table, about(&table)).0);
    // One that is always wrong on twenty is no chance.
    table.queries.extend((0..20).map(|at| Query {
        name: format!("more {at}.jpg"),
        truth: vec![3],
        neighbors: vec![Near::new(4, 0.1)],
        ..Query::default()
    }));
    assert!(steps(&table, about(&table)).0.iter().any(|step| step.contains("Look at the exemplars of label 3")));
}
