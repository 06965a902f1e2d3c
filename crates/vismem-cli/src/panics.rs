//! Panics, in a readable line.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use crate::output;

/// What panicked last, and where.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Runs the program. Decoders may panic on a damaged file, which is caught and told as a fault of that file; so a panic prints
/// nothing by itself, and only one that nobody catches is told, at the end. With `RUST_BACKTRACE` set all of them are.
pub fn told_at_the_end(run: impl FnOnce() -> ExitCode) -> ExitCode {
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        panic::set_hook(Box::new(|panic| {
            let what = panic.to_string().replace('\n', " ");
            LAST.lock().unwrap_or_else(PoisonError::into_inner).replace(what);
        }));
    }
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        if let Some(what) = LAST.lock().unwrap_or_else(PoisonError::into_inner).take() {
            output::note(format_args!(
                "error: vismem failed: {what}; the fault is its own, so please report the command"
            ));
        }
        ExitCode::FAILURE
    })
}
