//! Ctrl-C in the middle of an experiment: finished ones are on disk, and nothing is left behind.

use std::time::Duration;

use vismem_app::evaluate::remove_scratch;

use crate::interrupt::interrupted;
use crate::output;

/// Ends the program soon after Ctrl-C.
pub fn watch(is_kept: bool) {
    std::thread::spawn(move || {
        while !interrupted() {
            std::thread::sleep(Duration::from_millis(50));
        }
        remove_scratch();
        let kept =
            if is_kept { "; what was finished is kept, and the same command again goes on from there" } else { "" };
        output::note(format_args!("error: stopped{kept}"));
        std::process::exit(1);
    });
}
