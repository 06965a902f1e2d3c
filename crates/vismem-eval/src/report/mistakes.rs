//! The most confident mistakes, as pictures.

use vismem_report::{Case, CaseNeighbor, CaseRow, Finding, Gallery, Pictured, Section, Step, Tenor};

use super::words::{self, percent};
use super::{About, Part, Pictures, command};
use crate::{Blame, Mistake, Mistakes};

const EXPERIMENT: &str = "errors";

/// Who is to blame, what that means for whoever looks at the pictures, and what to do.
const KINDS: [(Blame, &str, &str, &str); 6] = [
    (
        Blame::QueryLabel,
        "The query’s label is in doubt",
        "Nearly all neighbours are at one about another label, and next to none has the query’s own. Is the query labelled wrong?",
        "Look at queries whose label is in doubt, and correct those that are labelled wrong",
    ),
    (
        Blame::MemoryLabels,
        "Labels in the memory are in doubt",
        "Exemplars misled the vote that their own neighbours would call otherwise. Correct those that are labelled wrong.",
        "Look at exemplars whose label is in doubt, and correct those that are labelled wrong",
    ),
    (
        Blame::Pruning,
        "The pruning hides what would be right",
        "Without the pruning that is set these would be answered right.",
        "See whether the pruning helps more than it harms",
    ),
    (
        Blame::TooFew,
        "Labels with too few exemplars",
        "With so few exemplars of their own label these can hardly be answered right, so the answers say nothing of the labels. \
         Add exemplars, and measure on other queries afterwards.",
        "Add exemplars of labels that have too few",
    ),
    (
        Blame::Far,
        "The memory knows nothing like it",
        "These are farther from the memory than nearly all of its exemplars are from each other: another kind of picture, or \
         something that it has no label for. Whether a label is wrong cannot be told from that.",
        "Look at what the memory knows nothing like, and add exemplars of it if it should know it",
    ),
    (
        Blame::Model,
        "The encoder does not tell them apart",
        "The neighbours are not at one, so nothing says that a label is wrong; look at these with an eye for it all the same, above \
         all where several of one folder are here. If they are right, more exemplars of this kind help most, or another encoder. \
         What is added from here is known by heart: measure on other queries afterwards.",
        "Add exemplars of what is mistaken, and measure on other queries afterwards",
    ),
];

pub fn part(result: &Mistakes, about: &About, pictures: &Pictures) -> Part {
    let of = |blame: Blame| result.mistakes.iter().filter(|mistake| mistake.blame == blame).collect::<Vec<_>>();
    let rule = result.rule.of(result.k);
    let shown = result.mistakes.len() as u64;
    let mut answer = vec![format!(
        "{} of {} are answered wrong under {rule} ({}).{}",
        words::count(result.wrong.count()),
        words::counted_in(result.wrong.n, "query", "queries"),
        percent(result.wrong.value),
        match shown {
            0 => String::new(),
            shown => format!(" The {} most confident are below, with their nearest neighbours.", words::count(shown)),
        }
    )];
    let (mut findings, mut steps, mut galleries) = (Vec::new(), Vec::new(), Vec::new());
    for (blame, title, lead, step) in KINDS {
        let mistakes = of(blame);
        let Some(first) = mistakes.first() else { continue };
        let number = words::count(mistakes.len() as u64);
        answer.push(format!("{title}: {number} of these."));
        steps.push(Step {
            sentence: format!("{step}: {number} below, for example this one."),
            command: first.commands.first().cloned().unwrap_or_default(),
        });
        galleries.push(Gallery {
            title: format!("{title} ({number})"),
            lead: lead.into(),
            cases: mistakes.iter().map(|mistake| case(mistake, pictures)).collect(),
        });
    }
    let doubtful = of(Blame::QueryLabel).len() + of(Blame::MemoryLabels).len();
    if doubtful > 0 {
        findings.push(Finding {
            number: format!("{doubtful} of {shown}"),
            interval: String::new(),
            sentence: "of the most confident mistakes may be wrong labels, or labels of what looks alike: look before correcting.".into(),
            tenor: Tenor::Wary,
            section: EXPERIMENT.into(),
        });
    }
    let section = Section {
        name: EXPERIMENT.into(),
        title: "Mistakes".into(),
        question: "Which answers are wrong though they seem sure, and who is to blame?".into(),
        answer,
        figures: Vec::new(),
        // The pictures below say the same.
        tables: Vec::new(),
        galleries,
        in_paper: "figures 6 and 16, appendix N".into(),
        command: command(about, EXPERIMENT),
    };
    Part { section, findings, steps }
}

fn case(mistake: &Mistake, pictures: &Pictures) -> Case {
    let neighbors = mistake.neighbors.iter().map(|voted| CaseNeighbor {
        id: Some(voted.id),
        label: voted.label.clone(),
        remark: voted.others_say.as_ref().map_or_else(String::new, |said| format!("others say {said}")),
        distance: voted.distance,
        right: Some(mistake.truth.contains(&voted.label)),
        picture: pictures(&voted.source),
    });
    Case {
        query: Pictured { name: mistake.query.clone(), picture: pictures(&mistake.query) },
        verdict: format!(
            "labelled {}, taken for {} with {} of the vote",
            mistake.truth.join(" or "),
            mistake.decision,
            words::whole_percent(mistake.confidence)
        ),
        right: Some(false),
        rows: vec![CaseRow { title: String::new(), neighbors: neighbors.collect() }],
        note: mistake.no_advice.as_ref().map_or_else(String::new, |why| format!("No label is advised: {why}.")),
        commands: mistake.commands.clone(),
    }
}
