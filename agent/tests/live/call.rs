//! Calls that are rows of a table: each by every number it has, succeeding and failing.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_ptr_alignment,
    reason = "registers and memory of a 32-bit program are written as it sees them"
)]

use std::{fs, path::Path};

use komainu::{
    decode::Decoded,
    event::{FdKind, Value, path},
};
use komainu_common::{
    arch::{compat, x86_64::SOCKETCALL_BASE},
    call::TABLE,
    header::HEADER_COMPAT,
};

use crate::{
    Test,
    cases::{ANY, CASES, Case},
    watch::{Seen, Watch, act, finish, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("call_by_every_number", by_every_number),
    ("call_every_row_has_cases", every_row_has_cases),
    ("call_that_is_no_event", that_is_no_event),
    ("call_duplicated_socket", duplicated_socket),
    ("call_programs_are_small", programs_are_small),
];

/// One case by one number.
struct Trial {
    case: &'static Case,
    number: u32,
    compat: bool,
    /// Where it happens: a file `a`, a symbolic link `link` to it, a directory `sub`.
    place: tempfile::TempDir,
}

impl Trial {
    fn new(case: &'static Case, number: u32, compat: bool) -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "x").unwrap();
        fs::create_dir(place.path().join("sub")).unwrap();
        std::os::unix::fs::symlink("a", place.path().join("link")).unwrap();
        // So that its owner can be changed by somebody else as well.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(place.path(), open).unwrap();
        Self {
            case,
            number,
            compat,
            place,
        }
    }

    /// Texts of the case, about the place.
    fn here(&self, text: &str) -> String {
        text.replace('@', Path::to_str(self.place.path()).unwrap())
    }

    fn entry(&self) -> &'static str {
        if self.compat { "compat" } else { "native" }
    }

    /// Makes the call in a process of its own; its id, and what the call returned.
    fn perform(&self) -> (u32, i64) {
        let mut arguments = self.here(self.case.args);
        if self.compat && self.number == 90 {
            // old_mmap: the arguments are in memory.
            arguments = format!("w{}", arguments.replace(' ', "."));
        }
        let mut number = self.number;
        if self.compat && number >= SOCKETCALL_BASE {
            // Its arguments are in memory as well.
            let operation = number - SOCKETCALL_BASE;
            arguments = format!("{operation} w{}", arguments.replace(' ', "."));
            number = compat("socketcall");
        }
        let call = format!("{} {number} {arguments}", self.entry());
        let native = |step: &&str| format!("native {}", self.here(step));
        let before: Vec<String> = self.case.before.iter().map(native).collect();
        let after: Vec<String> = self.case.after.iter().map(native).collect();
        let mut command = act("call");
        command
            .args(&before)
            .arg(call.trim_end())
            .args(&after)
            .current_dir(self.place.path());
        let (child, output) = finish(command.spawn().unwrap());
        let result = output.lines().nth(before.len()).unwrap();
        (child, result.parse().unwrap())
    }

    /// Compares what was reported.
    fn check(&self, child: u32, ret: i64, seen: &Seen) {
        let what = format!("{} ({} {})", self.case.name, self.entry(), self.number);
        match self.case.errno {
            0 => assert!(ret >= 0, "{what} returned {ret}"),
            ANY => assert!(ret < 0, "{what} returned {ret}"),
            errno => assert_eq!(ret, -errno, "{what}"),
        }
        let mut found = seen.of(child, |decoded| {
            let header = &decoded.header;
            let ours = header.syscall == self.number
                && (header.flags & HEADER_COMPAT != 0) == self.compat
                && header.ret == ret;
            ours.then(|| Reported::of(decoded)).flatten()
        });
        let expected = self.case.expected.iter();
        let expected: Vec<_> = expected
            .map(|(name, value)| ((*name).to_owned(), self.here(value)))
            .collect();
        found.retain(|reported| reported.name == self.case.name);
        let holds = |reported: &Reported| expected.iter().all(|fact| reported.facts.contains(fact));
        assert!(
            found.iter().any(holds),
            "{what} returned {ret}; expected {expected:#?}, reported {found:#?}"
        );
        assert!(found.iter().all(|reported| !reported.truncated), "{what}");
    }
}

/// An event, as text.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) name: &'static str,
    pub(crate) truncated: bool,
    /// Parameters and `fd.*`.
    pub(crate) facts: Vec<(String, String)>,
}

