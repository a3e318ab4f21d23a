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
