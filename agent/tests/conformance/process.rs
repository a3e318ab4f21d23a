//! Processes of snapshots.

use std::collections::HashMap;

use komainu::event::{ExeFacts, ProcKey, Process};
use komainu_common::{Task, Usage};
use serde_json::Value as Json;

use crate::data::{list, unhex};
use crate::snapshot::{text, u32_of};

pub(crate) fn task(thread: &Json, generation: u64) -> Task {
    let field = |name: &str| u32_of(&thread[name]);
    Task {
        start_time: generation * ProcKey::TICK,
        parent_start_time: 0,
        cap_effective: thread["cap_effective"].as_u64().unwrap_or(0),
        cap_permitted: thread["cap_permitted"].as_u64().unwrap_or(0),
        cap_inheritable: thread["cap_inheritable"].as_u64().unwrap_or(0),
        tgid: field("pid"),
        tid: field("tid"),
        ppid: 0,
        vpid: field("vpid"),
        vtid: field("vtid"),
        uid: field("uid"),
        gid: field("gid"),
        euid: field("uid"),
        egid: field("gid"),
        loginuid: field("loginuid"),
        sessionid: u32::MAX,
        tty: field("tty"),
        sid: field("sid"),
        pgid: field("pgid"),
        vpgid: field("vpgid"),
        mnt_ns: 0,
        pid_ns: 0,
        net_ns: 0,
        user_ns: 0,
        threads: 1,
        comm: [0; 16],
    }
}

fn key(thread: &Json, generation: u64) -> ProcKey {
    ProcKey::new(u32_of(&thread["pid"]), generation * ProcKey::TICK)
}

/// The calling process and its ancestors, linked.
pub(crate) fn processes(state: &Json) -> HashMap<ProcKey, Process> {
    let mut all = HashMap::new();
    if !state["thread"].is_object() {
        return all;
    }
    let chain: Vec<&Json> = std::iter::once(&state["thread"])
        .chain(list(state, "ancestors"))
        .collect();
    for (at, thread) in chain.iter().enumerate() {
        let generation = u64::try_from(at).unwrap() + 1;
        let parent = chain.get(at + 1).map(|parent| key(parent, generation + 1));
        all.insert(key(thread, generation), process(thread, parent, generation));
    }
    // The snapshot's text is cleaned to UTF-8; the parameters of an exec are not.
    if state["name"] == "execve"
        && let Some(process) = all.get_mut(&key(&state["thread"], 1))
    {
        for (name, slot) in [("exe", &mut process.exe), ("comm", &mut process.comm)] {
            let param = list(state, "params").iter().find(|p| p["name"] == name);
            let bytes = param.map(|p| unhex(p["hex"].as_str().unwrap_or_default()));
            if slot.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes())
                && let Some(bytes) = bytes
            {
                *slot = bytes.strip_suffix(b"\0").unwrap_or(&bytes).into();
            }
        }
    }
    // What a process uses is a parameter of its exec.
    if state["name"] == "execve"
        && let Some(process) = all.get_mut(&key(&state["thread"], 1))
    {
        process.usage = usage(state);
    }
    all
}

fn usage(state: &Json) -> Usage {
    let number = |name: &str| {
        let param = list(state, "params").iter().find(|p| p["name"] == name);
        let mut bytes =
            param.map_or_else(Vec::new, |p| unhex(p["hex"].as_str().unwrap_or_default()));
        bytes.resize(8, 0);
        u64::from_le_bytes(bytes.try_into().unwrap())
    };
    Usage {
        fd_limit: number("fdlimit"),
        major_faults: number("pgft_maj"),
        minor_faults: number("pgft_min"),
        vm_size: number("vm_size"),
        vm_rss: number("vm_rss"),
        vm_swap: number("vm_swap"),
    }
}

fn process(thread: &Json, parent: Option<ProcKey>, generation: u64) -> Process {
    let comm = text(&thread["comm"]);
    // Snapshots give few facts of ancestors; those of the made-up init are the same everywhere.
    let mut thread = thread.clone();
    if comm == b"init" && thread["clone_ts"].is_null() {
        thread["clone_ts"] = 1_566_230_400_000_000_000_u64.into();
        thread["vpid"] = 1.into();
        thread["env"] =
            serde_json::json!(["TEST_ENV_PARENT_LINEAGE=secret", "HOME=/home/user/parent"]);
    }
    let thread = &thread;
    let joined = |name: &str, between: &[u8]| {
        let parts: Vec<_> = list(thread, name).iter().map(text).collect();
        parts.join(between)
    };
    let args = joined("args", b" ");
    let cmdline = if args.is_empty() {
        comm.clone()
    } else {
        [&*comm, b" ", &args].concat()
    };
    let flag = |name: &str| thread[name] == true;
    let number = |name: &str| thread[name].as_u64().unwrap_or(0);
    Process {
        clone_time: number("clone_ts"),
        parent,
        tgid: u32_of(&thread["pid"]),
        comm: comm.into(),
        exe: text(&thread["exe"]).into(),
        args: joined("args", b"\0").into(),
        cmdline: cmdline.into(),
        exe_path: text(&thread["exepath"]).into(),
        env: joined("env", b"\0").into(),
        cwd: text(&thread["cwd"]).into(),
        exe_file: ExeFacts {
            inode: number("exe_ino"),
            ctime: number("exe_ino_ctime"),
            mtime: number("exe_ino_mtime"),
            upper_layer: flag("exe_upper_layer"),
            lower_layer: flag("exe_lower_layer"),
            memfd: flag("exe_from_memfd"),
            deleted: false,
            writable: flag("exe_writable"),
        },
        task: Some(Box::new(task(thread, generation))),
        cgroup: 1,
        pidns_init_time: number("pidns_init_start_ts"),
        usage: Usage::default(),
    }
}
