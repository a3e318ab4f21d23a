//! An exec session: what somebody started in a running container from outside, and all that came of it.

use komainu_common::Task;

use super::{ProcKey, Text};

/// A session. Everything but the counts is as of its beginning.
#[derive(Clone, Debug)]
pub struct Session {
    /// Unique over machines and boots: 16 digits of the boot's id, start of the root process in ticks, its
    /// process id, all hexadecimal.
    pub id: Box<str>,
    /// How it began.
    pub kind: SessionKind,
    /// The process that became the root command.
    pub root: ProcKey,
    /// When that was made, nanoseconds since the Unix epoch; 0 where unknown.
    pub start: u64,
    /// The root command had a controlling terminal.
    pub tty: bool,
    /// Effective user id of the root command.
    pub uid: u32,
    /// `proc.name` of the root command.
    pub name: Text,
    /// `proc.exe` of the root command.
    pub exe: Text,
    /// `proc.exepath` of the root command.
    pub exe_path: Text,
    /// `proc.cmdline` of the root command.
    pub cmdline: Text,
    /// Its cgroup.
    pub cgroup: u64,
    /// The root process, as its last record shows it.
    pub task: Task,
    /// It began before the agent did: what ran before is not known.
    pub partial: bool,
    /// Programs that were started in it.
    pub commands: Commands,
    /// Processes that were in it so far.
    pub processes: u64,
    /// Alerts about what happened in it so far.
    pub alerts: u64,
    /// `wait(2)` status of the root process; `None` while it runs.
    pub status: Option<u32>,
    /// When its last process ended, nanoseconds since the Unix epoch.
    pub ended: Option<u64>,
}

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A runtime put a process into a container that was running: `kubectl exec`, `crictl exec`,
    /// `docker exec`, `kubectl cp`, a probe that runs a command.
    Exec,
}

impl SessionKind {
    /// Text of `session.kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
        }
    }
}

impl Session {
    /// One that just began.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        use zerocopy::FromZeros as _;
        let text = |text: &[u8]| text.into();
        Self {
            id: "00112233aabbccdd-1f-2a".into(),
            kind: SessionKind::Exec,
            root: ProcKey {
                tgid: 0x2a,
                start_ticks: 0x1f,
            },
            start: 1_000,
            tty: true,
            uid: 0,
            name: text(b"sh"),
            exe: text(b"sh"),
            exe_path: text(b"/bin/sh"),
            cmdline: text(b"sh -i"),
            cgroup: 1,
            task: Task::new_zeroed(),
            partial: false,
            commands: Commands::default(),
            processes: 1,
            alerts: 0,
            status: None,
            ended: None,
        }
    }

    /// Exit status of the root command as a shell shows it: 128 and the signal where one ended it.
    pub fn exit_status(&self) -> Option<u32> {
        let status = self.status?;
        let signal = status & 0x7f;
        Some(if signal == 0 {
            status >> 8 & 0xff
        } else {
            128 + signal
        })
    }
}

/// Command lines of a session: each different one once, in the order in which they came first.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    lines: Vec<Box<[u8]>>,
    bytes: usize,
    run: u64,
    omitted: u64,
}

/// How much of a session's commands is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLimits {
    /// Different command lines.
    pub lines: usize,
    /// Bytes of these together.
    pub bytes: usize,
}

impl Commands {
    /// Bytes kept of one command line; the rest is replaced by `…`.
    pub const MAX_LINE: usize = 1024;

    /// Counts a program that was started, and keeps its command line if there is room.
    pub fn add(&mut self, line: &[u8], limits: CommandLimits) {
        self.run += 1;
        let (line, rest) = line.split_at(line.len().min(Self::MAX_LINE));
        let cut: &[u8] = if rest.is_empty() {
            b""
        } else {
            "…".as_bytes()
        };
        if self
            .lines()
            .any(|kept| kept.strip_suffix(cut) == Some(line))
        {
            return;
        }
        let bytes = line.len() + cut.len();
        if self.lines.len() >= limits.lines || self.bytes + bytes > limits.bytes {
            self.omitted += 1;
            return;
        }
        self.bytes += bytes;
        self.lines.push([line, cut].concat().into());
    }

    /// The lines that are kept.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(|line| &**line)
    }

    /// Programs that were started.
    pub const fn run(&self) -> u64 {
        self.run
    }

    /// Those of them whose line is not among the kept.
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_line_once() {
        let limits = CommandLimits {
            lines: 3,
            bytes: 100,
        };
        let mut commands = Commands::default();
        for line in ["sh", "ls -l", "sh", "id", "uname", "ls -l"] {
            commands.add(line.as_bytes(), limits);
        }
        let lines: Vec<&[u8]> = commands.lines().collect();
        assert_eq!(lines, [&b"sh"[..], b"ls -l", b"id"]);
        assert_eq!((commands.run(), commands.omitted()), (6, 1));
    }

    #[test]
    fn long_lines_are_cut() {
        let limits = CommandLimits {
            lines: 3,
            bytes: 4096,
        };
        let mut commands = Commands::default();
        commands.add(&[b'x'; 2000], limits);
        commands.add(&[b'x'; 2000], limits);
        let lines: Vec<&[u8]> = commands.lines().collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].len(), Commands::MAX_LINE + "…".len());
    }

    #[test]
    fn status_as_in_a_shell() {
        let mut session = Session::sample();
        assert_eq!(session.exit_status(), None);
        for (status, shown) in [(0, 0), (3 << 8, 3), (9, 137), (0x8b, 139)] {
            session.status = Some(status);
            assert_eq!(session.exit_status(), Some(shown));
        }
    }

    proptest! {
        #[test]
        fn bounded(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1500), 0..40)) {
            let limits = CommandLimits { lines: 10, bytes: 5000 };
            let mut commands = Commands::default();
            for line in &lines {
                commands.add(line, limits);
            }
            prop_assert!(commands.lines().count() <= 10);
            prop_assert!(commands.lines().map(<[u8]>::len).sum::<usize>() <= 5000);
            prop_assert_eq!(commands.run(), lines.len() as u64);
            prop_assert!(commands.omitted() <= commands.run());
        }
    }
}
