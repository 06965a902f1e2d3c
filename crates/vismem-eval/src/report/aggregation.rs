//! The votes.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Reference, ReferenceLine, Unit};
use vismem_report::{Cell, Column, Finding, Section, Step, Table, Tenor};

use super::words::{self, accuracy_axis, finding, measured, paper, paper_point, percent, point, points};
use super::{About, Part, command, program};
use crate::interval::at_most;
use crate::paper::{AGGREGATION, AGGREGATION_KS, PRUNING};
use crate::{
    Aggregation, AsClassified, ChosenBy, Confused, Curve, LabelAccuracy, LinearProbe, Paired, PrunedBy, Share,
};

const EXPERIMENT: &str = "aggregation";
/// Labels in the figure of the hardest.
const HARDEST: usize = 15;
/// A matrix of more labels is no longer read; then the most frequent confusions are listed.
const MATRIX: usize = 12;
/// Confusions that are listed.
const CONFUSIONS: usize = 25;
/// What is rarer than this among all labels, if they are alike, is not taken for chance.
const RARE: f64 = 0.05;
/// An accuracy higher by less than this is not worth another setting.
const WORTH: f64 = 0.005;

pub fn part(result: &Aggregation, about: &About) -> Part {
    let plain: Vec<&Curve> = result.curves.iter().filter(|curve| curve.pruning == PrunedBy::None).collect();
    let best = plain.iter().copied().reduce(|a, b| if b.best.accuracy.value > a.best.accuracy.value { b } else { a });
    let (findings, steps, answer) = best.map_or_else(Default::default, |best| in_words(result, &plain, best, about));
    let mut figures = vec![at_every_k(&plain, best, result.linear_probe.as_ref()), of_the_paper()];
    figures.extend(best.map(|best| pruned(result, best)));
    figures.push(hardest(result));
    let mut tables = vec![at_ks(result)];
    tables.extend(words::paper_tables(EXPERIMENT));
    tables.push(confusion(&result.as_classified));
    tables.extend(words::tables(&result.tables(), |name| {
        ["aggregation-by-label", "aggregation-precision-recall"].contains(&name)
    }));
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Votes and pruning".into(),
        question: "How should neighbours vote, how many of them, and does pruning help?".into(),
        answer,
        figures,
        tables,
        galleries: Vec::new(),
        in_paper: "sections 3.1 and 3.6, figure 2, tables 3 to 9".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps }
}

