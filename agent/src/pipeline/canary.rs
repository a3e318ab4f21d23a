//! The canary: acts that do nothing, whose events must come back.
//!
//! Now and then the agent starts itself as a child, which does one harmless act of each class that rules want and that
//! can be told from what others do: it opens, renames, removes, mounts what does not exist, signals nobody, asks sockets
//! for what they cannot do, and so on. Whatever takes the agent's programs off, or keeps their records from it, is noticed
//! when these events are missing.
//!
//! An event is the canary's if the kernel says that its process is a child of the agent, while one is out. Nobody else
//! can be that: the agent starts nothing else in a cluster, and processes whose parent ends go to another. So such an
//! event raises no alert, whatever rules say, and nobody can have an act taken for the canary's.
//!
//! The kernel filter lets it pass because of rules that exist for the plan alone and are never evaluated. They name a
//! path and an address of this run, so that nothing else passes by them; or, where a call has neither, an error that it
//! seldom ends with, so that little else does.

#[cfg(feature = "ebpf")]
mod round;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use komainu_common::{Class, Task};

use super::engine;
use super::nonce::Nonce;
use crate::rules::RuleSet;

#[cfg(feature = "ebpf")]
pub(super) use round::{Cage, run};

/// One act.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) class: Class,
    /// Calls, any of which it may be.
    calls: &'static [&'static str],
    about: About,
}

/// What tells an act from what others do, as far as the kernel's tables go.
#[derive(Debug)]
enum About {
    /// One of these parameters has the path of this run.
    Path(&'static [&'static str]),
    /// The peer is the address of this run.
    Peer,
    /// It fails with one of these errors, which others seldom get from these calls; or the call is forbidden (a seccomp
    /// profile). Of others such failures pass too.
    Error(&'static [&'static str]),
}

/// An act of this class, by one of these calls.
const fn act(class: Class, calls: &'static [&'static str], about: About) -> Act {
    Act {
        class,
        calls,
        about,
    }
}

/// The acts that need a rule. Starts of programs are delivered without one.
#[rustfmt::skip]
const ACTS: [Act; 19] = [
    act(Class::OPEN, &["open", "openat"], About::Path(&["name"])),
    act(Class::RENAME, &["rename", "renameat", "renameat2"], About::Path(&["oldpath"])),
    act(Class::UNLINK, &["unlink", "unlinkat"], About::Path(&["path", "name"])),
    act(Class::MKDIR, &["mkdir", "mkdirat"], About::Path(&["path"])),
    act(Class::ATTRIBUTE, &["chmod", "fchmodat"], About::Path(&["filename"])),
    act(Class::MOUNT, &["mount"], About::Path(&["dir"])),
    act(Class::CONNECT, &["connect"], About::Peer),
    act(Class::DIRECTORY, &["chdir", "fchdir"], About::Error(&["ENOENT", "ENOTDIR"])),
    act(Class::NAMESPACE, &["setns"], About::Error(&["EINVAL"])),
    act(Class::CREDENTIAL, &["capset"], About::Error(&["EPERM"])),
    act(Class::OBJECT, &["memfd_create"], About::Error(&["EINVAL"])),
    act(Class::DUP, &["dup3", "fcntl"], About::Error(&["EINVAL"])),
    act(Class::SIGNAL, &["kill"], About::Error(&["ESRCH"])),
    act(Class::SOCKET, &["socket"], About::Error(&["EPROTONOSUPPORT"])),
    act(Class::LISTEN, &["bind", "listen"], About::Error(&["ENOENT", "EOPNOTSUPP"])),
    act(Class::ACCEPT, &["accept", "accept4"], About::Error(&["EOPNOTSUPP"])),
    act(Class::SEND, &["sendto", "sendmsg"], About::Error(&["EOPNOTSUPP"])),
    act(Class::RECEIVE, &["recvfrom", "recvmsg"], About::Error(&["EOPNOTSUPP"])),
    act(Class::SHUTDOWN, &["shutdown"], About::Error(&["ENOTCONN"])),
];

impl Act {
    fn condition(&self, nonce: Nonce) -> String {
        let (calls, path) = (self.calls.join(", "), nonce.path());
        let about = match &self.about {
            About::Path(parameters) => {
                let any = parameters
                    .iter()
                    .map(|name| format!("evt.arg.{name} = {path}"));
                format!("({})", any.collect::<Vec<_>>().join(" or "))
            }
            About::Peer => {
                let address = nonce.address();
                let (ip, port) = (address.ip(), address.port());
                format!("fd.type = ipv4 and fd.sip = \"{ip}\" and fd.sport = {port}")
            }
            About::Error(names) => format!("evt.res in (EPERM, {})", names.join(", ")),
        };
        format!("evt.type in ({calls}) and {about}")
    }
}

/// What the canary does while a rule set is in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Acts {
    /// Classes whose events must come back.
    pub(super) classes: Vec<Class>,
    /// Rules that are at the end of the set for it.
    pub(super) rules: usize,
}

