//! The report of `vismem eval -o`, as its users meet it.

use crate::common::{Kind, Place};

#[test]
fn eval_all_writes_a_report_that_loads_nothing_and_shows_what_was_found_on_what() {
    let place = Place::new();
    place.draw_two_labels("learn", 6);
    place.draw_two_labels("ask", 2);
    // Its label is wrong, so that there is a mistake to show.
    place.draw("ask/stripes/wrong.png", Kind::Disc, 9);
    place.vismem("add learn").done();
    let digest = place.vismem("stats --format json").done().json()["digest"].as_str().unwrap().to_owned();
    place.vismem("eval all ask --seeds 3,4 -o out").done();
    let page = std::fs::read_to_string(place.path("out/report.html")).unwrap();
    // The words of a command are held together one by one.
    let words = page.replace("<span>", "").replace("</span>", "").to_lowercase();
    for part in [
        digest.as_str(),
        "efficientnet-lite0",
        "vismem eval all ask --seeds 3,4 -o out",
        "vismem eval errors ask --seeds 3,4 -o out",
        "What to do next",
        "wrong.png",
        "data:image/jpeg",
        "rank (paper)",
        "The memory has no taxonomy",
    ] {
        assert!(words.contains(&part.to_lowercase()), "{part} is not on the page");
    }
    for section in ["aggregation", "reliability", "corruption", "calibration", "scaling", "novel-classes", "errors"] {
        assert!(page.contains(&format!("<section class=\"experiment\" id=\"{section}\"")), "{section}");
    }
    for loader in ["src=\"http", "href=\"http", "url(", "@import", "<link", "<script"] {
        assert!(!page.contains(loader), "{loader}");
    }
    let figure = std::fs::read_to_string(place.path("out/figures/aggregation-accuracy-at-k.svg")).unwrap();
    assert!(figure.starts_with("<svg") && figure.contains("xmlns=\"http://www.w3.org/2000/svg\""));

    // Figures of another memory do not stay beside its report.
    place.vismem("forget --id 1").done();
    place.vismem("eval reliability ask -o out").done();
    assert!(place.path("out/figures/reliability-hit-rate.svg").exists());
    assert!(!place.path("out/figures/aggregation-accuracy-at-k.svg").exists());
    let page = std::fs::read_to_string(place.path("out/report.html")).unwrap();
    assert!(!page.contains(&digest), "the report is of the memory as it is now");
}
