//! Progress on standard error: a bar in a terminal, else a line every ten seconds.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use vismem_app::{Error, Failure, Observer};

use crate::interrupt::interrupted;
use crate::{output, remedy};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    bar: ProgressBar,
    /// When the next line is due, where no bar can be drawn.
    line_due: Option<Instant>,
    what: &'static str,
}

impl Progress {
    /// Counts up to `total` of `what`.
    pub fn new(total: u64, what: &'static str) -> Self {
        Self::up_to(Some(total), what)
    }

    /// Counts `what` up to a total that may not be known.
    pub fn up_to(total: Option<u64>, what: &'static str) -> Self {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{bar:30} {pos}/{len} {msg}, {per_sec:.1}, {eta} left"),
            None => (ProgressBar::no_length(), "{spinner} {pos} {msg}, {per_sec:.1}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(what);
        let line_due = (!std::io::stderr().is_terminal()).then(|| Instant::now() + EVERY);
        Self { bar, line_due, what }
    }

    pub fn advance(&mut self, by: u64) {
        self.bar.inc(by);
        let is_over = self.bar.length() == Some(self.bar.position());
        if !is_over && self.line_due.is_some_and(|due| due <= Instant::now()) {
            let (done, rate, what) = (self.bar.position(), self.bar.per_sec(), self.what);
            match self.bar.length() {
                Some(total) => {
                    let left = HumanDuration(self.bar.eta());
                    output::note(format_args!("{done}/{total} {what}, {rate:.1}/s, {left} left"));
                }
                None => output::note(format_args!("{done} {what}, {rate:.1}/s")),
            }
            self.line_due = Some(Instant::now() + EVERY);
        }
    }

    /// Takes the bar away while something else is printed.
    pub fn pause<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }
}

/// Progress of files that are fetched.
#[derive(Default)]
pub struct Fetching {
    file: Option<(String, Progress)>,
}

impl Fetching {
    /// A piece of a file has come.
    pub fn at(&mut self, piece: vismem_models::Fetching<'_>) -> ControlFlow<()> {
        let vismem_models::Fetching { file, here, total } = piece;
        if self.file.as_ref().is_none_or(|(known, _)| known != file) {
            self.file = None;
            output::note(format_args!("fetching {file}, {}", output::bytes(total)));
            self.file = Some((file.to_owned(), Progress::new(total, "bytes")));
        }
        if let Some((_, progress)) = &mut self.file {
            progress.advance(here.saturating_sub(progress.bar.position()));
        }
        ControlFlow::Continue(())
    }
}

/// Progress of a long call, which names its steps itself.
#[derive(Default)]
pub struct Steps {
    step: Option<Progress>,
}

impl vismem::Progress for Steps {
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()> {
        if self.step.as_ref().is_none_or(|step| step.what != what || step.bar.position() > done) {
            self.step = Some(Progress::up_to(total, what));
        }
        if let Some(step) = &mut self.step {
            step.advance(done.saturating_sub(step.bar.position()));
        }
        ControlFlow::Continue(())
    }
}

/// Shows how far a use case is, and what is worth a word on the way.
#[derive(Default)]
pub struct Watch {
    steps: Steps,
    fetching: Fetching,
    stops: bool,
}

impl Watch {
    /// Ends the use case when the user presses Ctrl-C, so that what is done is kept. Without that Ctrl-C ends the program.
    pub fn until_interrupted() -> Self {
        Self { stops: true, ..Self::default() }
    }

    /// Takes the bar away while something else is printed.
    pub fn pause<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.steps.step {
            Some(step) => step.pause(print),
            None => print(),
        }
    }

    /// Prints a line above the bar.
    fn print(&self, line: impl std::fmt::Display) {
        self.pause(|| output::note(line));
    }
}

impl Observer for Watch {
    fn step(&mut self, what: &'static str, done: u64, total: Option<u64>) -> ControlFlow<()> {
        if self.stops && interrupted() {
            return ControlFlow::Break(());
        }
        self.fetching = Fetching::default();
        vismem::Progress::step(&mut self.steps, what, done, total)
    }

    fn note(&mut self, line: &str) {
        self.print(format_args!("note: {line}"));
    }

    fn failed(&mut self, failure: &Failure) {
        self.print(format_args!("warning: {}", remedy::failure(failure)));
    }

    fn fetching(&mut self, piece: vismem_models::Fetching<'_>) -> ControlFlow<()> {
        self.fetching.at(piece)
    }

    fn indexes_behind(&mut self, error: Error) {
        let error = output::in_one_line(&error.into());
        self.print(format_args!("note: {error}; `vismem index` builds what makes the memory fast"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
