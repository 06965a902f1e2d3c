//! The program as its users meet it: every test runs the real binary.

mod bad_input;
mod basics;
mod caltech101;
mod common;
mod eval;
mod eval_report;
mod forgetting;
mod json;
mod kill;
mod npy;
mod prune;
mod relabelling;
mod shortcut;
mod since;
mod what_if;
