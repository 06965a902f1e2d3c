//! Removing a shortcut (paper, appendix P): a mark on the pictures of one class makes everything with the mark look like
//! that class, until the marked pictures are left out.

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::common::{Kind, Place, picture};

/// A picture with the mark of the agency that took it, much larger than any agency would.
fn marked(kind: Kind, seed: u32) -> RgbImage {
    let plain = picture(kind, seed);
    RgbImage::from_fn(48, 48, |x, y| {
        let on_mark = y < 34;
        let ink = (x / 4 + y / 4) % 2 == 0;
        if on_mark { Rgb(if ink { [20, 30, 160] } else { [250, 220, 40] }) } else { *plain.get_pixel(x, y) }
    })
}

fn save(place: &Place, name: &str, picture: &RgbImage) {
    let path = place.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// Share of the answers about the folder `ask/KIND` that say KIND.
fn accuracy(place: &Place, options: &str) -> f64 {
    let answers = place.vismem(&format!("classify ask -k 5 --format json {options}")).done().json();
    let answers = answers["results"].as_array().unwrap().clone();
    let right = |answer: &&Value| answer["path"].as_str().unwrap().contains(answer["label"].as_str().unwrap());
    answers.iter().filter(right).count() as f64 / answers.len() as f64
}

#[test]
fn leaving_out_the_marked_pictures_of_a_class_removes_the_shortcut() {
    let place = Place::new();
    for seed in 0..6 {
        place.draw(format!("plain/disc/{seed}.png"), Kind::Disc, seed);
        place.draw(format!("plain/stripes/{seed}.png"), Kind::Stripes, seed);
        save(&place, &format!("agency/disc/{seed}.png"), &marked(Kind::Disc, seed));
        save(&place, &format!("ask/stripes/{seed}.png"), &marked(Kind::Stripes, 20 + seed));
    }
    place.vismem("add plain agency").done();
    let with_shortcut = accuracy(&place, "");
    assert!(with_shortcut <= 0.2, "marked stripes were to be taken for discs; {with_shortcut} were not");

    assert_eq!(place.vismem("ls --source agency/*/*").done().stdout.lines().count(), 6);
    let without = accuracy(&place, "--without source=agency/*/*");
    assert!(without >= 0.8, "{without}");
    let changed = place.vismem("classify ask -k 5 --without source=agency/*/* --changed").done();
    assert!(changed.stdout.lines().count() >= 4, "{changed:?}");

    place.vismem("forget --source agency/*/*").done();
    assert_eq!(accuracy(&place, ""), without, "forgetting does what leaving out promised");
}
