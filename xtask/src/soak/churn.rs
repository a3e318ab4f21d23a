//! Containers that come and go: cgroups of their names, each with a process that works.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rustix::net::{AddressFamily, SocketType, connect, socket};

use super::place::Place;
use crate::cgroup;
use crate::janitor::Janitor;

/// Time between two new containers.
const NEW: Duration = Duration::from_millis(500);
/// How long one of them works.
const LIFE: Duration = Duration::from_millis(2_500);
/// Containers at a time; while a slow machine has as many, there is no new one.
const MOST: usize = 16;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Longest that the last containers may take to go.
const LAST: Duration = Duration::from_secs(20);
/// Opens of files that no rule knows, for each other act.
const OPENS: u32 = 50;
/// Pause of a container between two rounds of acts.
const PAUSE: Duration = Duration::from_millis(50);

/// How it went.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Churned {
    pub(super) made: u64,
    pub(super) removed: u64,
    /// Whose process failed.
    pub(super) failed: u64,
}

#[derive(Debug)]
struct Container {
    cgroups: Vec<PathBuf>,
    child: Child,
    has_ended: bool,
}

/// Makes and removes containers until it is over.
pub(super) fn churn(janitor: &mut Janitor, place: &Work, is_over: &AtomicBool) -> Result<Churned> {
    let (mut containers, mut churned) = (Vec::new(), Churned::default());
    let roots = cgroup::roots()?;
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        if next <= Instant::now() && containers.len() < MOST {
            containers.push(start(janitor, &roots, place)?);
            churned.made += 1;
            next = Instant::now() + NEW;
        }
        thread::sleep(LOOK);
        remove_ended(&mut containers, &mut churned)?;
    }
    let deadline = Instant::now() + LAST;
    while !containers.is_empty() {
        if Instant::now() > deadline {
            bail!("{} containers do not go away", containers.len());
        }
        thread::sleep(LOOK);
        remove_ended(&mut containers, &mut churned)?;
    }
    Ok(churned)
}

fn start(janitor: &mut Janitor, roots: &[PathBuf], work: &Work) -> Result<Container> {
    let path = cgroup::container_path(&cgroup::container_id()?);
    let mut command = Command::new(env::current_exe()?);
    command.arg("act");
    let mut cgroups = Vec::new();
    for root in roots {
        cgroup::create(root, &path, |new| janitor.remove_later(new))?;
        let dir = root.join(&path);
        command.arg("--cgroup").arg(&dir);
        cgroups.push(dir);
    }
    command.arg("work").args([&work.dir, &work.bait]);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the process of a container")?;
    Ok(Container {
        cgroups,
        child,
        has_ended: false,
    })
}

/// Removes containers whose process has ended. A cgroup may stay busy for a moment: then the next time.
fn remove_ended(containers: &mut Vec<Container>, churned: &mut Churned) -> Result<()> {
    for container in containers
        .iter_mut()
        .filter(|container| !container.has_ended)
    {
        if let Some(status) = container.child.try_wait()? {
            container.has_ended = true;
            churned.failed += u64::from(!status.success());
        }
    }
    let before = containers.len();
    containers.retain_mut(|container| {
        if container.has_ended {
            container.cgroups.retain(|dir| fs::remove_dir(dir).is_err());
        }
        !container.cgroups.is_empty()
    });
    churned.removed += (before - containers.len()) as u64;
    Ok(())
}

/// What the process of a container does: the hidden verb `act work`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Work {
    /// For its files.
    dir: PathBuf,
    /// Opened, it raises an alert.
    bait: PathBuf,
}

impl Work {
    /// In this place.
    pub(super) fn at(place: &Place) -> Self {
        Self {
            dir: place.dir.clone(),
            bait: place.bait.clone(),
        }
    }
}

/// Opens, writes, renames, removes, starts programs and connects, for as long as a container lives.
pub(crate) fn work(work: &Work) -> Result<()> {
    let end = Instant::now() + LIFE;
    let own = work.dir.join(format!("container-{}", std::process::id()));
    fs::create_dir(&own)?;
    let (file, renamed) = (own.join("file"), own.join("renamed"));
    while Instant::now() < end {
        fs::write(&file, "x")?;
        for _ in 0..OPENS {
            File::open(&file)?;
        }
        fs::rename(&file, &renamed)?;
        fs::remove_file(&renamed)?;
        // One that raises an alert by a rule of the soak's, and one by a shipped rule.
        File::open(&work.bait)?;
        File::open("/etc/shadow").ok();
        run_program()?;
        connect_somewhere()?;
        thread::sleep(PAUSE);
    }
    fs::remove_dir(&own)?;
    Ok(())
}

fn run_program() -> Result<()> {
    let status = Command::new("true").status().context("cannot run true")?;
    if !status.success() {
        bail!("true: {status}");
    }
    Ok(())
}

/// A TCP connection over the loopback interface, and a datagram socket that only has a peer.
fn connect_somewhere() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    connect(
        socket(AddressFamily::INET, SocketType::STREAM, None)?,
        &listener.local_addr()?,
    )?;
    let peer = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    connect(socket(AddressFamily::INET, SocketType::DGRAM, None)?, &peer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let bait = dir.path().join("bait");
        let of = Work {
            dir: dir.path().to_owned(),
            bait: bait.clone(),
        };
        assert!(work(&of).is_err(), "there is no bait");
        fs::remove_dir_all(dir.path()).unwrap();
        fs::create_dir(dir.path()).unwrap();
        fs::write(&bait, "x").unwrap();
        work(&of).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
