//! The BPF toolchain: the standard library's source, and the linker.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use super::BPF_CARGO_VAR;
use super::linker::{LINKER_VERSION, llvm_of};
use super::tool::{apt_install, find, install, path_with_cargo_bin};
use crate::project;

/// Packages of Debian that hold a matched rustc, cargo and library source.
const DISTRIBUTION: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DISTRIBUTION_CARGO: &str = "/usr/bin/cargo";

/// The cargo that builds the kernel half.
#[derive(Debug)]
pub(crate) enum BpfCargo {
    /// The pinned toolchain's own.
    Pinned,
    /// Another one, by path.
    Distribution(PathBuf),
}

impl BpfCargo {
    /// The compiler of the kernel half.
    pub(super) fn rustc(&self) -> PathBuf {
        match self {
            Self::Pinned => rustc_of(Path::new(&project::cargo())),
            Self::Distribution(cargo) => rustc_of(cargo),
        }
    }

    /// For the terminal.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Pinned => "the pinned toolchain builds both halves".to_owned(),
            Self::Distribution(cargo) => format!("{} builds the kernel half", cargo.display()),
        }
    }

    /// What builds of the agent need in their environment: the choice, for its build script, and
    /// bpf-linker in `PATH`, where rustc looks for it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![("PATH", path_with_cargo_bin())];
        if let Self::Distribution(cargo) = self {
            variables.push((BPF_CARGO_VAR, cargo.into()));
        }
        variables
    }

    /// Puts [`Self::environment`] into `sh`.
    pub(crate) fn export(&self, sh: &Shell) {
        for (name, value) in self.environment() {
            sh.set_var(name, value);
        }
    }

    pub(super) fn to_stamp(&self) -> String {
        match self {
            Self::Pinned => String::new(),
            Self::Distribution(cargo) => cargo.display().to_string(),
        }
    }

    pub(super) fn from_stamp(notes: &str) -> Self {
        if notes.is_empty() {
            Self::Pinned
        } else {
            Self::Distribution(notes.into())
        }
    }
}

/// A toolchain that can build `core` for the BPF target.
#[derive(Debug)]
pub(super) struct Toolchain {
    pub(super) cargo: BpfCargo,
    /// A file of the library source.
    pub(super) library: PathBuf,
}

/// What this set-up depends on. A linker can be exchanged, and a toolchain updated, without a
/// change of any path: then it is tried again whether they fit.
pub(super) fn key(sh: &Shell) -> Result<String> {
    let distribution = llvm_of(sh, &rustc_of(Path::new(DISTRIBUTION_CARGO)));
    let changed = find("bpf-linker").and_then(|linker| {
        let meta = linker.metadata().ok()?;
        Some((meta.len(), meta.modified().ok()?))
    });
    Ok(format!(
        "2 rust {} llvm {} or {} bpf-linker {LINKER_VERSION} {changed:?}",
        project::channel()?,
        llvm_of(sh, &rustc_of(Path::new(&project::cargo())))?,
        distribution.unwrap_or_default()
    ))
}

/// Finds or installs the library source: for the pinned toolchain through rustup, else the
/// distribution's matched toolchain.
pub(super) fn toolchain(sh: &Shell) -> Result<Toolchain> {
    if let Some(cargo) = env::var_os(BPF_CARGO_VAR).map(PathBuf::from) {
        let library = library_of(sh, &cargo)
            .with_context(|| format!("{BPF_CARGO_VAR} is {}", cargo.display()))?;
        return Ok(Toolchain {
            cargo: BpfCargo::Distribution(cargo),
            library,
        });
    }
    let pinned = match pinned(sh) {
        Ok(library) => {
            return Ok(Toolchain {
                cargo: BpfCargo::Pinned,
                library,
            });
        }
        Err(error) => error,
    };
    println!(
        "setup: no library source for the pinned toolchain ({pinned:#}); trying {DISTRIBUTION:?}"
    );
    match distribution(sh) {
        Ok((cargo, library)) => Ok(Toolchain {
            cargo: BpfCargo::Distribution(cargo),
            library,
        }),
        Err(distribution) => bail!(
            "the kernel half needs the Rust library's source, and there is none.\n  \
             With rustup: rustup component add rust-src   ({pinned:#})\n  \
             On Debian:   apt-get install {}   ({distribution:#})",
            DISTRIBUTION.join(" ")
        ),
    }
}

fn pinned(sh: &Shell) -> Result<PathBuf> {
    let cargo = PathBuf::from(project::cargo());
    if let Ok(library) = library_of(sh, &cargo) {
        return Ok(library);
    }
    if find("rustup").is_none() {
        bail!("rustup is not installed");
    }
    let channel = project::channel()?;
    install(
        "rust-src",
        cmd!(sh, "rustup component add rust-src --toolchain {channel}"),
    )?;
    library_of(sh, &cargo)
}

fn distribution(sh: &Shell) -> Result<(PathBuf, PathBuf)> {
    let cargo = PathBuf::from(DISTRIBUTION_CARGO);
    if let Ok(library) = library_of(sh, &cargo) {
        return Ok((cargo, library));
    }
    apt_install(sh, &DISTRIBUTION)?;
    let library = library_of(sh, &cargo)?;
    Ok((cargo, library))
}

/// The rustc beside a cargo.
fn rustc_of(cargo: &Path) -> PathBuf {
    match cargo.parent() {
        // A bare name, found in PATH as rustc is.
        None => PathBuf::from("rustc"),
        Some(dir) if dir.as_os_str().is_empty() => PathBuf::from("rustc"),
        Some(dir) => dir.join("rustc"),
    }
}

/// A file of the library source that belongs to `cargo`, by the sysroot of the rustc beside it.
fn library_of(sh: &Shell, cargo: &Path) -> Result<PathBuf> {
    let rustc = rustc_of(cargo);
    let sysroot = cmd!(sh, "{rustc} --print sysroot")
        .quiet()
        .ignore_stderr()
        .read()
        .with_context(|| format!("{} is no rustc", rustc.display()))?;
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core/Cargo.toml");
    if !library.exists() {
        bail!("{} does not exist", library.display());
    }
    Ok(library)
}
