use crate::Error;

/// The id of a slot that holds no exemplar. Such rows are never returned.
pub const FREE: u64 = u64::MAX;

/// The vectors that are searched: `N × D` f32, row-major, with one id per row.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    vectors: &'a [f32],
    ids: &'a [u64],
    dim: usize,
}

impl<'a> Rows<'a> {
    /// `vectors` holds `ids.len()` rows of `dim` values; a row whose id is [`FREE`] is never returned.
    ///
    /// # Errors
    /// When the lengths do not agree.
    pub fn new(vectors: &'a [f32], ids: &'a [u64], dim: usize) -> Result<Self, Error> {
        let rows = whole(vectors.len(), dim)?;
        if rows != ids.len() {
            return Err(Error::Ids { ids: ids.len(), rows });
        }
        Ok(Self { vectors, ids, dim })
    }

    /// How many rows there are, free ones included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Dimension of each row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn id(&self, slot: usize) -> u64 {
        self.ids[slot]
    }

    pub(crate) fn row(&self, slot: usize) -> &'a [f32] {
        &self.vectors[slot * self.dim..][..self.dim]
    }
}

/// A batch of queries: `Q × D` f32, row-major, all values finite.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    values: &'a [f32],
    dim: usize,
}

impl<'a> Queries<'a> {
    /// Queries of `dim` dimensions, one after the other.
    ///
    /// # Errors
    /// When `values` is not a whole number of queries, or holds NaN or an infinity.
    pub fn new(values: &'a [f32], dim: usize) -> Result<Self, Error> {
        whole(values.len(), dim)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(position) => Err(Error::NotFinite { query: position / dim }),
            None => Ok(Self { values, dim }),
        }
    }

    /// How many queries there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there is no query.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Dimension of each query.
    pub fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.values.chunks_exact(self.dim)
    }
}

fn whole(values: usize, dim: usize) -> Result<usize, Error> {
    if dim == 0 || !values.is_multiple_of(dim) {
        return Err(Error::Ragged { values, dim });
    }
    Ok(values / dim)
}
