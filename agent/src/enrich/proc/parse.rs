//! The texts of `/proc/PID` (`proc_pid_stat(5)`, `proc_pid_status(5)`), for any bytes.

use crate::event::Text;

/// From `/proc/PID/stat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Name; may hold any byte but NUL, parentheses and blanks included.
    pub comm: Text,
    /// Parent, 0 for none.
    pub ppid: u32,
    /// Process group.
    pub pgrp: u32,
    /// Session.
    pub session: u32,
    /// Controlling terminal as `dev_t`, 0 for none.
    pub tty: u32,
    /// Start time since boot in ticks.
    pub start_ticks: u64,
    /// Minor page faults.
    pub minor_faults: u64,
    /// Major page faults.
    pub major_faults: u64,
}

/// From `/proc/PID/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective group.
    pub egid: u32,
    /// Process id in its own namespace.
    pub vpid: Option<u32>,
    /// Process group in its own namespace.
    pub vpgid: Option<u32>,
    /// Effective capabilities.
    pub cap_effective: u64,
    /// Permitted capabilities.
    pub cap_permitted: u64,
    /// Inheritable capabilities.
    pub cap_inheritable: u64,
    /// Virtual memory, KiB.
    pub vm_size: u64,
    /// Resident memory, KiB.
    pub vm_rss: u64,
    /// Swapped memory, KiB.
    pub vm_swap: u64,
}

/// Parses `stat`. The name ends at the *last* parenthesis: it may contain others.
pub fn stat(text: &[u8]) -> Option<Stat> {
    let open = memchr::memchr(b'(', text)?;
    let close = memchr::memrchr(b')', text)?;
    let comm = text.get(open + 1..close)?;
    let rest = str::from_utf8(text.get(close + 1..)?).ok()?;
    // state ppid pgrp session tty_nr tpgid flags … starttime is field 22, the 20th from here.
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(20).collect();
    let id = |index: usize| {
        let number: i64 = fields.get(index)?.parse().ok()?;
        // A process without group or session in this namespace shows 0 or -1.
        Some(u32::try_from(number).unwrap_or(0))
    };
    Some(Stat {
        comm: comm.into(),
        ppid: id(1)?,
        pgrp: id(2)?,
        session: id(3)?,
        tty: fields.get(4)?.parse::<i32>().ok()?.cast_unsigned(),
        start_ticks: fields.get(19)?.parse().ok()?,
        minor_faults: fields.get(7)?.parse().ok()?,
        major_faults: fields.get(9)?.parse().ok()?,
    })
}

/// Parses `status`; what is missing stays 0.
pub fn status(text: &[u8]) -> Status {
    let mut status = Status::default();
    for line in text.split(|&b| b == b'\n') {
        let Some((name, value)) = str::from_utf8(line).ok().and_then(|l| l.split_once(':')) else {
            continue;
        };
        let mut numbers = value.split_ascii_whitespace();
        let mut next = || numbers.next()?.parse().ok();
        let size = || value.split_ascii_whitespace().next()?.parse().ok();
        let caps = || u64::from_str_radix(value.trim(), 16).unwrap_or(0);
        match name {
            "Uid" => (status.uid, status.euid) = (next().unwrap_or(0), next().unwrap_or(0)),
            "Gid" => (status.gid, status.egid) = (next().unwrap_or(0), next().unwrap_or(0)),
            // One number per nested namespace, the innermost last.
            "NSpid" => status.vpid = last_number(value),
            "NSpgid" => status.vpgid = last_number(value),
            "CapInh" => status.cap_inheritable = caps(),
            "CapPrm" => status.cap_permitted = caps(),
            "CapEff" => status.cap_effective = caps(),
            "VmSize" => status.vm_size = size().unwrap_or(0),
            "VmRSS" => status.vm_rss = size().unwrap_or(0),
            "VmSwap" => status.vm_swap = size().unwrap_or(0),
            _ => {}
        }
    }
    status
}

