//! What the readers need of the command line's `args.rs`.
#![allow(dead_code)]

pub fn wrong_use(message: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{message}")
}
