//! `cargo xtask lint`: the static checks.

mod deny;
mod tidy;

use anyhow::Result;
use xshell::{Cmd, Shell, cmd};

use crate::dist::Arch;
use crate::project;
use crate::setup::{self, BpfCargo};
use crate::steps::{Outcome, Steps};

/// The verb.
pub(crate) fn lint() -> Result<()> {
    let bpf = setup::for_build()?;
    setup::for_checks()?;
    let steps = steps(&bpf)?;
    steps.summary();
    steps.into_result()
}

/// The checks, for `test` to take over.
pub(crate) fn steps(bpf: &BpfCargo) -> Result<Steps> {
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    bpf.export(&sh);
    let cargo = project::cargo();
    let mut steps = Steps::default();
    steps.run("rustfmt", || {
        Ok(passes(cmd!(sh, "{cargo} fmt --all --check")))
    });
    steps.run("tidy", tidy::step);
    steps.run("clippy, kernel half", || Ok(clippy_bpf(&sh, bpf)));
    steps.run("clippy", || {
        let command = cmd!(
            sh,
            "{cargo} clippy --quiet --locked --workspace --exclude komainu-ebpf --all-targets
             -- -D warnings"
        );
        Ok(passes(command))
    });
    // `--all-targets` leaves out a test that plain `cargo test` is not to run.
    steps.run("clippy, live tests", || {
        let command = cmd!(
            sh,
            "{cargo} clippy --quiet --locked --package komainu --test live -- -D warnings"
        );
        Ok(passes(command))
    });
    steps.run("clippy, without BPF", || {
        let command = cmd!(
            sh,
            "{cargo} clippy --quiet --locked --package komainu --package komainu-common
             --no-default-features --all-targets -- -D warnings"
        );
        Ok(passes(command))
    });
    steps.run("cargo-deny", || deny::step(&sh));
    Ok(steps)
}

/// clippy on the BPF target. It needs `core` built for that target, which stable cargo does only
/// when told that it may use unstable options.
fn clippy_bpf(sh: &Shell, bpf: &BpfCargo) -> Outcome {
    let BpfCargo::Pinned = bpf else {
        return Outcome::LeftOut(
            "clippy belongs to the pinned toolchain, whose library source is not installed".into(),
        );
    };
    for arch in Arch::ALL {
        match clippy_bpf_for(sh, arch) {
            Outcome::Passed => {}
            other => return other,
        }
    }
    Outcome::Passed
}

/// As the agent's build script builds it: for the kernel of one architecture.
fn clippy_bpf_for(sh: &Shell, arch: Arch) -> Outcome {
    let cargo = project::cargo();
    // A directory of its own: the bootstrap flag would invalidate everything in the common one.
    let target = project::target().join(format!("bpf-clippy/{}", arch.machine()));
    let command = cmd!(
        sh,
        "{cargo} clippy --quiet --locked -Zbuild-std=core --target bpfel-unknown-none
         --target-dir {target} --package komainu-ebpf -- -D warnings"
    );
    let arch = format!("--cfg=bpf_target_arch=\"{}\"", arch.machine());
    passes(
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", arch),
    )
}

/// Runs a check that prints its own findings.
fn passes(command: Cmd<'_>) -> Outcome {
    match command.quiet().run() {
        Ok(()) => Outcome::Passed,
        Err(_) => Outcome::Failed("see its findings above".into()),
    }
}