/// The acts for rules, and a rule file that makes the kernel filter pass them. There is none for events that no rule
/// wants: their calls are not even looked at.
pub(super) fn acts(rules: &RuleSet, nonce: Nonce) -> (Acts, String) {
    let wanted = |act: &&Act| act.calls.iter().any(|call| engine::wants(rules, call));
    let mut acts = Acts {
        classes: vec![Class::EXEC],
        rules: 0,
    };
    let mut text = String::new();
    for act in ACTS.iter().filter(wanted) {
        acts.classes.push(act.class);
        acts.rules += 1;
        let (name, nonce_text, condition) = (act.class.name(), nonce.text(), act.condition(nonce));
        let written = write!(
            text,
            "- rule: canary {nonce_text} {name}\n  desc: for the kernel filter\n  condition: >\n    {condition}\n  output: none\n  priority: EMERGENCY\n"
        );
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
    (acts, text)
}

/// Where the deciding thread says what came back.
#[derive(Debug, Default)]
pub(super) struct Canary {
    /// The agent's process id as the kernel half has it; 0 where it is not known.
    agent: AtomicU32,
    is_out: AtomicBool,
    /// A bit for each class.
    seen: AtomicU64,
}

impl Canary {
    /// The agent is this process.
    pub(super) fn is_of(&self, agent: u32) {
        self.agent.store(agent, Ordering::Relaxed);
    }

    /// Begins or ends a round.
    pub(super) fn send_out(&self, is_out: bool) {
        if is_out {
            self.seen.store(0, Ordering::Relaxed);
        }
        // Before the child is started: what it does then is known for what it is.
        self.is_out.store(is_out, Ordering::Release);
    }

    /// Whether an event of this task is the canary's, which is noted.
    pub(super) fn takes(&self, class: Class, task: &Task) -> bool {
        if !self.is_out.load(Ordering::Relaxed)
            || task.ppid == 0
            || task.ppid != self.agent.load(Ordering::Relaxed)
        {
            return false;
        }
        if let Some(bit) = bit(class) {
            self.seen.fetch_or(bit, Ordering::Relaxed);
        }
        true
    }

    /// Those of the classes whose events have not come back.
    pub(super) fn missing(&self, classes: &[Class]) -> Vec<Class> {
        let seen = self.seen.load(Ordering::Relaxed);
        let is_missing = |class: &&Class| bit(**class).is_some_and(|bit| seen & bit == 0);
        classes.iter().filter(is_missing).copied().collect()
    }
}

fn bit(class: Class) -> Option<u64> {
    1_u64.checked_shl(class.0.into())
}

const _: () = assert!(Class::ALL.len() <= 64);

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::config::Config;
    use crate::rules::Source;

    fn nonce() -> Nonce {
        Nonce::parse("0123456789abcdef").unwrap()
    }

    fn rules(types: &str) -> RuleSet {
        let text = format!(
            "- rule: r\n  desc: d\n  condition: evt.type in ({types}) and proc.name = x\n  output: o\n  priority: INFO\n"
        );
        engine::compile(&[Source::new("r", text)], &Config::default()).unwrap()
    }

    #[test]
    fn acts_are_those_of_wanted_classes_and_little_passes_by_them() {
        let calls: Vec<&str> = ACTS
            .iter()
            .flat_map(|act| act.calls.iter().copied())
            .collect();
        let (acts, text) = acts(&rules(&calls.join(", ")), nonce());
        assert_eq!((acts.classes.len(), acts.rules), (20, 19));
        let own = engine::compile(&[Source::new("c", text)], &Config::default()).unwrap();
        let plan = own.plan();
        for summary in plan.summary(&own, &|_| None) {
            let is_act = acts
                .classes
                .iter()
                .any(|class| class.name() == summary.class);
            assert_eq!(summary.conjunctions > 0, is_act, "{}", summary.class);
            let forced = summary.weak.iter().any(|weak| weak.forces);
            assert!(!forced, "{}", summary.class);
        }
        let (acts, text) = super::acts(&rules("openat"), nonce());
        assert_eq!(acts.classes, [Class::EXEC, Class::OPEN]);
        assert!(
            text.contains("/komainu-canary-0123456789abcdef/act"),
            "{text}"
        );
    }

    #[test]
    fn only_children_of_the_agent_are_the_canary_and_only_while_it_is_out() {
        let canary = Canary::default();
        let mut task = Task::new_zeroed();
        let takes = |task: &Task| canary.takes(Class::OPEN, task);
        canary.send_out(true);
        assert!(!takes(&task), "neither is known");
        canary.is_of(77);
        (task.tgid, task.ppid) = (77, 1);
        assert!(!takes(&task));
        assert_eq!(canary.missing(&[Class::OPEN, Class::EXEC]).len(), 2);
        (task.tgid, task.ppid) = (99, 77);
        assert!(takes(&task));
        assert_eq!(canary.missing(&[Class::OPEN, Class::EXEC]), [Class::EXEC]);
        canary.send_out(false);
        assert!(!takes(&task));
        canary.send_out(true);
        assert_eq!(canary.missing(&[Class::OPEN]).len(), 1, "each round anew");
    }
}
