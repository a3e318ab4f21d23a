//! Compiled conditions and their evaluation.

mod decode;
mod get;
mod graph;
mod paths;
mod pattern;
mod run;
mod test;

pub(in crate::rules) use get::{Get, TextFn};
pub(in crate::rules) use graph::{Graph, Node, NodeId};
pub(in crate::rules) use paths::{PathSet, Stem};
pub(in crate::rules) use pattern::{Glob, glob, regex};
pub use run::Scratch;
pub(in crate::rules) use test::{Against, Compare, Predicate, Test, TextSet, ordering};
