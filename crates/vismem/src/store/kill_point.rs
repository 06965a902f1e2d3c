//! Places where tests kill the process, to see what is on disk then. Nothing outside tests.

#[cfg(not(test))]
pub(crate) fn kill_point(_name: &str) {}

/// Environment variable that holds `name:n`: the process is killed the n-th time it passes the place `name`.
#[cfg(test)]
pub(crate) const VARIABLE: &str = "VISMEM_TEST_KILL_AT";

#[cfg(test)]
thread_local! {
    static MEANWHILE: std::cell::RefCell<Option<Meanwhile>> = const { std::cell::RefCell::new(None) };
}

#[cfg(test)]
type Meanwhile = (&'static str, Box<dyn FnOnce()>);

/// Does `what` when this thread next passes the place `name`.
#[cfg(test)]
pub(crate) fn meanwhile(name: &'static str, what: impl FnOnce() + 'static) {
    MEANWHILE.set(Some((name, Box::new(what))));
}

#[cfg(test)]
pub(crate) fn kill_point(name: &str) {
    let due = MEANWHILE.with_borrow_mut(|meanwhile| meanwhile.take_if(|(place, _)| *place == name));
    if let Some((_, what)) = due {
        what();
    }
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(1);
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let Some((wanted, nth)) = wanted.split_once(':') else { return };
    if wanted == name && PASSED.fetch_add(1, Ordering::Relaxed).to_string() == nth {
        let pid = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
        unreachable!("SIGKILL does not return");
    }
}
