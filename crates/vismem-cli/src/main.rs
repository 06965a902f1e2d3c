//! The `vismem` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    vismem_cli::run(std::env::args_os())
}
