//! What figures and reports promise, whatever the data.

use image::RgbImage;
use vismem_report::figure::{Axis, BoxSummary, Figure, Marks, Origin, Point, Reference, ReferenceLine, Series, Unit};
use vismem_report::{
    Case, CaseNeighbor, CaseRow, Cell, Column, Finding, Gallery, Picture, Pictured, Report, Section, Step, Table,
    Tenor, report_html,
};

const EVIL: &str = "<script>alert('1')</script>\"&";

fn figure(x: Axis, y: Axis, series: Vec<(&str, Origin, Marks)>) -> Figure {
    let series = series.into_iter().map(|(name, origin, marks)| Series { name: name.into(), origin, marks }).collect();
    let (name, title, caption) = ("figure".into(), "What is shown".into(), "How to read it.".into());
    Figure { name, title, caption, x, y, series, references: Vec::new() }
}

fn points(values: &[(f64, f64)]) -> Vec<Point> {
    values.iter().map(|&(x, y)| Point::new(x, y)).collect()
}

fn every_kind() -> Vec<Marks> {
    let data = vec![Point::within(1.0, 0.5, (0.4, 0.6)), Point::new(2.0, 0.7), Point::new(3.0, 0.2)];
    let summary = BoxSummary { x: 1.0, low: 0.1, q1: 0.2, median: 0.3, q3: 0.4, high: 0.5 };
    vec![
        Marks::Line(data.clone()),
        Marks::LineWithBars(data.clone()),
        Marks::Curve(data.clone()),
        Marks::Points(data.clone()),
        Marks::Bars(data),
        Marks::Boxes(vec![summary]),
    ]
}

fn all_marks(x: Axis, y: Axis) -> Figure {
    let names = ["a", "b", "c", "d", "e", "f"];
    figure(x, y, names.into_iter().zip(every_kind()).map(|(name, marks)| (name, Origin::Measured, marks)).collect())
}

fn report(sections: Vec<Section>) -> Report {
    Report {
        title: "What is known".into(),
        lead: "So many pictures.".into(),
        findings: vec![],
        steps: vec![],
        facts: vec![],
        sections,
        left_out: vec![],
    }
}

fn section(figures: Vec<Figure>, tables: Vec<Table>) -> Section {
    Section {
        name: "votes".into(),
        title: "Votes".into(),
        question: "Which vote?".into(),
        answer: vec!["This one.".into()],
        figures,
        tables,
        galleries: vec![],
        in_paper: String::new(),
        command: "vismem eval aggregation".into(),
    }
}

/// All values of an attribute in a drawing, as numbers.
fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
    let name = format!(" {attribute}=\"");
    let values = svg.split(&name).skip(1).filter_map(|rest| rest.split('"').next());
    values.filter_map(|value| value.parse().ok()).collect()
}

#[test]
fn user_text_cannot_become_markup_in_a_report() {
    let mut drawn = all_marks(Axis::categories(EVIL, vec![EVIL.into(); 4]), Axis::linear(EVIL, Unit::Share));
    (drawn.name, drawn.title, drawn.caption) = (EVIL.into(), EVIL.into(), EVIL.into());
    drawn.series[0].name = EVIL.into();
    drawn.references = vec![Reference { name: EVIL.into(), origin: Origin::Paper, line: ReferenceLine::AtY(0.5) }];
    assert!(!drawn.svg().unwrap().contains("<script"), "a drawing");
    let table = Table {
        title: EVIL.into(),
        note: EVIL.into(),
        columns: vec![Column::text(EVIL)],
        rows: vec![vec![Cell::new(EVIL)]],
    };
    let neighbor = CaseNeighbor {
        id: None,
        label: EVIL.into(),
        remark: String::new(),
        distance: 0.1,
        right: None,
        picture: Picture::Missing(EVIL.into()),
    };
    let case = Case {
        query: Pictured { name: EVIL.into(), picture: Picture::Shown(RgbImage::new(9, 9)) },
        verdict: EVIL.into(),
        right: Some(true),
        rows: vec![CaseRow { title: EVIL.into(), neighbors: vec![neighbor] }],
        note: EVIL.into(),
        commands: vec![EVIL.into()],
    };
    let gallery = Gallery { title: EVIL.into(), lead: EVIL.into(), cases: vec![case] };
    let section = Section {
        name: EVIL.into(),
        title: EVIL.into(),
        question: EVIL.into(),
        answer: vec![EVIL.into()],
        galleries: vec![gallery],
        in_paper: EVIL.into(),
        command: EVIL.into(),
        ..section(vec![drawn], vec![table])
    };
    let finding = Finding {
        number: EVIL.into(),
        interval: EVIL.into(),
        sentence: EVIL.into(),
        tenor: Tenor::Wary,
        section: EVIL.into(),
    };
    let html = report_html(&Report {
        title: EVIL.into(),
        lead: EVIL.into(),
        findings: vec![finding],
        steps: vec![Step { sentence: EVIL.into(), command: EVIL.into() }],
        facts: vec![(EVIL.into(), EVIL.into())],
        sections: vec![section.clone(), section],
        left_out: vec![(EVIL.into(), EVIL.into())],
    })
    .unwrap();
    assert!(!html.contains("<script"), "the page");
    assert!(html.matches("alert(").count() > 30, "texts are missing");
}

#[test]
fn a_report_loads_nothing() {
    let drawn = all_marks(Axis::linear("x", Unit::Number), Axis::linear("y", Unit::Share));
    let html = report_html(&report(vec![section(vec![drawn], vec![])])).unwrap();
    for loader in ["http://", "https://", "url(", "@import", "<link", "<script", "<iframe", "srcset"] {
        assert!(!html.contains(loader), "{loader}");
    }
}

