//! Where nothing can be written a memory can be read all the same.

use std::path::Path;
use std::process::{Command, Output};

use super::{add, sample};
use crate::{ClassifyOptions, Memory, verify};

const DIRECTORY: &str = "VISMEM_TEST_READ_IN";

/// Not a test by itself: the process that the test below starts where the memory is on a read-only file system.
#[test]
fn child_process_that_reads() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        let dir = Path::new(&dir);
        assert!(std::fs::write(dir.join("probe"), "").is_err(), "the file system is read-only");
        let memory = Memory::open(dir).unwrap();
        assert_eq!(memory.len(), 40);
        let threads: Vec<_> = (0..4).map(|_| memory.clone()).collect();
        std::thread::scope(|scope| {
            for memory in threads {
                scope.spawn(move || {
                    let decisions = memory.classify(&sample(3).embedding, &ClassifyOptions::default()).unwrap();
                    assert_eq!(decisions[0].neighbors[0].source, Some("pictures/3.jpg".into()));
                    assert!(memory.is_current().unwrap());
                });
            }
        });
        assert_eq!(verify(dir).unwrap().faults, []);
    }
}

/// Runs the child above in a name space of its own where `dir` is mounted read-only; `None` where nothing can be mounted.
fn read_only(dir: &Path) -> Option<Output> {
    let script = r#"mount --bind "$VISMEM_TEST_READ_IN" "$VISMEM_TEST_READ_IN" 2> /dev/null || exit 77
        mount -o remount,bind,ro "$VISMEM_TEST_READ_IN" 2> /dev/null || exit 77
        exec "$0" --exact tests::read_only::child_process_that_reads"#;
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(std::env::current_exe().unwrap());
    let run = command.env(DIRECTORY, dir).output().ok()?;
    let refused = run.status.code() == Some(77) || String::from_utf8_lossy(&run.stderr).contains("unshare");
    if refused {
        println!("skipped: no file system can be mounted here");
    }
    (!refused).then_some(run)
}

#[test]
fn a_memory_on_a_read_only_file_system_can_be_read_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("50 % of #1? ü");
    add(&dir, &(0..40).map(sample).collect::<Vec<_>>()).unwrap();
    // As copied to a disc: without what SQLite makes for those who share the memory.
    let beside = ["catalog.sqlite-wal", "catalog.sqlite-shm", "turnstile", "readers", "state"];
    for left in [&beside[..], &beside[2..], &[]] {
        for name in beside.iter().filter(|name| !left.contains(name)) {
            let _ = std::fs::remove_file(dir.join(name));
        }
        let Some(run) = read_only(&dir) else { return };
        assert!(run.status.success(), "{run:?}");
    }
}
