//! What is on disk, and the truth about it: catalogue, rows, slots, the writer's lock.

pub(crate) mod attribute;
pub(crate) mod attribute_rows;
pub(crate) mod catalog;
pub(crate) mod checked;
pub(crate) mod digest;
pub(crate) mod encoder;
pub(crate) mod event;
pub(crate) mod kill_point;
pub(crate) mod lock;
pub(crate) mod readers;
pub(crate) mod schema;
pub(crate) mod scrub;
pub(crate) mod settings;
pub(crate) mod slots;
pub(crate) mod source;
pub(crate) mod state;
pub(crate) mod stored;
pub(crate) mod turn;
pub(crate) mod turnstile;
pub(crate) mod unit;
pub(crate) mod upgrade;
pub(crate) mod vectors;
pub(crate) mod where_expression;
