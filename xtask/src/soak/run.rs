//! The soak itself: acts, swaps, stalls and looks side by side, then quiet, then the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ChildStdout;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::churn::{self, Churned, Work};
use super::judge::adds_up;
use super::log::Log;
use super::marker::{self, Marker};
use super::page::Page;
use super::place::Place;
use super::record::{Record, Sample};
use super::stall::Stalls;
use super::stream::Reader;
use crate::agent::{self, Process};
use crate::bench::Counts;
use crate::janitor::Janitor;
use crate::process;

/// Longest that the agent may take to start, and to end.
const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(30);
/// Time between two swaps of the rules, and between two looks at the agent at most.
const SWAP: Duration = Duration::from_secs(10);
const SAMPLE: Duration = Duration::from_secs(10);
/// Looks at least, so that quarters can be compared.
const SAMPLES: u32 = 32;
/// Time between two looks at the clock.
const TICK: Duration = Duration::from_millis(50);
/// Longest that the agent may take to account for everything once it is quiet. A page is made once a second.
const SETTLE: Duration = Duration::from_mins(1);
const PAGE: Duration = Duration::from_millis(1_100);

/// A running agent, its lines on their way to a reader.
#[derive(Debug)]
pub(super) struct Soaked {
    process: Process,
    reader: Arc<Reader>,
    reading: JoinHandle<()>,
}

impl Soaked {
    /// Starts the agent in this place and waits until it sees events.
    pub(super) fn start(program: &Path, place: &Place, janitor: &mut Janitor) -> Result<Self> {
        // What the soak is about comes first: the first rule that matches an event reports it.
        let rules = [place.volume.dir.clone(), agent::shipped_rules()];
        let mut command = agent::command(program, &rules, "json");
        command.arg("--config").arg(&place.config);
        let (process, stdout) = Process::start(command, log(place))?;
        janitor.kill_later(process.id(), program)?;
        let (reader, reading) = read(stdout, place.nonce.clone())?;
        let mut soaked = Self {
            process,
            reader,
            reading,
        };
        let deadline = Instant::now() + START;
        while !soaked.reader.tally().own.contains_key("started") {
            soaked.process.check()?;
            if Instant::now() > deadline {
                bail!("the agent did not start within {START:?}");
            }
            thread::sleep(TICK);
        }
        Ok(soaked)
    }

    /// Everything, for so long; then the agent is ended.
    pub(super) fn soak(
        mut self,
        place: &mut Place,
        janitor: &mut Janitor,
        time: Duration,
    ) -> Result<Record> {
        let over = AtomicBool::new(false);
        let (work, nonce) = (Work::at(place), place.nonce.clone());
        let (watched, churned, markers) = thread::scope(|scope| {
            let churn = scope.spawn(|| churn::churn(janitor, &work, &over));
            let markers = scope.spawn(|| marker::act(&nonce, &over));
            let watched = self.watch(place, time);
            over.store(true, Ordering::Relaxed);
            let panicked = |_| anyhow!("a thread of the soak panicked");
            let churned = churn.join().map_err(panicked).flatten();
            let markers = markers.join().map_err(panicked).flatten();
            (watched, churned, markers)
        });
        self.finish(place, watched?, (churned?, markers?), time)
    }

    /// Swaps, stalls and looks.
    fn watch(&mut self, place: &mut Place, time: Duration) -> Result<Watched> {
        let start = Instant::now();
        let mut watched = Watched::default();
        let mut stalls = Stalls::new(start);
        let (mut swap, mut sample) = (Every::new(start, SWAP), Every::new(start, pause(time)));
        while start.elapsed() < time {
            self.process.check()?;
            let now = Instant::now();
            if swap.is_due(now) {
                place.swap()?;
                watched.swaps += 1;
            }
            if sample.is_due(now) {
                watched.samples.push(self.sample(place, start.elapsed())?);
            }
            stalls.look(now, &self.reader, &place.bait)?;
            thread::sleep(TICK);
        }
        stalls.end(&self.reader)?;
        watched.stalls = stalls.begun;
        Ok(watched)
    }

