//! The architectures that the agent is given to users for.

use std::path::PathBuf;

use clap::ValueEnum;

/// One of them, as images name it (image-spec, `image-index.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    pub(crate) const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// In names of files and platforms.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As rustc and the kernel name it.
    pub(crate) const fn machine(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// What the agent is built for: the C library is linked in, so the image holds nothing else.
    pub(crate) fn target(self) -> String {
        format!("{}-unknown-linux-musl", self.machine())
    }

    /// Whether this machine is one.
    pub(crate) fn is_own(self) -> bool {
        self.machine() == std::env::consts::ARCH
    }

    /// The compiler for what is written in C, and Debian's packages of it. That of another architecture is for glibc,
    /// which does not matter: only headers that the language asks for are used, and nothing is linked by it.
    pub(crate) const fn compiler(self, own: bool) -> (&'static str, &'static [&'static str]) {
        match (self, own) {
            (_, true) => ("musl-gcc", &["musl-tools"]),
            (Self::Amd64, false) => (
                "x86_64-linux-gnu-gcc",
                &["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"],
            ),
            (Self::Arm64, false) => (
                "aarch64-linux-gnu-gcc",
                &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
            ),
        }
    }

    /// Variables of the environment that cargo and the build scripts of crates read.
    pub(super) fn variables(self) -> Vec<(String, &'static str)> {
        let target = self.target().replace('-', "_");
        let (compiler, _) = self.compiler(self.is_own());
        let mut variables = vec![(format!("CC_{target}"), compiler)];
        if !self.is_own() {
            // rustc's own, which links for every architecture.
            let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase());
            variables.push((linker, "rust-lld"));
        }
        variables
    }

    /// Where the agent ends up below cargo's directory.
    pub(super) fn program(self) -> PathBuf {
        PathBuf::from(self.target()).join("release/komainu")
    }

    /// `e_machine` of its programs, elf(5).
    pub(super) const fn elf(self) -> u16 {
        match self {
            Self::Amd64 => 62,
            Self::Arm64 => 183,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_architecture_is_built_by_another_compiler_and_linker() {
        let variables = |arch: Arch| arch.variables().into_iter().map(|(name, _)| name);
        let other = Arch::ALL.into_iter().find(|arch| !arch.is_own()).unwrap();
        let linker =
            |name: String| name.starts_with("CARGO_TARGET_") && name.ends_with("_MUSL_LINKER");
        assert!(variables(other).any(linker));
        for arch in Arch::ALL {
            let compiler = format!("CC_{}_unknown_linux_musl", arch.machine());
            assert!(variables(arch).any(|name| name == compiler));
            assert_eq!(variables(arch).count(), if arch.is_own() { 1 } else { 2 });
        }
    }
}
