//! Partitions: said when they are made, since that takes a while.

use vismem::{Memory, Search};

use crate::output;

/// Makes the partitions that the search will want, if there are none.
pub fn prepare(memory: &Memory, search: Search) {
    if memory.lacks_partitions(search) {
        let exemplars = output::counted(memory.len(), "exemplar");
        output::note(format_args!("making partitions of {exemplars}, once"));
        if !memory.make_partitions() {
            output::note("note: somebody is writing to the memory, so that it is searched exactly");
        }
    }
}
