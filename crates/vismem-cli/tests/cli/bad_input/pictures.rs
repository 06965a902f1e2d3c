use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use image::DynamicImage;

use super::documented;
use crate::common::{Kind, Place, make_pipe, picture};

/// A picture of the encoder's own tests.
fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../vismem-encode/tests/data")).join(name)
}

/// Adds `pictures`, of which one is good and called good.png, to a new memory; `words` say what was wrong with the bad.
#[track_caller]
fn the_good_one_is_added(place: &Place, exit: i32, words: &[&str]) {
    place.draw("pictures/good.png", Kind::Disc, 1);
    let run = place.vismem("add pictures");
    assert_eq!(run.code, exit, "{run:?}");
    run.incomplete(words).says(&["added 1 picture", "see the warnings"]);
    place.vismem("verify").done().says(&["sound, 1 exemplar checked"]);
    // Asking about them goes the same way: the good one is answered.
    let run = place.vismem("classify pictures");
    assert!(run.stdout.contains("good.png  pictures  100 %"), "{run:?}");
    assert_eq!(run.code, exit);
    run.incomplete(words).says(&["not classified"]);
}

#[test]
fn copies_of_a_broken_picture_are_each_reported() {
    let exit = documented("copies_of_a_broken_picture_are_each_reported");
    let place = Place::new();
    let whole = fs::read(place.draw("whole.png", Kind::Disc, 2)).unwrap();
    place.write("pictures/broken.png", &whole[..whole.len() / 2]);
    place.write("pictures/copy.png", &whole[..whole.len() / 2]);
    the_good_one_is_added(&place, exit, &["pictures/broken.png: ", "pictures/copy.png: "]);
}

#[test]
fn truncated_picture() {
    let exit = documented("truncated_picture");
    let place = Place::new();
    let whole = fs::read(fixture("rotated.jpg")).unwrap();
    place.write("pictures/cut.jpg", &whole[..whole.len() * 2 / 3]);
    let png = place.draw("whole.png", Kind::Disc, 2);
    let whole = fs::read(png).unwrap();
    place.write("pictures/cut.png", &whole[..whole.len() / 2]);
    the_good_one_is_added(&place, exit, &["pictures/cut.jpg: the JPEG file is truncated", "pictures/cut.png: "]);
}

#[test]
fn text_named_like_a_picture() {
    let exit = documented("text_named_like_a_picture");
    let place = Place::new();
    place.write("pictures/notes.jpg", "Dear diary, no picture today.");
    the_good_one_is_added(&place, exit, &["pictures/notes.jpg: not an image", "convert it to PNG or JPEG"]);
}

#[test]
fn empty_picture_file() {
    let exit = documented("empty_picture_file");
    let place = Place::new();
    place.write("pictures/nothing.png", "");
    the_good_one_is_added(&place, exit, &["pictures/nothing.png: the file is empty (0 bytes)"]);
}

#[test]
fn decompression_bomb() {
    let exit = documented("decompression_bomb");
    let place = Place::new();
    let mut png = fs::read(place.draw("small.png", Kind::Disc, 2)).unwrap();
    // Width, height and their checksum stand at a fixed place behind the signature.
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&checksum);
    place.write("pictures/bomb.png", png);
    the_good_one_is_added(&place, exit, &["pictures/bomb.png: 60000 x 60000 pixels are more than the limit"]);
    place.vismem("classify pictures/good.png --max-megapixels 1").done();
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

#[test]
fn mislabelled_extension() {
    let exit = documented("mislabelled_extension");
    let place = Place::new();
    let png = fs::read(place.draw("a.png", Kind::Disc, 1)).unwrap();
    place.write("learn/really-a-png.jpg", png);
    assert_eq!(place.vismem("add learn").done().says(&["added 1 picture"]).code, exit);
}

#[test]
fn unusual_but_whole_pictures() {
    let exit = documented("unusual_but_whole_pictures");
    let place = Place::new();
    let names = ["cmyk.jpg", "cmyk.tif", "palette.png", "animated.gif", "progressive.jpg"];
    for name in names {
        place.write(Path::new("learn").join(name), fs::read(fixture(name)).unwrap());
    }
    let drawn = DynamicImage::from(picture(Kind::Disc, 1));
    drawn.to_rgb16().save(place.path("learn/16-bit.png")).unwrap();
    drawn.to_luma8().save(place.path("learn/grey.png")).unwrap();
    drawn.to_rgba8().save(place.path("learn/alpha.png")).unwrap();
    assert_eq!(place.vismem("add learn").done().says(&["added 8 pictures"]).code, exit);
}

