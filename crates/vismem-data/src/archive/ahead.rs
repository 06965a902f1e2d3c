//! Reading ahead: the files of an archive are unpacked in a thread of their own while others are encoded, as many as fit into
//! some memory.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{End, Member};
use crate::picture::Fault;

/// How many files wait at most, and how many bytes of them; one file may be larger.
const FILES: usize = 8;
const BYTES: usize = 64 << 20;

type Item = Result<Member, Fault>;

/// The files that `visit` hands out, and at last why it could not go on, if so.
pub fn read(
    visit: impl FnOnce(&mut dyn FnMut(Member) -> ControlFlow<()>) -> Result<End, Fault> + Send + 'static,
) -> impl Iterator<Item = Item> + Send {
    let queue = Arc::new(Queue::default());
    let filled = Arc::clone(&queue);
    thread::spawn(move || {
        let ended = catch_unwind(AssertUnwindSafe(|| visit(&mut |member| filled.put(Ok(member)))));
        if let Err(fault) = ended.unwrap_or_else(|_| Err("cannot be decoded".into())) {
            // Nobody may be listening any more.
            let _ = filled.put(Err(fault));
        }
        filled.change(|state| state.is_full_stop = true);
    });
    Ahead(queue)
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    bytes: usize,
    /// Nothing comes any more.
    is_full_stop: bool,
    /// Nobody takes any more.
    is_left: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    fn wait_while(&self, must: impl FnMut(&mut State) -> bool) -> MutexGuard<'_, State> {
        self.changed.wait_while(self.lock(), must).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room.
    fn put(&self, item: Item) -> ControlFlow<()> {
        let new = size(&item);
        let is_full = |state: &mut State| {
            let fits = state.waiting.len() < FILES && state.bytes + new <= BYTES;
            !(fits || state.waiting.is_empty() || state.is_left)
        };
        let mut state = self.wait_while(is_full);
        if state.is_left {
            return ControlFlow::Break(());
        }
        state.bytes += new;
        state.waiting.push_back(item);
        drop(state);
        self.changed.notify_all();
        ControlFlow::Continue(())
    }
}

fn size(item: &Item) -> usize {
    item.as_ref().ok().and_then(|member| Some(member.bytes.as_ref().ok()?.len())).unwrap_or(0)
}

struct Ahead(Arc<Queue>);

impl Iterator for Ahead {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let mut state = self.0.wait_while(|state| state.waiting.is_empty() && !state.is_full_stop);
        let item = state.waiting.pop_front()?;
        state.bytes -= size(&item);
        drop(state);
        self.0.changed.notify_all();
        Some(item)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.change(|state| state.is_left = true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn member(len: usize) -> Member {
        Member { name: "x".into(), bytes: Ok(vec![0; len]) }
    }

    #[test]
    fn files_come_in_order_and_what_went_wrong_comes_last() {
        let read = read(|put| {
            for len in 0..100 {
                assert!(put(member(len)).is_continue());
            }
            Err("torn".into())
        });
        let found: Vec<_> =
            read.map(|item| item.map(|member| member.bytes.unwrap().len()).map_err(|f| f.reason)).collect();
        let expected: Vec<_> = (0..100).map(Ok).chain([Err("torn".to_owned())]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn no_more_waits_than_fits_and_a_panic_is_a_fault() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mut read = read(|put| {
            for _ in 0..10 {
                MADE.fetch_add(1, Ordering::Relaxed);
                assert!(put(member(BYTES / 2 + 1)).is_continue());
            }
            panic!("by the decoder")
        });
        read.next();
        std::thread::sleep(Duration::from_millis(100));
        assert!(MADE.load(Ordering::Relaxed) <= 3, "one taken, one waits, one is made");
        assert!(read.last().unwrap().is_err());
    }

    #[test]
    fn the_reader_ends_when_nobody_takes_any_more() {
        let (sender, ended) = std::sync::mpsc::channel();
        let read = read(move |put| {
            while put(member(1)).is_continue() {}
            sender.send(()).unwrap();
            Ok(End::Marked)
        });
        drop(read);
        ended.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