impl Reported {
    pub(crate) fn of(decoded: &Decoded<'_>) -> Option<Self> {
        let event = decoded.event.as_ref()?;
        let mut facts = Vec::new();
        for (param, value) in event.ty.params.iter().zip(&event.params) {
            facts.push((param.name.to_owned(), shown(value)));
            if let Value::Path(path) = value
                && let Some(resolved) = path.resolved
            {
                facts.push((format!("{} resolved", param.name), text(resolved)));
            }
        }
        if let Some(fd) = &event.fd {
            facts.push(("fd.num".to_owned(), fd.number.to_string()));
            facts.push(("fd.name".to_owned(), text(fd.name)));
            let kind = fd.kind.map_or("", FdKind::name);
            facts.push(("fd.type".to_owned(), kind.to_owned()));
        }
        Some(Self {
            name: event.ty.name,
            truncated: event.truncated,
            facts,
        })
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Bytes(bytes) => text(bytes),
        Value::Path(arg) => match arg.base {
            Some(base) => {
                let mut joined = Vec::new();
                path::join(&[base, b"/"].concat(), arg.raw, &mut joined);
                text(&joined)
            }
            None => text(arg.raw),
        },
        other => format!("{other:?}"),
    }
}

fn by_every_number(watch: &mut Watch) {
    let trials: Vec<Trial> = CASES
        .iter()
        .flat_map(|case| {
            let rows = TABLE.iter().filter(|row| row.name == case.name);
            rows.flat_map(move |row| {
                // The x32 numbers exist in kernels built for it only.
                let native = row
                    .native
                    .as_slice()
                    .iter()
                    .filter(|&&number| !(512..=547).contains(&number));
                let native = native.map(move |number| Trial::new(case, *number, false));
                // A program of another architecture's 64 bits has no 32-bit entry.
                let compat = row.compat.as_slice().iter();
                let compat = compat.filter(|_| cfg!(target_arch = "x86_64"));
                native.chain(compat.map(move |number| Trial::new(case, *number, true)))
            })
        })
        .collect();
    // Not all at once: the rings are not read meanwhile.
    for some in trials.chunks(40) {
        let (results, seen) = watch.during(|| some.iter().map(Trial::perform).collect::<Vec<_>>());
        for (trial, (child, ret)) in some.iter().zip(results) {
            trial.check(child, ret, &seen);
        }
    }
}

fn every_row_has_cases(_: &mut Watch) {
    for row in TABLE {
        let of_row = || CASES.iter().filter(|case| case.name == row.name);
        assert!(of_row().count() > 0, "{} is not tried", row.name);
        let fails = of_row().any(|case| case.errno != 0);
        // They return the previous id, whatever happens.
        let cannot = ["setfsuid", "setfsgid"].contains(&row.name);
        assert!(fails || cannot, "{} never fails", row.name);
    }
}

/// Making memory executable and duplicating descriptors are events; what else these calls do is not.
fn that_is_no_event(watch: &mut Watch) {
    let calls = [
        "native mprotect x 4096 1",
        "native fcntl f/etc/hostname 1 0",
    ];
    let ((child, output), seen) = watch.during(|| finish(act("call").args(calls).spawn().unwrap()));
    assert_eq!(output, "0\n1\n", "1 is FD_CLOEXEC");
    let named = |name: &'static str| {
        move |decoded: &Decoded<'_>| {
            let event = decoded.event.as_ref()?;
            let page = event.params.get(1) == Some(&Value::Uint(0x1000_f000));
            (event.ty.name == name && (name == "fcntl" || page)).then_some(event.ret)
        }
    };
    assert_eq!(seen.of(child, named("mprotect")), []);
    assert_eq!(seen.of(child, named("fcntl")), []);
}

/// Makes a socket standard input; newer architectures have no `dup2`.
const DUPLICATE: &str = if cfg!(target_arch = "x86_64") {
    "native dup2 k 0"
} else {
    "native dup3 k 0 0"
};

/// The shell that was sent to somebody: a socket becomes standard input.
fn duplicated_socket(watch: &mut Watch) {
    let ((child, _), seen) = watch.during(|| finish(act("call").arg(DUPLICATE).spawn().unwrap()));
    let (number, kind, peer) = seen.one(child, |decoded| {
        let event = decoded.event.as_ref()?;
        let fd = event
            .fd
            .as_ref()
            .filter(|_| DUPLICATE.contains(event.ty.name))?;
        Some((fd.number, fd.kind, fd.socket.as_ref()?.peer?))
    });
    assert_eq!((number, kind), (0, Some(FdKind::Ipv4)));
    assert!(peer.ip().is_loopback() && peer.port() != 0);
}

/// The verifier gives up at a million instructions, and older ones follow more paths than this one.
fn programs_are_small(watch: &mut Watch) {
    for status in watch.kernel.probes() {
        let Some(verified) = status.verified else {
            continue;
        };
        println!("{:<16} {verified:>7} instructions", status.probe.program);
        let ours = status.probe.program.starts_with("call_");
        assert!(!ours || verified < 300_000, "{}", status.probe.program);
    }
}
