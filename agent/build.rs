//! Builds the kernel half and puts the object where `include_bytes!` finds it.
//!
//! aya-build does nearly this, but only through a rustup nightly. The kernel half builds with the
//! stable toolchain that the workspace pins (its library source is all it needs), or with a
//! distribution's cargo named by `KOMAINU_BPF_CARGO`.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use object::build::elf::{Builder, SectionData};

const OBJECT: &str = "komainu-ebpf";
const CARGO_OVERRIDE: &str = "KOMAINU_BPF_CARGO";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={CARGO_OVERRIDE}");
    if env::var_os("CARGO_FEATURE_EBPF").is_none() {
        return Ok(());
    }
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    for input in ["agent-ebpf", "agent-common", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", workspace.join(input).display());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let target_dir = shared_target_dir(&out);
    build(&workspace, &target_dir)?;
    let object = target_dir.join("bpfel-unknown-none/release").join(OBJECT);
    let bytes = fs::read(&object).map_err(|e| format!("{}: {e}", object.display()))?;
    fs::write(out.join(OBJECT), without_dwarf(&bytes)?)?;
    Ok(())
}

/// The object without what only debuggers read: four fifths of it, which the agent would carry in its image and in
/// memory. BTF is made of it before.
fn without_dwarf(object: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut builder = Builder::read(object)?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        let of = name.strip_prefix(b".rel").unwrap_or(name);
        section.delete = of.starts_with(b".debug_");
    }
    // LLVM has one table for the names of sections and symbols, the builder wants two.
    let names = builder.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = SectionData::SectionString;
    builder.delete_orphans();
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}

/// One directory for all profiles of the agent: the object is the same, and building `core` for it
/// again for each would take longer than everything else.
fn shared_target_dir(out: &Path) -> PathBuf {
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    out.ancestors().nth(4).unwrap_or(out).join("bpf")
}

fn build(workspace: &Path, target_dir: &Path) -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os(CARGO_OVERRIDE)
        .or_else(|| env::var_os("CARGO"))
        .map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let flags = [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
    ];
    let mut command = Command::new(&cargo);
    command
        .args(["build", "--release", "--locked", "--package", OBJECT])
        .args(["-Zbuild-std=core", "--target=bpfel-unknown-none"])
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(workspace)
        // build-std and the two features the object uses are unstable, the pinned compiler is not.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        // Set by clippy and by wrappers for the host build; they do not know this target.
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS");
    // How the agent is to be optimised says nothing about programs that a verifier reads.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PROFILE_") {
            command.env_remove(name);
        }
    }
    match cargo.parent().map(|bin| bin.join("rustc")) {
        Some(rustc) if rustc.exists() => command.env("RUSTC", rustc),
        _ => command.env_remove("RUSTC"),
    };
    let output = command
        .output()
        .map_err(|e| format!("cannot run {}: {e}", cargo.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "the kernel half did not build; `cargo xtask setup` installs what it needs \
         (rust-src, bpf-linker).\n{}",
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}
