//! Ready embeddings: `.npy` files of N × D values, and labels for their rows.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};

/// Rows of a `.npy` file, read as they are asked for.
pub struct Embeddings {
    /// How many rows the file says it has.
    pub rows: usize,
    /// Values in each row.
    pub dim: usize,
    values: Box<dyn Iterator<Item = io::Result<f32>>>,
    name: String,
}

impl Embeddings {
    /// Opens a file of f32 or f16 values, N × D, in C order.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let npy = open(path)?;
        let &[rows, dim] = npy.shape() else {
            bail!("{name}: has the shape {:?}; embeddings are N × D", npy.shape());
        };
        ensure!(dim > 0, "{name}: its rows are empty");
        ensure!(npy.order() == Order::C || dim == 1, "{name}: is in Fortran order; save np.ascontiguousarray of it");
        let values = match scalar(&npy.dtype()) {
            Some((TypeChar::Float, 4)) => values::<f32>(npy)?,
            Some((TypeChar::Float, 2)) => values::<f16>(npy)?,
            _ => bail!("{name}: holds {}; embeddings are float32 or float16", npy.dtype().descr()),
        };
        Ok(Self { rows: rows as usize, dim: dim as usize, values, name })
    }

    /// The next rows, at most `count`; none at the end.
    pub fn next_rows(&mut self, count: usize) -> Result<Vec<f32>> {
        let values: io::Result<Vec<f32>> = self.values.by_ref().take(count.saturating_mul(self.dim)).collect();
        values.with_context(|| format!("{}: ends before its {} rows", self.name, self.rows))
    }
}

fn values<T: Deserialize + Into<f32> + 'static>(
    npy: NpyFile<BufReader<File>>,
) -> Result<Box<dyn Iterator<Item = io::Result<f32>>>> {
    Ok(Box::new(npy.data::<T>()?.map(|value| value.map(Into::into))))
}

fn open(path: &Path) -> Result<NpyFile<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    NpyFile::new(BufReader::with_capacity(1 << 20, file))
        .with_context(|| format!("{}: is no .npy file", path.display()))
}

fn scalar(dtype: &DType) -> Option<(TypeChar, u64)> {
    match dtype {
        DType::Plain(scalar) => Some((scalar.type_char(), scalar.size_field())),
        _ => None,
    }
}

/// Labels for the rows of an embeddings file: `.npy` of integers or strings, `.csv` with a column `label`, or lines.
pub fn labels(path: &Path) -> Result<Vec<String>> {
    let name = path.display();
    let labels = if super::has_extension(path, "npy") {
        npy_labels(path)?
    } else if super::has_extension(path, "csv") {
        let mut csv = csv::Reader::from_path(path).with_context(|| format!("cannot read {name}"))?;
        let header = csv.headers().with_context(|| format!("cannot read {name}"))?;
        let column = header.iter().position(|column| column.trim() == "label");
        let column = column.with_context(|| format!("{name}: has no column label"))?;
        let label = |record: csv::Result<csv::StringRecord>| Ok(record?[column].trim().to_owned());
        csv.records().map(label).collect::<csv::Result<_>>().with_context(|| format!("cannot read {name}"))?
    } else {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        text.lines().map(|line| line.trim().to_owned()).collect()
    };
    if let Some(row) = labels.iter().position(String::is_empty) {
        bail!("{name}: the label of row {row} is empty");
    }
    Ok(labels)
}

fn npy_labels(path: &Path) -> Result<Vec<String>> {
    let npy = open(path)?;
    ensure!(npy.shape().len() == 1, "{}: has the shape {:?}; labels are N", path.display(), npy.shape());
    let labels = match scalar(&npy.dtype()) {
        Some((TypeChar::Int, 1)) => integers::<i8>(npy),
        Some((TypeChar::Int, 2)) => integers::<i16>(npy),
        Some((TypeChar::Int, 4)) => integers::<i32>(npy),
        Some((TypeChar::Int, 8)) => integers::<i64>(npy),
        Some((TypeChar::Uint, 1)) => integers::<u8>(npy),
        Some((TypeChar::Uint, 2)) => integers::<u16>(npy),
        Some((TypeChar::Uint, 4)) => integers::<u32>(npy),
        Some((TypeChar::Uint, 8)) => integers::<u64>(npy),
        Some((TypeChar::UnicodeStr | TypeChar::ByteStr, _)) => npy.into_vec::<String>(),
        _ => bail!("{}: holds {}; labels are integers or strings", path.display(), npy.dtype().descr()),
    };
    labels.with_context(|| format!("cannot read {}", path.display()))
}

fn integers<T: Deserialize + ToString>(npy: NpyFile<BufReader<File>>) -> io::Result<Vec<String>> {
    Ok(npy.into_vec::<T>()?.iter().map(T::to_string).collect())
}
