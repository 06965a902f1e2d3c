//! Exact nearest-neighbour search over unit vectors: vectors in, neighbours out.
