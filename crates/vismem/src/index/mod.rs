//! What searches and counts are made fast by: derived files, each of which may be deleted at any time.

pub(crate) mod checksum;
pub(crate) mod codes;
pub(crate) mod derived;
pub(crate) mod neighbor_lists;
pub(crate) mod novelty;
pub(crate) mod partitions;
pub(crate) mod reliability;
pub(crate) mod search;
