//! What a page and a picture of a decision promise, whatever the data.

use image::{GenericImageView, Rgb, RgbImage};
use vismem_report::{Explanation, LabelShare, MemoryFacts, Picture, Pictured, ShownNeighbor, to_html, to_png};

fn picture(side: u32) -> Picture {
    Picture::Shown(RgbImage::from_fn(side, side * 2 / 3, |x, y| Rgb([x as u8, y as u8, 90])))
}

/// A decision over `labels`, one neighbour each, with equal votes.
fn explanation(labels: &[&str]) -> Explanation {
    let share = 1.0 / labels.len().max(1) as f64;
    let neighbors = labels.iter().enumerate().map(|(i, &label)| ShownNeighbor {
        rank: i + 1,
        id: 7000 + i as u64,
        label: label.into(),
        source: format!("photos/{i}.jpg"),
        distance: 0.1 + i as f64 / 1000.0,
        weight: 1.0,
        share,
        decisive: false,
        picture: picture(60),
    });
    let mut shares: Vec<LabelShare> = Vec::new();
    for &label in labels {
        match shares.iter_mut().find(|s| s.label == label) {
            Some(known) => known.share += share,
            None => shares.push(LabelShare { label: label.into(), share }),
        }
    }
    shares.sort_by(|a, b| b.share.total_cmp(&a.share));
    Explanation {
        query: Pictured { name: "query.jpg".into(), picture: picture(300) },
        decision: shares.first().map_or(String::new(), |s| s.label.clone()),
        confidence: shares.first().map_or(0.0, |s| s.share),
        neighbors: neighbors.collect(),
        labels: shares,
        novelty: Some(97.4),
        vote: "rank (α = 2)".into(),
        notes: Vec::new(),
        compared: 12_345,
        what_if: None,
        memory: MemoryFacts {
            name: "animals.vismem".into(),
            exemplars: 12_345,
            labels: 10,
            encoder: "some encoder".into(),
            digest: "0123456789abcdef0123456789abcdef".into(),
        },
    }
}

fn size(png: &[u8]) -> (u32, u32) {
    image::load_from_memory(png).expect("a picture that decodes").dimensions()
}

/// Values of all attributes called `name`.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap_or(rest)).collect()
}

#[test]
fn user_text_cannot_become_markup() {
    let evil = "<script>alert('1')</script>\"&";
    let mut e = explanation(&[evil, evil, "other"]);
    e.query.name = evil.into();
    e.query.picture = Picture::Missing(evil.into());
    e.neighbors[0].source = evil.into();
    e.neighbors[1].picture = Picture::Missing(evil.into());
    e.vote = evil.into();
    e.notes = vec![evil.into()];
    e.memory = MemoryFacts { name: evil.into(), exemplars: 1, labels: 1, encoder: evil.into(), digest: evil.repeat(3) };
    let html = to_html(&e).unwrap();
    assert!(!html.contains("<script"));
    assert!(html.contains("&#60;script&#62;"));
    assert!(!attributes(&html, "title").iter().any(|title| title.contains('<')));
    size(&to_png(&e).unwrap());
}

#[test]
fn the_page_loads_nothing() {
    let html = to_html(&explanation(&["cat", "cat", "dog"])).unwrap();
    let sources = attributes(&html, "src");
    assert_eq!(sources.len(), 4, "the query and three neighbours");
    assert!(sources.iter().all(|s| s.starts_with("data:image/jpeg;base64,")));
    assert!(attributes(&html, "href").iter().all(|h| h.starts_with('#')));
    for loader in ["http://", "https://", "url(", "@import", "<link", "<script", "<iframe", "srcset"] {
        assert!(!html.contains(loader), "{loader}");
    }
}

#[test]
fn large_pictures_are_embedded_small() {
    let mut e = explanation(&["cat"]);
    e.query.picture = picture(1500);
    e.neighbors[0].picture = picture(1500);
    let html = to_html(&e).unwrap();
    assert_eq!(attributes(&html, "width"), ["800", "320"]);
}

