//! The users and groups that processes in a container see: from the files below the container's root.
//!
//! Everything that is read belongs to somebody who may be hostile. A process is pinned by a descriptor of its directory in
//! `/proc` and has to be in the container, so a reused pid is never another's. Files are looked up below its root
//! (`openat2(2)`), where a symlink cannot lead out, not through `/proc` either, and no other filesystem is entered; they are opened only
//! when they are regular files, so no FIFO blocks and no device notices; what is large is refused; and all of it happens on a
//! thread that may hang.
//!
//! The names of a container come from one root directory: that of its init, where the runtime told which process it is, else that of the
//! process that was seen first. A process that changed its root (`chroot(2)`) later does not change them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::idmap::IdMap;
use super::isolated::Isolated;
use super::names::Names;
use super::pool::Pool;
use super::version::Version;
use crate::enrich::container::path;
use crate::enrich::proc::{self, Pinned};
use crate::event::{ProcKey, User};

/// Largest file read.
const MAX_FILE: usize = 256 * 1024;
/// Bytes of a map read: `UID_GID_MAP_MAX_EXTENTS` lines of three numbers.
const MAX_MAP: usize = 16 * 1024;
/// Name of number 0.
const ROOT: &str = "root";
/// The two files, below the root.
const FILES: [&str; 2] = ["etc/passwd", "etc/group"];

/// Users and groups of one container.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inside {
    names: Arc<Names>,
    users: IdMap,
    groups: IdMap,
    /// Device and inode of the root directory that they were read below.
    root: (u64, u64),
    /// It is the root of the container's init.
    is_init: bool,
    versions: [Option<Version>; 2],
}

impl Inside {
    /// Account of a user, by the number that the kernel gives it outside of any container. Number 0 is root,
    /// whatever the container calls it: who can write the file must not be able to hide behind another name.
    pub fn user(&self, uid: u32) -> Option<User<'_>> {
        let uid = self.users.inside(uid)?;
        let user = self.names.user(uid)?;
        let name = if uid == 0 { ROOT } else { user.name };
        Some(User { name, ..user })
    }

    /// Name of a group, likewise.
    pub fn group(&self, gid: u32) -> Option<&str> {
        match self.groups.inside(gid)? {
            0 => Some(ROOT),
            gid => self.names.group(gid),
        }
    }
}

/// What the deciding thread wants to know.
#[derive(Debug)]
pub struct Question {
    /// Full id of the container.
    pub container: Box<str>,
    /// Its init, where the runtime told it: pid in the initial namespace.
    pub init: Option<u32>,
    /// A process that was seen in it.
    pub process: Option<ProcKey>,
    /// What is known already.
    pub known: Option<Arc<Inside>>,
}

/// Why there are no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No process of the container is there any more, or not yet.
    #[error("no process of the container is there")]
    Gone,
    /// The process has the host's root: the container's is not set up yet, or it has none of its own.
    #[error("the process has the root of the host")]
    HostRoot,
    /// The process does not have the container's root, or that of the host is not known.
    #[error("the process has another root than the container")]
    OtherRoot,
    /// A file of that name is no regular file.
    #[error("passwd or group is no regular file")]
    NotAFile,
    /// A file is larger than 256 KiB.
    #[error("passwd or group is larger than 256 KiB")]
    TooLarge,
    /// They take more room than is left to others then.
    #[error("there is no room for the names")]
    NoRoom,
    /// Reading takes too long.
    #[error("reading passwd and group hangs")]
    Hangs,
    /// The system refused.
    #[error("passwd or group cannot be read: {0}")]
    System(rustix::io::Errno),
}

impl From<rustix::io::Errno> for Refusal {
    fn from(error: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match error {
            Errno::NOENT | Errno::SRCH => Self::Gone,
            error => Self::System(error),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        rustix::io::Errno::from_io_error(&error).map_or(Self::Gone, Self::from)
    }
}

/// Reads names; owned by the thread that may wait.
#[derive(Debug)]
pub struct Reader {
    proc: PathBuf,
    host_root: PathBuf,
    isolated: Isolated,
    pool: Pool,
}

impl Reader {
    /// `proc` is where the host's `/proc` is mounted, `host_root` where its root may be; all names together take
    /// `bytes` at most.
    pub fn new(proc: &Path, host_root: &Path, bytes: usize) -> Self {
        Self {
            proc: proc.into(),
            host_root: host_root.into(),
            isolated: Isolated::default(),
            pool: Pool::new(bytes),
        }
    }

