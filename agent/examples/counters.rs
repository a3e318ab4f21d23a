//! What became of the events of a running agent, by class, for `cargo xtask bench`: for each line of
//! standard input, the counters of the kernel half of the process whose id is the argument. It opens
//! nothing after the first, so it counts for nothing itself. Needs root.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::{error::Error, fs, io, process::ExitCode};

use aya::maps::{Map, MapData, MapError, PerCpuArray};
use komainu_common::{Class, ledger::ClassCounters};
use serde_json::json;

/// Name of the map in the object of the kernel half.
const COUNTERS: &str = "COUNTERS";

fn main() -> ExitCode {
    match print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("counters: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> Result<(), Box<dyn Error>> {
    let pid: u32 = std::env::args().nth(1).ok_or("a process id")?.parse()?;
    let map = Map::PerCpuArray(counters_of(pid)?.ok_or("the process has no counters")?);
    let map = PerCpuArray::<_, ClassCounters>::try_from(map)?;
    for line in io::stdin().lines() {
        line?;
        println!("{}", read(&map)?);
    }
    Ok(())
}

/// One JSON object: by name of the class, what was seen, emitted, filtered and lost.
fn read(map: &PerCpuArray<MapData, ClassCounters>) -> Result<serde_json::Value, MapError> {
    let mut classes = serde_json::Map::new();
    for class in Class::ALL {
        let per_cpu = map.get(&u32::from(class.0), 0)?;
        let sum = |sum: ClassCounters, cpu| sum.plus(cpu);
        let sum = per_cpu.iter().fold(ClassCounters::ZERO, sum);
        let counters = json!({
            "seen": sum.seen,
            "emitted": sum.emitted,
            "filtered": sum.filtered,
            "lost": sum.lost(),
        });
        classes.insert(class.name().to_owned(), counters);
    }
    Ok(classes.into())
}

/// The map of counters among those that a process holds, as `bpf_map_show_fdinfo` of the kernel
/// (`kernel/bpf/syscall.c`) shows them.
fn counters_of(pid: u32) -> Result<Option<MapData>, Box<dyn Error>> {
    for file in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let text = match fs::read_to_string(file?.path()) {
            Ok(text) => text,
            // Closed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let id = text.lines().find_map(|line| line.strip_prefix("map_id:"));
        let Some(id) = id else { continue };
        let map = MapData::from_id(id.trim().parse()?)?;
        if map.info()?.name_as_str() == Some(COUNTERS) {
            return Ok(Some(map));
        }
    }
    Ok(None)
}
