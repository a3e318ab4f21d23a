//! Lines for a reader that may stall: whoever writes one never waits.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::privileges::{self, Duty};

/// Lines that wait at most.
const LINES: usize = 1024;
/// Bytes that wait at most.
const BYTES: usize = 1 << 20;
/// Longest that the last lines may take to be written.
const FLUSH: Duration = Duration::from_secs(1);
/// Time between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(5);

/// The writing end. A line that finds too many waiting is lost, and counted.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    queue: SyncSender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Bytes not written yet.
    waiting: AtomicUsize,
    /// Lines lost since it was last told.
    lost: AtomicU64,
}

/// Waits, for a second at most, until what was said is written, when it is dropped.
#[derive(Debug)]
#[must_use = "dropped at once, it waits for nothing"]
pub(in crate::cli) struct Flush(Arc<Counts>);

/// Starts the thread that writes to `out`.
pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Lines, Flush)> {
    let (queue, lines) = sync_channel(LINES);
    let counts = Arc::<Counts>::default();
    let shared = Arc::clone(&counts);
    thread::Builder::new()
        .name("komainu-log".into())
        .spawn(move || {
            privileges::confine_or_say(Duty::Serve);
            write(out, &lines, &shared);
        })?;
    let flush = Flush(Arc::clone(&counts));
    Ok((Lines { queue, counts }, flush))
}

fn write(mut out: impl Write, lines: &Receiver<Vec<u8>>, counts: &Counts) {
    for line in lines {
        // There is nowhere left to tell of a log that cannot be written.
        drop(out.write_all(&line));
        counts.waiting.fetch_sub(line.len(), Ordering::AcqRel);
        let lost = counts.lost.swap(0, Ordering::AcqRel);
        if lost > 0 {
            tracing::warn!(lost, "lines of this log were lost: its reader stalled");
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waiting = self.counts.waiting.fetch_add(line.len(), Ordering::AcqRel);
        if waiting + line.len() > BYTES || self.queue.try_send(line.to_vec()).is_err() {
            self.counts.waiting.fetch_sub(line.len(), Ordering::AcqRel);
            self.counts.lost.fetch_add(1, Ordering::AcqRel);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH;
        while self.0.waiting.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    /// A pipe that nobody reads until `go` is dropped.
    struct Stalled {
        go: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _gone = self.go.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_holds_nobody_up() {
        let (stall, go) = channel();
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let out = Stalled {
            go,
            written: Arc::clone(&written),
        };
        let (mut lines, flush) = start(out).unwrap();
        let began = Instant::now();
        for _ in 0..10 * LINES {
            lines.write_all(b"a line\n").unwrap();
        }
        lines.write_all(&vec![b'x'; BYTES + 1]).unwrap();
        drop(flush);
        assert!(began.elapsed() < 5 * FLUSH, "{:?}", began.elapsed());
        // One may be with the thread, beside those that wait.
        let lost = lines.counts.lost.load(Ordering::Acquire);
        let kept = 10 * LINES as u64 + 1 - lost;
        assert!((LINES as u64..=LINES as u64 + 1).contains(&kept), "{kept}");
        drop(stall);
        drop(Flush(Arc::clone(&lines.counts)));
        assert_eq!(written.lock().unwrap().len() as u64, kept * 7);
    }
}
