use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use super::documented;
use crate::common::{Kind, Place};
use crate::npy;

fn with_picture_memory() -> Place {
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.vismem("add learn").done();
    place
}

#[test]
fn explanation_of_an_unknown_kind() {
    let exit = documented("explanation_of_an_unknown_kind");
    let place = Place::new();
    for file in ["why.pdf", "why", "why.html.gz"] {
        let run = place.vismem_with(["explain", "a.png", "-o", file]);
        run.refused(exit, &[file, "an explanation is written as .html or .png"]);
    }
}

#[test]
fn one_file_for_several_explanations() {
    let exit = documented("one_file_for_several_explanations");
    let place = with_picture_memory();
    let words = ["why.html: is one file, and there are several explanations; name a folder"];
    place.vismem("explain learn/disc/1.png --id 1 -o why.html").refused(exit, &words);
    place
        .vismem("explain learn/disc/1.png learn/disc/1.png -o why")
        .done()
        .says(&["see why/1-1.html", "see why/2-1.html"]);
}

#[test]
fn explanation_over_the_picture() {
    let exit = documented("explanation_over_the_picture");
    let place = with_picture_memory();
    let before = std::fs::read(place.path("learn/disc/1.png")).unwrap();
    let words = ["is the picture itself", "write the explanation elsewhere"];
    place.vismem("explain learn/disc/1.png -o ./learn/disc/1.png").refused(exit, &words);
    assert_eq!(std::fs::read(place.path("learn/disc/1.png")).unwrap(), before);
}

#[test]
fn explanation_that_cannot_be_written() {
    let exit = documented("explanation_that_cannot_be_written");
    let place = with_picture_memory();
    let words = ["cannot write no/such/folder/why.html", "No such file"];
    place.vismem("explain learn/disc/1.png -o no/such/folder/why.html").refused(exit, &words);
    std::fs::create_dir(place.path("why.png")).unwrap();
    place.vismem("explain learn/disc/1.png -o why.png").refused(exit, &["cannot write why.png"]);
}

/// A memory whose listing is longer than any pipe's buffer.
fn with_long_listing() -> Place {
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(3_000)));
    place.vismem("add rows.npy --label x").done();
    place
}

#[test]
fn output_closed_early() {
    let exit = documented("output_closed_early");
    let place = with_long_listing();
    for args in ["ls --all", "ls --all --format json", "classify rows.npy", "classify rows.npy --format json"] {
        let mut child = place.command(args.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut start = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut start).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args}");
    }
}

#[test]
fn output_that_is_full() {
    let exit = documented("output_that_is_full");
    if !Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full here");
        return;
    }
    let place = with_long_listing();
    for args in ["ls", "ls --all", "classify rows.npy --format json", "stats", "verify"] {
        let run = place.shell(&format!("\"$VISMEM\" {args} > /dev/full"));
        run.refused(exit, &["cannot write the answer to standard output: No space left"]);
    }
}

#[test]
fn nobody_listens_to_the_warnings() {
    let exit = documented("nobody_listens_to_the_warnings");
    let place = Place::new();
    let rows = std::array::from_fn::<_, 200, _>(|row| if row == 0 { [1.0, 0.0] } else { [0.0, 0.0] });
    place.write("rows.npy", npy::rows(&rows));
    let mut child = place
        .command("add rows.npy --label x".split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(exit));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("added 1 embedding in"), "the answer is lost");
}
