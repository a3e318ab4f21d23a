//! The event of a test, or of a file with one event.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use super::MAX_FILE;
use super::case::{Case, TestFile};
use super::case::{EventFacts, FileFacts, ProcessFacts, SocketFacts};
use super::identity::{ContainerFacts, PodFacts};
use super::record::encode;
use super::session::{self, SessionFacts};
use super::world::Fixture;
use crate::decode::{self, Clock, decode};
use crate::event::Event;

/// Wall-clock time of boot in the fixture: 2026-01-01, nanoseconds since the Unix epoch.
const BOOT: u64 = 1_767_225_600_000_000_000;

/// A file with one event: a test without `test` and `expect`, which it may have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFile {
    /// What it is.
    #[serde(default)]
    test: String,
    /// The event.
    event: EventFacts,
    /// The process that causes it; for a started program, the program.
    #[serde(default)]
    process: ProcessFacts,
    /// Its ancestors, nearest first.
    #[serde(default)]
    parents: Vec<ProcessFacts>,
    /// The container it is in; none on the host.
    container: Option<ContainerFacts>,
    /// The pod of the container.
    pod: Option<PodFacts>,
    /// The exec session that it happens in.
    session: Option<SessionFacts>,
    /// The file that is opened.
    file: Option<FileFacts>,
    /// The socket of a network event.
    socket: Option<SocketFacts>,
    /// Not looked at.
    #[serde(default)]
    expect: Vec<String>,
    /// Not looked at.
    #[serde(default)]
    output: Vec<String>,
}

/// Hands the event of a case to `look`, with what the user half would know.
pub(super) fn with_event<T>(
    case: &Case,
    look: impl FnOnce(&Event<'_>, &Fixture) -> T,
) -> Result<T, String> {
    if case.event.ty == session::END {
        let event = session::end(case, BOOT)?;
        return Ok(look(&event, &Fixture::of(case)));
    }
    let record = encode(case)?;
    let mut scratch = decode::Scratch::default();
    let decoded = decode(&record, Clock { boot: BOOT }, &mut scratch)
        .map_err(|error| format!("the event does not decode: {error}"))?;
    let mut event = decoded.event.ok_or("rules see no such event")?;
    // Events are counted from 1 where they are received; rules rely on it (`evt.num = 0` is never).
    event.number = 1;
    Ok(look(&event, &Fixture::of(case)))
}

/// Reads a case: the only event of a file, or the test called `test` of a file of tests. With it the
/// rule files that the file names, if it does.
pub(super) fn read(path: &Path, test: Option<&str>) -> Result<(Case, Vec<PathBuf>)> {
    let read = || -> Result<(Case, Vec<PathBuf>)> {
        let size = fs::metadata(path)?.len();
        if size > MAX_FILE {
            bail!("has {size} bytes; at most {MAX_FILE} are read");
        }
        let yaml = fs::read_to_string(path)?;
        match test {
            None => Ok((
                serde_saphyr::from_str::<EventFile>(&yaml)?.into(),
                Vec::new(),
            )),
            Some(name) => named(serde_saphyr::from_str(&yaml)?, name, path),
        }
    };
    read().with_context(|| path.display().to_string())
}

fn named(file: TestFile, name: &str, path: &Path) -> Result<(Case, Vec<PathBuf>)> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let rules = file.rules.iter().map(|rules| dir.join(rules)).collect();
    let case = file.tests.into_iter().find(|case| case.test == name);
    let case = case.ok_or_else(|| anyhow!("has no test called {name:?}"))?;
    Ok((case, rules))
}

impl From<EventFile> for Case {
    fn from(file: EventFile) -> Self {
        Self {
            test: file.test,
            event: file.event,
            process: file.process,
            parents: file.parents,
            container: file.container,
            pod: file.pod,
            session: file.session,
            file: file.file,
            socket: file.socket,
            expect: file.expect,
            output: file.output,
        }
    }
}
