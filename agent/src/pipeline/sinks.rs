//! The sinks as configured: a task each.

mod others;

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::mpsc::Receiver;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};

use super::board::Board;
use super::stream;
use crate::config::Config;
use crate::emit::sink::{self, Batch, State, Totals, Writer};
use crate::emit::stream::Run;
use crate::emit::writer::Descriptor;
use crate::emit::{Lost, Outlet, Queued, Spool, Stream};
use crate::privileges;
use others::Other;

/// A sink that runs.
pub(super) type Running = JoinHandle<io::Result<Totals>>;

/// All of them.
#[derive(Debug)]
pub(super) struct Sinks {
    pub(super) stdout: Running,
    others: Vec<(&'static str, Running)>,
}

/// Makes the directory of the spool, and has threads that give up everything else keep writing where sinks do.
pub(super) fn prepare(config: &Config) -> anyhow::Result<()> {
    let mut directories = Vec::new();
    if let Some(spool) = given(&config.spool.directory) {
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(spool);
        made.with_context(|| format!("cannot make {} (spool.directory)", spool.display()))?;
        directories.push(spool.to_owned());
    }
    if let Some(file) = given(&config.file.path) {
        let path = std::path::absolute(file)?;
        let directory = path.parent().filter(|parent| parent.is_dir());
        let name = path.file_name();
        let (Some(directory), Some(_)) = (directory, name) else {
            anyhow::bail!("there is no directory for {} (file.path)", path.display());
        };
        directories.push(directory.to_owned());
    }
    privileges::may_write(directories);
    Ok(())
}

/// A path, unless it is empty.
fn given(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

/// What a sink is made of, beside its writer.
struct Parts {
    stream: Stream,
    batch: Batch,
    spool: Option<Spool>,
    state: Arc<State>,
}

impl Parts {
    fn start(self, queue: Receiver<Queued>, writer: impl Writer + 'static) -> Running {
        let Self {
            stream,
            batch,
            spool,
            state,
        } = self;
        tokio::spawn(async move {
            let progress = Arc::clone(&state);
            let ended = sink::run(queue, writer, spool, stream, batch, state).await;
            progress.progress.end();
            ended
        })
    }
}

/// Starts every sink. Alerts go to what is returned first.
pub(super) fn start(config: &Config, board: &Board) -> anyhow::Result<(Outlet, Sinks)> {
    let run = Arc::new(Run::default());
    let output = &config.output;
    let others = others::configured(config)?;
    let also = &board.stdout.lost;
    let state = |other: &Other| {
        let lost = Lost::of(other.name, Some(Arc::clone(also)));
        Arc::new(State::new(lost))
    };
    let states: Vec<_> = others.iter().map(state).collect();
    board.sinks_are(states.clone());
    let all = std::iter::once(Arc::clone(&board.stdout)).chain(states.iter().cloned());
    let (alerts, bytes) = (output.queue.size(), output.queue_bytes.size());
    let (outlet, queues) = Outlet::new(all, Arc::clone(&run), alerts, bytes);
    let mut queues = queues.into_iter();
    let stdout = queues.next().context("there is no queue")?;
    let parts = Parts {
        stream: stream::new(config, output.format, stream::is_coloured(config), &run),
        batch: Batch::default(),
        spool: spool(config, board.stdout.name())?,
        state: Arc::clone(&board.stdout),
    };
    let stdout = parts.start(stdout, Descriptor::stdout()?);
    let mut running = Vec::new();
    for ((other, state), queue) in others.into_iter().zip(states).zip(queues) {
        let name = other.name;
        tracing::info!(sink = name, to = other.to, "alerts go there too");
        running.push((name, other.start(config, &run, state, queue)?));
    }
    let sinks = Sinks {
        stdout,
        others: running,
    };
    Ok((outlet, sinks))
}

/// The spool of a sink, if there is one.
fn spool(config: &Config, sink: &str) -> anyhow::Result<Option<Spool>> {
    let section = &config.spool;
    if section.directory.as_os_str().is_empty() {
        return Ok(None);
    }
    let path = section.directory.join(sink);
    let spool = Spool::open(&path, section.max_bytes.0).map_err(|error| {
        let is_used = error.kind() == io::ErrorKind::WouldBlock;
        let error = anyhow::Error::new(error);
        let path = path.display();
        if is_used {
            return error.context(format!("another agent uses the spool {path}"));
        }
        error.context(format!("cannot open the spool {path}"))
    })?;
    if !spool.is_empty() {
        let bytes = spool.bytes();
        tracing::info!(sink, bytes, "an earlier run left lines, which come first");
    }
    Ok(Some(spool))
}

impl Sinks {
    /// Waits until everything is written, or so long. Only standard output's failure is one of the agent.
    pub(super) async fn end(mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        let mut result = Ok(());
        // Whoever waited for it has heard already.
        if !self.stdout.is_finished() {
            result = match timeout_at(deadline, &mut self.stdout).await {
                Ok(Ok(Ok(written))) => {
                    tracing::info!(written.lines, written.lost, written.left, "stopped");
                    Ok(())
                }
                Ok(ended) => Err(error(ended)),
                Err(_) => Err(anyhow!(
                    "standard output did not take the last alerts within {patience:?}"
                )),
            };
        }
        for (sink, running) in self.others {
            match timeout_at(deadline, running).await {
                Ok(Ok(Ok(written))) => {
                    tracing::info!(sink, written.lines, written.lost, written.left, "stopped");
                }
                Ok(ended) => tracing::error!(sink, error = %error(ended), "a sink failed"),
                Err(_) => tracing::error!(sink, "the last alerts were not taken: lost"),
            }
        }
        result
    }
}

/// Why standard output is not written any more.
pub(super) fn error(ended: Result<io::Result<Totals>, JoinError>) -> anyhow::Error {
    match ended {
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            anyhow!("standard output was closed by its reader: nobody is left to alert")
        }
        Ok(Err(error)) => anyhow::Error::new(error).context("cannot write to standard output"),
        Ok(Ok(_)) => anyhow!("writing alerts ended early"),
        Err(error) => anyhow::Error::new(error).context("writing alerts failed"),
    }
}