#[test]
fn a_figure_has_a_text_in_its_place_and_its_numbers_as_a_table() {
    let line = Marks::Line(vec![Point::within(1.0, 0.5, (0.4, 0.6)), Point::new(10.0, 0.75)]);
    let paper = Marks::Points(points(&[(10.0, 0.835)]));
    let drawn = figure(
        Axis::linear("k", Unit::Count),
        Axis::linear("Accuracy", Unit::Share),
        vec![("rank", Origin::Measured, line), ("rank", Origin::Paper, paper)],
    );
    let svg = drawn.svg().unwrap();
    assert!(svg.contains("role=\"img\"") && svg.contains("<title>What is shown</title>"));
    assert!(svg.contains("rank: from 50.0\u{a0}% at 1 to 75.0\u{a0}% at 10"), "{svg}");
    assert!(svg.contains(">rank (paper)</text>"), "the legend marks what is the paper’s");
    let table = drawn.table();
    let rows: Vec<Vec<&str>> = table.rows.iter().map(|row| row.iter().map(|cell| &*cell.text).collect()).collect();
    assert_eq!(rows[0], ["1", "50.0\u{a0}% (40.0\u{a0}% to 60.0\u{a0}%)", "–"]);
    assert_eq!(rows[1], ["10", "75.0\u{a0}%", "83.5\u{a0}%"]);
    let html = report_html(&report(vec![section(vec![drawn], vec![])])).unwrap();
    assert!(html.contains("<th scope=\"col\" class=\"number paper\">rank (paper)</th>"));
}

#[test]
fn series_of_the_paper_have_the_colour_of_what_they_are_compared_with() {
    let line = || Marks::Line(points(&[(1.0, 0.5), (2.0, 0.6)]));
    let drawn = figure(
        Axis::linear("k", Unit::Count),
        Axis::linear("Accuracy", Unit::Share),
        vec![
            ("rank", Origin::Measured, line()),
            ("softmax", Origin::Measured, line()),
            ("softmax", Origin::Paper, line()),
        ],
    );
    let svg = drawn.svg().unwrap();
    assert!(svg.contains("class=\"fl1\"") && svg.contains("class=\"fp1\"") && !svg.contains("class=\"fp2\""));
}

#[test]
fn everything_lies_within_the_drawing() {
    let axes = [
        (Axis::linear("x", Unit::Number), Axis::linear("y", Unit::Share)),
        (Axis::log("x", Unit::Count), Axis::log("y", Unit::Share)),
        (
            Axis::categories(
                "x",
                ["", "one", "two", "three of a name that is too long to be shown as it is", ""]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            Axis::linear("y", Unit::Number),
        ),
    ];
    for (x, y) in axes {
        let svg = all_marks(x, y).svg().unwrap();
        let (width, height) = (numbers(&svg, "width")[0], numbers(&svg, "height")[0]);
        let within = |values: Vec<f64>, end: f64| values.iter().all(|value| (0.0..=end).contains(value));
        assert!(within(numbers(&svg, "x"), width) && within(numbers(&svg, "cx"), width));
        assert!(within(numbers(&svg, "y"), height) && within(numbers(&svg, "cy"), height), "{height}: {svg}");
    }
}

#[test]
fn data_that_cannot_be_drawn_are_left_out() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300, 1e-300];
    let axes = [Axis::linear("a", Unit::Number), Axis::log("a", Unit::Share), Axis::linear("a", Unit::Count)];
    for x in &axes {
        for y in &axes {
            for value in odd {
                let data =
                    vec![Point::within(value, value, (value, value)), Point::new(value, 0.5), Point::new(0.5, value)];
                let summary = BoxSummary { x: value, low: value, q1: value, median: value, q3: value, high: value };
                let marks = [
                    Marks::Line(data.clone()),
                    Marks::LineWithBars(data.clone()),
                    Marks::Points(data.clone()),
                    Marks::Bars(data),
                    Marks::Boxes(vec![summary]),
                ];
                let series = marks.into_iter().map(|marks| ("s", Origin::Measured, marks)).collect();
                let mut drawn = figure(x.clone(), y.clone(), series);
                for line in [ReferenceLine::AtX(value), ReferenceLine::AtY(value), ReferenceLine::Diagonal] {
                    drawn.references.push(Reference { name: "r".into(), origin: Origin::Paper, line });
                }
                let svg = drawn.svg().unwrap();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{value}: {svg}");
                drawn.table();
            }
        }
    }
    assert!(figure(axes[0].clone(), axes[1].clone(), vec![]).svg().unwrap().ends_with("</svg>"));
}

#[test]
fn an_empty_report_is_a_page() {
    assert!(report_html(&report(vec![])).unwrap().ends_with("</html>"));
}

#[test]
fn the_best_cell_is_bold_and_long_tables_are_folded() {
    let row =
        |i: usize| vec![Cell::new(format!("label {i}")), if i == 3 { Cell::best("99 %") } else { Cell::new("1 %") }];
    let table = |rows: usize| Table {
        title: "Labels".into(),
        note: EVIL.into(),
        columns: vec![Column::text("label"), Column::number("accuracy")],
        rows: (0..rows).map(row).collect(),
    };
    let html = report_html(&report(vec![section(vec![], vec![table(5)])])).unwrap();
    assert!(html.contains("<td class=\"number best\">99 %</td>") && !html.contains("<details>"));
    let html = report_html(&report(vec![section(vec![], vec![table(100)])])).unwrap();
    assert!(html.contains("<details><summary>Show all 100\u{a0}rows</summary>"));
}
