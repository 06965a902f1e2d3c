//! Pictures and their mirror images, as one embedding each.

use image::imageops::flip_horizontal;

use crate::common::{Kind, Place, Run, picture};

/// A place with pictures to learn and to ask about.
fn with_pictures() -> Place {
    let place = Place::new();
    place.draw_two_labels("learn", 3);
    for (kind, label) in [(Kind::Disc, "disc"), (Kind::Stripes, "stripes")] {
        place.draw(format!("ask/{label}/1.png"), kind, 20);
        place.draw(format!("ask/{label}/2.png"), kind, 23);
    }
    // What the memory has, mirrored.
    std::fs::create_dir(place.path("mirrored")).unwrap();
    flip_horizontal(&picture(Kind::Stripes, 1)).save(place.path("mirrored/1.png")).unwrap();
    place
}

fn digest(place: &Place, memory: &str) -> String {
    place.vismem(&format!("-m {memory} stats --format json")).done().json()["digest"].to_string()
}

fn nearest(run: &Run) -> f64 {
    run.json()["results"][0]["neighbors"][0]["distance"].as_f64().unwrap()
}

#[test]
fn a_memory_of_both_views_uses_them_by_itself() {
    let place = with_pictures();
    place.vismem("-m one.vismem add learn").done();
    place.vismem("-m both.vismem add learn --views flip").done();
    assert_ne!(digest(&place, "one.vismem"), digest(&place, "both.vismem"));

    // Pictures that it has and their mirror images are at no distance.
    place.vismem("-m both.vismem classify learn").done().says(&["(the memory holds it: id 1)"]);
    assert!(nearest(&place.vismem("-m both.vismem classify mirrored/1.png --format json").done()) < 1e-6);
    assert!(nearest(&place.vismem("-m one.vismem classify mirrored/1.png --format json").done()) > 1e-4);

    // Whoever encodes for it goes on so: exemplars that come later are those that come at once.
    place.draw_two_labels("more", 5);
    place.vismem("-m both.vismem add more").done();
    place.vismem("-m at-once.vismem add more --views flip").done();
    let distances = |memory: &str| {
        let answer = place.vismem(&format!("-m {memory} classify ask --format json")).done().json();
        let results = answer["results"].as_array().unwrap().clone();
        let distance = |answer: &serde_json::Value| answer["neighbors"][0]["distance"].as_f64().unwrap();
        results.iter().map(distance).collect::<Vec<_>>()
    };
    assert_eq!(distances("both.vismem"), distances("at-once.vismem"));
    place.vismem("-m both.vismem sync more").done();
    place.vismem("-m both.vismem doctor").done().says(&["10 pictures encoded again with efficientnet-lite0"]);
    place.vismem("-m both.vismem reencode --again -o again.vismem").done();
    assert_eq!(digest(&place, "again.vismem"), digest(&place, "both.vismem"));
    place.vismem("-m both.vismem reencode --again -o back.vismem --views one").done();
    place.vismem("-m back.vismem doctor").done();
    place.vismem("-m one.vismem add more --views one").done();
    let exemplars = |memory: &str| place.vismem(&format!("-m {memory} ls --all")).done().stdout;
    assert_eq!(exemplars("back.vismem"), exemplars("one.vismem"));
    assert_eq!(distances("back.vismem"), distances("one.vismem"));
    place.vismem("-m both.vismem explain ask/disc/1.png").done();
    place.vismem("-m both.vismem ls --like mirrored/1.png --distance 0.000001").done().says(&["stripes"]);
}

#[test]
fn queries_alone_may_be_in_other_views() {
    let place = with_pictures();
    place.vismem("-m one.vismem add learn").done();
    place.vismem("-m both.vismem add learn --views flip").done();
    for (memory, other) in [("one.vismem", "flip"), ("both.vismem", "one")] {
        let before = digest(&place, memory);
        let ask = |views: &str| {
            place.vismem(&format!("-m {memory} classify learn/stripes/1.png --format json {views}")).done()
        };
        assert!(nearest(&ask("")) < 1e-6);
        assert!(nearest(&ask(&format!("--views {other}"))) > 1e-4);
        place.vismem(&format!("-m {memory} explain learn/disc/1.png --views {other}")).done();
        place.vismem(&format!("-m {memory} eval aggregation ask --views {other}")).done();
        // The memory is what it was.
        assert_eq!(digest(&place, memory), before);
        assert!(nearest(&ask("")) < 1e-6);
    }
    // Of a picture and of its mirror image, both views are the same.
    let both = |path: &str| {
        nearest(&place.vismem(&format!("-m one.vismem classify {path} --views flip --format json")).done())
    };
    assert_eq!(both("mirrored/1.png"), both("learn/stripes/1.png"));
}

#[test]
fn embeddings_that_an_evaluation_keeps_are_of_its_views() {
    let place = with_pictures();
    place.vismem("add learn").done();
    let eval = |options: &str| {
        let answer = place.vismem(&format!("eval aggregation ask --format json {options}")).done().json();
        (answer["about"]["inputs"].clone(), answer["results"].clone())
    };
    let (one, both) = (eval(""), eval("--views flip"));
    assert_ne!(one.0, both.0, "these are other queries");
    // Whatever the directory has of another run.
    for views in ["", "--views flip", "--views one", "--views flip", "--views flip"] {
        let expected = if views == "--views flip" { &both } else { &one };
        assert_eq!(&eval(&format!("-o report {views}")), expected, "{views}");
    }
}