    fn sample(&self, place: &Place, since: Duration) -> Result<Sample> {
        let (page, pid) = (Page::get(place.address)?, self.process.id());
        let memory = process::memory(pid)?;
        let classes = page.classes();
        let sum = classes
            .values()
            .copied()
            .fold(Counts::default(), Counts::plus);
        Ok(Sample {
            seconds: since.as_secs(),
            resident_kib: memory.resident,
            anonymous_kib: memory.anonymous,
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64,
            processes: page.of("komainu_processes"),
            containers: page.of("komainu_containers"),
            queued: page.of("komainu_sink_queued_alerts{sink=\"stdout\"}"),
            seen: sum.seen,
            lost: sum.lost,
            alerts_lost: page.of("komainu_sink_lost_alerts_total{sink=\"stdout\"}"),
        })
    }

    /// Waits until everything is accounted for, ends the agent, and reads what it said last.
    fn finish(
        mut self,
        place: &Place,
        watched: Watched,
        (churned, markers): (Churned, Vec<Marker>),
        time: Duration,
    ) -> Result<Record> {
        let (classes, page) = settle(place, watched.swaps)?;
        self.process.stop(STOP)?;
        if self.reading.join().is_err() {
            bail!("the reader of the agent's lines panicked");
        }
        let reloads = ["ok", "failed"].map(|result| {
            page.of(&format!(
                "komainu_rule_reloads_total{{result=\"{result}\"}}"
            ))
        });
        Ok(Record {
            time,
            samples: watched.samples,
            classes,
            tally: self.reader.tally().clone(),
            markers,
            churned,
            stalls: watched.stalls,
            swaps: watched.swaps,
            reloads,
            log: Log::parse(&fs::read_to_string(log(place))?),
        })
    }
}

/// Reads on a thread of its own, which ends when the agent does.
fn read(stdout: ChildStdout, nonce: String) -> Result<(Arc<Reader>, JoinHandle<()>)> {
    let reader = Arc::new(Reader::default());
    let of_thread = Arc::clone(&reader);
    let reading = thread::Builder::new()
        .name("soak-reader".into())
        .spawn(move || of_thread.read(stdout, &nonce))?;
    Ok((reader, reading))
}

/// The counts of each class at a moment when they added up, else the last ones; and the last page. An event that is
/// just being recorded is in one of them only, so one moment is not enough to tell.
fn settle(place: &Place, swaps: u64) -> Result<(BTreeMap<String, Counts>, Page)> {
    let deadline = Instant::now() + SETTLE;
    let mut settled = BTreeMap::new();
    loop {
        thread::sleep(PAGE);
        let page = Page::get(place.address)?;
        for (class, counts) in page.classes() {
            let known = settled.entry(class).or_insert(counts);
            if adds_up(counts) || !adds_up(*known) {
                *known = counts;
            }
        }
        let is_reloaded = page.of("komainu_rule_reloads_total{result=\"ok\"}") >= swaps;
        let is_settled = settled.values().all(|counts| adds_up(*counts)) && is_reloaded;
        if is_settled || Instant::now() > deadline {
            return Ok((settled, page));
        }
    }
}

fn log(place: &Place) -> std::path::PathBuf {
    place.dir.join("agent.log")
}

/// Time between two looks at the agent.
fn pause(time: Duration) -> Duration {
    SAMPLE.min(time / SAMPLES)
}

#[derive(Debug, Default)]
struct Watched {
    samples: Vec<Sample>,
    swaps: u64,
    stalls: u64,
}

/// Something that is done again and again.
#[derive(Debug)]
struct Every {
    period: Duration,
    next: Instant,
}

impl Every {
    /// The first time one period from `now`.
    fn new(now: Instant, period: Duration) -> Self {
        Self {
            period,
            next: now + period,
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        // What was missed is not made up for.
        self.next = now + self.period;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_soak_is_looked_at_as_often() {
        assert_eq!(pause(Duration::from_hours(1)), SAMPLE);
        assert_eq!(
            SAMPLES * pause(Duration::from_mins(1)),
            Duration::from_mins(1)
        );
    }

    #[test]
    fn a_period_that_was_missed_is_not_made_up_for() {
        let start = Instant::now();
        let mut every = Every::new(start, SWAP);
        assert!(!every.is_due(start));
        assert!(every.is_due(start + 3 * SWAP));
        assert!(!every.is_due(start + 3 * SWAP));
        assert!(every.is_due(start + 4 * SWAP));
    }
}
