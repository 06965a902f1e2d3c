//! What changed a memory.

use serde::Serialize;
use vismem::{Event, Memory};

use crate::Result;

/// What changed a memory, in order.
#[derive(Debug, Serialize)]
pub struct Log {
    /// The oldest first.
    pub events: Vec<Event>,
}

/// Everything that changed the memory.
///
/// # Errors
/// When the memory cannot be read.
pub fn log(memory: &Memory) -> Result<Log> {
    Ok(Log { events: memory.events()? })
}
