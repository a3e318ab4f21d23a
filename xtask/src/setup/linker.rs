//! bpf-linker, with the LLVM of the rustc whose bitcode it is given.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use super::tool::{apt_install, find, install, parse_version, version};
use crate::project;

pub(super) const LINKER_VERSION: &str = "0.13.0";

/// What the linker is tried with. Not for the BPF target, for which there is no library: bitcode is
/// the same for all, and the linker is told the target.
const TRIAL: &str = include_str!("linker-trial.txt");

/// Finds or installs a bpf-linker that links what `rustc` compiles, and gives its path.
pub(super) fn linker(sh: &Shell, rustc: &Path) -> Result<PathBuf> {
    if let Some(path) = find("bpf-linker")
        && version(sh, &path) >= parse_version(LINKER_VERSION)
    {
        let Err(unfit) = links(sh, &path, rustc) else {
            return Ok(path);
        };
        println!("setup: {} does not fit: {unfit:#}", path.display());
    }
    let llvm = llvm_of(sh, rustc)?;
    let major = llvm.split('.').next().unwrap_or(&llvm);
    let prefix = PathBuf::from(format!("/usr/lib/llvm-{major}"));
    if !prefix.join("bin/llvm-config").exists() {
        let package = format!("llvm-{major}-dev");
        apt_install(sh, &[&package]).with_context(|| no_llvm(major))?;
    }
    let cargo = project::cargo();
    let feature = format!("llvm-{major}");
    let command = cmd!(
        sh,
        "{cargo} install bpf-linker --locked --force --version {LINKER_VERSION}
         --no-default-features --features {feature} --quiet"
    )
    .env("LLVM_PREFIX", &prefix);
    install("bpf-linker (a minute or two, once)", command)?;
    let path = find("bpf-linker")
        .context("bpf-linker was installed, but is not in PATH or cargo's bin")?;
    links(sh, &path, rustc)?;
    Ok(path)
}

/// Tries whether `linker` makes an object of what `rustc` compiles: a linker with an older LLVM
/// cannot read it, whatever its own version.
fn links(sh: &Shell, linker: &Path, rustc: &Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name);
    let (source, bitcode, object) = (path("trial.rs"), path("trial.bc"), path("trial.o"));
    fs::write(&source, TRIAL)?;
    cmd!(
        sh,
        "{rustc} --edition 2024 --crate-type lib -Cpanic=abort -O --emit llvm-bc -o {bitcode} {source}"
    )
    .quiet()
    .run()?;
    link(sh, linker, &bitcode, &object).with_context(|| {
        format!(
            "{} cannot link what {} compiles",
            linker.display(),
            rustc.display()
        )
    })
}

fn link(sh: &Shell, linker: &Path, bitcode: &Path, object: &Path) -> Result<()> {
    cmd!(
        sh,
        "{linker} --target=bpfel --export probe -o {object} {bitcode}"
    )
    .quiet()
    .run()?;
    Ok(())
}

fn no_llvm(major: &str) -> String {
    format!(
        "a bpf-linker {LINKER_VERSION} with LLVM {major}, the version inside rustc, is missing, \
         and building it needs that LLVM.\n  On Debian:  apt-get install llvm-{major}-dev (or \
         from apt.llvm.org)\n  \
         Elsewhere:  cargo binstall bpf-linker --version {LINKER_VERSION}\n"
    )
}

/// Version of the LLVM inside a rustc, for example `22.1.2`.
pub(super) fn llvm_of(sh: &Shell, rustc: &Path) -> Result<String> {
    let text = cmd!(sh, "{rustc} --version --verbose")
        .quiet()
        .ignore_stderr()
        .read()?;
    text.lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))
        .map(|version| version.trim().to_owned())
        .with_context(|| format!("{} does not say which LLVM it uses", rustc.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A linker may have the right version and the wrong LLVM; here it cannot read anything.
    #[test]
    fn a_linker_is_tried() {
        let sh = Shell::new().unwrap();
        let rustc = Path::new("rustc");
        assert!(links(&sh, Path::new("/bin/false"), rustc).is_err());
        assert!(links(&sh, Path::new("/bin/true"), Path::new("/bin/false")).is_err());
        assert!(llvm_of(&sh, rustc).unwrap().contains('.'));
        if let Some(linker) = find("bpf-linker") {
            links(&sh, &linker, rustc).unwrap();
            let dir = tempfile::tempdir().unwrap();
            let newer = dir.path().join("newer.bc");
            fs::write(&newer, b"BC\xc0\xde of another LLVM").unwrap();
            assert!(link(&sh, &linker, &newer, &dir.path().join("o")).is_err());
        }
    }
}
