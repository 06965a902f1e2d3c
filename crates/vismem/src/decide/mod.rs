//! How neighbours become a decision.

pub(crate) mod among;
pub(crate) mod calibration;
pub(crate) mod classify;
pub(crate) mod conformal;
pub(crate) mod decider;
pub(crate) mod decision;
pub(crate) mod influence;
pub(crate) mod kernel_flip;
pub(crate) mod kernel_voting;
pub(crate) mod leads;
pub(crate) mod leave_one_out;
pub(crate) mod levels;
pub(crate) mod pruning;
pub(crate) mod smallest_flip;
pub(crate) mod tally;
pub(crate) mod taxonomy;
pub(crate) mod thinned;
pub(crate) mod tuning;
pub(crate) mod vote;
pub(crate) mod voting;
