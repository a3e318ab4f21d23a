//! Where a soak takes place: the rules as a volume that is swapped, the file that raises alerts, the configuration.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

/// Rule about the markers, and the other one.
pub(super) const MARKER: &str = "Soak marker";
const BAIT: &str = "Soak bait";

/// Alerts that wait for standard output at most: few, so that a stall of seconds is enough.
const QUEUE: u32 = 1024;

/// Files of one soak.
#[derive(Debug)]
pub(super) struct Place {
    /// Everything is in here; the containers' files too.
    pub(super) dir: PathBuf,
    /// Directory of rules, which changes.
    pub(super) volume: Volume,
    /// Whoever opens it raises an alert.
    pub(super) bait: PathBuf,
    /// What the arguments of markers begin with: told from those of every other soak.
    pub(super) nonce: String,
    /// Where the agent answers.
    pub(super) address: SocketAddr,
    /// The agent's configuration.
    pub(super) config: PathBuf,
}

impl Place {
    /// Makes the files anew in `dir`, with the first rule set in force.
    pub(super) fn prepare(dir: PathBuf) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let bait = dir.join("bait");
        fs::write(&bait, "x")?;
        // Free a moment ago, which is enough here.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let config = dir.join("komainu.yaml");
        fs::write(
            &config,
            format!(
                "http: {{listen: '{address}'}}\nlog: {{format: json}}\noutput: {{queue: {QUEUE}}}\n"
            ),
        )?;
        let mut place = Self {
            volume: Volume::new(dir.join("rules"))?,
            nonce: format!("komainu-soak-{:x}-", Timestamp::now().as_millisecond()),
            dir,
            bait,
            address,
            config,
        };
        place.swap()?;
        Ok(place)
    }

    /// Puts the other rule set into the volume.
    pub(super) fn swap(&mut self) -> Result<()> {
        let rules = rules(
            self.volume.version.is_multiple_of(2),
            &self.nonce,
            &self.bait,
        )?;
        self.volume.swap("soak.yaml", &rules)
    }
}

/// One of two rule sets, which differ in what they say of the same acts.
fn rules(is_first: bool, nonce: &str, bait: &Path) -> Result<String> {
    let bait = bait
        .to_str()
        .context("the path of the project is no text")?;
    let set = if is_first { "first" } else { "second" };
    Ok(format!(
        "- rule: {MARKER}
  desc: A program that is started once a second. Of each there must be an alert, or it must be told as lost.
  condition: evt.type in (execve, execveat) and proc.args contains '{nonce}'
  output: set={set} arguments=%proc.args
  priority: NOTICE
- rule: {BAIT}
  desc: A file that is opened more often than alerts can be written.
  condition: evt.type in (open, openat, openat2) and fd.name = '{bait}'
  output: set={set} file=%fd.name
  priority: WARNING
"
    ))
}

/// A volume as the kubelet's atomic writer keeps it (`pkg/volume/util/atomic_writer.go`): a directory for each
/// version, `..data` pointing to it, each name a symlink through that.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) dir: PathBuf,
    /// Versions so far.
    version: u32,
}

impl Volume {
    fn new(dir: PathBuf) -> Result<Self> {
        fs::create_dir(&dir)?;
        Ok(Self { dir, version: 0 })
    }

    /// Replaces the file by a new version in one step.
    fn swap(&mut self, name: &str, text: &str) -> Result<()> {
        self.version += 1;
        let version = format!("..{}", self.version);
        fs::create_dir(self.dir.join(&version))?;
        fs::write(self.dir.join(&version).join(name), text)?;
        let data = self.dir.join("..data");
        let old = fs::read_link(&data).ok();
        let new = self.dir.join("..data_tmp");
        symlink(&version, &new)?;
        fs::rename(&new, &data)?;
        let link = self.dir.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link)?;
        }
        if let Some(old) = old {
            fs::remove_dir_all(self.dir.join(old))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_leaves_one_version_that_says_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Place::prepare(dir.path().join("soak")).unwrap();
        let file = place.volume.dir.join("soak.yaml");
        let first = fs::read_to_string(&file).unwrap();
        place.swap().unwrap();
        let second = fs::read_to_string(&file).unwrap();
        assert_ne!(first, second);
        place.swap().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        let mut names: Vec<_> = fs::read_dir(&place.volume.dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["..3", "..data", "soak.yaml"]);
    }
}
