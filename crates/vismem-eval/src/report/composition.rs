//! What a query holds besides its nearest neighbour, as pictures.

use vismem_report::{Case, CaseNeighbor, CaseRow, Gallery, Pictured, Section};

use super::words::{interval, percent};
use super::{About, Part, Pictures, command};
use crate::{Composed, Composition, Found};

const EXPERIMENT: &str = "composition";

pub fn part(result: &Composition, about: &About, pictures: &Pictures) -> Part {
    let right = &result.residual_is_right;
    let gallery = Gallery {
        title: "Queries and their residuals".into(),
        lead: "First the neighbours of the query q; then those of q − n₁, what is left without its nearest neighbour. Where a \
               picture shows two things, the second row tends to show the other one."
            .into(),
        cases: result.shown.iter().map(|composed| case(composed, pictures)).collect(),
    };
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Composition".into(),
        question: "What else is in a picture than its nearest neighbour shows?".into(),
        answer: vec![format!(
            "The nearest exemplar of the residual still has a right label for {} of {} queries (95 % interval {}): much where \
             one thing fills the picture, little where another one is left.",
            percent(right.value),
            super::words::count(right.n),
            interval(right)
        )],
        figures: Vec::new(),
        tables: Vec::new(),
        galleries: vec![gallery],
        in_paper: "figure 17".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings: Vec::new(), steps: Vec::new() }
}

fn case(composed: &Composed, pictures: &Pictures) -> Case {
    let neighbor = |found: &Found| CaseNeighbor {
        id: Some(found.id),
        label: found.label.clone(),
        remark: String::new(),
        distance: found.distance,
        right: (!composed.truth.is_empty()).then(|| composed.truth.contains(&found.label)),
        picture: pictures(&found.source),
    };
    let row = |title: String, found: &[Found]| CaseRow { title, neighbors: found.iter().map(neighbor).collect() };
    let first = composed.neighbors.first();
    let labelled = if composed.truth.is_empty() {
        "no known label".into()
    } else {
        format!("labelled {}", composed.truth.join(" or "))
    };
    Case {
        query: Pictured { name: composed.query.clone(), picture: pictures(&composed.query) },
        verdict: match first {
            Some(first) => format!("{labelled}; the nearest is {}", first.label),
            None => labelled,
        },
        right: first.filter(|_| !composed.truth.is_empty()).map(|first| composed.truth.contains(&first.label)),
        rows: vec![
            row("near the query, q".into(), &composed.neighbors),
            row(format!("near q − n₁, of length {:.2}", composed.residual_length), &composed.residual_neighbors),
        ],
        note: String::new(),
        commands: Vec::new(),
    }
}
