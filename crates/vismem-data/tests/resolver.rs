//! A source is opened where pictures may lie, and nowhere else.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use vismem_data::parquet::{Cells, Kind, Writer};
use vismem_data::{ResolveError, SourceResolver};

/// A folder with `in/` and `out/`, and pictures in both.
fn place() -> (TempDir, PathBuf, SourceResolver) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("in");
    for name in ["in/deep/1.jpg", "out/2.jpg"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    let resolver = SourceResolver { roots: vec![root.clone()], ..SourceResolver::default() };
    (folder, root, resolver)
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_file_in_a_root_is_opened_and_one_outside_is_not() {
    let (folder, root, resolver) = place();
    assert_eq!(resolver.open(&root.join("deep/1.jpg")).unwrap(), b"in/deep/1.jpg");
    assert_eq!(resolver.open(&root.join("deep/../deep/1.jpg")).unwrap(), b"in/deep/1.jpg");
    let outside = folder.path().join("out/2.jpg");
    for source in [outside.clone(), root.join("../out/2.jpg"), "/etc/passwd".into(), root.join("../out/none.jpg")] {
        assert!(matches!(resolver.open(&source), Err(ResolveError::Outside)), "{}", source.display());
    }
    // With no roots, anywhere.
    assert_eq!(SourceResolver::default().open(&outside).unwrap(), b"out/2.jpg");
}

#[test]
fn a_link_is_followed_before_it_is_decided_where_it_leads() {
    let (folder, root, resolver) = place();
    let outside = folder.path().join("out/2.jpg");
    symlink(&outside, root.join("link.jpg")).unwrap();
    symlink(folder.path().join("out"), root.join("folder")).unwrap();
    for source in ["link.jpg", "folder/2.jpg"] {
        assert!(matches!(resolver.open(&root.join(source)), Err(ResolveError::Outside)), "{source}");
    }
    symlink(root.join("deep/1.jpg"), folder.path().join("back.jpg")).unwrap();
    assert_eq!(resolver.open(&folder.path().join("back.jpg")).unwrap(), b"in/deep/1.jpg");
    // A root may be a link itself.
    symlink(&root, folder.path().join("root")).unwrap();
    let linked = SourceResolver { roots: vec![folder.path().join("root")], ..resolver };
    assert!(linked.open(&folder.path().join("root/deep/1.jpg")).is_ok());
    assert!(matches!(linked.open(&folder.path().join("root/deep/9.jpg")), Err(ResolveError::NotFound)));
}

#[test]
fn whether_there_is_something_outside_is_not_said() {
    let (folder, _, resolver) = place();
    for name in ["out/2.jpg", "out/none.jpg", "out/2.jpg/x", "out/none.tar#1.jpg"] {
        let error = resolver.open(&folder.path().join(name)).unwrap_err();
        assert!(matches!(error, ResolveError::Outside), "{name}: {error}");
    }
}

#[test]
fn a_pipe_is_refused_at_once() {
    let (_folder, root, resolver) = place();
    let pipe = root.join("pipe.jpg");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(Command::new("mkfifo").arg(root.join("pipe.tar")).status().unwrap().success());
    for resolver in [&resolver, &SourceResolver::default()] {
        assert!(matches!(resolver.open(&pipe), Err(ResolveError::NotAFile)));
        assert!(matches!(resolver.open(&root.join("pipe.tar#1.jpg")), Err(ResolveError::NotFound)));
        assert!(matches!(resolver.open(&root.join("deep")), Err(ResolveError::NotAFile)));
    }
    assert!(matches!(SourceResolver::default().open(Path::new("/dev/zero")), Err(ResolveError::NotAFile)));
}

#[test]
fn a_picture_in_an_archive_or_a_table_lies_where_that_lies() {
    let (folder, root, resolver) = place();
    let archive = tar(&[("cat/1.jpg", "a cat"), ("cat/#2.jpg", "another")]);
    for place in [&root, folder.path()] {
        std::fs::write(place.join("a#b.tar"), &archive).unwrap();
        // A table of no pictures is a table all the same.
        let mut table = Writer::create(&place.join("t.parquet"), &[("path", Kind::Text)]).unwrap();
        table.write(&[Cells::Texts(&[Some("1.jpg")])]).unwrap();
        table.finish().unwrap();
    }
    assert_eq!(resolver.open(&root.join("a#b.tar#cat/1.jpg")).unwrap(), b"a cat");
    assert_eq!(resolver.open(&root.join("a#b.tar#cat/#2.jpg")).unwrap(), b"another");
    for source in ["a#b.tar#cat/3.jpg", "a#b.tar#../deep/1.jpg", "t.parquet#0", "t.parquet#9"] {
        let error = resolver.open(&root.join(source)).unwrap_err();
        assert!(matches!(error, ResolveError::Gone { .. }), "{source}: {error}");
    }
    assert!(matches!(resolver.open(&root.join("t.parquet#x")), Err(ResolveError::NoRow)));
    for source in ["a#b.tar#cat/1.jpg", "t.parquet#0"] {
        assert!(matches!(resolver.open(&folder.path().join(source)), Err(ResolveError::Outside)), "{source}");
    }
    symlink(folder.path().join("a#b.tar"), root.join("link.tar")).unwrap();
    assert!(matches!(resolver.open(&root.join("link.tar#cat/1.jpg")), Err(ResolveError::Outside)));
    std::fs::write(root.join("damaged.zip"), "no archive").unwrap();
    assert!(matches!(resolver.open(&root.join("damaged.zip#1.jpg")), Err(ResolveError::Holder(_))));
}

#[test]
fn what_is_larger_than_the_limit_is_refused() {
    let (_folder, root, resolver) = place();
    std::fs::write(root.join("a.tar"), tar(&[("1.jpg", "sixteen letters!")])).unwrap();
    std::fs::write(root.join("1.jpg"), "sixteen letters!").unwrap();
    for source in ["a.tar#1.jpg", "1.jpg"] {
        let of = |max_bytes| SourceResolver { max_bytes, ..resolver.clone() }.open(&root.join(source));
        assert_eq!(of(16).unwrap(), b"sixteen letters!");
        assert!(matches!(of(15), Err(ResolveError::TooLarge { limit: 15 })), "{source}");
    }
}
