//! What an add changed, as users ask for it.

use crate::common::Place;
use crate::npy;

/// Two of a and two of b along a line; then two of c, between and beside the ones of a.
fn place() -> Place {
    let place = Place::new();
    let row = |n: f32| [1.0, 0.1 * n];
    place.write("old.npy", npy::rows(&[row(1.0), row(2.0), row(6.0), row(7.0)]));
    place.write("old.txt", "a\na\nb\nb\n");
    place.write("new.npy", npy::rows(&[row(1.4), row(1.5)]));
    place.vismem("add old.npy --labels old.txt").done();
    place.vismem("add new.npy --label c").done();
    place
}

#[test]
fn stats_say_what_an_add_changed_in_old_decisions() {
    let place = place();
    let run = place.vismem("stats --since 2 -k 1").done();
    let words = "
Since batch 2: 2 exemplars added, 1 new label (c)
Each exemplar decided by its 1 nearest others, kernel (γ = 2, λ = 0.1):
  100.00 % right of 4 older exemplars before
   50.00 % right of them now: 2 decided otherwise, 0 mended, 2 spoilt
  100.00 % right of the added
Labels that lost:
  100.00 % ->   0.00 %  a, 2 exemplars, taken for c
";
    assert!(run.stdout.ends_with(words), "{}", run.stdout);
    assert!(run.stdout.starts_with("memory "), "{}", run.stdout);
    assert_eq!(place.vismem("stats --since last -k 1").done().stdout, run.stdout);
    // With more neighbours and another vote old ones are outvoted, too, before the add.
    let before = |options: &str| {
        let stats = place.vismem(&format!("stats --since 2 --format json {options}")).done().json();
        stats["since"]["old"]["accuracy_before"].as_f64().unwrap()
    };
    assert_eq!((before("-k 1"), before("-k 3 --vote plurality")), (1.0, 0.0));
    place.vismem("stats").done();
}
