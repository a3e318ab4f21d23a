//! A sink with a spool: what the writer does not take at once goes to disk, and out before anything newer.
//!
//! A write that takes long is joined by the disk: its lines first, then what comes meanwhile. When it is done the disk is read
//! until nothing is left there, and alerts go the short way again. Where the spool has no room, or the disk none,
//! nothing is taken from the queue: what then finds it full is lost before it has a number, and counted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval, sleep};

use super::super::{Lines, Spool};
use super::intake::Intake;
use super::{State, Totals, Writer};

/// A write that takes longer is joined by the disk.
const PATIENCE: Duration = Duration::from_millis(50);
/// Time between two looks at what else there is to do while a write takes long.
const LOOK: Duration = Duration::from_millis(100);
/// Time until the disk is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest that a write may take once the agent stops.
const STOP: Duration = Duration::from_secs(2);
/// Bytes that a batch and the line that it ends with may have beyond its limit, frames included.
const MARGIN: usize = 192 * 1024;

/// Writes until nothing is left, or the agent stops.
pub(super) async fn run(
    intake: Intake,
    mut writer: impl Writer,
    spool: Spool,
    state: Arc<State>,
) -> io::Result<Totals> {
    let mut store = Store {
        intake,
        disk: Disk::new(spool, Arc::clone(&state)),
        carry: Lines::default(),
        again: Instant::now(),
        exposed: 0,
        end: None,
    };
    store.disk.look();
    loop {
        let (lines, on_disk) = store.next().await?;
        if lines.is_empty() {
            if store.is_done() {
                return store.finish(&state).await;
            }
            continue;
        }
        state.progress.begin();
        match store.write(&mut writer, &lines, on_disk, &state).await {
            Ok(Some(on_disk)) => {
                state.progress.wrote(lines.len());
                store.written(on_disk).await;
                store.intake.recycle(lines);
            }
            Ok(None) => return store.finish(&state).await,
            Err(error) => {
                store.finish(&state).await?;
                return Err(error);
            }
        }
    }
}

/// Everything but the writer.
struct Store {
    intake: Intake,
    disk: Disk,
    /// Lines that the disk did not take, newer than what it has.
    carry: Lines,
    /// When it is tried again.
    again: Instant,
    /// Lines under way that it did not take.
    exposed: usize,
    /// When waiting ends.
    end: Option<Instant>,
}

