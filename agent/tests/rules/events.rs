//! Events and a world to evaluate against.

use std::collections::HashMap;

use komainu::event::{
    Event, Fd, FdKind, Membership, Params, PathArg, ProcKey, Process, Value, World, event_type,
};
use komainu::rules::{LoadOptions, Matching, OutputOptions, RuleSet, Scratch, Source, load};
use komainu_common::Task;

/// Processes by identity; every cgroup is the host.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) processes: HashMap<ProcKey, Process>,
}

impl World for Table {
    fn process(&self, key: ProcKey) -> Option<&Process> {
        self.processes.get(&key)
    }

    fn container(&self, _: u64) -> Membership<'_> {
        Membership::Host
    }
}

/// A table with `sshd` → `bash` → `cat`; the event's task is `cat`.
pub(crate) fn table() -> Table {
    let mut table = Table::default();
    let names = ["cat", "bash", "sshd"];
    for (at, name) in names.iter().enumerate() {
        let id = 100 + u32::try_from(at).unwrap();
        let parent = (at + 1 < names.len()).then(|| ProcKey::new(id + 1, 0));
        let process = Process {
            parent,
            tgid: id,
            comm: name.as_bytes().into(),
            exe: format!("/bin/{name}").into_bytes().into(),
            args: b"-n\0/etc/shadow".as_slice().into(),
            cmdline: format!("{name} -n /etc/shadow").into_bytes().into(),
            exe_path: format!("/usr/bin/{name}").into_bytes().into(),
            cwd: b"/root/".as_slice().into(),
            ..Process::default()
        };
        table.processes.insert(ProcKey::new(id, 0), process);
    }
    table
}

/// The calling thread.
pub(crate) fn task() -> Task {
    Task {
        start_time: 0,
        parent_start_time: 0,
        cap_effective: 1,
        cap_permitted: 1,
        cap_inheritable: 0,
        tgid: 100,
        tid: 100,
        ppid: 101,
        vpid: 100,
        vtid: 100,
        uid: 1000,
        gid: 1000,
        euid: 0,
        egid: 0,
        loginuid: u32::MAX,
        sessionid: u32::MAX,
        tty: 0,
        sid: 100,
        pgid: 100,
        vpgid: 100,
        mnt_ns: 1,
        pid_ns: 1,
        net_ns: 1,
        user_ns: 1,
        threads: 1,
        comm: *b"cat\0\0\0\0\0\0\0\0\0\0\0\0\0",
    }
}

/// A successful `openat` for reading of `name`, whose kernel path is `resolved`.
pub(crate) fn openat<'a>(name: &'a str, resolved: &'a str) -> Event<'a> {
    let (name, resolved) = (name.as_bytes(), resolved.as_bytes());
    let path = PathArg {
        raw: name,
        base: Some(b"/root/"),
        resolved: Some(resolved),
    };
    let mut params = Params::new();
    params.extend([
        Value::Int(3),
        Value::Int(-100),
        Value::Path(path),
        Value::Uint(1),
        Value::Uint(0),
        Value::Uint(0),
        Value::Uint(7),
    ]);
    Event {
        ty: event_type("openat").unwrap(),
        number: 7,
        time: 1_700_000_000_123_456_789,
        cpu: 1,
        ret: Some(3),
        task: task(),
        cgroup: 1,
        params,
        fd: Some(Fd {
            number: 3,
            kind: Some(FdKind::File),
            name,
            name_raw: name,
            resolved: Some(resolved),
            dev: 1,
            inode: 7,
            open_flags: 0,
            layer: None,
            socket: None,
        }),
        stdio: [None; 3],
        open_descriptors: None,
        truncated: false,
    }
}

/// A successful `execve`, without a descriptor.
pub(crate) fn execve() -> Event<'static> {
    let mut event = openat("", "");
    event.ty = event_type("execve").unwrap();
    event.ret = Some(0);
    event.params = Params::new();
    event.fd = None;
    event
}

/// Rules from YAML that must load.
pub(crate) fn rules(yaml: &str) -> RuleSet {
    let options = LoadOptions {
        output: OutputOptions::default(),
        ..LoadOptions::default()
    };
    let result = load(&[Source::new("rules.yaml", yaml)], &options);
    let shown = result.render(false);
    result.rules.unwrap_or_else(|| panic!("{shown}"))
}

/// One rule called `r` with this condition.
pub(crate) fn rule(condition: &str) -> RuleSet {
    let condition = serde_json::to_string(condition).unwrap();
    rules(&format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  warn_evttypes: false\n  condition: {condition}\n"
    ))
}

/// Whether the condition holds.
pub(crate) fn holds(condition: &str, event: &Event<'_>) -> bool {
    let mut scratch = Scratch::default();
    !rule(condition)
        .evaluate(event, &table(), Matching::First, &mut scratch)
        .is_empty()
}
