//! Writes `report.html` with every kind of figure, and each figure as `figure-NAME.svg`, to the folder named as the
//! argument (default: the current one): `cargo run -p vismem-report --example report -- /tmp`. All data are made up.

mod pictures;

use std::path::PathBuf;

use pictures::drawn;
use vismem_report::figure::{Axis, BoxSummary, Figure, Marks, Origin, Point, Reference, ReferenceLine, Series, Unit};
use vismem_report::{
    Case, CaseNeighbor, CaseRow, Cell, Column, Finding, Gallery, Picture, Pictured, Report, Section, Step, Table,
    Tenor, report_html,
};

fn series(name: &str, origin: Origin, marks: Marks) -> Series {
    Series { name: name.into(), origin, marks }
}

fn curve(from: f64, fall: f64) -> Vec<Point> {
    let accuracy = |k: f64| from - fall * (k / 100.0).powi(2) - 0.02 / k;
    (1..=100)
        .map(|k| {
            Point::within(f64::from(k), accuracy(k.into()), (accuracy(k.into()) - 0.012, accuracy(k.into()) + 0.011))
        })
        .collect()
}

fn accuracy() -> Figure {
    let names = ["plurality", "distance", "softmax", "rank"];
    let measured = names.iter().enumerate().map(|(i, name)| {
        let plain = curve(0.91 + 0.002 * i as f64, 0.07 - 0.02 * i as f64);
        series(
            name,
            Origin::Measured,
            Marks::Line(plain.into_iter().map(|p| if i == 3 { p } else { Point::new(p.x, p.y) }).collect()),
        )
    });
    let paper = [("plurality", [0.832, 0.821, 0.814]), ("rank", [0.835, 0.835, 0.833])].map(|(name, at)| {
        let points = [10.0, 50.0, 100.0].iter().zip(at).map(|(k, y)| Point::new(*k, y)).collect();
        series(name, Origin::Paper, Marks::Line(points))
    });
    Figure {
        name: "accuracy-at-k".into(),
        title: "Accuracy by how many neighbours vote".into(),
        caption: "Lines with marks; the band is the 95 % interval of rank voting. Hollow marks: the paper.".into(),
        x: Axis::linear("Neighbours that vote, k", Unit::Count),
        y: Axis::linear("Accuracy", Unit::Share),
        series: measured.chain(paper).collect(),
        references: vec![],
    }
}

fn scaling() -> Figure {
    let error = |n: f64| 10f64.powf(-0.94 * n.log10().log10() + 2.07 - 2.0);
    let counts = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    let points =
        counts.iter().map(|&n| Point::within(n, error(n) * 1.01, (error(n) * 0.93, error(n) * 1.07))).collect();
    let fit = (0..=60).map(|i| 10f64.powf(3.0 + f64::from(i) / 10.0));
    let fit = fit.map(|n| Point::within(n, error(n), (error(n) * 0.95, error(n) * 1.05))).collect();
    Figure {
        name: "scaling".into(),
        title: "Error by size of the memory".into(),
        caption: "Points with bars on two logarithmic axes, and a fitted curve with its band.".into(),
        x: Axis::log("Exemplars", Unit::Count),
        y: Axis::log("Error", Unit::Share),
        series: vec![
            series("measured", Origin::Measured, Marks::Points(points)),
            series("fit", Origin::Measured, Marks::Curve(fit)),
        ],
        references: vec![Reference {
            name: "linear probe".into(),
            origin: Origin::Paper,
            line: ReferenceLine::AtY(0.137),
        }],
    }
}

fn reliability() -> Figure {
    let bins: Vec<Point> = (0..10)
        .map(|i| {
            let at = 0.05 + f64::from(i) / 10.0;
            let right: f64 = at.powf(0.7);
            Point::within(at, right, ((right - 0.05).max(0.0), (right + 0.05).min(1.0)))
        })
        .collect();
    Figure {
        name: "reliability".into(),
        title: "How often an answer of that confidence is right".into(),
        caption: "Bars on a numeric axis with intervals, and the diagonal of a perfectly calibrated memory.".into(),
        x: Axis::linear("Confidence", Unit::Share).reaching(0.0, 1.0),
        y: Axis::linear("Accuracy", Unit::Share).reaching(0.0, 1.0),
        series: vec![series("accuracy", Origin::Measured, Marks::Bars(bins))],
        references: vec![Reference { name: "perfect".into(), origin: Origin::Measured, line: ReferenceLine::Diagonal }],
    }
}

