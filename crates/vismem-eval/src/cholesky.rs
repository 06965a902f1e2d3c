//! The Cholesky factor of a symmetric positive definite matrix, and solving by it: in blocks, so that nearly all of the work
//! is matrix products.

use std::ops::Range;

/// Rows and columns of a block.
const BLOCK: usize = 64;

/// A matrix in a slice: the element at row `i` and column `j` is `values[i * strides.0 + j * strides.1]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f64],
    rows: usize,
    columns: usize,
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// Rows of `length` values, one after the other.
    pub(crate) fn of_rows(values: &'a [f64], length: usize) -> Self {
        Self { values, rows: values.len() / length.max(1), columns: length, strides: (length, 1) }
    }

    /// Some of the columns.
    pub(crate) fn columns(self, range: Range<usize>) -> Self {
        let values = self.values.get(range.start * self.strides.1..).unwrap_or_default();
        Self { values, columns: range.len(), ..self }
    }

    pub(crate) fn transposed(self) -> Self {
        let Self { values, rows, columns, strides } = self;
        Self { values, rows: columns, columns: rows, strides: (strides.1, strides.0) }
    }

    /// Whether every element is a value of the slice.
    fn is_whole(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.strides.0 + (self.columns - 1) * self.strides.1 < self.values.len()
    }
}

/// `c ← factor · a · b + keep · c`, where `c` has rows of `stride` values, of which as many are meant as `b` has columns.
///
/// # Panics
/// When the shapes do not fit.
pub(crate) fn multiply(factor: f64, a: Matrix<'_>, b: Matrix<'_>, keep: f64, c: &mut [f64], stride: usize) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    if m == 0 || n == 0 {
        return;
    }
    assert!(b.rows == k && a.is_whole() && b.is_whole(), "a is {m} × {k}, b {} × {n}", b.rows);
    assert!(stride >= n && (m - 1) * stride + n <= c.len(), "c has no {m} rows of {n}");
    let [(ra, ca), (rb, cb)] = [a.strides, b.strides].map(|(row, column)| (row as isize, column as isize));
    // SAFETY: `is_whole` and the second assertion say that the elements of all three matrices lie in their slices, of which
    // `c` is borrowed alone; rows of `c` are at least `n` apart, so that no two of its elements are one. Strides are smaller
    // than slices, whose lengths fit in an isize, where they are multiplied by more than 0.
    unsafe {
        matrixmultiply::dgemm(
            m,
            k,
            n,
            factor,
            a.values.as_ptr(),
            ra,
            ca,
            b.values.as_ptr(),
            rb,
            cb,
            keep,
            c.as_mut_ptr(),
            stride as isize,
            1,
        );
    }
}

/// A lower triangular matrix L with L Lᵀ = A.
pub(crate) struct Cholesky {
    dim: usize,
    /// `dim × dim`; what is above the diagonal means nothing.
    lower: Vec<f64>,
    /// The inverse of each block on the diagonal, one after the other.
    inverses: Vec<[f64; BLOCK * BLOCK]>,
}

impl Cholesky {
    /// Factorises a matrix of `dim × dim` values, of which only those up to the diagonal are read; `None` where it is not
    /// positive definite, or too nearly so for f64.
    pub(crate) fn of(matrix: Vec<f64>, dim: usize) -> Option<Self> {
        let mut factor = Self { dim, lower: matrix, inverses: Vec::with_capacity(dim.div_ceil(BLOCK)) };
        for start in (0..dim).step_by(BLOCK) {
            let size = BLOCK.min(dim - start);
            let mut rows = factor.lower[start * dim..(start + size) * dim].to_vec();
            // The rows of L solve L x = the rows of A, as far as L is known.
            factor.forward_in(&mut rows);
            let mut block = vec![0.0; size * size];
            let left = Matrix::of_rows(&rows, dim).columns(0..start);
            multiply(-1.0, left, left.transposed(), 0.0, &mut block, size);
            for (sum, row) in block.chunks_exact_mut(size).zip(rows.chunks_exact(dim)) {
                sum.iter_mut().zip(&row[start..]).for_each(|(sum, value)| *sum += value);
            }
            factor_block(&mut block, size)?;
            for (row, block) in rows.chunks_exact_mut(dim).zip(block.chunks_exact(size)) {
                row[start..start + size].copy_from_slice(block);
            }
            factor.inverses.push(inverse_of_block(&block, size));
            factor.lower[start * dim..(start + size) * dim].copy_from_slice(&rows);
        }
        Some(factor)
    }

    /// Replaces each row b (of `dim` values) by L⁻¹ b. The squared length of that is bᵀ A⁻¹ b.
    pub(crate) fn forward(&self, rows: &mut [f64]) {
        self.forward_in(rows);
    }

    /// Replaces each row b by A⁻¹ b.
    pub(crate) fn solve(&self, rows: &mut [f64]) {
        self.forward(rows);
        self.backward(rows);
    }

    /// [`Self::forward`] for as many blocks as there are; what is behind them stays.
    fn forward_in(&self, rows: &mut [f64]) {
        let dim = self.dim;
        let mut part = Vec::new();
        for (start, inverse) in (0..dim).step_by(BLOCK).zip(&self.inverses) {
            let size = BLOCK.min(dim - start);
            let end = start + size;
            if start > 0 {
                let of_l = Matrix::of_rows(&self.lower[start * dim..end * dim], dim).columns(0..start);
                self.subtract(rows, 0..start, of_l.transposed(), start..end, &mut part);
            }
            let inverse = Matrix::of_rows(&inverse[..size * size], size).transposed();
            self.replace(rows, inverse, start..end, &mut part);
        }
    }

