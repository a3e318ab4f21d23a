//! What a getter may look at: one event, its process and what the user half knows.

use std::cell::OnceCell;

use arrayvec::ArrayVec;
use bumpalo::Bump;

use crate::event::{Event, Membership, PathArg, ProcKey, Process, Session, World, path};

/// Ancestors that fields look at; a longer chain is cut.
pub const MAX_ANCESTORS: usize = 64;

/// Which name of a file is read where the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// What the program asked for, made absolute.
    Asked,
    /// The kernel's path of the object.
    Resolved,
}

/// One event under evaluation.
#[expect(missing_debug_implementations, reason = "World is a trait object")]
pub struct Scope<'a> {
    /// The event.
    pub event: &'a Event<'a>,
    /// What the user half knows.
    pub world: &'a dyn World,
    /// Memory for values that must be built; freed after the event.
    pub arena: &'a Bump,
    /// Which name of a file the path fields give.
    pub reading: Reading,
    process: OnceCell<Option<&'a Process>>,
    ancestors: OnceCell<ArrayVec<&'a Process, MAX_ANCESTORS>>,
    membership: OnceCell<Membership<'a>>,
    session: OnceCell<Option<&'a Session>>,
}

impl<'a> Scope<'a> {
    /// Starts looking at an event.
    pub fn new(event: &'a Event<'a>, world: &'a dyn World, arena: &'a Bump) -> Self {
        Self {
            event,
            world,
            arena,
            reading: Reading::Asked,
            process: OnceCell::new(),
            ancestors: OnceCell::new(),
            membership: OnceCell::new(),
            session: OnceCell::new(),
        }
    }

    /// Whether a file of the event has a kernel path that differs from what was asked for.
    pub fn has_two_names(&self) -> bool {
        let fd = self.event.fd.as_ref();
        let of_fd = fd.is_some_and(|fd| fd.resolved.is_some_and(|path| path != fd.name));
        of_fd || self.event.params.iter().any(|value| self.differs(value))
    }

    fn differs(&self, value: &crate::event::Value<'_>) -> bool {
        let crate::event::Value::Path(arg) = value else {
            return false;
        };
        // The descriptor above already answers for the common case of the same object.
        arg.resolved.is_some_and(|resolved| {
            let same = self
                .event
                .fd
                .as_ref()
                .is_some_and(|fd| fd.resolved == Some(resolved));
            !same && resolved != arg.raw
        })
    }

    /// Identity of the calling process.
    pub fn key(&self) -> ProcKey {
        ProcKey::of(&self.event.task)
    }

    /// The calling process, where the table knows it.
    pub fn process(&self) -> Option<&'a Process> {
        *self.process.get_or_init(|| self.world.process(self.key()))
    }

    /// The processes above the caller, nearest first. Ends at an unknown parent or a loop.
    pub fn ancestors(&self) -> &[&'a Process] {
        self.ancestors.get_or_init(|| {
            let mut chain = ArrayVec::new();
            let mut next = self.parent_key();
            while let Some(key) = next {
                let Some(process) = self.world.process(key) else {
                    break;
                };
                let looped = chain
                    .iter()
                    .any(|seen: &&Process| std::ptr::eq(*seen, process));
                if looped || chain.try_push(process).is_err() {
                    break;
                }
                next = process.parent;
            }
            chain
        })
    }

    fn parent_key(&self) -> Option<ProcKey> {
        let known = self.process().and_then(|process| process.parent);
        known.or_else(|| ProcKey::parent_of(&self.event.task))
    }

    /// The `n`-th ancestor; 0 is the caller itself.
    pub fn lineage(&self, n: usize) -> Option<&'a Process> {
        match n.checked_sub(1) {
            None => self.process(),
            Some(above) => self.ancestors().get(above).copied(),
        }
    }

    /// Where the caller runs.
    pub fn membership(&self) -> Membership<'a> {
        *self
            .membership
            .get_or_init(|| self.world.container(self.event.cgroup))
    }

    /// The exec session that the caller is in.
    pub fn session(&self) -> Option<&'a Session> {
        *self.session.get_or_init(|| self.world.session(self.key()))
    }

    /// Joins parts into one text.
    pub fn concat(&self, parts: &[&[u8]]) -> &'a [u8] {
        let len = parts.iter().map(|part| part.len()).sum();
        let mut out = bumpalo::collections::Vec::with_capacity_in(len, self.arena);
        for part in parts {
            out.extend_from_slice(part);
        }
        out.into_bump_slice()
    }

    /// Formats into the scratch memory.
    pub fn format(&self, args: std::fmt::Arguments<'_>) -> &'a [u8] {
        bumpalo::format!(in self.arena, "{}", args)
            .into_bump_str()
            .as_bytes()
    }

    /// Replaces every NUL with a space.
    pub fn spaced(&self, list: &'a [u8]) -> &'a [u8] {
        if memchr::memchr(0, list).is_none() {
            return list;
        }
        let out = self.arena.alloc_slice_copy(list);
        for byte in out.iter_mut().filter(|byte| **byte == 0) {
            *byte = b' ';
        }
        out
    }

    /// A path parameter as rules see it: absolute paths as passed, relative ones made absolute.
    pub fn path(&self, arg: &PathArg<'a>) -> &'a [u8] {
        if let (Reading::Resolved, Some(resolved)) = (self.reading, arg.resolved) {
            return resolved;
        }
        if matches!(arg.raw.first(), None | Some(b'/')) {
            return arg.raw;
        }
        self.joined(arg.base.unwrap_or_default(), arg.raw)
    }

    /// `path` from the directory `base`, normalised.
    pub fn joined(&self, base: &[u8], path: &[u8]) -> &'a [u8] {
        let open_ended = !base.is_empty() && !base.ends_with(b"/") && !base.starts_with(b"<");
        let base = if open_ended {
            self.concat(&[base, b"/"])
        } else {
            base
        };
        let out = self
            .arena
            .alloc_slice_fill_copy(path::joined_capacity(base, path), 0);
        let len = path::join_in(base, path, out);
        out.get(..len).unwrap_or_default()
    }
}
