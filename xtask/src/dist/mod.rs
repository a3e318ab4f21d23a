//! `cargo xtask dist`: what is given to users: the binary, an image of it, the chart, what they are made of, checksums.
//!
//! Everything is written by this program, without a container engine, and the same input gives the same bytes: times
//! are those of the commit, files are in the order of their names.

mod arch;
mod archive;
mod image;
mod sbom;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use sha2::{Digest as _, Sha256};
use xshell::{Shell, cmd};

use crate::{project, setup};
pub(crate) use arch::Arch;
use archive::Archive;
use image::Part;

/// Bytes of the archive of an image of one architecture at most.
const MOST: u64 = 25_000_000;

/// What to make.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// For which architecture.
    #[arg(long, default_value = "all")]
    arch: Wanted,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    Amd64,
    Arm64,
    /// Both, and one image that has both.
    All,
}

impl Wanted {
    fn archs(self) -> Vec<Arch> {
        match self {
            Self::Amd64 => vec![Arch::Amd64],
            Self::Arm64 => vec![Arch::Arm64],
            Self::All => Arch::ALL.to_vec(),
        }
    }
}

/// The verb.
pub(crate) fn dist(options: Options) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    let out = project::target().join("dist");
    sh.remove_path(&out)?;
    sh.create_dir(&out)?;
    let epoch = epoch(&sh)?;

    let archs = options.arch.archs();
    let mut parts = Vec::new();
    for arch in &archs {
        let binary = out.join(format!("komainu-{version}-linux-{}", arch.name()));
        fs::copy(build(&sh, *arch)?, &binary)?;
        check(&binary, *arch)?;
        let part = Part::new(*arch, &image_files(&binary)?, version, epoch)?;
        let image = out.join(format!("komainu-{version}-image-{}.tar", arch.name()));
        image::write(&image, std::slice::from_ref(&part), version, epoch)?;
        let size = fs::metadata(&image)?.len();
        ensure!(size <= MOST, "the image has {size} bytes, more than {MOST}");
        println!("{} ({size} bytes)", image.display());
        parts.push(part);
    }
    if parts.len() > 1 {
        let image = out.join(format!("komainu-{version}-image.tar"));
        image::write(&image, &parts, version, epoch)?;
    }
    let chart = out.join(format!("komainu-{version}.tgz"));
    fs::write(&chart, chart_files()?.gzip(epoch)?)?;
    fs::write(
        out.join(format!("komainu-{version}.cdx.json")),
        sbom::of_agent(&sh, &archs, epoch)?,
    )?;
    checksums(&out)?;
    println!("{}", out.display());
    Ok(())
}

/// Builds the agent with the C library linked in; gives its path.
pub(crate) fn build(sh: &Shell, arch: Arch) -> Result<PathBuf> {
    let bpf = setup::for_build()?;
    setup::for_dist(arch)?;
    bpf.export(sh);
    let cargo = project::cargo();
    let target = arch.target();
    println!("building for {target}");
    // Line tables stay in what is linked from, for who looks into a crash; users get none.
    let command = cmd!(
        sh,
        "{cargo} rustc --release --locked --package komainu --bin komainu --target {target}
         -- -C strip=symbols"
    );
    command.envs(arch.variables()).quiet().run()?;
    Ok(project::target().join(arch.program()))
}

/// The program runs where it is said to, and asks nobody to load libraries.
fn check(binary: &Path, arch: Arch) -> Result<()> {
    let elf = fs::read(binary)?;
    let name = binary.display();
    ensure!(is_static(&elf), "{name} needs a dynamic linker");
    let machine = elf.get(18..20) == Some(&arch.elf().to_le_bytes());
    ensure!(machine, "{name} is not for {}", arch.name());
    Ok(())
}

/// Time of the commit, seconds since 1970, or of `SOURCE_DATE_EPOCH` (reproducible-builds.org).
fn epoch(sh: &Shell) -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => cmd!(sh, "git log -1 --format=%ct").quiet().read()?,
    };
    text.trim()
        .parse()
        .with_context(|| format!("{text:?} is no time"))
}

/// No `PT_INTERP` (elf(5)) among the program headers of a 64-bit little-endian file: nobody is asked to load libraries.
fn is_static(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, len: usize| {
        let bytes = elf.get(at..at.checked_add(len)?)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)),
        )
    };
    let headers = || {
        let (offset, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let kinds = (0..count).map(|n| number(usize::try_from(offset + n * size).ok()?, 4));
        kinds.collect::<Option<Vec<u64>>>()
    };
    elf.starts_with(b"\x7fELF\x02\x01")
        && headers().is_some_and(|kinds| !kinds.contains(&PT_INTERP.into()))
}

/// The program, and the rules it is run with where nobody mounts others.
fn image_files(binary: &Path) -> Result<Archive> {
    let root = project::root();
    let mut files = Archive::default();
    files.add("komainu", fs::read(binary)?, true);
    files.add_dir("etc/komainu/rules", &root.join("rules"), |name| {
        let stem = name.strip_suffix(".yaml");
        stem.is_some_and(|stem| !stem.contains('/'))
    })?;
    files.add("LICENSE", fs::read(root.join("LICENSE"))?, false);
    Ok(files)
}

/// As `helm package` would: what `.helmignore` names is left out, and links are followed.
fn chart_files() -> Result<Archive> {
    let root = project::root().join("deploy/chart/komainu");
    let ignored = fs::read_to_string(root.join(".helmignore"))?;
    let ignored: Vec<&str> = ignored
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let mut files = Archive::default();
    files.add_dir("komainu", &root, |name| {
        !ignored
            .iter()
            .any(|path| name == *path || name.starts_with(&format!("{path}/")))
    })?;
    Ok(files)
}

/// `SHA256SUMS`, as sha256sum(1) checks it.
fn checksums(out: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(out)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    if names.is_empty() {
        bail!("{} is empty", out.display());
    }
    let mut text = String::new();
    for name in names {
        let sum = sha256(&fs::read(out.join(&name))?);
        writeln!(text, "{sum}  {name}")?;
    }
    fs::write(out.join("SHA256SUMS"), text)?;
    Ok(())
}

/// In hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _written = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_names_an_interpreter_is_not_static() {
        // This one is built for the machine's own C library.
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_static(&own));
        let mut header = [0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert!(is_static(&header));
        assert!(!is_static(&header[..50]));
        assert!(!is_static(b"#!/bin/sh"));
    }

    #[test]
    fn a_program_of_another_machine_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("komainu");
        let mut header = [0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        header[18..20].copy_from_slice(&183_u16.to_le_bytes());
        fs::write(&file, header).unwrap();
        assert!(check(&file, Arch::Arm64).is_ok());
        assert!(check(&file, Arch::Amd64).is_err());
    }

    #[test]
    fn the_chart_holds_the_rules_and_not_their_tests() {
        let files = chart_files().unwrap();
        let names: Vec<&str> = files.names().collect();
        for name in [
            "Chart.yaml",
            "values.schema.json",
            "templates/daemonset.yaml",
            "rules/00-shared.yaml",
        ] {
            assert!(
                names.contains(&format!("komainu/{name}").as_str()),
                "{name} of {names:?}"
            );
        }
        assert!(
            !names
                .iter()
                .any(|name| name.contains("rules/tests") || name.contains("rules/README"))
        );
    }

    #[test]
    fn sums_are_as_the_standard_says() {
        // FIPS 180-2, B.1.
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), sum);
    }
}
