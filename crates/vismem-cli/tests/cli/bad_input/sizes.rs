//! Much of it: very many files, a very large one.

use std::fs::File;
use std::io::Write;

use super::documented;
use crate::common::{Kind, Place, png};

const MANY: usize = 100_000;

#[test]
fn very_many_small_files() {
    let exit = documented("very_many_small_files");
    let place = Place::new();
    let originals: Vec<_> = (0..4).map(|seed| place.draw(format!("first/disc/{seed}.png"), Kind::Disc, seed)).collect();
    place.vismem("add first").done();
    // Links, because a file may have no more than 65,000 of them on some file systems: of four files.
    for folder in 0..100 {
        std::fs::create_dir_all(place.path(format!("many/disc/{folder}"))).unwrap();
        for file in 0..MANY / 100 {
            let name = place.path(format!("many/disc/{folder}/{file}.png"));
            std::fs::hard_link(&originals[file % 4], name).unwrap();
        }
    }
    place.draw("many/disc/99/new.png", Kind::Disc, 9);
    let added = place.vismem("add many --label disc --format json").done().json();
    assert_eq!((&added["added"], &added["known"]), (&1.into(), &MANY.into()));

    let file = File::create(place.path("many.tgz")).unwrap();
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    let mut put = |name: String, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).unwrap();
    };
    let picture = png(Kind::Disc, 0);
    (0..MANY).for_each(|number| put(format!("disc/{number}.png"), &picture));
    put("disc/new.png".into(), &png(Kind::Disc, 10));
    archive.into_inner().unwrap().finish().unwrap();
    let added = place.vismem("add many.tgz --format json").done();
    assert_eq!(added.code, exit);
    let added = added.json();
    assert_eq!((&added["added"], &added["known"]), (&1.into(), &MANY.into()));
}

#[test]
fn very_large_picture() {
    let exit = documented("very_large_picture");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    std::fs::create_dir_all(place.path("learn/black")).unwrap();
    black_tiff(File::create(place.path("learn/black/scan.tif")).unwrap(), 9000, 9260);
    assert_eq!(place.vismem("add learn").done().says(&["added 2 pictures"]).code, exit);
    place.vismem("ls black").done().says(&["learn/black/scan.tif"]);
}

/// A TIFF of 16 bits a channel without compression, 6 bytes a pixel. They are a hole in the file, which takes no room.
fn black_tiff(mut file: File, width: u32, height: u32) {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let (bits, strip) = (8, 256);
    let bytes = width * height * 6;
    let entries = [
        (256, LONG, 1, width),
        (257, LONG, 1, height),
        // Bits of a sample: three numbers, which lie elsewhere.
        (258, SHORT, 3, bits),
        // No compression; red, green and blue.
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 2),
        // One strip holds everything.
        (273, LONG, 1, strip),
        (277, SHORT, 1, 3),
        (278, LONG, 1, height),
        (279, LONG, 1, bytes),
    ];
    let mut head = b"II\x2a\0\x10\0\0\0".to_vec();
    head.extend([16u16, 16, 16, 0].iter().flat_map(|bits| bits.to_le_bytes()));
    head.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        head.extend(u16::to_le_bytes(tag));
        head.extend(u16::to_le_bytes(kind));
        head.extend(u32::to_le_bytes(count));
        head.extend(u32::to_le_bytes(value));
    }
    head.extend([0; 4]);
    assert!(head.len() <= strip as usize);
    file.write_all(&head).unwrap();
    file.set_len(u64::from(strip + bytes)).unwrap();
}
