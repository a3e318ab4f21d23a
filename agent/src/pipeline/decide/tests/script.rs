//! Records made by hand, and a loop that reads them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use komainu_common::arch::native;
use komainu_common::exec::{Ancestor, Exec};
use komainu_common::item::tag;
use komainu_common::open::{OPEN_RESOLVED, Open};
use komainu_common::{Class, Header, Task};
use zerocopy::{FromZeros, Immutable, IntoBytes};

use super::super::Records;
use super::CONTAINER;
use crate::event::ProcKey;

/// Records in batches; tells the loop to stop when there are no more.
pub(super) struct Script {
    pub(super) batches: VecDeque<Vec<Vec<u8>>>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) before: Box<dyn FnMut(usize)>,
}

impl Records for Script {
    fn wait(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn drain(&mut self, each: &mut dyn FnMut(&[u8])) -> bool {
        (self.before)(self.batches.len());
        let Some(batch) = self.batches.pop_front() else {
            self.stop.store(true, Ordering::Release);
            return false;
        };
        for record in &batch {
            each(record);
        }
        true
    }

    fn waiting(&self) -> [u64; 2] {
        [0, self.batches.len() as u64]
    }

    fn tell_kinds(&mut self, _: impl Iterator<Item = (u64, bool)>) {}
}

pub(super) fn task(tgid: u32, parent: u32, comm: &str) -> Task {
    let mut task = Task::new_zeroed();
    (task.tgid, task.tid, task.ppid) = (tgid, tgid, parent);
    task.start_time = u64::from(tgid) * ProcKey::TICK;
    task.parent_start_time = u64::from(parent) * ProcKey::TICK;
    task.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    task
}

pub(super) fn record(
    class: Class,
    syscall: u32,
    task: Task,
    fixed: &(impl IntoBytes + Immutable),
    items: &[(u8, &[u8])],
) -> Vec<u8> {
    let mut header = Header::new_zeroed();
    header.class = class.0;
    header.syscall = syscall;
    header.time = 1000;
    header.cgroup = 7;
    header.task = task;
    let mut tail = fixed.as_bytes().to_vec();
    for (tag, bytes) in items {
        tail.extend([*tag, 0]);
        tail.extend(u16::try_from(bytes.len()).unwrap().to_ne_bytes());
        tail.extend(*bytes);
    }
    header.size = u32::try_from(size_of::<Header>() + tail.len()).unwrap();
    [header.as_bytes(), &tail].concat()
}

pub(super) fn exec(tgid: u32, parent: u32, comm: &str, argv: &[u8]) -> Vec<u8> {
    let ancestor = Ancestor {
        start_time: u64::from(parent) * ProcKey::TICK,
        tgid: parent,
        sid: 0,
        comm: task(parent, 1, "sh").comm,
    };
    let cgroup = format!("/docker/{CONTAINER}");
    let items: &[(u8, &[u8])] = &[
        (tag::USER_PATH, b"/usr/bin/x"),
        (tag::KERNEL_PATH, b"/usr/bin/x"),
        (tag::ARGV, argv),
        (tag::CWD, b"/tmp"),
        (tag::ANCESTORS, ancestor.as_bytes()),
        (tag::CGROUP_PATH, cgroup.as_bytes()),
    ];
    record(
        Class::EXEC,
        native("execve"),
        task(tgid, parent, comm),
        &Exec::new_zeroed(),
        items,
    )
}

pub(super) fn open(tgid: u32, path: &[u8], resolved: &[u8]) -> Vec<u8> {
    let mut open = Open::new_zeroed();
    open.facts = OPEN_RESOLVED;
    let items = [(tag::USER_PATH, path), (tag::KERNEL_PATH, resolved)];
    record(
        Class::OPEN,
        native("openat"),
        task(tgid, 10, "cat"),
        &open,
        &items,
    )
}
