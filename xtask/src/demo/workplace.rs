//! Where the acts take place, and the programs they use.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cgroup;
use crate::janitor::Janitor;

/// A directory, and a cgroup that looks like a container's.
#[derive(Debug)]
pub(super) struct Workplace {
    /// A directory for files.
    dir: PathBuf,
    /// The container's cgroup, in each hierarchy that counts.
    pub(super) cgroups: Vec<PathBuf>,
    /// The container's id, 64 hex digits.
    container: String,
}

impl Workplace {
    /// Creates the directory and the cgroup; `janitor` will remove them.
    pub(super) fn prepare(janitor: &mut Janitor) -> Result<Self> {
        let container = cgroup::container_id()?;
        let dir = env::temp_dir().join(format!("komainu-demo-{}", short(&container)));
        janitor.remove_later(&dir)?;
        fs::create_dir(&dir)?;
        let path = cgroup::container_path(&container);
        let mut cgroups = Vec::new();
        for root in cgroup::roots()? {
            cgroup::create(&root, &path, |new| janitor.remove_later(new))?;
            cgroups.push(root.join(&path));
        }
        Ok(Self {
            dir,
            cgroups,
            container,
        })
    }

    /// The container's id as rules see it.
    pub(super) fn short_id(&self) -> &str {
        short(&self.container)
    }

    /// A path in the directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The program `name`, from `PATH`.
pub(super) fn find(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file());
    match found {
        Some(file) => Ok(file),
        None => bail!("the demo needs the program {program}, which is not in PATH"),
    }
}

/// The file behind a program's name, as the kernel names it.
pub(super) fn real(program: &str) -> Result<PathBuf> {
    let file = find(program)?;
    fs::canonicalize(&file).with_context(|| format!("cannot resolve {}", file.display()))
}

/// A path as it is in alerts.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The first 12 digits of a container's id.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
