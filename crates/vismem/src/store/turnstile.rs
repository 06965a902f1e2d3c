//! How a writer gets a moment without readers, which SQLite needs to cut its log: waiting for one to come by would starve
//! where readers come and go all the time.
//!
//! Two files, of which only the locks matter (`flock`, which the system releases however a process ends). A reader goes
//! through `turnstile`, a shared lock that is released at once, and holds a shared lock on `readers` during its
//! transaction. A writer holds `turnstile` alone, so that newcomers queue, and then `readers`, when those inside have left.
//!
//! Nothing but promptness depends on it. Whoever cannot have the locks goes on without: SQLite has its own.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::platform;

pub(crate) const NAMES: [&str; 2] = ["turnstile", "readers"];

/// How long a reader queues: much longer than a writer stays, unless that was stopped.
const QUEUE: Duration = Duration::from_secs(10);
/// How often it is tried.
const STEP: Duration = Duration::from_micros(100);

/// The two files.
pub(crate) struct Turnstile {
    turnstile: File,
    readers: File,
}

/// Somebody's place inside: a reader's among others, or a writer's alone. Left when it is dropped.
pub(crate) struct Inside<'t>(&'t Turnstile);

impl Turnstile {
    /// Opens the files of the memory `dir`, which are made if need be. `None` where that is impossible, as on a file system
    /// that nobody can write to.
    pub(crate) fn open(dir: &Path) -> Option<Self> {
        let open = |name| {
            let path = dir.join(name);
            let made = platform::open_regular(&path, File::options().write(true).create(true).truncate(false));
            // Whoever may only read the memory can lock all the same.
            made.or_else(|_| platform::read_regular(&path)).ok()
        };
        let [turnstile, readers] = NAMES.map(open);
        Some(Self { turnstile: turnstile?, readers: readers? })
    }

    /// Goes in as a reader. `None` where a writer has been in for too long.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let until = Instant::now() + QUEUE;
        if !wait(until, || self.turnstile.try_lock_shared()) {
            return None;
        }
        let entered = wait(until, || self.readers.try_lock_shared());
        let _ = self.turnstile.unlock();
        entered.then_some(Inside(self))
    }

    /// Lets nobody else in, and waits for readers to leave, no longer than `patience`. `None` where one stays.
    pub(crate) fn enter_alone(&self, patience: Duration) -> Option<Inside<'_>> {
        let until = Instant::now() + patience;
        if !wait(until, || self.turnstile.try_lock()) {
            return None;
        }
        // Leaving releases the turnstile, too.
        let inside = Inside(self);
        wait(until, || self.readers.try_lock()).then_some(inside)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let _ = self.0.readers.unlock();
        let _ = self.0.turnstile.unlock();
    }
}

/// Tries until the lock is had; false where it is not at last.
fn wait(until: Instant, mut attempt: impl FnMut() -> Result<(), TryLockError>) -> bool {
    loop {
        match attempt() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(STEP),
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_waits_for_those_inside_while_newcomers_queue() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, writer] = std::array::from_fn(|_| Turnstile::open(folder.path()).unwrap());
        let inside = first.enter().unwrap();
        drop(second.enter().expect("readers do not mind each other"));
        assert!(writer.enter_alone(Duration::from_millis(1)).is_none(), "a reader is inside");
        drop(second.enter().expect("a writer that gave up is in nobody's way"));
        std::thread::scope(|scope| {
            let alone = scope.spawn(|| writer.enter_alone(Duration::from_secs(60)).map(drop).is_some());
            while second.turnstile.try_lock_shared().is_ok() {
                second.turnstile.unlock().unwrap();
                std::thread::yield_now();
            }
            let newcomer = scope.spawn(|| second.enter().map(drop).is_some());
            drop(inside);
            assert!(alone.join().unwrap() && newcomer.join().unwrap());
        });
    }
}