#[test]
fn picture_turned_by_exif() {
    let exit = documented("picture_turned_by_exif");
    let place = Place::new();
    let upright = image::open(fixture("rotated.jpg.expected.png")).unwrap();
    fs::create_dir_all(place.path("learn/sideways")).unwrap();
    fs::create_dir_all(place.path("learn/upright")).unwrap();
    upright.save(place.path("learn/upright/1.png")).unwrap();
    upright.rotate270().save(place.path("learn/sideways/1.png")).unwrap();
    place.vismem("add learn").done();
    place.write("ask.jpg", fs::read(fixture("rotated.jpg")).unwrap());
    let run = place.vismem("classify ask.jpg -k 1").done();
    assert_eq!((run.code, run.stdout.as_str()), (exit, "ask.jpg  upright  100 %\n"));
}

#[test]
fn picture_path_that_is_not_utf8() {
    let exit = documented("picture_path_that_is_not_utf8");
    let place = Place::new();
    place.draw("learn/café.png", Kind::Disc, 1);
    let name = OsStr::from_bytes(b"caf\xe9.png");
    if fs::rename(place.path("learn/café.png"), place.path("learn").join(name)).is_err() {
        println!("skipped: file names must be UTF-8 here");
        return;
    }
    assert_eq!(place.vismem("add learn").done().code, exit);
    place.vismem("ls learn").done().says(&["learn/caf�.png"]);
    // The name itself was kept: the picture is found again.
    place.vismem_with([OsStr::new("explain"), place.path("learn").join(name).as_os_str()]).done();
    let page = fs::read_to_string(place.path("explanation.html")).unwrap();
    assert!(!page.contains("was moved or deleted"), "the neighbour's picture was not found");
}

#[test]
fn folder_name_that_is_not_utf8() {
    let exit = documented("folder_name_that_is_not_utf8");
    let place = Place::new();
    place.draw("learn/café/1.png", Kind::Disc, 1);
    let renamed = place.path("learn").join(OsStr::from_bytes(b"caf\xe9"));
    if fs::rename(place.path("learn/café"), renamed).is_err() {
        println!("skipped: file names must be UTF-8 here");
        return;
    }
    place.vismem("add learn").refused(exit, &["learn/caf�/1.png", "is not UTF-8", "use --label"]);
    place.vismem("add learn --label coffee").done();
}

#[test]
fn duplicate_picture() {
    let exit = documented("duplicate_picture");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.draw("learn/disc/copy.png", Kind::Disc, 1);
    let run = place.vismem("add learn").done().says(&["added 1 picture", "1 picture already in the memory"]);
    assert_eq!(run.code, exit);
    place.vismem("ls disc").done().says(&["learn/disc/1.png"]);
}

#[test]
fn same_picture_under_another_label() {
    let exit = documented("same_picture_under_another_label");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.draw("learn/round/1.png", Kind::Disc, 1);
    let run = place.vismem("add learn");
    assert_eq!(run.code, exit);
    run.incomplete(&["not added as round: learn/round/1.png is in the memory as disc (exemplar 1)"]);
    assert_eq!(place.vismem("ls").done().stdout, "        1  disc\n");
}

#[test]
fn empty_folder() {
    let exit = documented("empty_folder");
    let place = Place::new();
    place.write("learn/notes.txt", "");
    place.vismem("add learn").refused(exit, &["learn: no pictures here", "jpg"]);
    assert!(!place.path("memory.vismem").exists(), "nothing was asked for that would need a memory");
}

#[test]
fn missing_path_to_add() {
    let exit = documented("missing_path_to_add");
    let place = Place::new();
    place.draw_two_labels("learn", 1);
    place.vismem("add learn learm").refused(exit, &["learm", "No such file"]);
    place.vismem("add nothing.npy --label x").refused(exit, &["nothing.npy", "No such file"]);
    place.vismem("add nothing.csv").refused(exit, &["nothing.csv", "No such file"]);
    assert!(!place.path("memory.vismem").exists(), "a slip of the pen was noticed after the work began");
}

#[test]
fn missing_picture_to_classify() {
    let exit = documented("missing_picture_to_classify");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.vismem("add learn").done();
    let run = place.vismem("classify gone.png learn/disc/1.png");
    assert_eq!(run.code, exit);
    assert_eq!(run.stdout, "gone.png  not classified\nlearn/disc/1.png  disc  100 %  (the memory holds it: id 1)\n");
    run.incomplete(&["warning: gone.png: cannot read: No such file"]);
    place.vismem("explain gone.png").refused(exit, &["gone.png: cannot read: No such file"]);
}

