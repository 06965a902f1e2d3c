//! What unlearning costs and what it leaves.

use vismem_report::figure::{Axis, Figure, Marks, Origin, Point, Reference, ReferenceLine, Unit};
use vismem_report::{Finding, Section, Tenor};

use super::words::{self, measured, percent, point};
use super::{About, Part, command};
use crate::Unlearning;

const EXPERIMENT: &str = "unlearning";

pub fn part(result: &Unlearning, about: &About) -> Part {
    let times = result.rebuild_ms / result.forget_ms.median;
    let answer = vec![
        format!(
            "Efficiency: forgetting one of {} takes {} in the median and {} at the 99th percentile, durably; the disk’s own \
             sync takes {}. Building the memory again from embeddings takes {}, {times:.0} times as long.",
            words::counted(result.exemplars as u64, "exemplar"),
            words::milliseconds(result.forget_ms.median),
            words::milliseconds(result.forget_ms.p99),
            words::milliseconds(result.sync_ms.median),
            words::milliseconds(result.rebuild_ms)
        ),
        format!(
            "Utility: {} of {} decisions are to the last bit those of a memory that was built without what was forgotten; the \
             accuracy goes from {} to {}.",
            percent(result.as_rebuilt.value),
            words::count(result.as_rebuilt.n),
            percent(result.accuracy_before.value),
            percent(result.accuracy_after.value)
        ),
        format!(
            "Forgetting quality: by the distance of the nearest exemplar, somebody could tell what is in the memory from what is \
             not with an AUROC of {:.3}; after forgetting {} it is {:.3} (95 % interval {:.3} to {:.3}), where 0.5 is a guess.",
            result.membership_before.value,
            words::count(result.forgotten as u64),
            result.membership_after.value,
            result.membership_after.low,
            result.membership_after.high
        ),
    ];
    let all_the_same = result.as_rebuilt.count() == result.as_rebuilt.n;
    let finding = Finding {
        number: words::milliseconds(result.forget_ms.median),
        interval: String::new(),
        sentence: if all_the_same {
            "is what forgetting a picture for good takes; the memory then decides as if it had never been there.".into()
        } else {
            format!(
                "is what forgetting a picture takes; {} of the decisions then are as if it had never been there.",
                percent(result.as_rebuilt.value)
            )
        },
        tenor: if all_the_same { Tenor::Good } else { Tenor::Wary },
        section: EXPERIMENT.into(),
    };
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Unlearning".into(),
        question: "What does forgetting cost, and is what was forgotten really gone?".into(),
        answer,
        figures: vec![efficiency(result), membership(result)],
        tables: words::tables(&result.tables(), |_| true),
        galleries: Vec::new(),
        in_paper: "section 3.4".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings: vec![finding], steps: Vec::new() }
}

fn efficiency(result: &Unlearning) -> Figure {
    let places = ["the disk’s own sync", "forget one exemplar", "build again from embeddings"];
    let points = vec![
        Point::within(0.0, result.sync_ms.median, (result.sync_ms.median, result.sync_ms.p99)),
        Point::within(1.0, result.forget_ms.median, (result.forget_ms.median, result.forget_ms.p99)),
        Point::new(2.0, result.rebuild_ms),
    ];
    Figure {
        name: "efficiency".into(),
        title: "Time to forget, and to build again".into(),
        caption: "Medians, on a logarithmic axis; bars reach to the 99th percentile.".into(),
        x: Axis::categories("", places.map(str::to_owned).to_vec()),
        y: Axis::log("Milliseconds", Unit::Number),
        series: vec![measured("time", Marks::Points(points))],
        references: Vec::new(),
    }
}

fn membership(result: &Unlearning) -> Figure {
    let estimates = [&result.membership_before, &result.membership_after];
    Figure {
        name: "membership".into(),
        title: "Can anybody tell what was in the memory?".into(),
        caption: "AUROC of a test by the nearest distance; bars are 95 % intervals.".into(),
        x: Axis::categories("", ["while it is there", "once it is forgotten"].map(str::to_owned).to_vec()),
        y: Axis::linear("AUROC", Unit::Number).reaching(0.0, 1.0),
        series: vec![measured(
            "AUROC",
            Marks::Points(estimates.iter().zip(0..).map(|(of, at)| point(f64::from(at), *of)).collect()),
        )],
        references: vec![Reference { name: "a guess".into(), origin: Origin::Measured, line: ReferenceLine::AtY(0.5) }],
    }
}
