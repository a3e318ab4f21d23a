//! The guest's files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::cpio::Cpio;
use super::packages::Parts;

const DIRECTORIES: [&str; 11] = [
    "bin",
    "dev",
    "etc",
    "etc/komainu",
    "marked",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
    "usr",
];

/// As the kernel unpacks them.
pub(super) fn files(agent: &Path, parts: &Parts) -> Result<Vec<u8>> {
    let mut cpio = Cpio::default();
    for directory in DIRECTORIES {
        cpio.directory(directory)?;
    }
    cpio.device("dev/console", [5, 1])?;
    for (path, from) in [
        ("komainu", agent),
        ("bin/busybox", &parts.busybox),
        ("bin/busybox32", &parts.narrow),
    ] {
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        cpio.file(path, &bytes)?;
    }
    for (path, text) in [
        ("init", include_str!("guest/init")),
        ("acts", include_str!("guest/acts")),
        ("etc/komainu/rules.yaml", include_str!("guest/rules.yaml")),
        ("etc/komainu/config.yaml", include_str!("guest/config.yaml")),
        ("etc/shadow", "root:*:1:0:99999:7:::\n"),
        (
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
        ),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ] {
        cpio.file(path, text.as_bytes())?;
    }
    cpio.finish()
}
