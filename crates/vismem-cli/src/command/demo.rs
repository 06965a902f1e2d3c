use super::Outcome;
use crate::args::Demo;
use anyhow::Result;
pub fn run(_options: &Demo) -> Result<Outcome> {
    Ok(Outcome::Done)
}
