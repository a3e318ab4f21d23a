//! What an alert says beyond the rule's own output: where, after whom, which file really.

use super::alert::{Ancestor, Place, Resolution};
use crate::enrich::State;
use crate::event::{Event, Membership, ProcKey, Process, World};

/// Bytes of an ancestor's command line that wait with an alert. A line shows less; the rest lets
/// redaction recognise a secret that begins in what is shown.
const CMDLINE: usize = 1024;

/// Container and pod of a cgroup, or why they are not known.
pub fn place(world: &dyn World, cgroup: u64) -> Place {
    let container = match world.container(cgroup) {
        Membership::Container(container) => container,
        Membership::Host => return resolved(Resolution::Host),
        Membership::Unknown => return resolved(Resolution::CgroupUnknown),
    };
    let pod = container.pod.as_ref();
    Place {
        resolution: Some(match pod {
            None => Resolution::NotAPod,
            Some(pod) if pod.name.is_some() => Resolution::Complete,
            Some(_) => Resolution::ContainerOnly,
        }),
        container_id: Some(container.id.to_string()),
        runtime: container.runtime.as_deref().map(ToOwned::to_owned),
        pod_uid: pod
            .and_then(|pod| pod.uid.as_deref())
            .map(ToOwned::to_owned),
    }
}

fn resolved(resolution: Resolution) -> Place {
    Place {
        resolution: Some(resolution),
        ..Place::default()
    }
}

/// Ancestors of the process an event comes from, nearest first.
pub fn ancestry(state: &State, of: ProcKey, max: usize) -> Vec<Ancestor> {
    state
        .processes
        .ancestors(of)
        .take(max)
        .map(ancestor)
        .collect()
}

fn ancestor(process: &Process) -> Ancestor {
    let cmdline = process.cmdline.get(..CMDLINE).unwrap_or(&process.cmdline);
    Ancestor {
        pid: process.tgid,
        name: text(&process.comm),
        exepath: text(&process.exe_path),
        cmdline: text(cmdline),
        missing: process.cmdline.len() - cmdline.len(),
    }
}

/// The kernel's path of the event's file, where it is not the one the program asked for.
pub fn resolved_path(event: &Event<'_>) -> Option<String> {
    let fd = event.fd.as_ref()?;
    let resolved = fd.resolved?;
    (resolved != fd.name).then(|| text(resolved))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_command_lines_of_ancestors_are_cut() {
        let process = Process {
            cmdline: vec![b'x'; 8192].into(),
            ..Process::default()
        };
        let long = ancestor(&process);
        assert_eq!(
            (long.cmdline.len(), long.missing),
            (CMDLINE, 8192 - CMDLINE)
        );
        let process = Process {
            cmdline: b"sh"[..].into(),
            ..Process::default()
        };
        assert_eq!(ancestor(&process).missing, 0);
    }
}
