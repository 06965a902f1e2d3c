//! What searches and counts are made fast by: derived files, each of which may be deleted at any time.
//!
//! Queries take what is there and never build or write. An index is built when it is asked for ([`build`]), and follows
//! the edits of a writer from then on ([`writer`]).

pub(crate) mod assignments;
pub(crate) mod build;
pub(crate) mod calibration;
pub(crate) mod checksum;
pub(crate) mod codes;
pub(crate) mod derived;
pub(crate) mod grouped;
pub(crate) mod indexes;
pub(crate) mod neighbor_lists;
pub(crate) mod novelty;
pub(crate) mod partitions;
pub(crate) mod reliability;
pub(crate) mod search;
pub(crate) mod writer;