fn bars() -> Figure {
    let names = [
        "old classes, before",
        "old classes, after",
        "<b>new</b> classes of a rather long name that has to be cut somewhere",
    ];
    let of = |values: [f64; 3]| {
        values.iter().enumerate().map(|(i, v)| Point::within(i as f64, *v, (v - 0.02, v + 0.015))).collect()
    };
    Figure {
        name: "bars".into(),
        title: "Bars by category, beside the paper’s".into(),
        caption: "Two series side by side.".into(),
        x: Axis::categories("Queries", names.map(str::to_owned).to_vec()),
        y: Axis::linear("Accuracy", Unit::Share),
        series: vec![
            series("accuracy", Origin::Measured, Marks::Bars(of([0.912, 0.911, 0.887]))),
            series("accuracy", Origin::Paper, Marks::Bars(of([0.836, 0.836, 0.874]))),
        ],
        references: vec![],
    }
}

fn boxes() -> Figure {
    let summary = |x, median: f64| BoxSummary {
        x,
        low: median - 0.2,
        q1: median - 0.08,
        median,
        q3: median + 0.1,
        high: median + 0.24,
    };
    Figure {
        name: "boxes".into(),
        title: "Distances to the nearest exemplar".into(),
        caption: "Boxes from the first to the third quartile, whiskers to the 5th and 95th percentile.".into(),
        x: Axis::categories("Queries", vec!["known".into(), "unknown".into()]),
        y: Axis::linear("Cosine distance", Unit::Number).reaching(0.0, 0.8),
        series: vec![series("distance", Origin::Measured, Marks::Boxes(vec![summary(0.0, 0.25), summary(1.0, 0.52)]))],
        references: vec![],
    }
}

fn corruption() -> Figure {
    let at = |p: f64, from: f64| from - 0.9 * p.powi(6);
    let of = |from: f64| {
        (0..=10)
            .map(|i| f64::from(i) / 10.0)
            .map(|p| {
                Point::within(p, at(p, from).max(0.01), ((at(p, from) - 0.01).max(0.0), at(p, from).max(0.01) + 0.01))
            })
            .collect()
    };
    let names = ["rank", "softmax", "distance", "plurality", "fifth", "sixth", "seventh", "eighth"];
    Figure {
        name: "corruption".into(),
        title: "Eight lines with bars".into(),
        caption: "More series than anyone should draw.".into(),
        x: Axis::linear("Share of wrong labels", Unit::Share),
        y: Axis::linear("Accuracy", Unit::Share),
        series: names
            .iter()
            .zip(0..)
            .map(|(name, i)| series(name, Origin::Measured, Marks::LineWithBars(of(0.92 - 0.03 * f64::from(i)))))
            .collect(),
        references: vec![Reference {
            name: "start of the decline".into(),
            origin: Origin::Paper,
            line: ReferenceLine::AtX(0.6),
        }],
    }
}

fn table() -> Table {
    let rows = [("plurality", 0.901, "82.1 %"), ("distance", 0.903, "82.2 %"), ("rank", 0.917, "83.5 %")];
    let row = |(vote, accuracy, paper): (&str, f64, &str)| {
        let text = format!("{:.1} %", 100.0 * accuracy);
        vec![Cell::new(vote), if accuracy > 0.91 { Cell::best(text) } else { Cell::new(text) }, Cell::new(paper)]
    };
    Table {
        title: "Accuracy at k = 50".into(),
        note: "The best of each column is bold.".into(),
        columns: vec![Column::text("vote"), Column::number("accuracy"), Column::paper("accuracy")],
        rows: rows.map(row).to_vec(),
    }
}

