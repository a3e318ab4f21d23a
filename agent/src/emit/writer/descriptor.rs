//! Standard output: whatever it is.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::super::Lines;
use super::super::sink::{State, Writer};
use super::Backoff;

/// Longest that a descriptor which does not block is waited for at once.
const WAIT: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
/// Waits until a full disk is tried again.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Writes to an open descriptor: a pipe, a terminal, a file. A reader that stalls is waited for, a full disk tried again from
/// the byte where it was full. A reader that went away is the end.
#[derive(Debug)]
pub struct Descriptor {
    descriptor: Arc<OwnedFd>,
    backoff: Backoff,
}

impl Descriptor {
    /// Writes there.
    pub fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor: Arc::new(descriptor),
            backoff: Backoff::new(FIRST, LONGEST),
        }
    }

    /// Writes to standard output.
    pub fn stdout() -> io::Result<Self> {
        Ok(Self::new(io::stdout().as_fd().try_clone_to_owned()?))
    }
}

impl Writer for Descriptor {
    async fn write(&mut self, lines: &Arc<Lines>, state: &State) -> io::Result<()> {
        let mut done = 0;
        loop {
            let (descriptor, lines) = (Arc::clone(&self.descriptor), Arc::clone(lines));
            // A write cannot be cancelled, so it must not hold up anything else.
            let writing = spawn_blocking(move || {
                let rest = lines.bytes().get(done..).unwrap_or_default();
                write_all(&descriptor, rest)
            });
            let (written, result) = writing.await?;
            done += written;
            match result {
                Ok(()) => {
                    self.backoff.reset();
                    state.works();
                    return Ok(());
                }
                Err(error) if is_passing(error) => {
                    state.fails(error);
                    sleep(self.backoff.wait()).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether another attempt may go well.
fn is_passing(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOSPC | Errno::DQUOT | Errno::NOBUFS | Errno::NOMEM
    )
}

/// Writes all of it; how many bytes were written, and why not all.
fn write_all(to: &OwnedFd, bytes: &[u8]) -> (usize, Result<(), Errno>) {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::write(to, rest) {
            Ok(0) => return (done, Err(Errno::NOSPC)),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut polled = [PollFd::new(to, PollFlags::OUT)];
                // Whatever comes of it, the next write tells.
                poll(&mut polled, Some(&WAIT)).ok();
            }
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn lines(text: &str) -> Arc<Lines> {
        let mut lines = Lines::default();
        lines.push(text.as_bytes());
        Arc::new(lines)
    }

    #[tokio::test]
    async fn a_reader_that_went_away_is_the_end() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        drop(read);
        let mut writer = Descriptor::new(write);
        let error = writer.write(&lines("x\n"), &State::default()).await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn a_full_disk_is_tried_again() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut writer = Descriptor::new(full.unwrap().into());
        let state = State::default();
        let text = lines("x\n");
        let written = tokio::time::timeout(Duration::from_millis(300), writer.write(&text, &state));
        assert!(written.await.is_err(), "it goes on trying");
        assert!(state.fault().unwrap().contains("space"), "{state:?}");
    }

    #[tokio::test]
    async fn a_descriptor_that_does_not_block_is_waited_for() {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let mut writer = Descriptor::new(write);
        let text = lines(&"y".repeat(300_000));
        let reader = spawn_blocking(move || {
            let mut file = std::fs::File::from(read);
            let (mut buffer, mut sum) = ([0; 4096], 0);
            while sum < 300_000 {
                match file.read(&mut buffer) {
                    Ok(count) => sum += count,
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
            sum
        });
        writer.write(&text, &State::default()).await.unwrap();
        assert_eq!(reader.await.unwrap(), 300_000);
    }
}
