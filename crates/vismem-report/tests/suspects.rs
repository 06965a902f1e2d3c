//! What the page of misleading exemplars promises, whatever the data.

use image::RgbImage;
use vismem_report::{Picture, Suspect, Suspects, suspects_to_html};

fn suspect(label: &str) -> Suspect {
    Suspect {
        id: 7,
        label: label.into(),
        others_say: "cat".into(),
        others_share: 0.75,
        wrong: 3,
        retrievals: 4,
        hidden: true,
        source: format!("photos/{label}.jpg"),
        picture: Picture::Shown(RgbImage::new(40, 30)),
        no_advice: None,
        commands: vec![format!("vismem relabel --id 7 --to '{label}'")],
    }
}

fn page(suspects: Vec<Suspect>) -> String {
    let page = Suspects {
        memory: "m.vismem".into(),
        exemplars: 12_345,
        misleading: suspects.len() as u64,
        neighbors: 100,
        pruning: "hard".into(),
        hidden: 1,
        first: 1,
        of: suspects.len(),
        suspects,
        pages: vec!["worst.html".into()],
        page: 0,
    };
    suspects_to_html(&page).unwrap()
}

#[test]
fn pages_of_suspects_say_where_they_are_and_lead_to_each_other() {
    let page = Suspects {
        memory: "m.vismem".into(),
        exemplars: 100,
        misleading: 61,
        neighbors: 10,
        pruning: "hard".into(),
        hidden: 1,
        first: 61,
        of: 61,
        suspects: vec![Suspect { no_advice: Some("too few".into()), ..suspect("dog") }],
        pages: vec!["a b#.html".into(), "a b#-2.html".into()],
        page: 1,
    };
    let html = suspects_to_html(&page).unwrap();
    for part in ["61 to 61 of 61", "href=\"a%20b%23.html\">1</a>", "<b>2</b>", "No label is advised: too few."] {
        assert!(html.contains(part), "{part} is missing");
    }
}

#[test]
fn user_text_on_the_page_of_suspects_cannot_become_markup() {
    let html = page(vec![suspect("<script>alert(1)</script>\"'&")]);
    assert!(!html.contains("<script"), "a label became markup");
    assert!(html.contains("alert(1)"), "a label is missing");
}

#[test]
fn the_page_of_suspects_says_what_is_known_and_loads_nothing() {
    let html =
        page(vec![suspect("dog"), Suspect { picture: Picture::Missing("It is gone.".into()), ..suspect("cat") }]);
    for part in ["12,345", "3 of 4 votes wrong (75\u{a0}%), hidden", "photos/dog.jpg", "It is gone.", "data:image/jpeg"]
    {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(html.contains("<b class=\"user\" dir=\"auto\">cat</b>, 75\u{a0}%"));
    assert!(!html.contains("src=\"http") && !html.contains("<link"));
    assert!(page(Vec::new()).contains("No exemplar was a wrong neighbour"));
}
