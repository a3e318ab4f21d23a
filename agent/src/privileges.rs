//! What a thread may do once the kernel half is loaded: what its duty needs, and nothing else.
//!
//! Capabilities, `no_new_privs` and Landlock domains are a thread's own, and pass to the threads that it makes
//! (capabilities(7), `PR_SET_NO_NEW_PRIVS(2const)`, landlock(7)). So every thread gives up by itself, first thing. Threads
//! share memory: this keeps a confused thread from harm, and whoever takes the process over finds in it the
//! capabilities of the thread that may do most, to read, and none to change anything.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Talks to the runtime, the API server and readers of alerts; reads rules and tables of users.
    Serve,
    /// Reads `/proc` of every process on the node.
    Scan,
    /// Reads and writes maps of the kernel half.
    Maps {
        /// The kernel wants the capability for it: [`asks_for_bpf`].
        bpf: bool,
    },
}

impl Duty {
    /// At most what is held.
    fn capabilities(self, held: CapabilitySet) -> CapabilitySet {
        let read = CapabilitySet::DAC_READ_SEARCH;
        let wanted = match self {
            // Files of rules may be others' where the agent runs outside of a pod.
            Self::Serve | Self::Maps { bpf: false } => read,
            // `PTRACE_MODE_READ`, proc_pid_exe(5), for links below `/proc/PID`.
            Self::Scan => read | CapabilitySet::SYS_PTRACE,
            Self::Maps { bpf: true } if held.contains(CapabilitySet::BPF) => {
                read | CapabilitySet::BPF
            }
            // What stood for CAP_BPF before 5.8, and still does.
            Self::Maps { bpf: true } => read | CapabilitySet::SYS_ADMIN,
        };
        held & wanted
    }

    /// Who is in a Landlock domain cannot look into processes outside of it, whatever its capabilities.
    fn is_confined(self) -> bool {
        self != Self::Scan
    }
}

/// What a thread was left with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Effective and permitted.
    pub capabilities: CapabilitySet,
    /// It may not change a file or signal another process; `false` where this kernel has no
    /// Landlock, or the duty forbids it.
    pub confined: bool,
}

/// Why a thread keeps what it should have given up.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Capabilities, or the promise to gain none.
    #[error("giving up capabilities")]
    Capabilities(#[from] io::Error),
    /// Landlock is there, and refuses.
    #[error("entering a Landlock domain")]
    Landlock(#[from] RulesetError),
}

/// Gives up, for the calling thread and those it will make, what `duty` does not need. There is no way back.
pub fn confine(duty: Duty) -> Result<Left, ConfineError> {
    // A program that is executed gains nothing, though root, or set-user-ID.
    set_no_new_privs(true).map_err(io::Error::from)?;
    let kept = keep(|held| duty.capabilities(held))?;
    Ok(Left {
        capabilities: kept,
        confined: duty.is_confined() && enter_domain()?,
    })
}

/// The same on a thread that has no way to fail: it says so and goes on.
pub fn confine_or_say(duty: Duty) {
    if let Err(error) = confine(duty) {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::error!(
            error,
            ?duty,
            "a thread keeps privileges that it does not need"
        );
    }
}

/// Whether bpf(2) refuses maps that are open to who has no capability for it: before 5.19, where
/// `kernel.unprivileged_bpf_disabled` is set. Tried, not told by the version: distributions took the change back.
///
/// `works` is called on a thread of its own that has no capabilities.
pub fn asks_for_bpf(works: impl FnOnce() -> bool + Send) -> bool {
    let without = || keep(|_| CapabilitySet::empty()).is_ok() && works();
    let tried = thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, without)?;
        thread.join().map_err(|_| io::Error::other("it panicked"))
    });
    !tried.unwrap_or(false)
}

/// Sets the thread's capabilities to what `choose` makes of the permitted ones.
fn keep(choose: impl FnOnce(CapabilitySet) -> CapabilitySet) -> io::Result<CapabilitySet> {
    let kept = choose(capabilities(None)?.permitted);
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets)?;
    Ok(kept)
}

/// Directories in which files may be written, made and removed in spite of [`enter_domain`].
static WRITABLE: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// Threads that give up writing from now on may go on doing it in these directories. Once, before any of them.
pub fn may_write(directories: Vec<PathBuf>) {
    let is_first = WRITABLE.set(directories).is_ok();
    debug_assert!(is_first, "said once");
}

