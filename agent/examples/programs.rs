//! What the kernel half's programs cost, for `cargo xtask bench`. Needs root.
//!
//! `verifier` prints the instructions that the verifier looked at, `run` the time of each program
//! while a child starts programs, and while another opens a file.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::{
    error::Error,
    process::{Command, ExitCode},
    time::Duration,
};

use komainu::kernel::{Batch, Kernel, Lanes, Options, RunTime, count_run_time};

/// Times that each workload does its one thing.
const TIMES: u32 = 2000;

/// Name of what is done, and how a shell does it `TIMES` times.
const WORKLOADS: &[(&str, &str)] = &[
    ("fork + exec + exit", "/bin/true"),
    ("open + close", ": < /etc/hostname"),
];

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("verifier") => verifier(),
        Some("run") => run(),
        _ => Err("`verifier` or `run`".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("programs: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One line per program: name, instructions.
fn verifier() -> Result<(), Box<dyn Error>> {
    let kernel = Kernel::load(&Options::default())?;
    for status in kernel.probes() {
        let program = status.probe.program;
        if let Some(error) = &status.error {
            return Err(format!("{program}: {error}").into());
        }
        let Some(verified) = status.verified else {
            return Err("this kernel does not tell verified instructions (5.16 does)".into());
        };
        println!("{program} {verified}");
    }
    Ok(())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut kernel = Kernel::load(&Options::default())?;
    let mut lanes = kernel.lanes()?;
    let _counting = count_run_time()?;
    for (name, line) in WORKLOADS {
        let before = kernel.run_times()?;
        work(line, &mut lanes)?;
        let after = kernel.run_times()?;
        println!("{name}, {TIMES} times");
        for (before, after) in before.iter().zip(&after) {
            print(*before, *after);
        }
    }
    Ok(())
}

/// Lets a shell do it, and reads the rings meanwhile as the agent would.
fn work(line: &str, lanes: &mut Lanes) -> Result<(), Box<dyn Error>> {
    let script = format!("i=0; while [ $i -lt {TIMES} ]; do {line}; i=$((i+1)); done");
    let mut child = Command::new("/bin/sh").args(["-c", &script]).spawn()?;
    let mut batch = Batch::default();
    let status = loop {
        lanes.wait(Duration::from_millis(10))?;
        lanes.drain(&mut batch);
        if let Some(status) = child.try_wait()? {
            break status;
        }
    };
    if status.success() {
        Ok(())
    } else {
        Err(format!("the workload ended with {status}").into())
    }
}

fn print(before: RunTime, after: RunTime) {
    let runs = after.runs - before.runs;
    let time = after.time.saturating_sub(before.time);
    if let Some(each) = time.as_nanos().checked_div(runs.into()) {
        let share = time.as_nanos() / u128::from(TIMES);
        println!(
            "  {:<12} {runs:>8} runs {each:>8} ns each {share:>8} ns per turn",
            after.program
        );
    }
}
