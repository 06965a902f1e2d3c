//! An editable visual memory: exemplars on disk, decisions by the votes of the nearest ones.