fn in_words(
    result: &Aggregation,
    plain: &[&Curve],
    best: &Curve,
    about: &About,
) -> (Vec<Finding>, Vec<Step>, Vec<String>) {
    let (program, exemplars) = (program(about), about.exemplars as u64);
    // What a decision gets where nobody says otherwise: nothing about it was chosen on these queries.
    let usual = &result.as_classified;
    let share = &usual.accuracy;
    let right =
        format!("of the queries are answered right as vismem classify answers them, with {}.", usual.rule_in_words());
    let is_no_better = share.value <= usual.most_frequent.value;
    let tenor = if is_no_better { Tenor::Wary } else { Tenor::Neutral };
    let mut findings = vec![finding(EXPERIMENT, share, tenor, right.clone())];
    let mut steps = Vec::new();
    let (vote, k) = (&best.rule.vote, best.best.k);
    let mut answer = vec![
        format!("{} {right} The 95 % interval is {}.", percent(share.value), words::interval(share)),
        format!(
            "The best of all votes and numbers of neighbours is {vote} voting of {k}, with {} ({}). It was chosen on these very \
             queries, as in the paper, so the number is a little too good.",
            percent(best.best.accuracy.value),
            words::interval(&best.best.accuracy)
        ),
    ];
    answer.insert(
        1,
        format!(
            "If every label counts alike, however many queries it has, that is {} (balanced accuracy). Whoever always answers \
             the most frequent label of the queries is right for {}{}.",
            percent(usual.balanced),
            percent(usual.most_frequent.value),
            if is_no_better { ": the memory is no better than that here" } else { "" }
        ),
    );
    let gain = best.best.accuracy.value - share.value;
    if gain >= WORTH && result.best_against_classified.is_better() {
        steps.push(Step {
            sentence: format!(
                "Let {} vote by {vote}: {} more are right.",
                words::counted(k as u64, "neighbour"),
                points(gain),
            ),
            command: words::classify(about, &format!("-k {k} --vote {vote}")),
        });
    } else if gain > 0.0 {
        answer.push(format!(
            "That the best is better by {} than what vismem classify does may be chance: {}.",
            points(gain),
            words::changes(&result.best_against_classified)
        ));
    }
    let last = |curve: &Curve| curve.accuracy.last().copied();
    let ends: Vec<(&str, f64)> =
        plain.iter().filter_map(|c| Some((c.rule.vote.as_str(), last(c)?.accuracy.value))).collect();
    let steadiest = ends.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
    let weakest = ends.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a });
    if let (Some(steadiest), Some(weakest), Some(at)) = (steadiest, weakest, last(best)) {
        let are_equal = percent(steadiest.1) == percent(weakest.1);
        answer.push(if are_equal {
            format!(
                "Where {} vote, all votes are as good, with {}.",
                words::counted(at.k as u64, "neighbour"),
                percent(steadiest.1)
            )
        } else {
            format!(
                "Where {} vote, {} voting is the best ({}) and {} voting the weakest ({}). The paper finds that rank \
             voting goes on rising with k and then stays flat, while the others fall.",
                words::counted(at.k as u64, "neighbour"),
                steadiest.0,
                percent(steadiest.1),
                weakest.0,
                percent(weakest.1)
            )
        });
    }
    if let Some(hard) = &result.hard {
        let chosen = match hard.chosen_by {
            ChosenBy::User => "",
            ChosenBy::LeaveOneOut => {
                " The memory chose that itself: there it decides its own exemplars best, each asked without itself."
            }
        };
        answer.push(format!(
            "Hard pruning hides exemplars that were wrong neighbours of others, here from {} on: {} of {}.{chosen}",
            hard.from,
            words::count(hard.hidden as u64),
            words::counted(exemplars, "exemplar"),
        ));
    }
    if let Some((pruned, paired)) =
        best_of(result, vote, |pruning| pruning != PrunedBy::None).zip(result.pruned_against_best)
    {
        let gain = pruned.best.accuracy.value - best.best.accuracy.value;
        let name = pruned.pruning.name();
        let hidden = result.hard.as_ref().filter(|_| pruned.pruning == PrunedBy::Hard);
        let gone = hidden.and_then(|hard| hard.hidden_labels.first());
        answer.push(if gain < WORTH {
            format!(
                "Pruning changes little here: the best accuracy under it ({name}) is {}.",
                percent(pruned.best.accuracy.value)
            )
        } else if about.leave_one_out {
            format!(
                "With {name} pruning the best accuracy is higher by {}, but that flatters it: who misled an exemplar is pruned \
                 for that very reason. vismem prune suggest judges each as if it were not there.",
                points(gain)
            )
        } else if let Some(label) = gone {
            format!(
                "With {name} pruning the best accuracy is higher by {}, but it hides all exemplars of a label, such as {label}.",
                points(gain)
            )
        } else if paired.is_better() {
            format!("With {name} pruning the best accuracy is higher by {}.", points(gain))
        } else {
            format!(
                "With {name} pruning the best accuracy is higher by {}, which may be chance: {}.",
                points(gain),
                words::changes(&paired)
            )
        });
        if gain >= WORTH && about.memory.is_some() && !about.leave_one_out && gone.is_none() && paired.is_better() {
            // The very pruning that was measured.
            let how = hidden.map_or_else(
                || "soft".to_owned(),
                |hard| format!("hard --threshold {} --neighbors 100", hard.threshold),
            );
            steps.push(Step {
                sentence: format!(
                    "Set {name} pruning: with {} by {vote} {} more are right. It can be taken back.",
                    words::counted(pruned.best.k as u64, "neighbour"),
                    points(gain),
                ),
                command: format!("{program} prune {how}"),
            });
        }
    }
    answer.push(match &result.linear_probe {
        Some(probe) => against(probe, plain),
        None if about.memory.is_none() => {
            "There is no linear probe to compare with: it is trained on embeddings, and neighbours from files have none.".into()
        }
        None => "There is no linear probe to compare with: the memory has too few exemplars, or too many labels.".into(),
    });
    // Of many labels with few queries some are always wrong by chance.
    let labels = &result.by_label.labels;
    let chance = |label: &LabelAccuracy| {
        let Share { n, .. } = label.accuracy;
        (at_most(label.accuracy.count(), n, share.value) * labels.len() as f64).min(1.0)
    };
    let hardest = labels.iter().min_by(|a, b| chance(a).total_cmp(&chance(b)));
    if let Some(worst) = hardest.filter(|worst| chance(worst) < RARE) {
        let taken =
            worst.taken_for.as_ref().map_or_else(String::new, |label| format!(", most often taken for {label}"));
        let sentence = format!("is the accuracy of the hardest label, {}{taken}.", worst.label);
        findings.push(finding(EXPERIMENT, &worst.accuracy, Tenor::Wary, sentence));
        let label = &worst.label;
        steps.push(if worst.exemplars == 0 {
            Step {
                sentence: format!(
                    "Add exemplars of {label}: the memory has none, so that no answer for it can be right."
                ),
                command: String::new(),
            }
        } else {
            Step {
                sentence: format!(
                    "Look at the exemplars of {label}: more or cleaner ones help most where it is hardest."
                ),
                command: match about.memory {
                    Some(_) => format!("{program} ls {}", words::operands(&[label])),
                    None => String::new(),
                },
            }
        });
    }
    (findings, steps, answer)
}