/// Number of a namespace link: `mnt:[4026531840]`.
pub fn namespace(link: &[u8]) -> Option<u32> {
    let (_, number) = str::from_utf8(link).ok()?.split_once(":[")?;
    number.strip_suffix(']')?.parse().ok()
}

/// Soft limit of open descriptors in `limits` (`proc_pid_limits(5)`); all bits set for no limit.
pub fn descriptor_limit(text: &[u8]) -> Option<u64> {
    let mut lines = str::from_utf8(text).ok()?.lines();
    let soft = lines
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_ascii_whitespace()
        .next()?;
    match soft {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

fn last_number(value: &str) -> Option<u32> {
    value.split_ascii_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAIL: &str = "S 1 42 43 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2";

    #[test]
    fn hostile_names() {
        for name in [
            "bash",
            ") R 1",
            "a b) S 7 8 (c",
            "",
            "((",
            "))",
            "\n",
            "x) R 1 1 1 0 -1 0 0",
        ] {
            let stat = stat(format!("77 ({name}) {TAIL}\n").as_bytes()).unwrap();
            assert_eq!(&*stat.comm, name.as_bytes());
            assert_eq!((stat.ppid, stat.pgrp, stat.session), (1, 42, 43));
            assert_eq!((stat.tty, stat.start_ticks), (34816, 987_654));
            assert_eq!((stat.minor_faults, stat.major_faults), (1, 3));
        }
        assert_eq!(
            &*stat(&[b"1 (\xff\xfe) ", TAIL.as_bytes()].concat())
                .unwrap()
                .comm,
            b"\xff\xfe"
        );
    }

    #[test]
    fn incomplete_stat() {
        for text in [
            "",
            "1",
            "1 (x",
            "1 x)",
            ")(",
            "1 (x) S 1 2",
            "1 (x) S a b c d e",
        ] {
            assert_eq!(stat(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn status_of_a_container_process() {
        let text = "Name:\tevil\\nUid:\nUid:\t1000\t0\t1000\t1000\nGid:\t5\t6\t5\t5\nNSpid:\t4711\t12\t1\n\
                    NSpgid:\t4711\t12\t1\nVmSize:\t    4096 kB\nVmRSS:\t  900 kB\nVmSwap:\t 8 kB\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t00000000a80425fb\n";
        let status = status(text.as_bytes());
        assert_eq!(
            (status.uid, status.euid, status.gid, status.egid),
            (1000, 0, 5, 6)
        );
        assert_eq!((status.vpid, status.vpgid), (Some(1), Some(1)));
        assert_eq!(status.cap_effective, 0xa804_25fb);
        assert_eq!(
            (status.vm_size, status.vm_rss, status.vm_swap),
            (4096, 900, 8)
        );
        assert_eq!(namespace(b"mnt:[4026531840]"), Some(4_026_531_840));
        assert_eq!(namespace(b"mnt:[]"), None);
    }

    #[test]
    fn limit_of_descriptors() {
        let text = |soft: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max open files            {soft}                 4096                 files\n"
            )
        };
        assert_eq!(descriptor_limit(text("1024").as_bytes()), Some(1024));
        assert_eq!(
            descriptor_limit(text("unlimited").as_bytes()),
            Some(u64::MAX)
        );
        assert_eq!(descriptor_limit(text("many").as_bytes()), None);
        assert_eq!(descriptor_limit(b""), None);
    }

    proptest! {
        #[test]
        fn total(text in prop::collection::vec(any::<u8>(), 0..400)) {
            drop(stat(&text));
            let _ = descriptor_limit(&text);
            prop_assert_eq!(status(&text), status(&text));
            prop_assert!(namespace(&text).is_none() || text.contains(&b'['));
        }

        #[test]
        fn any_name(name in prop::collection::vec(1u8.., 0..16)) {
            let line = [b"1 (", &name[..], b") ", TAIL.as_bytes()].concat();
            prop_assert_eq!(&*stat(&line).unwrap().comm, &name[..]);
        }
    }
}
