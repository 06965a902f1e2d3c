//! Tables in Parquet files, row by row in and column by column out.
//!
//! Only what tables of metadata and pictures need: columns of numbers, text and bytes, also inside of groups (their
//! names are joined by dots: `image.bytes`), each at most once a row. A file is read page by page, so that it need not
//! fit into memory.
//!
//! ```
//! use vismem_data::parquet::{Cells, Kind, Table, Value, Writer};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("fruit.parquet");
//! let mut writer = Writer::create(&path, &[("id", Kind::Integer), ("label", Kind::Text)])?;
//! writer.write(&[Cells::Integers(&[1, 2]), Cells::Texts(&[Some("apple"), None])])?;
//! writer.finish()?;
//!
//! let rows = Table::open(&path)?.rows(&["label", "id"])?;
//! let rows = rows.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(rows[0], [Value::Text("apple".into()), Value::Integer(1)]);
//! assert_eq!(rows[1][0], Value::Null);
//! # Ok::<(), vismem_data::parquet::Error>(())
//! ```

mod error;
mod file;
mod reader;
mod writer;

pub use error::Error;
pub use reader::{Column, Kind, Rows, Table, Value};
pub use writer::{Cells, Writer};
