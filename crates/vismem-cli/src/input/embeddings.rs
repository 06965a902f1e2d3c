//! Ready embeddings: `.npy` files of N × D values.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use npyz::{Deserialize, NpyFile, Order, TypeChar};

use super::npy;

/// Rows of a `.npy` file, read as they are asked for.
pub struct Embeddings {
    /// How many rows the file has.
    pub rows: usize,
    /// Values in each row.
    pub dim: usize,
    values: Box<dyn Iterator<Item = io::Result<f32>>>,
    name: String,
}

impl Embeddings {
    /// Opens a file of f16, f32 or f64 values (which are rounded to f32), N × D, in C order.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let npy = npy::open(path)?;
        let &[rows, dim] = npy.shape() else {
            bail!("{name}: has the shape {:?}; save embeddings as N × D, one row each", npy.shape());
        };
        ensure!(rows > 0 && dim > 0, "{name}: holds no values ({rows} × {dim}); save embeddings as N × D");
        ensure!(
            npy.order() == Order::C || dim == 1 || rows == 1,
            "{name}: is in Fortran order; save np.ascontiguousarray of it"
        );
        let values = match npy::scalar(&npy.dtype()) {
            Some((TypeChar::Float, 2)) => values(npy, f16::to_f32)?,
            Some((TypeChar::Float, 4)) => values(npy, |value: f32| value)?,
            Some((TypeChar::Float, 8)) => values(npy, |value: f64| value as f32)?,
            _ => bail!("{name}: holds {}; save embeddings as float32", npy.dtype().descr()),
        };
        Ok(Self { rows: rows as usize, dim: dim as usize, values, name })
    }

    /// The next rows, at most `count`; none at the end.
    pub fn next_rows(&mut self, count: usize) -> Result<Vec<f32>> {
        let values: io::Result<Vec<f32>> = self.values.by_ref().take(count.saturating_mul(self.dim)).collect();
        values.with_context(|| format!("cannot read {}", self.name))
    }

    /// How a row is called: `FILE#ROW`, counted from 0.
    pub fn name_of(&self, row: usize) -> String {
        format!("{}#{row}", self.name)
    }
}

fn values<T: Deserialize + 'static>(
    npy: NpyFile<BufReader<File>>,
    to_f32: fn(T) -> f32,
) -> Result<Box<dyn Iterator<Item = io::Result<f32>>>> {
    Ok(Box::new(npy.data::<T>()?.map(move |value| value.map(to_f32))))
}

/// Why a row cannot be an embedding: it has no direction.
pub fn fault(row: &[f32]) -> Option<&'static str> {
    if row.iter().any(|value| !value.is_finite()) {
        Some("holds NaN or an infinity; leave the row out or compute it again")
    } else if row.iter().all(|value| *value == 0.0) {
        Some("is all zeros; leave the row out or compute it again")
    } else {
        None
    }
}