/// What training would have given.
fn against(probe: &LinearProbe, plain: &[&Curve]) -> String {
    let LinearProbe { accuracy, against_best, .. } = probe;
    // The other way round the best of the votes was chosen on these queries.
    let tried = plain.iter().map(|curve| curve.accuracy.len() as u64).sum();
    let votes = Paired { gained: against_best.lost, lost: against_best.gained, tried };
    let compared = if against_best.is_better() {
        "More than by the best vote"
    } else if votes.is_better() {
        "Fewer than by the best vote"
    } else {
        "The difference to the best vote may be chance"
    };
    format!(
        "A linear probe, which is trained on all exemplars at once and is no memory, answers {} right ({}). {compared}: {}.",
        percent(accuracy.value),
        words::interval(accuracy),
        words::changes(against_best)
    )
}

/// The best curve of a vote among some prunings.
fn best_of<'a>(result: &'a Aggregation, vote: &str, of: impl Fn(PrunedBy) -> bool) -> Option<&'a Curve> {
    let curves = result.curves.iter().filter(|curve| curve.rule.vote == vote && of(curve.pruning));
    curves.reduce(|a, b| if b.best.accuracy.value > a.best.accuracy.value { b } else { a })
}

fn at_every_k(plain: &[&Curve], best: Option<&Curve>, probe: Option<&LinearProbe>) -> Figure {
    let line = |curve: &&Curve| {
        // One band: four on top of each other would hide the lines.
        let banded = best.is_some_and(|best| best.rule == curve.rule);
        let points = curve.accuracy.iter().map(|at| point(at.k as f64, &at.accuracy));
        let points = points.map(|mut point| {
            point.interval = point.interval.filter(|_| banded);
            point
        });
        measured(&curve.rule.vote, Marks::Line(points.collect()))
    };
    let band =
        best.map_or_else(String::new, |best| format!(" The band is the 95 % interval of {} voting.", best.rule.vote));
    let trained = if probe.is_some() { " The linear probe is trained, for comparison." } else { "" };
    let reference = probe.map(|probe| Reference {
        name: "linear probe".into(),
        origin: Origin::Measured,
        line: ReferenceLine::AtY(probe.accuracy.value),
    });
    Figure {
        name: "accuracy-at-k".into(),
        title: "Accuracy by how many neighbours vote".into(),
        caption: format!("Each line is a vote, without pruning.{band}{trained}"),
        x: Axis::linear("Neighbours that vote, k", Unit::Count),
        y: accuracy_axis(),
        series: plain.iter().map(line).collect(),
        references: reference.into_iter().collect(),
    }
}