/// Nothing is written, made or removed outside of the directories of [`may_write`], no signal and no connection to an abstract socket leaves the agent. What is open
/// stays so: standard output, maps. Executing is left alone: it gains nothing, and the image holds no other program.
fn enter_domain() -> Result<bool, RulesetError> {
    // The newest of which something is used; an older kernel enforces what it knows.
    let abi = ABI::V6;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_write(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        // What programs are started with in place of a terminal.
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(
            WRITABLE.get().into_iter().flatten(),
            files(),
        ))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// What a sink does in its directory: nothing to other directories, devices or sockets.
fn files() -> BitFlags<AccessFs> {
    AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::process::{Command, Stdio};

    use landlock::{CompatLevel, Compatible as _};

    use super::*;

    /// What follows cannot be taken back, so each test has a thread of its own.
    fn apart<T: Send>(test: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(test).join().unwrap())
    }

    #[test]
    fn duties_keep_what_they_need_of_what_is_held() {
        let all = CapabilitySet::all();
        let (read, trace) = (CapabilitySet::DAC_READ_SEARCH, CapabilitySet::SYS_PTRACE);
        assert_eq!(Duty::Serve.capabilities(all), read);
        assert_eq!(Duty::Scan.capabilities(all), read | trace);
        assert_eq!(Duty::Scan.capabilities(trace), trace);
        assert_eq!(Duty::Maps { bpf: false }.capabilities(all), read);
        let maps = Duty::Maps { bpf: true };
        assert_eq!(maps.capabilities(all), read | CapabilitySet::BPF);
        let old = CapabilitySet::SYS_ADMIN;
        assert_eq!(maps.capabilities(old | trace), old);
        assert_eq!(maps.capabilities(trace), CapabilitySet::empty());
    }

    #[test]
    fn what_is_given_up_is_gone_for_this_thread_alone() {
        let before = capabilities(None).unwrap().permitted;
        let (left, held) = apart(|| (confine(Duty::Scan).unwrap(), capabilities(None).unwrap()));
        assert_eq!(held.permitted, left.capabilities);
        assert_eq!(held.effective, left.capabilities);
        assert!(
            Duty::Scan
                .capabilities(CapabilitySet::all())
                .contains(left.capabilities)
        );
        assert_eq!(capabilities(None).unwrap().permitted, before);
        assert!(!rustix::thread::no_new_privs().unwrap());
    }

    #[test]
    fn a_confined_thread_and_its_children_read_but_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "text").unwrap();
        let left = apart(|| {
            let left = confine(Duty::Serve).unwrap();
            if !left.confined {
                return left;
            }
            let refused = |result: io::Result<()>| {
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            };
            assert_eq!(fs::read_to_string(&file).unwrap(), "text");
            refused(fs::write(&file, "other"));
            refused(File::create(dir.path().join("new")).map(drop));
            refused(fs::remove_file(&file));
            // A child is confined too.
            let child = Command::new("rm")
                .arg("-f")
                .arg(&file)
                .stderr(Stdio::null())
                .status();
            assert!(!child.unwrap().success());
            // Another process is out of reach; this one is not.
            let parent = rustix::process::getppid().unwrap();
            let reached = rustix::process::test_kill_process(parent).is_ok();
            assert_eq!(reached, !is_known(|rules| rules.scope(Scope::Signal)));
            rustix::process::test_kill_process(rustix::process::getpid()).unwrap();
            left
        });
        let known = is_known(|rules| rules.handle_access(AccessFs::WriteFile));
        assert_eq!(left.confined, known, "{left:?}");
    }

    #[test]
    fn sinks_go_on_in_their_directories() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        may_write(vec![own.path().to_owned()]);
        apart(|| {
            let left = confine(Duty::Serve).unwrap();
            let (one, two) = (own.path().join("one"), own.path().join("two"));
            fs::write(&one, "text").unwrap();
            fs::rename(&one, &two).unwrap();
            File::create(&two).unwrap().set_len(0).unwrap();
            fs::remove_file(&two).unwrap();
            assert_eq!(fs::create_dir(&one).is_err(), left.confined);
            assert_eq!(
                fs::write(other.path().join("one"), "").is_err(),
                left.confined
            );
        });
    }

    /// Whether this kernel can do that.
    fn is_known(what: impl FnOnce(Ruleset) -> Result<Ruleset, RulesetError>) -> bool {
        let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        what(rules).and_then(Ruleset::create).is_ok()
    }

    #[test]
    fn the_capability_is_asked_for_where_it_is_tried_in_vain() {
        assert!(asks_for_bpf(|| false));
        assert!(!asks_for_bpf(|| capabilities(None)
            .unwrap()
            .permitted
            .is_empty()));
    }
}
