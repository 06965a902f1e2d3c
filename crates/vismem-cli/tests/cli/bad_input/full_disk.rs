//! A file system that is really full: a tmpfs in a name space of its own, where the system allows that.

use super::documented;
use crate::common::{Place, Run};
use crate::npy;

/// Runs `vismem -m small/m COMMAND` on a file system that holds a copy of the memory `whole` and has `free` KiB left.
/// Then, in the same place: what `verify` and `stats` say once there is room, the command again, and `stats`. `None` where
/// nothing can be mounted.
fn on_a_full_disk(place: &Place, command: &str, free: u32) -> Option<[Run; 5]> {
    let script = format!(
        r#"mkdir small && mount -t tmpfs -o size=4m none small 2> /dev/null || exit 77
           cp -r whole small/m
           dd if=/dev/zero of=small/filler bs=1k 2> /dev/null
           truncate -s -{free}k small/filler
           run() {{ "$VISMEM" -m small/m $2 > $1.out 2> $1.err; echo $? > $1.code; }}
           run 0 "{command}"
           rm small/filler
           run 1 verify
           run 2 "stats --format json"
           run 3 "{command}"
           run 4 "stats --format json""#
    );
    let script_file = place.write("script", script);
    let run = place.shell(&format!("exec unshare --user --map-root-user --mount sh {}", script_file.display()));
    std::fs::remove_dir(place.path("small")).ok();
    if run.code == 77 || run.stderr.contains("unshare") {
        println!("skipped: no file system can be mounted here");
        return None;
    }
    assert_eq!(run.code, 0, "{run:?}");
    let read = |number: usize, what: &str| std::fs::read_to_string(place.path(format!("{number}.{what}"))).unwrap();
    Some(std::array::from_fn(|number| Run {
        code: read(number, "code").trim().parse().unwrap(),
        stdout: read(number, "out"),
        stderr: read(number, "err"),
    }))
}

#[test]
fn full_file_system_while_editing() {
    let exit = documented("full_file_system_while_editing");
    let place = Place::new();
    place.write("rows.npy", npy::rows(&npy::scattered(600)));
    place.write("labels.txt", (0..600).map(|n| format!("label-{}\n", n % 7)).collect::<String>());
    place.write("more.npy", npy::rows(&npy::scattered(900)[600..]));
    let places = (0..7).map(|n| format!("label-{n},family-{}\n", n % 2));
    place.write("t.csv", ["label,family\n".to_owned()].into_iter().chain(places).collect::<String>());
    place.vismem("-m whole add rows.npy --labels labels.txt").done();
    place.vismem("-m whole relabel --label label-6 --to label-5").done();
    let before = place.vismem("-m whole stats --format json").done().json();
    for command in [
        "add more.npy --label new",
        "forget --label label-3",
        "relabel --label label-1 --to label-0",
        "undo",
        "taxonomy set t.csv",
        "prune soft",
        "compact",
    ] {
        let mut refused = 0;
        for free in [0, 8, 40, 72, 120] {
            let Some([first, verified, stats, again, after]) = on_a_full_disk(&place, command, free) else { return };
            verified.done().says(&["sound, "]);
            let stats = stats.done().json();
            if first.code == exit {
                refused += 1;
                first.refused(exit, &["small/m/"]);
                assert_eq!(stats["digest"], before["digest"], "{command}, {free} KiB: the memory is as it was");
                assert_eq!((&stats["levels"], &stats["pruning"]), (&before["levels"], &before["pruning"]), "{command}");
                again.done();
            } else {
                first.done();
            }
            let after = after.done().json();
            let changed = ["digest", "levels", "pruning"].iter().any(|what| after[what] != before[what]);
            assert_eq!(changed, command != "compact", "{command}, {free} KiB: done in the end");
        }
        assert!(refused > 0, "{command} never found the disk full");
    }
}
