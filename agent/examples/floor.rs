//! Attaches an empty program to `sys_exit` until standard input closes: the floor that
//! `cargo xtask bench` compares the agent with. Needs root.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::{io::Read as _, process::ExitCode};

use aya::{EbpfLoader, programs::RawTracePoint};
use komainu::kernel::OBJECT;

fn main() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn hold() -> Result<(), Box<dyn std::error::Error>> {
    let mut object = EbpfLoader::new().btf(None).load(OBJECT)?;
    let program = object
        .program_mut("floor")
        .ok_or("the object has no program `floor`")?;
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    program.attach("sys_exit")?;
    println!("ready");
    // Until the caller closes the pipe or dies.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
