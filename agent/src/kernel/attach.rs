//! Having the programs verified and attaching them, one by one: what a kernel refuses degrades its class.

use std::sync::{Mutex, PoisonError};

use aya::{
    Ebpf,
    maps::{MapError, ProgramArray},
    programs::{ProgramError, RawTracePoint, raw_trace_point::RawTracePointLink},
};
use hashbrown::HashMap;

use super::probes::{Hook, PROBES, Probe, ProbeStatus, needed, older_name};
use crate::lock::lock;

/// Programs that the verifier refused, by name.
pub(super) type Refused = HashMap<String, ProgramError>;

/// Why one probe is not attached.
#[derive(Debug, thiserror::Error)]
enum AttachError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("BPF map")]
    Map(#[from] MapError),
    #[error("the BPF object has no map {0}")]
    NoMap(&'static str),
    #[error("this kernel's BTF lacks {0}")]
    Absent(&'static str),
}

pub(super) fn raw_tracepoint<'a>(
    object: &'a mut Ebpf,
    name: &str,
) -> Result<&'a mut RawTracePoint, ProgramError> {
    let program = object.program_mut(name).ok_or(ProgramError::NotLoaded)?;
    program.try_into()
}

/// A member that the program needs and that is among those that this kernel's structs do not have.
fn lacks(program: &str, absent: &[&str]) -> Option<&'static str> {
    let mut names = needed(program).iter();
    names.find(|&name| absent.contains(name)).copied()
}

/// Loads the programs that need nothing `absent`; returns those that the kernel refused.
///
/// On every CPU: the verifier takes most of the agent's start, one program at a time, and several at once where
/// `CAP_BPF` is held (`bpf_check`, `kernel/bpf/verifier.c`).
pub(super) fn verify(object: &mut Ebpf, absent: &[&str]) -> Refused {
    let is_wanted = |name: &str| {
        let mut probes = PROBES.iter();
        probes.any(|probe| probe.program == name && lacks(name, absent).is_none())
    };
    let wanted = object.programs_mut().filter(|(name, _)| is_wanted(name));
    let waiting = Mutex::new(wanted.collect::<Vec<_>>());
    let refused = Mutex::new(Refused::new());
    let work = || {
        loop {
            // A statement of its own: in the head of a loop the lock would be held through its body.
            let Some((name, program)) = lock(&waiting).pop() else {
                break;
            };
            let program: Result<&mut RawTracePoint, _> = program.try_into();
            if let Err(error) = program.and_then(RawTracePoint::load) {
                lock(&refused).insert(name.to_owned(), error);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(PROBES.len()) {
            scope.spawn(work);
        }
        work();
    });
    refused.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Attaches a program that is loaded, or says why it is not.
pub(super) fn probe(
    object: &mut Ebpf,
    probe: &'static Probe,
    (refused, absent): (Option<ProgramError>, &[&str]),
    links: &mut Vec<RawTracePointLink>,
) -> ProbeStatus {
    let attached = match (lacks(probe.program, absent), refused) {
        (Some(name), _) => Err(AttachError::Absent(name)),
        (_, Some(error)) => Err(AttachError::Program(error)),
        _ => attach(object, probe, links),
    };
    ProbeStatus {
        probe,
        error: attached.err().map(|e| chain(&e)),
        verified: verified_instructions(object, probe.program),
    }
}

fn attach(
    object: &mut Ebpf,
    probe: &Probe,
    links: &mut Vec<RawTracePointLink>,
) -> Result<(), AttachError> {
    let program = raw_tracepoint(object, probe.program)?;
    match probe.hook {
        Hook::RawTracepoint(name) => {
            let id = program
                .attach(name)
                .or_else(|error| match older_name(name) {
                    Some(older) => program.attach(older),
                    None => Err(error),
                })?;
            links.push(program.take_link(id)?);
            Ok(())
        }
        Hook::SyscallHandler(index) => {
            let fd = program.fd()?.try_clone().map_err(ProgramError::IOError)?;
            let handlers = object
                .map_mut("HANDLERS")
                .ok_or(AttachError::NoMap("HANDLERS"))?;
            ProgramArray::try_from(handlers)?.set(u32::from(index), &fd, 0)?;
            Ok(())
        }
    }
}

fn verified_instructions(object: &mut Ebpf, program: &str) -> Option<u32> {
    let program = raw_tracepoint(object, program).ok()?;
    program.info().ok()?.verified_instruction_count()
}

/// An error with its sources, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
