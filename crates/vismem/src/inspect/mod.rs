//! Looking into a memory: is it whole, what did additions change.

pub(crate) mod sample;
pub(crate) mod similar;
pub(crate) mod since;
pub(crate) mod verify;