    fn backward(&self, rows: &mut [f64]) {
        let dim = self.dim;
        let mut part = Vec::new();
        for (start, inverse) in (0..dim).step_by(BLOCK).zip(&self.inverses).rev() {
            let size = BLOCK.min(dim - start);
            let end = start + size;
            if end < dim {
                let of_l = Matrix::of_rows(&self.lower[end * dim..], dim).columns(start..end);
                self.subtract(rows, end..dim, of_l, start..end, &mut part);
            }
            let inverse = Matrix::of_rows(&inverse[..size * size], size);
            self.replace(rows, inverse, start..end, &mut part);
        }
    }

    /// Subtracts from some columns of the rows the product of others with a matrix.
    fn subtract(&self, rows: &mut [f64], of: Range<usize>, by: Matrix<'_>, from: Range<usize>, part: &mut Vec<f64>) {
        self.product(rows, of, by, part);
        for (row, part) in rows.chunks_exact_mut(self.dim).zip(part.chunks_exact(from.len())) {
            row[from.clone()].iter_mut().zip(part).for_each(|(value, part)| *value -= part);
        }
    }

    /// Multiplies some columns of the rows by a square matrix.
    fn replace(&self, rows: &mut [f64], by: Matrix<'_>, columns: Range<usize>, part: &mut Vec<f64>) {
        self.product(rows, columns.clone(), by, part);
        for (row, part) in rows.chunks_exact_mut(self.dim).zip(part.chunks_exact(columns.len())) {
            row[columns.clone()].copy_from_slice(part);
        }
    }

    /// The product of some columns of the rows with a matrix.
    fn product(&self, rows: &[f64], columns: Range<usize>, by: Matrix<'_>, product: &mut Vec<f64>) {
        product.resize(rows.len() / self.dim * by.columns, 0.0);
        multiply(1.0, Matrix::of_rows(rows, self.dim).columns(columns), by, 0.0, product, by.columns);
    }
}

/// Factorises a small matrix in its place; the part above the diagonal becomes 0.
fn factor_block(block: &mut [f64], size: usize) -> Option<()> {
    for i in 0..size {
        let (above, row) = block.split_at_mut(i * size);
        for j in 0..i {
            let other = &above[j * size..];
            let dot: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
            row[j] = (row[j] - dot) / other[j];
        }
        let rest = row[i] - row[..i].iter().map(|value| value * value).sum::<f64>();
        if !(rest > 0.0 && rest.is_finite()) {
            return None;
        }
        row[i] = rest.sqrt();
        row[i + 1..size].fill(0.0);
    }
    Some(())
}

/// The inverse of a small lower triangular matrix.
fn inverse_of_block(block: &[f64], size: usize) -> [f64; BLOCK * BLOCK] {
    let mut inverse = [0.0; BLOCK * BLOCK];
    for i in 0..size {
        let row = &block[i * size..][..=i];
        for j in 0..i {
            let dot: f64 = (j..i).map(|k| row[k] * inverse[k * size + j]).sum();
            inverse[i * size + j] = -dot / row[i];
        }
        inverse[i * size + i] = 1.0 / row[i];
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..count).map(|_| random.below(2_001) as f64 / 1_000.0 - 1.0).collect()
    }

    /// X Xᵀ + λ I of random numbers.
    fn positive_definite(dim: usize, lambda: f64) -> Vec<f64> {
        let x = numbers(dim * 2 * dim, dim as u64);
        let x = Matrix::of_rows(&x, 2 * dim);
        let mut product = vec![0.0; dim * dim];
        multiply(1.0, x, x.transposed(), 0.0, &mut product, dim);
        (0..dim).for_each(|i| product[i * dim + i] += lambda);
        product
    }

    #[test]
    fn solutions_solve_and_lengths_are_those_of_the_inverse_at_every_size_around_a_block() {
        for dim in [1, 2, 63, 64, 65, 128, 150] {
            let matrix = positive_definite(dim, 0.5);
            let factor = Cholesky::of(matrix.clone(), dim).unwrap();
            let rows = numbers(3 * dim, 99);
            let (mut solved, mut half) = (rows.clone(), rows.clone());
            factor.solve(&mut solved);
            factor.forward(&mut half);
            for ((row, solved), half) in rows.chunks(dim).zip(solved.chunks(dim)).zip(half.chunks(dim)) {
                let again = matrix.chunks(dim).map(|line| line.iter().zip(solved).map(|(a, x)| a * x).sum::<f64>());
                assert!(again.zip(row).all(|(again, value)| (again - value).abs() < 1e-10), "{dim}");
                let dot: f64 = row.iter().zip(solved).map(|(a, b)| a * b).sum();
                let length: f64 = half.iter().map(|value| value * value).sum();
                assert!((dot - length).abs() < 1e-10 * dot.abs().max(1.0), "{dim}: {dot}, {length}");
            }
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_factor() {
        for at in [0, 70, 99] {
            let mut matrix = positive_definite(100, 1.0);
            matrix[at * 100 + at] = -1.0;
            assert!(Cholesky::of(matrix, 100).is_none(), "{at}");
        }
        assert!(Cholesky::of(vec![f64::NAN], 1).is_none());
    }
}