impl Store {
    /// The oldest lines that there are, and whether they are on disk.
    async fn next(&mut self) -> io::Result<(Arc<Lines>, bool)> {
        self.see_the_end();
        if !self.disk.is_empty() {
            let batch = self.intake.batch();
            let peeked = self
                .disk
                .with(move |spool| spool.peek(batch.lines, batch.bytes))
                .await;
            match peeked.flatten() {
                Ok(lines) if !lines.is_empty() => return Ok((Arc::new(lines), true)),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the spool cannot be read");
                    sleep(AGAIN).await;
                    return Ok((Arc::default(), true));
                }
            }
        }
        if self.carry.is_empty() {
            self.intake.collect().await?;
            return Ok((Arc::new(self.intake.take()), false));
        }
        Ok((Arc::new(std::mem::take(&mut self.carry)), false))
    }

    /// Writes lines while further ones go to disk. Says whether they are there too; `None` where the time was over.
    async fn write(
        &mut self,
        writer: &mut impl Writer,
        lines: &Arc<Lines>,
        mut on_disk: bool,
        state: &State,
    ) -> io::Result<Option<bool>> {
        let mut writing = std::pin::pin!(writer.write(lines, state));
        let mut patience = std::pin::pin!(sleep(PATIENCE));
        let mut look = interval(LOOK);
        let mut joined = on_disk;
        loop {
            tokio::select! {
                biased;
                done = &mut writing => match done {
                    Ok(()) => return Ok(Some(on_disk)),
                    Err(error) => {
                        if !on_disk {
                            self.join(lines).await;
                        }
                        return Err(error);
                    }
                },
                () = &mut patience, if !joined => {
                    self.join(lines).await;
                    (joined, on_disk) = (true, true);
                }
                _ = look.tick() => {
                    self.see_the_end();
                    if self.is_over() {
                        return Ok(None);
                    }
                    self.carry_on().await;
                }
                collected = self.intake.collect(), if joined && self.takes_more() => {
                    collected?;
                    self.put_away().await;
                }
            }
        }
    }

    /// Puts lines under way on disk, before what comes after them.
    async fn join(&mut self, lines: &Arc<Lines>) {
        let count = lines.len();
        let done = self.disk.append(Arc::clone(lines)).await;
        self.exposed = count - done.min(count);
        drop(self.disk.with(Spool::claim_all).await);
    }

    /// Puts what was collected on disk.
    async fn put_away(&mut self) {
        let lines = Arc::new(self.intake.take());
        let done = self.disk.append(Arc::clone(&lines)).await;
        if done < lines.len() {
            self.carry = lines.from(done);
            self.again = Instant::now() + AGAIN;
        }
    }

    /// Tries again what the disk did not take.
    async fn carry_on(&mut self) {
        if self.carry.is_empty() || Instant::now() < self.again {
            return;
        }
        let lines = Arc::new(std::mem::take(&mut self.carry));
        let done = self.disk.append(Arc::clone(&lines)).await;
        self.carry = lines.from(done);
        self.again = Instant::now() + AGAIN;
    }

    /// The lines under way are written.
    async fn written(&mut self, on_disk: bool) {
        self.exposed = 0;
        if on_disk && let Err(error) = self.disk.with(Spool::commit).await.flatten() {
            tracing::warn!(%error, "the spool cannot be tidied up: lines may come twice");
        }
    }

    fn takes_more(&self) -> bool {
        self.carry.is_empty() && !self.intake.has_ended() && self.has_room()
    }

    /// On disk, for a batch.
    fn has_room(&self) -> bool {
        let batch = self.intake.batch().bytes.saturating_add(MARGIN);
        self.disk.has_room(batch as u64)
    }

    fn see_the_end(&mut self) {
        if self.intake.is_closed() {
            self.end.get_or_insert_with(|| Instant::now() + STOP);
        }
    }

    /// No write is waited for any more.
    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    fn is_done(&self) -> bool {
        let is_empty = self.disk.is_empty() && self.carry.is_empty();
        self.is_over() || self.intake.has_ended() && is_empty
    }

    /// Puts what is left where the next run finds it, as far as there is room.
    async fn finish(&mut self, state: &State) -> io::Result<Totals> {
        self.again = Instant::now();
        self.carry_on().await;
        while self.carry.is_empty() && self.has_room() {
            self.intake.collect_now()?;
            if self.intake.is_idle() {
                break;
            }
            self.put_away().await;
        }
        let lost = self.exposed as u64 + self.carry.len() as u64 + self.intake.abandon();
        if lost > 0 {
            tracing::error!(
                sink = state.name(),
                lost,
                "alerts were neither written nor kept"
            );
        }
        if let Err(error) = self.disk.with(Spool::finish).await.flatten() {
            tracing::warn!(%error, "the spool may not be whole on disk");
        }
        Ok(Totals {
            lines: state.progress.lines(),
            lost: self.intake.told(),
            left: self.disk.bytes,
        })
    }
}

/// The spool, which is used where waiting for a disk is allowed.
struct Disk {
    /// Not there only while it is used.
    spool: Option<Spool>,
    state: Arc<State>,
    bytes: u64,
    is_empty: bool,
}

impl Disk {
    fn new(spool: Spool, state: Arc<State>) -> Self {
        Self {
            spool: Some(spool),
            state,
            bytes: 0,
            is_empty: true,
        }
    }

    /// Must not be cancelled: the spool would be gone.
    async fn with<R: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Spool) -> R + Send + 'static,
    ) -> io::Result<R> {
        let Some(mut spool) = self.spool.take() else {
            return Err(io::Error::other("the spool is gone"));
        };
        let acting = spawn_blocking(move || {
            let result = act(&mut spool);
            (spool, result)
        });
        let (spool, result) = acting.await?;
        self.spool = Some(spool);
        self.look();
        Ok(result)
    }

    /// Looks how much there is, and what damage took.
    fn look(&mut self) {
        if let Some(spool) = &mut self.spool {
            (self.bytes, self.is_empty) = (spool.bytes(), spool.is_empty());
            self.state.set_spooled(self.bytes);
            self.state.lost.damaged(spool.take_damaged());
        }
    }

    /// Appends lines; returns how many the disk took.
    async fn append(&mut self, lines: Arc<Lines>) -> usize {
        if lines.is_empty() {
            return 0;
        }
        let appended = self.with(move |spool| spool.append(&lines)).await;
        let (done, result) = appended.unwrap_or_else(|error| (0, Err(error)));
        if let Err(error) = result {
            tracing::warn!(%error, sink = self.state.name(), "the spool takes no lines");
        }
        done
    }

    fn is_empty(&self) -> bool {
        self.is_empty
    }

    fn has_room(&self, bytes: u64) -> bool {
        let spool = self.spool.as_ref();
        spool.is_some_and(|spool| spool.has_room(bytes))
    }
}
