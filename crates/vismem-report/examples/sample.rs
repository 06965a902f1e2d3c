//! Writes `explanation.html` and `explanation.png` of a made-up decision to the folder named as the argument (default:
//! the current one): `cargo run -p vismem-report --example sample -- /tmp`.

mod pictures;

use std::path::PathBuf;

use pictures::drawn;
use vismem_report::{Explanation, LabelShare, MemoryFacts, Picture, Pictured, ShownNeighbor, to_html, to_png};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let names = ["striped disc", "dotted disc", "button", "<b>wheel</b>"];
    let kinds = [0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 3, 0, 0, 1, 0, 0, 0];
    let weights: Vec<f64> = (0..kinds.len()).map(|i| 1.0 / (2.0 + i as f64)).collect();
    let total: f64 = weights.iter().sum();
    let share = |kind: usize| {
        kinds.iter().zip(&weights).filter(|(k, _)| **k == kind).map(|(_, w)| w / total).fold(0.0, |a, b| a + b)
    };
    let mut labels: Vec<LabelShare> =
        names.iter().enumerate().map(|(k, name)| LabelShare { label: name.to_string(), share: share(k) }).collect();
    labels.sort_by(|a, b| b.share.total_cmp(&a.share));
    let neighbors = kinds
        .iter()
        .enumerate()
        .map(|(i, &kind)| {
            let source = format!("discs/{}/{i:04}.png", names[kind]);
            ShownNeighbor {
                rank: i + 1,
                id: 1000 + i as u64 * 7,
                label: names[kind].into(),
                distance: 0.12 + 0.015 * i as f64,
                weight: weights[i],
                share: weights[i] / total,
                decisive: false,
                picture: if i == 8 {
                    Picture::Missing(format!("The file has moved: {source}"))
                } else {
                    Picture::Shown(drawn(kind as u32, i as u32))
                },
                source,
            }
        })
        .collect();
    let explanation = Explanation {
        query: Pictured { name: "new/disc.png".into(), picture: Picture::Shown(drawn(0, 11)) },
        decision: names[0].into(),
        confidence: share(0),
        labels,
        neighbors,
        novelty: Some(62.0),
        vote: "rank (α = 2)".into(),
        notes: vec![],
        compared: 1204,
        what_if: None,
        memory: MemoryFacts {
            name: "discs.vismem".into(),
            exemplars: 1204,
            labels: 4,
            encoder: "made up for this sample".into(),
            digest: "3f1c9a5e77d0b2468ace13579bdf02468ace13579bdf02468ace13579bdf0246".into(),
        },
    };
    std::fs::write(folder.join("explanation.html"), to_html(&explanation)?)?;
    std::fs::write(folder.join("explanation.png"), to_png(&explanation)?)?;
    Ok(())
}
