//! What the guest is made of, from the machine's own Debian archive: fetched and unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::dist::Arch;
use crate::{project, setup};

/// Files of a guest.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) kernel: PathBuf,
    pub(super) busybox: PathBuf,
    /// The same program for the processor's programs of 32 bits.
    pub(super) narrow: PathBuf,
}

/// Fetches what is not there. A kernel that the archive has replaced is fetched anew only when its directory is removed.
pub(super) fn fetch(sh: &Shell, arch: Arch) -> Result<Parts> {
    setup::for_vm()?;
    let dir = project::scratch()?.join(format!("vm-{}", arch.name()));
    let kernel = kernel_in(&dir.join("kernel"));
    if kernel.is_none() {
        let apt = Apt::new(sh, &dir, arch.name())?;
        apt.unpack(&apt.kernel()?, &dir.join("kernel"))?;
    }
    let busybox = |architecture: &str| -> Result<PathBuf> {
        let to = dir.join(format!("busybox-{architecture}"));
        let program = to.join("bin/busybox");
        if !program.exists() {
            Apt::new(sh, &dir, architecture)?.unpack("busybox-static", &to)?;
        }
        Ok(program)
    };
    let narrow = match arch {
        Arch::Amd64 => "i386",
        Arch::Arm64 => "armhf",
    };
    Ok(Parts {
        kernel: kernel_in(&dir.join("kernel")).context("the package has no kernel in /boot")?,
        busybox: busybox(arch.name())?,
        narrow: busybox(narrow)?,
    })
}

fn kernel_in(dir: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(dir.join("boot")).ok()?.flatten();
    let is_kernel = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("vmlinuz")
    };
    entries.find_map(|entry| Some(entry.path()).filter(is_kernel))
}

/// apt for an architecture that this machine is not, with lists of its own.
struct Apt<'a> {
    sh: &'a Shell,
    dir: PathBuf,
    options: Vec<String>,
}

impl<'a> Apt<'a> {
    fn new(sh: &'a Shell, dir: &Path, architecture: &str) -> Result<Self> {
        let dir = dir.join(format!("apt-{architecture}"));
        let [lists, cache] = ["lists", "cache"].map(|name| dir.join(name));
        sh.create_dir(lists.join("partial"))?;
        sh.create_dir(cache.join("archives/partial"))?;
        let settings = [
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
            format!("Dir::State::lists={}", lists.display()),
            format!("Dir::Cache={}", cache.display()),
            "Dir::State::status=/dev/null".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
        ];
        let options = settings.map(|setting| format!("-o{setting}")).to_vec();
        println!("fetching for {architecture}");
        let settings = &options;
        cmd!(sh, "apt-get {settings...} -qq update").quiet().run()?;
        Ok(Self { sh, dir, options })
    }

    /// The package of the newest kernel, of which `linux-image-…` is only the name.
    fn kernel(&self) -> Result<String> {
        let options = &self.options;
        let sh = self.sh;
        let architecture = options[0].rsplit('=').next().unwrap_or_default();
        let text = cmd!(
            sh,
            "apt-cache {options...} depends linux-image-{architecture}"
        )
        .quiet()
        .read()?;
        let first = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Depends: linux-image-"))
            .with_context(|| format!("the archive has no kernel for {architecture}"))?;
        Ok(format!("linux-image-{first}"))
    }

    fn unpack(&self, package: &str, to: &Path) -> Result<()> {
        let (sh, options) = (self.sh, &self.options);
        let _back = sh.push_dir(&self.dir);
        cmd!(sh, "apt-get {options...} -qq download {package}")
            .quiet()
            .run()?;
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{package}_"))
        };
        let file = sh.read_dir(&self.dir)?.into_iter().find(is_it);
        let file = file.with_context(|| format!("apt did not bring {package}"))?;
        cmd!(sh, "dpkg -x {file} {to}").quiet().run()?;
        Ok(sh.remove_path(file)?)
    }
}