fn of_the_paper() -> Figure {
    let row = AGGREGATION[0];
    let votes =
        [("plurality", row.plurality), ("distance", row.distance), ("softmax", row.softmax), ("rank", row.rank)];
    let line = |(vote, values): (&str, [f64; 3])| {
        let points = AGGREGATION_KS.iter().zip(values).map(|(k, value)| paper_point(*k as f64, value));
        paper(vote, Marks::Line(points.collect()))
    };
    Figure {
        name: "accuracy-at-k-paper".into(),
        title: "The same in the paper".into(),
        caption: format!("{} on ImageNet, tables 3 to 9: compare the shapes, not the heights.", row.encoder),
        x: Axis::linear("Neighbours that vote, k", Unit::Count).reaching(0.0, 100.0),
        y: accuracy_axis(),
        series: votes.map(line).to_vec(),
        references: Vec::new(),
    }
}

/// The best accuracy of a vote under each pruning.
fn pruned(result: &Aggregation, best: &Curve) -> Figure {
    let prunings = [PrunedBy::None, PrunedBy::Soft, PrunedBy::Hard];
    let known: Vec<&Curve> =
        prunings.iter().filter_map(|of| best_of(result, &best.rule.vote, |pruning| pruning == *of)).collect();
    let hidden = result.hard.as_ref().map_or_else(String::new, |hard| {
        format!(" Hard pruning hides {}.", words::counted(hard.hidden as u64, "exemplar"))
    });
    let points = known.iter().zip(0..).map(|(curve, at)| point(f64::from(at), &curve.best.accuracy));
    let in_paper = known.iter().zip(0..).filter_map(|(curve, at)| {
        let (_, percent) = PRUNING.iter().find(|(name, _)| *name == curve.pruning.name())?;
        Some(paper_point(f64::from(at), *percent))
    });
    Figure {
        name: "pruning".into(),
        title: format!("The best accuracy of {} voting under each pruning", best.rule.vote),
        caption: format!(
            "Bars are 95 % intervals. Each is taken at its best k; the paper’s is rank voting on ImageNet.{hidden}"
        ),
        x: Axis::categories("", known.iter().map(|curve| format!("{} pruning", no(curve.pruning))).collect()),
        y: accuracy_axis(),
        series: vec![
            measured("accuracy", Marks::Points(points.collect())),
            paper("accuracy", Marks::Points(in_paper.collect())),
        ],
        references: Vec::new(),
    }
}

/// In the place of an adjective.
fn no(pruning: PrunedBy) -> &'static str {
    if pruning == PrunedBy::None { "no" } else { pruning.name() }
}

fn hardest(result: &Aggregation) -> Figure {
    let labels = &result.by_label.labels;
    let worst = &labels[..labels.len().min(HARDEST)];
    let points = worst.iter().zip(0..).map(|(label, at)| point(f64::from(at), &label.accuracy));
    Figure {
        name: "hardest-labels".into(),
        title: "The hardest labels".into(),
        caption: format!(
            "{}, without pruning. Bars are 95 % intervals: wide where a label has few queries.",
            words::sentence_case(&result.by_label.rule.of(result.by_label.k))
        ),
        x: Axis::categories("", worst.iter().map(|label| label.label.clone()).collect()),
        y: accuracy_axis().reaching(0.0, 1.0),
        series: vec![measured("accuracy", Marks::Points(points.collect()))],
        references: Vec::new(),
    }
}

