//! What an alert says beyond the rule's own output: where, after whom, which file really.

use super::alert::{Ancestor, ContainerPlace, Place, PodPlace, SessionPlace};
use crate::enrich::State;
use crate::event::{
    Container, ContainerDetails, Event, Membership, Pod, ProcKey, Process, Session, World as _,
};

/// Bytes of an ancestor's command line that wait with an alert. A line shows less; the rest lets
/// redaction recognise a secret that begins in what is shown.
const CMDLINE: usize = 1024;

/// Container and pod of a cgroup, or why they are not known.
pub fn place(state: &State, cgroup: u64) -> Place {
    let (resolution, detail) = state.containers.resolution(cgroup);
    let container = match state.containers.of(cgroup) {
        Membership::Container(container) => Some(container),
        Membership::Host | Membership::Unknown => None,
    };
    Place {
        resolution: Some(resolution),
        resolution_detail: detail.map(ToOwned::to_owned),
        container: container.map(container_place),
        pod: container
            .and_then(|container| container.pod.as_ref())
            .map(pod_place),
    }
}

fn container_place(container: &Container) -> ContainerPlace {
    let detail = |read: fn(&ContainerDetails) -> &str| {
        let details = container.details.as_ref();
        details.and_then(|details| known(read(details)))
    };
    ContainerPlace {
        id: container.id.to_string(),
        name: detail(|details| &details.name),
        runtime: container.runtime.as_deref().and_then(known),
        image: detail(|details| &details.image),
        image_digest: detail(|details| &details.image_digest),
    }
}

fn pod_place(pod: &Pod) -> PodPlace {
    let owner = pod
        .cluster
        .as_ref()
        .and_then(|object| object.owner.as_ref());
    PodPlace {
        uid: pod.uid.as_deref().and_then(known),
        name: pod.name.as_deref().and_then(known),
        namespace: pod.namespace.as_deref().and_then(known),
        owner_kind: owner.and_then(|owner| known(&owner.kind)),
        owner_name: owner.and_then(|owner| known(&owner.name)),
    }
}

/// Nothing for an empty text, which is what some sources give for what they do not know.
fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The exec session of the process an event comes from.
pub fn session(state: &State, of: ProcKey) -> Option<SessionPlace> {
    state.session(of).map(session_place)
}

fn session_place(session: &Session) -> SessionPlace {
    let Session {
        name,
        exe_path,
        cmdline,
        ..
    } = session;
    SessionPlace {
        id: session.id.to_string(),
        kind: session.kind.name(),
        tty: session.tty,
        start: session.start,
        uid: session.uid,
        root: shown(session.root.tgid, name, exe_path, cmdline),
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
    let Process {
        comm,
        exe_path,
        cmdline,
        ..
    } = process;
    shown(process.tgid, comm, exe_path, cmdline)
}

fn shown(pid: u32, name: &[u8], exe_path: &[u8], cmdline: &[u8]) -> Ancestor {
    let beginning = cmdline.get(..CMDLINE).unwrap_or(cmdline);
    Ancestor {
        pid,
        name: text(name),
        exepath: text(exe_path),
        cmdline: text(beginning),
        missing: cmdline.len() - beginning.len(),
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