#[test]
fn unreadable_picture() {
    let exit = documented("unreadable_picture");
    let place = Place::new();
    let secret = place.draw("pictures/secret.png", Kind::Disc, 2);
    if place.is_roots() {
        println!("skipped: root may read everything");
        return;
    }
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    the_good_one_is_added(&place, exit, &["pictures/secret.png: cannot read: Permission denied"]);
}

#[test]
fn link_to_a_picture_that_is_gone() {
    let exit = documented("link_to_a_picture_that_is_gone");
    let place = Place::new();
    fs::create_dir(place.path("pictures")).unwrap();
    symlink("nowhere.png", place.path("pictures/link.png")).unwrap();
    the_good_one_is_added(&place, exit, &["pictures/link.png: cannot read: No such file"]);
}

#[test]
fn folder_that_links_to_itself() {
    let exit = documented("folder_that_links_to_itself");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    symlink("..", place.path("learn/disc/up")).unwrap();
    place.vismem("add learn").refused(exit, &["cannot list learn", "learn/disc/up points to an ancestor"]);
}

#[test]
fn folder_where_a_picture_is_meant() {
    let exit = documented("folder_where_a_picture_is_meant");
    let place = Place::new();
    place.draw("learn/disc/1.png", Kind::Disc, 1);
    place.vismem("add learn").done();
    place.vismem("explain learn").refused(exit, &["learn: not a regular file", "give the path of an image file"]);
}

#[test]
fn picture_of_a_kind_that_is_not_read() {
    let exit = documented("picture_of_a_kind_that_is_not_read");
    let place = Place::new();
    place.draw("photos/disc/good.png", Kind::Disc, 1);
    place.write("photos/disc/telephone.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    place.write("photos/disc/scan.jp2", b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 ");
    place.write("photos/disc/notes.txt", "no picture, and not named like one");
    let run = place.vismem("add photos");
    assert_eq!(run.code, exit);
    let heic = "telephone.HEIC: a HEIF or HEIC picture, which vismem does not read: convert it to PNG or JPEG";
    run.incomplete(&[heic, "scan.jp2: a JPEG 2000 picture", "added 1 picture"]);
}

#[test]
fn tiff_of_which_black_and_white_are_not_known() {
    let exit = documented("tiff_of_which_black_and_white_are_not_known");
    let place = Place::new();
    place.draw("photos/disc/good.png", Kind::Disc, 1);
    place.write("photos/disc/heights.tif", heights(3));
    place.write("photos/disc/signed.tif", heights(2));
    let run = place.vismem("add photos");
    assert_eq!(run.code, exit);
    let range = "heights.tif: the TIFF file has floating-point samples from 0 to 4000, neither from 0 to 1 nor";
    run.incomplete(&[range, "signed.tif: the TIFF file has signed samples", "convert it", "added 1 picture"]);
}

/// A map of heights in metres, in 32 bits of a format.
fn heights(format: u16) -> Vec<u8> {
    let metres: Vec<u8> = (0..64).flat_map(|i| if i == 9 { 4000f32.to_le_bytes() } else { [0; 4] }).collect();
    let tags: [(u16, u32); 9] =
        [(256, 8), (257, 8), (258, 32), (259, 1), (262, 1), (273, 122), (277, 1), (279, 256), (339, format.into())];
    let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, value) in tags {
        // Every value is one number of 32 bits.
        file.extend([&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0], &value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file.extend(metres);
    file
}

#[test]
fn pipe_where_a_picture_is_meant() {
    let exit = documented("pipe_where_a_picture_is_meant");
    let place = Place::new();
    let good = place.draw("good.png", Kind::Disc, 1);
    make_pipe(&place.path("pipe.png"));
    let words = ["pipe.png: not a regular file"];
    let run = place.vismem_with(["add", "pipe.png", good.to_str().unwrap(), "--label", "disc"]);
    assert_eq!(run.code, exit);
    run.incomplete(&words).says(&["added 1 picture"]);
    place.vismem("classify pipe.png").incomplete(&words);
}

#[test]
fn picture_without_a_label() {
    let exit = documented("picture_without_a_label");
    let place = Place::new();
    place.draw("a.png", Kind::Disc, 1);
    place.vismem("add a.png").refused(exit, &["a.png: say with --label what this picture shows"]);
}
