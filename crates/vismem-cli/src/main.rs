//! The `vismem` command line.
fn main() {}
