//! Watching what the kernel half reports while something is done.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use komainu::{
    decode::{Clock, Decoded, Scratch, decode},
    kernel::{Batch, Kernel, Lanes, LoadError, Options},
};
use komainu_common::{Class, Header, ledger::Reason};
use zerocopy::FromBytes as _;

/// How long the rings must be silent about our processes before an act counts as over.
const QUIET: Duration = Duration::from_millis(120);

/// How long a program that runs while it is detached may take to end.
const RUNNING: Duration = Duration::from_secs(2);

/// Why live tests cannot run here.
pub(crate) fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("they need root".to_owned());
    }
    let btf = "/sys/kernel/btf/vmlinux";
    (!std::path::Path::new(btf).exists()).then(|| format!("this kernel has no {btf}"))
}

/// The loaded kernel half and its rings.
pub(crate) struct Watch {
    pub(crate) kernel: Kernel,
    lanes: Lanes,
    batch: Batch,
}

impl Watch {
    pub(crate) fn new() -> Result<Self, LoadError> {
        Self::with(&Options::default())
    }

    pub(crate) fn with(options: &Options) -> Result<Self, LoadError> {
        let mut kernel = Kernel::load(options)?;
        let lanes = kernel.lanes()?;
        for status in kernel.probes() {
            assert!(
                status.attached(),
                "{}: {:?}",
                status.probe.program,
                status.error
            );
        }
        Ok(Self {
            kernel,
            lanes,
            batch: Batch::default(),
        })
    }

    /// Detaches everything and insists that `seen = emitted + filtered + lost` holds for each class,
    /// and that the ledger has every loss.
    pub(crate) fn close_accounts(mut self) {
        self.kernel.detach();
        let patience = Instant::now() + RUNNING;
        loop {
            let open = self.open_accounts();
            if open.is_empty() {
                return;
            }
            assert!(Instant::now() < patience, "unaccounted for: {open:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn open_accounts(&self) -> Vec<String> {
        let ledger = self.kernel.ledger().unwrap();
        let named = |class: Class, reason: Reason| {
            let rows = ledger
                .iter()
                .filter(|row| row.key.class == u32::from(class.0) && row.key.reason == reason.0);
            rows.map(|row| row.entry.count).sum::<u64>()
        };
        let reports = self.kernel.counters().unwrap();
        let open = reports.iter().filter(|report| {
            let counters = &report.counters;
            let balanced = counters.seen == counters.accounted();
            let blamed = |&reason| named(report.class, reason) == counters.lost_for(reason);
            !balanced || !Reason::ALL.iter().all(blamed)
        });
        open.map(|report| format!("{report:?}")).collect()
    }

    /// Runs `act` and returns its result with every record made from its start until the rings
    /// have been read to the end after it.
    pub(crate) fn during<T>(&mut self, act: impl FnOnce() -> T) -> (T, Seen) {
        self.drain_for(Duration::ZERO, &mut Seen::default());
        let mut seen = Seen::default();
        let result = act();
        self.drain_for(QUIET, &mut seen);
        (result, seen)
    }

    /// Runs `act` with the kernel half and returns its result with every record made meanwhile.
    pub(crate) fn during_with<T>(&mut self, act: impl FnOnce(&mut Kernel) -> T) -> (T, Seen) {
        let mut seen = Seen::default();
        let result = act(&mut self.kernel);
        self.drain_for(QUIET, &mut seen);
        (result, seen)
    }

    /// Reads while `act` runs in another thread, for acts that outgrow the rings.
    pub(crate) fn while_running<T: Send>(
        &mut self,
        act: impl FnOnce() -> T + Send,
        mut record: impl FnMut(&[u8]),
    ) -> T {
        self.drain_for(Duration::ZERO, &mut Seen::default());
        std::thread::scope(|scope| {
            let acting = scope.spawn(act);
            let mut over = false;
            loop {
                let finished = acting.is_finished();
                self.lanes.wait(Duration::from_millis(10)).unwrap();
                let any = self.lanes.drain(&mut self.batch);
                self.batch.records().for_each(&mut record);
                if over && !any {
                    break;
                }
                over = finished;
            }
            acting.join().unwrap()
        })
    }

    fn drain_for(&mut self, quiet: Duration, seen: &mut Seen) {
        let deadline = Instant::now() + quiet;
        loop {
            self.lanes.wait(Duration::from_millis(5)).unwrap();
            let any = self.lanes.drain(&mut self.batch);
            seen.records
                .extend(self.batch.records().map(<[u8]>::to_vec));
            if !any && Instant::now() >= deadline {
                return;
            }
        }
    }
}

/// Records seen during an act.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) records: Vec<Vec<u8>>,
}

impl Seen {
    /// Calls `each` with every decoded record of this machine, in order.
    pub(crate) fn all<T>(&self, each: impl FnMut(&Decoded<'_>) -> Option<T>) -> Vec<T> {
        self.those(|_| true, each)
    }

    /// Calls `each` with every decoded record of process `tgid`, in order.
    pub(crate) fn of<T>(&self, tgid: u32, each: impl FnMut(&Decoded<'_>) -> Option<T>) -> Vec<T> {
        self.those(|header| header.task.tgid == tgid, each)
    }

    fn those<T>(
        &self,
        wanted: impl Fn(&Header) -> bool,
        mut each: impl FnMut(&Decoded<'_>) -> Option<T>,
    ) -> Vec<T> {
        let mut scratch = Scratch::default();
        let mut found = Vec::new();
        for record in &self.records {
            let header = Header::read_from_prefix(record).unwrap().0;
            if wanted(&header) {
                let decoded = decode(record, Clock::default(), &mut scratch).unwrap();
                found.extend(each(&decoded));
            }
        }
        found
    }

    /// The only thing `each` finds among the records of `tgid`.
    pub(crate) fn one<T: std::fmt::Debug>(
        &self,
        tgid: u32,
        each: impl FnMut(&Decoded<'_>) -> Option<T>,
    ) -> T {
        let mut found = self.of(tgid, each);
        assert_eq!(found.len(), 1, "of process {tgid}: {found:#?}");
        found.remove(0)
    }
}

/// This binary, about to do one of [`crate::acts`].
pub(crate) fn act(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["act", name]).stdout(Stdio::piped());
    command
}

/// Waits for a child and insists on success; returns its id and output.
pub(crate) fn finish(child: Child) -> (u32, String) {
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (id, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs an act with arguments to its end.
pub(crate) fn perform(name: &str, arguments: &[&str]) -> (u32, String) {
    finish(act(name).args(arguments).spawn().unwrap())
}

/// Lossy text, for comparing and for messages.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
