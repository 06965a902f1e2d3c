/// Why a search could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values is not a whole number of vectors.
    #[error("{values} values are not a whole number of vectors of {dim} dimensions")]
    Ragged {
        /// How many f32 values there are.
        values: usize,
        /// The dimension that was stated.
        dim: usize,
    },
    /// There must be one id for each row.
    #[error("{ids} ids for {rows} rows: there must be one id for each row")]
    Ids {
        /// How many ids there are.
        ids: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// The codes are not a whole number of groups.
    #[error("{bytes} bytes are not a whole number of code groups of {dim} dimensions")]
    Codes {
        /// How many bytes there are.
        bytes: usize,
        /// The dimension that was stated.
        dim: usize,
    },
    /// Codes and rows do not belong together.
    #[error("codes of {} rows of {} dimensions for {} rows of {} dimensions", codes.0, codes.1, rows.0, rows.1)]
    OtherCodes {
        /// Rows and dimensions of the codes.
        codes: (usize, usize),
        /// Rows and dimensions of the rows.
        rows: (usize, usize),
    },
    /// Partitions and rows differ in dimension.
    #[error("partitions of {partitions} dimensions for rows of {rows} dimensions")]
    OtherPartitions {
        /// Dimension of the partitions.
        partitions: usize,
        /// Dimension of the rows.
        rows: usize,
    },
    /// A group of codes belongs to no partition that there is.
    #[error("codes belong to partition {partition} of {partitions}")]
    Partition {
        /// What the group names.
        partition: usize,
        /// How many there are.
        partitions: usize,
    },
    /// A group of codes names a slot that there is not.
    #[error("codes belong to slot {slot} of {slots}")]
    Slot {
        /// What the group names.
        slot: usize,
        /// How many there are.
        slots: usize,
    },
    /// Queries and rows differ in dimension.
    #[error("the query has {query} dimensions, the rows have {rows}: both must come from the same encoder")]
    Dimension {
        /// Dimension of the query.
        query: usize,
        /// Dimension of the rows.
        rows: usize,
    },
    /// A query holds NaN or an infinity, so it has no nearest neighbour.
    #[error("query {query} has a value that is not a finite number")]
    NotFinite {
        /// Position of the query in its batch.
        query: usize,
    },
    /// `k` is out of range.
    #[error("k = {k} is out of range: ask for 1 to {max} neighbours", max = crate::MAX_K)]
    K {
        /// What was asked for.
        k: usize,
    },
    /// `Filter::except` must name one id for each query.
    #[error("{except} excluded ids for {queries} queries: there must be one for each query")]
    Except {
        /// How many ids were given.
        except: usize,
        /// How many queries there are.
        queries: usize,
    },
}
