//! A compiler at work: processes, many opens (most of them of headers that are not there), writes.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Load;

const COMPILER: &str = "cc";
const SOURCE: &str = r#"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        printf("%s: %zu\n", argv[i], strlen(argv[i]));
    return errno;
}
"#;

/// Compiles and links a small C file.
#[derive(Debug)]
pub(super) struct Compile {
    dir: PathBuf,
}

impl Compile {
    /// `None` where there is no compiler.
    pub(super) fn new(dir: &Path) -> Result<Option<Self>> {
        let path = env::var_os("PATH").unwrap_or_default();
        if !env::split_paths(&path).any(|dir| dir.join(COMPILER).is_file()) {
            println!("no {COMPILER} in PATH: the compile-like mix is left out");
            return Ok(None);
        }
        std::fs::write(dir.join("bench.c"), SOURCE)?;
        Ok(Some(Self {
            dir: dir.to_owned(),
        }))
    }
}

impl Load for Compile {
    fn run(&self, operations: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..operations {
            let status = Command::new(COMPILER)
                .args(["-O1", "-o", "bench.out", "bench.c"])
                .current_dir(&self.dir)
                .stderr(Stdio::null())
                .status()
                .with_context(|| format!("cannot run {COMPILER}"))?;
            if !status.success() {
                bail!("{COMPILER} failed in {}", self.dir.display());
            }
        }
        Ok(start.elapsed())
    }
}
