//! Tells when rule files may have changed: inotify where that tells, a look now and then where it does not.
//!
//! What it tells is a reason to read the files, no more. Whether they say something else is found by their hash, so a
//! change that is missed (network filesystems tell nothing, a queue overflows, a directory is put in place of
//! another) is found by the next look, and one that is none costs nothing but the reading.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;
use tokio::sync::mpsc::Sender;

/// How patient it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Time without a change after which those before are told of: one change of many files is one.
    pub(super) quiet: Duration,
    /// Longest that this is waited for.
    pub(super) most: Duration,
    /// Time between two looks without any change.
    pub(super) look: Duration,
    /// Time between two of them at least.
    pub(super) rest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(200),
            most: Duration::from_secs(2),
            look: Duration::from_secs(10),
            rest: Duration::from_millis(500),
        }
    }
}

/// What happens in a directory when a file of it is another afterwards. Writes are told when the file is closed.
fn changes() -> WatchFlags {
    WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
}

/// Sends `()` for each reason, until nobody receives. For a thread of its own: opening a path can hang.
pub(super) fn watch(paths: &[PathBuf], pace: Pace, reasons: &Sender<()>) {
    let inotify = match init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
        Ok(inotify) => Some(inotify),
        Err(error) => {
            tracing::warn!(%error, "no inotify: changed rules are found by looking at them");
            None
        }
    };
    loop {
        let told = inotify.as_ref().map(|inotify| {
            add(inotify, paths);
            next(inotify, pace)
        });
        match told {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "inotify fails");
                sleep(pace.look);
            }
            None => sleep(pace.look),
        }
        if reasons.blocking_send(()).is_err() {
            return;
        }
        sleep(pace.rest);
    }
}

/// Watches the directories that the paths are now. One that is watched already stays so.
fn add(inotify: &OwnedFd, paths: &[PathBuf]) {
    for directory in directories(paths) {
        if let Err(error) = add_watch(inotify, &directory, changes()) {
            tracing::debug!(%error, directory = %directory.display(), "changes here are found by looking");
        }
    }
}

/// Directories given, and those that files given are in, by their names and where symlinks lead.
fn directories(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let own = |path: &Path| {
        if path.is_dir() {
            return path.to_owned();
        }
        match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => ".".into(),
        }
    };
    let real = paths.iter().filter_map(|path| path.canonicalize().ok());
    let all = paths.iter().cloned().chain(real);
    all.map(|path| own(&path)).collect()
}

/// Waits for changes until there are no more for a while, or for the time of a look.
fn next(inotify: &OwnedFd, pace: Pace) -> io::Result<()> {
    if !changed_within(inotify, pace.look)? {
        return Ok(());
    }
    let end = Instant::now() + pace.most;
    while Instant::now() < end && changed_within(inotify, pace.quiet)? {}
    Ok(())
}

/// Waits for changes and forgets them: which they are is of no interest.
fn changed_within(inotify: &OwnedFd, time: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(time).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut polled = [PollFd::new(inotify, PollFlags::IN)];
    match poll(&mut polled, Some(&time)) {
        Ok(0) => return Ok(false),
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut buffer = [0; 4096];
    loop {
        match rustix::io::read(inotify, &mut buffer) {
            Ok(1..) | Err(Errno::INTR) => {}
            Ok(0) | Err(Errno::AGAIN) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::mpsc::error::TryRecvError;
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A look comes later than any test lasts.
    const TOLD: Pace = Pace {
        quiet: Duration::from_millis(50),
        most: Duration::from_millis(300),
        look: Duration::from_mins(1),
        rest: Duration::from_millis(1),
    };
    const SOON: Duration = Duration::from_secs(5);

    fn start(path: &Path, pace: Pace) -> Receiver<()> {
        let (send, reasons) = channel(1);
        let path = path.to_owned();
        std::thread::spawn(move || watch(&[path], pace, &send));
        reasons
    }

    fn is_told_within(reasons: &mut Receiver<()>, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            match reasons.try_recv() {
                Ok(()) => return true,
                Err(TryRecvError::Empty) => sleep(Duration::from_millis(5)),
                Err(TryRecvError::Disconnected) => panic!("it ended"),
            }
        }
        false
    }

    fn is_told(reasons: &mut Receiver<()>) -> bool {
        is_told_within(reasons, SOON)
    }

    fn is_quiet(reasons: &mut Receiver<()>) -> bool {
        !is_told_within(reasons, 2 * TOLD.most)
    }

    #[test]
    fn a_config_map_is_swapped() {
        let dir = tempfile::tempdir().unwrap();
        let version = |name: &str, text: &str| {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("r.yaml"), text).unwrap();
        };
        version("..1", "a");
        symlink("..1", dir.path().join("..data")).unwrap();
        symlink("..data/r.yaml", dir.path().join("r.yaml")).unwrap();
        // The whole of it, or one file of it: both are mounted.
        for path in [dir.path().to_owned(), dir.path().join("r.yaml")] {
            let mut reasons = start(&path, TOLD);
            assert!(is_quiet(&mut reasons));
            version("..2", "b");
            symlink("..2", dir.path().join("..new")).unwrap();
            fs::rename(dir.path().join("..new"), dir.path().join("..data")).unwrap();
            assert!(is_told(&mut reasons), "{}", path.display());
            assert!(is_quiet(&mut reasons), "one swap is one reason");
            fs::remove_dir_all(dir.path().join("..2")).unwrap();
            assert!(is_told(&mut reasons));
        }
    }

    #[test]
    fn a_file_behind_a_symlink_elsewhere_is_rewritten() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, file) = (here.path().join("r.yaml"), there.path().join("x.yaml"));
        fs::write(&file, "a").unwrap();
        symlink(&file, &link).unwrap();
        let mut reasons = start(&link, TOLD);
        assert!(is_quiet(&mut reasons));
        fs::write(&file, "b").unwrap();
        assert!(is_told(&mut reasons));
    }

    #[test]
    fn who_never_stops_writing_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut reasons = start(dir.path(), TOLD);
        assert!(is_quiet(&mut reasons));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    fs::write(dir.path().join("r.yaml"), "x").unwrap();
                    sleep(TOLD.quiet / 4);
                }
            });
            let told = is_told(&mut reasons);
            stop.store(true, Ordering::Relaxed);
            assert!(told);
        });
    }

    #[test]
    fn what_inotify_does_not_tell_is_found_by_looking() {
        let dir = tempfile::tempdir().unwrap();
        let often = Pace {
            look: Duration::from_millis(100),
            ..TOLD
        };
        let mut reasons = start(&dir.path().join("not/there/yet"), often);
        for _ in 0..3 {
            assert!(is_told(&mut reasons));
        }
    }
}
