//! Ctrl-C.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user has pressed Ctrl-C. From the first call on it no longer ends the program by itself.
pub fn interrupted() -> bool {
    static PRESSED: AtomicBool = AtomicBool::new(false);
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // Without the handler Ctrl-C just ends the program, which costs the pictures since the last commit.
        let _ = ctrlc::set_handler(|| PRESSED.store(true, Ordering::Relaxed));
    });
    PRESSED.load(Ordering::Relaxed)
}
