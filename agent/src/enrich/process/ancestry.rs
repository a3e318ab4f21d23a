//! Walking from a process to its ancestors.

use arrayvec::ArrayVec;

use super::ProcessTable;
use crate::event::{ProcKey, Process};

/// Longest chain walked, the process itself included.
pub const MAX_ANCESTORS: usize = 64;

/// Ancestors of a process, nearest first. Ends at the first unknown one, after
/// [`MAX_ANCESTORS`], or where the chain would return to a process already visited.
#[derive(Debug)]
pub struct Ancestors<'a> {
    table: &'a ProcessTable,
    next: Option<ProcKey>,
    visited: ArrayVec<ProcKey, MAX_ANCESTORS>,
}

impl<'a> Ancestors<'a> {
    pub(super) fn new(table: &'a ProcessTable, of: ProcKey) -> Self {
        let mut visited = ArrayVec::new();
        visited.push(of);
        Self {
            table,
            next: table.get(of).and_then(|p| p.parent),
            visited,
        }
    }
}

impl<'a> Iterator for Ancestors<'a> {
    type Item = &'a Process;

    fn next(&mut self) -> Option<&'a Process> {
        let key = self.next.take()?;
        if self.visited.contains(&key) || self.visited.try_push(key).is_err() {
            return None;
        }
        let process = self.table.get(key)?;
        self.next = process.parent;
        Some(process)
    }
}