/// What is taken for what: a matrix of few labels, of many the most frequent confusions.
fn confusion(of: &AsClassified) -> Table {
    let labels: Vec<&str> = {
        let mut labels: Vec<&str> = of.labels.iter().map(|quality| quality.label.as_str()).collect();
        labels.sort_unstable();
        labels
    };
    let title = "What is taken for what".to_owned();
    if labels.len() > MATRIX {
        let mut wrong: Vec<_> = of.confusion.iter().filter(|cell| cell.truth != cell.decision).collect();
        wrong.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.truth, &a.decision).cmp(&(&b.truth, &b.decision))));
        let row = |cell: &&Confused| {
            [&cell.truth, &cell.decision, &words::count(cell.count)].map(Cell::new).into_iter().collect()
        };
        let (shown, all) = (wrong.len().min(CONFUSIONS) as u64, wrong.len() as u64);
        return Table {
            title,
            note: format!(
                "{}: the {} most frequent of {} confusions; aggregation-confusion.csv has all of them.",
                words::sentence_case(&of.rule_in_words()),
                words::count(shown),
                words::count(all)
            ),
            columns: vec![Column::text("right label"), Column::text("taken for"), Column::number("queries")],
            rows: wrong.iter().take(CONFUSIONS).map(row).collect(),
        };
    }
    let count = |truth: &str, decision: &str| {
        let cell = of.confusion.iter().find(|cell| cell.truth == truth && cell.decision == decision);
        cell.map_or(0, |cell| cell.count)
    };
    let row = |truth: &&str| {
        let cell = |decision: &&str| match count(truth, decision) {
            0 => Cell::new(""),
            number if truth == decision => Cell::best(words::count(number)),
            number => Cell::new(words::count(number)),
        };
        std::iter::once(Cell::new(*truth)).chain(labels.iter().map(cell)).collect()
    };
    Table {
        title,
        note: format!(
            "{}: a row for each right label, a column for each answer; right answers are bold.",
            words::sentence_case(&of.rule_in_words())
        ),
        columns: std::iter::once(Column::text("right label"))
            .chain(labels.iter().map(|label| Column::number(*label)))
            .collect(),
        rows: labels.iter().map(row).collect(),
    }
}

/// Accuracies at some k, the best of each row bold.
fn at_ks(result: &Aggregation) -> Table {
    // Those between 1 and 10 are in the figure; a page has room for no more.
    let ks: Vec<usize> = result.table_ks().into_iter().filter(|k| !(2..10).contains(k)).collect();
    let columns = [Column::text("vote"), Column::text("pruning")].into_iter();
    let columns = columns
        .chain(ks.iter().map(|k| Column::number(format!("k = {k}"))))
        .chain(["best (k)", "95 % interval"].map(Column::number));
    let row = |curve: &Curve| {
        let at = |k: &usize| curve.accuracy.get(*k - 1).map(|at| at.accuracy.value);
        let most = ks.iter().filter_map(at).fold(0.0, f64::max);
        let cell = |k: &usize| match at(k) {
            Some(value) if value == most => Cell::best(percent(value)),
            Some(value) => Cell::new(percent(value)),
            None => Cell::new(""),
        };
        let names = [Cell::new(&curve.rule.vote), Cell::new(curve.pruning.name())].into_iter();
        let best = &curve.best.accuracy;
        let ends = [format!("{} ({})", percent(best.value), curve.best.k), words::interval(best)].map(Cell::new);
        names.chain(ks.iter().map(cell)).chain(ends).collect()
    };
    let probe = result.linear_probe.as_ref().map(|LinearProbe { accuracy, .. }| {
        let ends = [percent(accuracy.value), words::interval(accuracy)].map(Cell::new);
        let names = [Cell::new("linear probe"), Cell::new("")].into_iter();
        names.chain(ks.iter().map(|_| Cell::new(""))).chain(ends).collect()
    });
    let trained =
        if probe.is_some() { " The linear probe is no memory: it is trained on all exemplars at once." } else { "" };
    Table {
        title: "Accuracy by vote, pruning and k".into(),
        note: format!(
            "The best of the k in each row is bold; the last columns are the best of every k, and how sure that is.{trained}"
        ),
        columns: columns.collect(),
        rows: result.curves.iter().map(row).chain(probe).collect(),
    }
}
