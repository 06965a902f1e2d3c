//! `cache/neighbors.bin`: what one search of all queries found. For each query the number of its neighbours (u32), and for
//! each of these, nearest first, its id (u64), slot (u32) and distance (f32), little-endian. Where the memory is asked about
//! itself, it keeps the lists by itself.

use std::path::{Path, PathBuf};

use vismem::search::Neighbor;

use super::{Hash, sealed, write_sealed};
use crate::Result;

/// Bytes of a neighbour.
const NEIGHBOR: usize = 16;

/// The neighbours that are kept for some inputs.
pub struct Neighbors {
    path: Option<PathBuf>,
    inputs: Hash,
}

impl Neighbors {
    /// In `output`, if there is one, for these inputs (hexadecimal digits).
    pub fn new(output: Option<&Path>, inputs: &str) -> Self {
        let path = output.map(|output| output.join("cache").join("neighbors.bin"));
        Self { path, inputs: *blake3::hash(inputs.as_bytes()).as_bytes() }
    }

    /// What is kept for so many queries.
    pub fn load(&self, queries: usize) -> Option<Vec<Vec<Neighbor>>> {
        let bytes = sealed(self.path.as_deref()?, &self.inputs)?;
        let mut rest = &bytes[..];
        let mut all = Vec::with_capacity(queries);
        for _ in 0..queries {
            let (count, others) = rest.split_first_chunk::<4>()?;
            let (found, others) = others.split_at_checked(u32::from_le_bytes(*count) as usize * NEIGHBOR)?;
            all.push(found.as_chunks::<NEIGHBOR>().0.iter().map(neighbor).collect());
            rest = others;
        }
        rest.is_empty().then_some(all)
    }

    /// Keeps what was found.
    pub fn keep(&self, found: &[Vec<Neighbor>]) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut bytes = Vec::new();
        for found in found {
            bytes.extend((found.len() as u32).to_le_bytes());
            for Neighbor { id, slot, distance } in found {
                bytes.extend(id.to_le_bytes());
                bytes.extend(slot.to_le_bytes());
                bytes.extend(distance.to_le_bytes());
            }
        }
        write_sealed(path, &self.inputs, bytes)
    }
}

fn neighbor(bytes: &[u8; NEIGHBOR]) -> Neighbor {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
    Neighbor {
        id: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        slot: u32::from_le_bytes([i, j, k, l]),
        distance: f32::from_le_bytes([m, n, o, p]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_taken_up_for_the_same_inputs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let near = |id: u64| Neighbor { id, slot: id as u32 ^ 7, distance: 0.25 * id as f32 };
        let found = vec![vec![near(1), near(2)], Vec::new(), vec![near(u64::MAX)]];
        let kept = Neighbors::new(Some(folder.path()), "ab");
        assert_eq!(kept.load(3), None);
        kept.keep(&found).unwrap();
        assert_eq!(kept.load(3), Some(found));
        assert_eq!((kept.load(2), kept.load(4)), (None, None));
        assert_eq!(Neighbors::new(Some(folder.path()), "ac").load(3), None);
        let path = folder.path().join("cache/neighbors.bin");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(kept.load(3), None, "a changed byte");
    }
}
