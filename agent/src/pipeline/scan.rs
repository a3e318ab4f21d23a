//! The thread that reads `/proc`: everything once at start, single processes when asked.
//!
//! Reading another process's files can hang for as long as that process wants, so the thread that
//! decides never does it. If it hangs here, detail is missing and nothing else.

use std::sync::mpsc::{Receiver, SyncSender};

use super::decide::Notice;
use crate::enrich::proc::Proc;
use crate::event::ProcKey;

/// Scans every process, says so, then answers questions until nobody asks or listens any more.
pub(super) fn run(proc: &Proc, wanted: &Receiver<ProcKey>, notices: &SyncSender<Notice>) {
    let pids = match proc.pids() {
        Ok(pids) => pids,
        Err(error) => {
            tracing::warn!(%error, "cannot list processes; those already running have no details");
            drop(notices.send(Notice::Scanned));
            return;
        }
    };
    let mut count = 0_u32;
    for pid in pids {
        // Processes come and go: one that is gone is no error.
        let Ok(scanned) = proc.scan(pid) else {
            continue;
        };
        count += 1;
        if notices.send(Notice::Found(Box::new(scanned))).is_err() {
            return;
        }
    }
    tracing::debug!(count, "read processes from /proc");
    if notices.send(Notice::Scanned).is_err() {
        return;
    }
    for key in wanted {
        let notice = match proc.scan(key.tgid) {
            Ok(scanned) if scanned.found.key == key => Notice::Found(Box::new(scanned)),
            Err(error) if !is_gone(&error) => continue,
            // Also where the pid has a new owner, whose own records tell of it.
            _ => Notice::Gone(key),
        };
        if notices.send(notice).is_err() {
            return;
        }
    }
}

/// Whether reading failed because there is no such process: before its directory was opened, or after.
fn is_gone(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::enrich::proc::cgroup::Hierarchies;

    #[test]
    fn asked_about_one_that_is_gone() {
        let mounts = std::fs::read("/proc/self/mountinfo").unwrap();
        let hierarchies = Hierarchies::parse(&mounts, None);
        let proc = Proc::new(Path::new("/proc"), hierarchies, 0, 0);
        let mut child = Command::new("/bin/sleep").arg("100").spawn().unwrap();
        let lives = proc.scan(std::process::id()).unwrap().found.key;
        let gone = proc.scan(child.id()).unwrap().found.key;
        child.kill().unwrap();
        child.wait().unwrap();
        let other = ProcKey {
            start_ticks: lives.start_ticks + 1,
            ..lives
        };
        let (ask, wanted) = sync_channel(3);
        for key in [gone, lives, other] {
            ask.send(key).unwrap();
        }
        drop(ask);
        let (tell, notices) = sync_channel(100_000);
        run(&proc, &wanted, &tell);
        let answers = notices.try_iter();
        let mut answers = answers.skip_while(|notice| !matches!(notice, Notice::Scanned));
        answers.next();
        assert!(matches!(answers.next(), Some(Notice::Gone(key)) if key == gone));
        assert!(matches!(answers.next(), Some(Notice::Found(found)) if found.found.key == lives));
        assert!(matches!(answers.next(), Some(Notice::Gone(key)) if key == other));
    }
}
