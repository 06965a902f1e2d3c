//! The sum of the vectors in each partition, in whole numbers. They add up to the same in any order, so that what is left
//! when a vector was taken out is bit for bit what would be there had it never come in.

/// What a value of 1 counts. Values of unit vectors fit 32 bits then, and the sum over as many of them as there can be
/// slots fits 64.
const ONE: f32 = (1 << 30) as f32;

/// A sum for each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    dim: usize,
    /// Partition-major.
    sums: Vec<i64>,
}

impl Sums {
    /// Of so many partitions without vectors.
    pub fn new(partitions: usize, dim: usize) -> Self {
        Self { dim, sums: vec![0; partitions * dim] }
    }

    /// As [`Sums::bytes`] gave them.
    pub fn from_bytes(bytes: &[u8], dim: usize) -> Self {
        let mut sums = vec![0; bytes.len() / size_of::<i64>()];
        bytemuck::cast_slice_mut(&mut sums).copy_from_slice(bytes);
        Self { dim, sums }
    }

    /// The length of so many sums in bytes.
    pub fn bytes_for(partitions: usize, dim: usize) -> usize {
        partitions * dim * size_of::<i64>()
    }

    /// All of them as they stand in the file.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.sums)
    }

    /// Those of one partition.
    pub fn bytes_of(&self, partition: usize) -> &[u8] {
        bytemuck::cast_slice(&self.sums[partition * self.dim..][..self.dim])
    }

    pub fn add(&mut self, partition: usize, vector: &[f32]) {
        self.of(partition).iter_mut().zip(vector).for_each(|(sum, value)| *sum += counted(*value));
    }

    pub fn subtract(&mut self, partition: usize, vector: &[f32]) {
        self.of(partition).iter_mut().zip(vector).for_each(|(sum, value)| *sum -= counted(*value));
    }

    fn of(&mut self, partition: usize) -> &mut [i64] {
        &mut self.sums[partition * self.dim..][..self.dim]
    }

    /// The mean of a partition that has so many vectors; zeros if it has none.
    pub fn mean(&self, partition: usize, vectors: usize) -> Vec<f32> {
        let count = f64::from(ONE) * vectors.max(1) as f64;
        self.sums[partition * self.dim..][..self.dim].iter().map(|sum| (*sum as f64 / count) as f32).collect()
    }
}

/// A value in units of 2⁻³⁰, cut off. Multiplying by a power of two loses nothing.
fn counted(value: f32) -> i64 {
    i64::from((value * ONE) as i32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vectors() -> impl Strategy<Value = Vec<[f32; 3]>> {
        prop::collection::vec(prop::array::uniform3(-1.000001f32..1.000001), 0..40)
    }

    proptest! {
        #[test]
        fn what_is_taken_out_of_a_sum_leaves_nothing_in_it(kept in vectors(), gone in vectors()) {
            let (mut alone, mut both) = (Sums::new(2, 3), Sums::new(2, 3));
            gone.iter().for_each(|vector| both.add(1, vector));
            for vector in &kept {
                alone.add(1, vector);
                both.add(1, vector);
            }
            gone.iter().rev().for_each(|vector| both.subtract(1, vector));
            prop_assert_eq!(&alone, &both);
            prop_assert_eq!(Sums::from_bytes(both.bytes(), 3), alone);
        }

        #[test]
        fn the_mean_is_the_mean(vectors in vectors()) {
            let mut sums = Sums::new(1, 3);
            vectors.iter().for_each(|vector| sums.add(0, vector));
            for (at, mean) in sums.mean(0, vectors.len()).into_iter().enumerate() {
                let sum: f64 = vectors.iter().map(|vector| f64::from(vector[at])).sum();
                prop_assert!((f64::from(mean) - sum / vectors.len().max(1) as f64).abs() < 1e-7);
            }
        }
    }
}
