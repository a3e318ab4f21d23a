//! `cargo xtask setup`: the tools the other verbs need.
//!
//! There are two sets: what building needs (a BPF toolchain) and what checking needs besides. A
//! verb asks for the set it uses, so that `demo` does not wait for the linters. A stamp makes a
//! second call instant: it names the files found, and they are looked at again each time. What the tests of real
//! containers and of metrics need comes with `test` or `--test`; what `bench` can use but does without, only with `--bench`.

mod bench;
mod bpf;
mod charts;
mod checks;
mod containers;
mod dist;
mod emulator;
mod linker;
mod metrics;
mod stamp;
mod tool;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use xshell::Shell;

use crate::dist::Arch;
use crate::project;
use crate::steps::seconds;

pub(crate) use bpf::BpfCargo;

/// Environment variable with the path of the cargo that builds the kernel half; unset, the pinned
/// toolchain's does. The agent's build script reads it too.
pub(crate) const BPF_CARGO_VAR: &str = "KOMAINU_BPF_CARGO";

/// The verb; with what `bench` can use and what the tests of real containers need.
pub(crate) fn setup(bench: bool, test: bool) -> Result<()> {
    let start = Instant::now();
    let bpf = for_build()?;
    for_checks()?;
    if bench {
        bench::install(&shell()?)?;
    }
    if test {
        for_containers()?;
        for_charts()?;
        for_metrics()?;
    }
    println!(
        "ready: {} ({})",
        bpf.description(),
        seconds(start.elapsed())
    );
    if let BpfCargo::Distribution(cargo) = &bpf {
        println!(
            "outside of xtask, build with {BPF_CARGO_VAR}={} in the environment",
            cargo.display()
        );
    }
    Ok(())
}

/// Makes sure that both halves can be built.
pub(crate) fn for_build() -> Result<BpfCargo> {
    let sh = shell()?;
    let key = || -> Result<String> {
        let chosen = std::env::var_os(BPF_CARGO_VAR);
        Ok(format!("{} {chosen:?}", bpf::key(&sh)?))
    };
    if let Some(found) = stamp::read("build", &key()?) {
        return Ok(BpfCargo::from_stamp(&found.notes));
    }
    let rust_src = bpf::toolchain(&sh)?;
    let linker = linker::linker(&sh, &rust_src.cargo.rustc())?;
    let mut files = vec![rust_src.library, linker];
    if let BpfCargo::Distribution(cargo) = &rust_src.cargo {
        files.push(cargo.clone());
    }
    // Of the linker that is there now.
    stamp::write("build", &key()?, files, rust_src.cargo.to_stamp())?;
    Ok(rust_src.cargo)
}

/// Makes sure that the static checks can run.
pub(crate) fn for_checks() -> Result<()> {
    once("checks", &checks::key()?, checks::install_all)
}

/// Makes sure that real containers can be run.
pub(crate) fn for_containers() -> Result<()> {
    once("containers", "1", containers::install_all)
}

/// Makes sure that charts can be rendered and checked; gives the Python that does.
pub(crate) fn for_charts() -> Result<PathBuf> {
    let key = charts::key();
    if let Some(found) = stamp::read("charts", &key) {
        return Ok(found.notes.into());
    }
    let python = charts::install(&shell()?)?;
    let notes = python.to_string_lossy().into_owned();
    stamp::write("charts", &key, vec![python.clone()], notes)?;
    Ok(python)
}

/// Makes sure that what `dist` makes can be built for this architecture.
pub(crate) fn for_dist(arch: Arch) -> Result<()> {
    let what = format!("dist-{}", arch.name());
    once(&what, &project::channel()?, |sh| {
        dist::install_all(sh, arch)
    })
}

/// Makes sure that there is an emulator of other machines.
pub(crate) fn for_vm() -> Result<()> {
    once("vm", "1", emulator::install)
}

/// Makes sure that metrics and alert rules can be checked.
pub(crate) fn for_metrics() -> Result<()> {
    once("metrics", "1", metrics::install)
}

/// Installs what is not there, and remembers the files by which it is seen to be.
fn once(what: &str, key: &str, install: impl FnOnce(&Shell) -> Result<Vec<PathBuf>>) -> Result<()> {
    if stamp::read(what, key).is_some() {
        return Ok(());
    }
    let files = install(&shell()?)?;
    stamp::write(what, key, files, String::new())
}

fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    Ok(sh)
}
