//! The program as its users meet it: every test runs the real binary.
#![allow(clippy::print_stdout)]

mod advice;
mod attributes;
mod bad_input;
mod basics;
mod calibrated;
mod caltech101;
mod common;
mod datasets;
mod doctor;
mod eval;
mod eval_report;
mod exporting;
mod forgetting;
mod index;
mod json;
mod kill;
mod models;
mod npy;
mod packed;
mod prune;
mod reencoding;
mod relabelling;
#[path = "../../../vismem-models/tests/server/mod.rs"]
mod server;
mod shortcut;
mod since;
mod tuning;
mod views;
mod what_if;