#[test]
fn every_label_and_every_neighbor_is_on_the_page() {
    let labels: Vec<String> = (0..100).map(|i| format!("label-{i:03}")).collect();
    let html = to_html(&explanation(&labels.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    for (i, label) in labels.iter().enumerate() {
        assert!(html.contains(&format!(">{label}</span>")), "no bar of {label}");
        assert!(html.contains(&format!(">{label}</h3>")), "no card of {label}");
        assert!(html.contains(&format!("<dd>{}</dd>", 7000 + i)), "no id {i}");
    }
    assert_eq!(html.matches("id=\"neighbor-").count(), 100);
    let folded = html.split_once("Show 76").expect("further neighbours are folded").1;
    assert_eq!(folded.matches("id=\"neighbor-").count(), 76);
}

#[test]
fn a_missing_picture_says_why() {
    let mut e = explanation(&["cat", "dog"]);
    e.neighbors[1].picture = Picture::Missing("moved: photos/1.jpg".into());
    let html = to_html(&e).unwrap();
    assert!(html.contains(">moved: photos/1.jpg</span>"));
    assert_eq!(attributes(&html, "src").len(), 2);
}

#[test]
fn when_no_neighbor_has_a_picture_the_reason_stands_once() {
    let mut e = explanation(&["cat", "dog", "cat"]);
    for n in &mut e.neighbors {
        n.picture = Picture::Missing("filled from embeddings".into());
    }
    let html = to_html(&e).unwrap();
    assert_eq!(html.matches("filled from embeddings").count(), 1);
    let (_, with_pictures) = size(&to_png(&explanation(&["cat", "dog", "cat"])).unwrap());
    let (_, without) = size(&to_png(&e).unwrap());
    assert!(without < with_pictures, "cards without pictures are lower");
}

#[test]
fn agreement_is_told_in_words() {
    let html = to_html(&explanation(&["cat", "cat", "dog"])).unwrap();
    assert_eq!(html.matches("</svg>agrees").count(), 2);
    assert_eq!(html.matches("</svg>differs").count(), 1);
}

#[test]
fn an_unfamiliar_query_is_pointed_out() {
    let mut e = explanation(&["cat"]);
    let has = |e: &Explanation, text: &str| to_html(e).unwrap().contains(text);
    assert!(has(&e, "than 97\u{a0}% of the memory’s own pictures are from each other: treat this answer with care"));
    e.novelty = Some(50.0);
    assert!(!has(&e, "treat this answer with care"));
    e.novelty = Some(100.0);
    assert!(has(&e, "Unlike anything in memory"));
    e.novelty = None;
    assert!(has(&e, "Familiarity not known"));
}

#[test]
fn a_narrow_lead_is_called_a_close_call() {
    assert!(to_html(&explanation(&["cat", "dog"])).unwrap().contains("A close call"));
    assert!(to_html(&explanation(&["cat", "cat"])).unwrap().contains("Everyone agrees"));
}

#[test]
fn the_picture_is_1200_pixels_wide_and_grows_with_the_neighbors() {
    let sizes: Vec<_> = [1, 5, 6, 10, 11].map(|n| size(&to_png(&explanation(&vec!["cat"; n])).unwrap())).into();
    assert!(sizes.iter().all(|s| s.0 == 1200));
    assert_eq!(sizes[0].1, sizes[1].1, "five fit in a row");
    assert!(sizes[2].1 > sizes[1].1, "the sixth needs another row");
    assert!(sizes[4].1 > sizes[3].1, "the eleventh is named as one more");
}

#[test]
fn the_same_decision_gives_the_same_bytes() {
    let e = explanation(&["cat", "dog", "cat"]);
    assert_eq!(to_html(&e).unwrap(), to_html(&e).unwrap());
    assert_eq!(to_png(&e).unwrap(), to_png(&e).unwrap());
}

#[test]
fn numbers_that_are_none_are_never_shown() {
    let mut e = explanation(&["cat", "dog"]);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        e.confidence = bad;
        e.novelty = Some(bad);
        e.labels[0].share = bad;
        e.neighbors[0].distance = bad;
        e.neighbors[0].weight = bad;
        e.neighbors[0].share = bad;
        let html = to_html(&e).unwrap();
        let shown: String =
            html.split("data:image/jpeg;base64,").map(|s| s.split_once('"').map_or(s, |p| p.1)).collect();
        assert!(!shown.contains("NaN") && !shown.contains("inf"), "{bad}");
        size(&to_png(&e).unwrap());
    }
}

#[test]
fn extreme_decisions_are_drawn() {
    let long = "long".repeat(75);
    let cases: [Vec<&str>; 6] = [
        vec![],
        vec!["cat"; 100],
        vec!["", " \t", ""],
        vec![long.as_str(), "cat"],
        vec!["قطة على السجادة", "חתול", "向日葵", "猫", "👩‍👩‍👧", "e\u{301}"],
        vec!["a\u{0}b", "\u{202e}right to left", "\u{fffe}", "\u{1b}[31mred"],
    ];
    for labels in cases {
        let mut e = explanation(&labels);
        e.query.name = format!("/{long}/{long}.jpg");
        assert!(to_html(&e).unwrap().ends_with("</html>"), "{labels:?}");
        size(&to_png(&e).unwrap());
    }
}

#[test]
fn odd_pictures_are_drawn_or_named() {
    let mut e = explanation(&["a", "b", "c", "d"]);
    for (n, size) in e.neighbors.iter_mut().zip([(0, 0), (1, 1), (1, 4000), (4000, 1)]) {
        n.picture = Picture::Shown(RgbImage::new(size.0, size.1));
    }
    e.query.picture = Picture::Shown(RgbImage::new(0, 5));
    let html = to_html(&e).unwrap();
    assert_eq!(html.matches("The picture has no pixels.</span>").count(), 2);
    size(&to_png(&e).unwrap());
}

#[test]
fn what_decides_is_marked_and_each_card_can_be_found_by_its_id() {
    let plain = explanation(&["cat", "cat", "dog"]);
    let mut marked = plain.clone();
    marked.neighbors[1].decisive = true;
    let (without, with) = (to_html(&plain).unwrap(), to_html(&marked).unwrap());
    assert_eq!((without.matches("decisive: see above").count(), with.matches("decisive: see above").count()), (0, 1));
    let png = |e: &Explanation| to_png(e).unwrap();
    assert_ne!(png(&plain), png(&marked), "the picture marks it too");
    let mut other = plain.clone();
    other.neighbors[0].id += 1;
    assert_ne!(png(&plain), png(&other), "ids are on the picture");
}

#[test]
fn what_is_said_of_the_vote_is_of_the_vote_and_what_was_left_out_is_not_counted() {
    // Ten of twenty, with more than half of the vote.
    let mut e = explanation(&["ant"; 10].iter().chain(&["bee"; 10]).copied().collect::<Vec<_>>());
    for neighbor in &mut e.neighbors {
        neighbor.share = if neighbor.label == "ant" { 0.06 } else { 0.04 };
    }
    e.labels[0].share = 0.6;
    e.labels[1].share = 0.4;
    e.confidence = 0.6;
    e.compared = 12_335;
    let html = to_html(&e).unwrap();
    assert!(html.contains("More than half of the vote") && html.contains("10 of the 20 examples"));
    assert!(html.contains("compared this picture with 12,335 of its 12,345 stored examples"));
}

#[test]
fn where_no_vote_counts_there_is_no_answer() {
    let mut e = explanation(&["ant", "ant"]);
    e.neighbors.iter_mut().for_each(|neighbor| (neighbor.weight, neighbor.share) = (0.0, 0.0));
    e.confidence = 0.0;
    e.labels[0].share = 0.0;
    let html = to_html(&e).unwrap();
    assert!(html.contains("No answer") && html.contains("No vote counts") && !html.contains("Everyone agrees"));
    size(&to_png(&e).unwrap());
}