fn case(seed: u32) -> Case {
    let neighbor = |i: u32| CaseNeighbor {
        id: Some(u64::from(seed * 10 + i)),
        label: if i == 3 { "striped <i>disc</i>".into() } else { "button".into() },
        remark: String::new(),
        distance: 0.11 + 0.02 * f64::from(i),
        right: Some(i == 3),
        picture: if i == 4 {
            Picture::Missing("The file has moved.".into())
        } else {
            Picture::Shown(drawn(2, seed + i))
        },
    };
    Case {
        query: Pictured {
            name: format!("new/discs/a-rather-long-folder-name/{seed:04}.png"),
            picture: Picture::Shown(drawn(0, seed)),
        },
        verdict: "labelled striped disc, taken for button with 93 % of the vote".into(),
        right: Some(false),
        rows: vec![CaseRow { title: String::new(), neighbors: (0..5).map(neighbor).collect() }],
        note: String::new(),
        commands: vec![format!("vismem relabel --source 'new/discs/{seed:04}.png' --to button")],
    }
}

fn report() -> Report {
    let finding = |number: &str, interval: &str, sentence: &str, tenor, section: &str| Finding {
        number: number.into(),
        interval: interval.into(),
        sentence: sentence.into(),
        tenor,
        section: section.into(),
    };
    let section = |name: &str, title: &str, figures, tables, galleries| Section {
        name: name.into(),
        title: title.into(),
        question: "What does this made-up section ask?".into(),
        answer: vec!["It answers in a sentence or two that stand here, before the plots that show the same.".into()],
        figures,
        tables,
        galleries,
        in_paper: "tables 3 to 9, figure 2".into(),
        command: format!("vismem eval {name} queries --seeds 3"),
    };
    Report {
        title: "How well discs.vismem knows its labels".into(),
        lead: "1,000 pictures that the memory does not hold were put to it. All numbers on this page are made up."
            .into(),
        findings: vec![
            finding("91.7 %", "89.8 % to 93.3 %", "of the pictures were answered right.", Tenor::Good, "aggregation"),
            finding(
                "0.957",
                "0.941 to 0.968",
                "is the chance that an unknown picture seems stranger than a known one.",
                Tenor::Neutral,
                "novelty",
            ),
            finding("14", "", "confident mistakes look like wrong labels in the memory.", Tenor::Wary, "errors"),
        ],
        steps: vec![
            Step {
                sentence: "Look at the 14 suspects below, and correct those that are labelled wrong.".into(),
                command: "vismem relabel --id 7 --to button".into(),
            },
            Step { sentence: "Decide with rank voting.".into(), command: String::new() },
        ],
        facts: vec![
            ("Memory".into(), "discs.vismem: 2,929 exemplars of 100 labels".into()),
            ("Digest".into(), "3f1c9a5e77d0b2468ace13579bdf02468ace13579bdf02468ace13579bdf0246".into()),
            ("Command".into(), "vismem eval all queries -o report".into()),
        ],
        sections: vec![
            section("aggregation", "Votes", vec![accuracy(), scaling()], vec![table()], vec![]),
            section("calibration", "Confidence", vec![reliability()], vec![], vec![]),
            section("novelty", "New classes", vec![bars(), boxes(), corruption()], vec![], vec![]),
            section(
                "errors",
                "Mistakes",
                vec![],
                vec![],
                vec![Gallery {
                    title: "Likely wrong labels".into(),
                    lead: "The neighbours agree with each other and not with the label.".into(),
                    cases: (1..4).map(case).collect(),
                }],
            ),
        ],
        left_out: vec![("granularity".into(), "The memory has no taxonomy (vismem taxonomy set).".into())],
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let report = report();
    std::fs::write(folder.join("report.html"), report_html(&report)?)?;
    for figure in report.sections.iter().flat_map(|section| &section.figures) {
        std::fs::write(folder.join(format!("figure-{}.svg", figure.name)), figure.svg()?)?;
    }
    Ok(())
}