    /// The names of a container; `None` where those known are still right.
    pub fn answer(&mut self, question: Question) -> Result<Option<Arc<Inside>>, Refusal> {
        let (proc, host_root) = (self.proc.clone(), self.host_root.clone());
        let known = question.known.clone();
        let look = self
            .isolated
            .run(move || look(&proc, &host_root, &question));
        let Some(mut found) = look.ok_or(Refusal::Hangs)?? else {
            return Ok(None);
        };
        let old = known.as_ref().map(|known| &known.names);
        found.names = self.pool.share(found.names, old).ok_or(Refusal::NoRoom)?;
        Ok(Some(Arc::new(found)))
    }
}

/// The host's root, as far as it can be seen: that of its init and of its kernel threads, and the configured one.
fn host_roots(proc: &Path, host_root: &Path) -> Vec<(u64, u64)> {
    let of = |pid| Pinned::open(proc, pid).and_then(|process| root_id(&root(&process)?));
    let configured = rustix::fs::stat(host_root).map(|stat| (stat.st_dev, stat.st_ino));
    let seen = [of(1).ok(), of(2).ok(), configured.ok()];
    seen.into_iter().flatten().collect()
}

/// Tries the init, then the process that was seen.
fn look(proc: &Path, host_root: &Path, question: &Question) -> Result<Option<Inside>, Refusal> {
    let host = host_roots(proc, host_root);
    let init = question.init.map(|pid| (pid, None));
    let seen = question
        .process
        .map(|key| (key.tgid, Some(key.start_ticks)));
    let mut refusal = Refusal::Gone;
    for (pid, start) in init.into_iter().chain(seen) {
        let process = Candidate {
            pid,
            start,
            is_init: start.is_none(),
        };
        match process.look(proc, question, &host) {
            Err(error @ (Refusal::Gone | Refusal::HostRoot | Refusal::OtherRoot)) => {
                refusal = error;
            }
            answer => return answer,
        }
    }
    Err(refusal)
}

struct Candidate {
    pid: u32,
    start: Option<u64>,
    is_init: bool,
}

impl Candidate {
    fn look(
        &self,
        proc: &Path,
        question: &Question,
        host: &[(u64, u64)],
    ) -> Result<Option<Inside>, Refusal> {
        let pinned = Pinned::open(proc, self.pid)?;
        if self.start.is_some() && pinned.start_ticks()? != self.start {
            return Err(Refusal::Gone);
        }
        if !is_in(&pinned.read("cgroup", proc::MAX_TEXT)?, &question.container) {
            return Err(Refusal::Gone);
        }
        let root = root(&pinned)?;
        let id = root_id(&root)?;
        let known = question.known.as_deref();
        let is_same = known.is_none_or(|known| known.root == id);
        // Until the runtime has set up the container's root, its processes there have the host's.
        if host.contains(&id) {
            return Err(Refusal::HostRoot);
        }
        if host.is_empty() || !(is_same || self.is_init) {
            return Err(Refusal::OtherRoot);
        }
        let [passwd, group] = FILES.map(|name| File::find(&root, name));
        let (passwd, group) = (passwd?, group?);
        let versions = [&passwd, &group].map(|file| file.as_ref().map(|file| file.version));
        let is_init = self.is_init || known.is_some_and(|known| is_same && known.is_init);
        if known
            .is_some_and(|known| is_same && known.versions == versions && known.is_init == is_init)
        {
            return Ok(None);
        }
        let text = |file: &Option<File>| file.as_ref().map_or(Ok(Vec::new()), File::read);
        let map = |name| Ok::<_, Refusal>(IdMap::parse(&pinned.read(name, MAX_MAP)?));
        let (users, groups) = match known {
            // Any process of the container may be in a user namespace that it made itself.
            Some(known) if is_same && !self.is_init => (known.users.clone(), known.groups.clone()),
            _ => (map("uid_map")?, map("gid_map")?),
        };
        Ok(Some(Inside {
            names: Arc::new(Names::parse(&text(&passwd)?, &text(&group)?)),
            users,
            groups,
            root: id,
            is_init,
            versions,
        }))
    }
}

/// Whether the text of `/proc/PID/cgroup` names this container.
fn is_in(cgroup: &[u8], container: &str) -> bool {
    let paths = cgroup
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.splitn(3, |&byte| byte == b':').nth(2));
    let mut named = paths.filter_map(path::container);
    named.any(|named| named.id == container)
}

/// The root directory of a process; nothing is read of it yet.
fn root(process: &Pinned) -> io::Result<OwnedFd> {
    process.open_at("root", OFlags::PATH | OFlags::DIRECTORY)
}

fn root_id(root: &OwnedFd) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(root)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// A regular file below a root, found but not opened.
struct File {
    place: OwnedFd,
    version: Version,
}

impl File {
    /// `None` where there is none.
    fn find(root: &OwnedFd, name: &str) -> Result<Option<Self>, Refusal> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let place = match rustix::fs::openat2(root, name, flags, Mode::empty(), resolve) {
            Ok(place) => place,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(Refusal::System(error)),
        };
        let stat = rustix::fs::fstat(&place)?;
        let version = Version::of(&stat).ok_or(Refusal::NotAFile)?;
        if version.size() > MAX_FILE {
            return Err(Refusal::TooLarge);
        }
        Ok(Some(Self { place, version }))
    }

    fn read(&self) -> Result<Vec<u8>, Refusal> {
        let text = proc::reopen(&self.place, MAX_FILE + 1)?;
        if text.len() > MAX_FILE {
            return Err(Refusal::TooLarge);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
