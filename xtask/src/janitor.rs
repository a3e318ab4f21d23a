//! Cleaning up, whatever happens.
//!
//! A process in a session of its own holds the reading end of a pipe. A verb writes there what it
//! is about to leave behind. When the pipe closes, because the verb is done or was killed, the
//! process removes it all, last first.

use std::env;
use std::fs;
use std::io::{BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cgroup;

/// The verb's side.
#[derive(Debug)]
pub(crate) struct Janitor {
    child: Child,
    pipe: ChildStdin,
}

impl Janitor {
    /// Starts the cleaning process.
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(["act", "janitor"])
            // Out of the terminal's foreground group: Ctrl-C must not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start the cleaning process")?;
        let pipe = child
            .stdin
            .take()
            .context("no pipe to the cleaning process")?;
        Ok(Self { child, pipe })
    }

    /// To be called before `path` is created: a file, a directory or a cgroup.
    pub(crate) fn remove_later(&mut self, path: &Path) -> Result<()> {
        self.order("remove", path)
    }

    /// Ends process `pid`, if it still runs `program` then.
    pub(crate) fn kill_later(&mut self, pid: u32, program: &Path) -> Result<()> {
        self.order(&format!("kill {pid}"), program)
    }

    /// Cleans now.
    pub(crate) fn finish(self) -> Result<()> {
        let Self { mut child, pipe } = self;
        drop(pipe);
        let status = child.wait()?;
        if !status.success() {
            bail!("cleaning up failed");
        }
        Ok(())
    }

    fn order(&mut self, what: &str, path: &Path) -> Result<()> {
        let path = path.to_str().context("a path that is not UTF-8")?;
        writeln!(self.pipe, "{what} {path}").context("the cleaning process is gone")
    }
}

/// The cleaning process: collects orders until the pipe closes, then carries them out.
pub(crate) fn wait_and_clean(orders: impl BufRead) -> Result<()> {
    let orders: Vec<String> = orders.lines().map_while(Result::ok).collect();
    let mut errors = Vec::new();
    for order in orders.iter().rev() {
        if let Err(error) = carry_out(order) {
            errors.push(format!("{order}: {error:#}"));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    bail!("cleaning up:\n  {}", errors.join("\n  "))
}

fn carry_out(order: &str) -> Result<()> {
    if let Some(path) = order.strip_prefix("remove ") {
        return remove(Path::new(path));
    }
    let (pid, program) = order
        .strip_prefix("kill ")
        .and_then(|rest| rest.split_once(' '))
        .context("unknown order")?;
    let is_program =
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == Path::new(program));
    if is_program {
        kill(pid.parse()?, Signal::TERM);
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    if path.join("cgroup.procs").exists() {
        return remove_cgroup(path);
    }
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => Ok(fs::remove_dir_all(path)?),
        Ok(_) => Ok(fs::remove_file(path)?),
    }
}

/// A cgroup can be removed when it is empty; processes take a moment to go.
fn remove_cgroup(dir: &Path) -> Result<()> {
    let mut result = Ok(());
    for _ in 0..100 {
        for pid in cgroup::processes(dir) {
            kill(pid, Signal::KILL);
        }
        result = fs::remove_dir(dir);
        if result.is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(result?)
}

fn kill(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended by itself.
        kill_process(pid, signal).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ordered_is_removed_last_first() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("f"), "x").unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("link")).unwrap();
        let orders = format!(
            "remove {0}\nremove {1}/link\nremove {1}/absent\nkill 1 /no/such/program\n",
            inner.display(),
            dir.path().display()
        );
        wait_and_clean(orders.as_bytes()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_order_that_makes_no_sense_is_an_error() {
        assert!(wait_and_clean("burn everything\n".as_bytes()).is_err());
    }
}
