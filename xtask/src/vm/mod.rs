//! `cargo xtask vm`: the agent on a kernel of another architecture, in a virtual machine.
//!
//! QEMU emulates the processor, so no hardware is needed and everything is slow; kernel and busybox are Debian's. The guest is
//! nothing but an initial file system: busybox, the agent as users get it, rules, and acts that must raise them.

mod cpio;
mod guest;
mod packages;
mod verdict;

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::dist::{self, Arch};
use crate::project;
use crate::steps::seconds;

/// Seconds after which the guest is given up.
const PATIENCE: &str = "600";

/// Which machine.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Its architecture.
    #[arg(long, default_value = "arm64")]
    arch: Arch,
}

/// The verb.
pub(crate) fn vm(options: Options) -> Result<()> {
    let arch = options.arch;
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    let parts = packages::fetch(&sh, arch)?;
    let agent = dist::build(&sh, arch)?;
    let dir = project::scratch()?;
    let (initrd, console) = (dir.join("vm.cpio"), dir.join("vm.log"));
    fs::write(&initrd, guest::files(&agent, &parts)?)?;
    println!("booting {}", parts.kernel.display());
    let start = Instant::now();
    let (program, machine) = hardware(arch);
    let kernel = &parts.kernel;
    let append = format!("console={} quiet panic=-1 rdinit=/init audit=0", machine[0]);
    let machine = &machine[1..];
    cmd!(
        sh,
        "timeout {PATIENCE} {program} {machine...} -smp 2 -m 1024 -nodefaults -no-reboot -display none
         -kernel {kernel} -initrd {initrd} -append {append} -serial file:{console}"
    )
    .quiet()
    .run()
    .with_context(|| format!("the guest did not end; see {}", console.display()))?;
    let text = fs::read(&console)?;
    let verdict = verdict::of(&String::from_utf8_lossy(&text));
    for line in &verdict.told {
        println!("{line}");
    }
    for fault in &verdict.faults {
        println!("FAILED: {fault}");
    }
    ensure!(
        verdict.faults.is_empty(),
        "see {} for what the guest said",
        console.display()
    );
    println!("passed ({})", seconds(start.elapsed()));
    Ok(())
}

/// QEMU's program; the console's device, and the arguments for a machine and a processor that can run programs of 32 bits
/// too.
const fn hardware(arch: Arch) -> (&'static str, &'static [&'static str]) {
    match arch {
        Arch::Amd64 => ("qemu-system-x86_64", &["ttyS0", "-M", "q35", "-cpu", "max"]),
        Arch::Arm64 => (
            "qemu-system-aarch64",
            &["ttyAMA0", "-M", "virt", "-cpu", "cortex-a72"],
        ),
    }
}
