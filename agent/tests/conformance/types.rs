//! Not written yet.

use std::path::Path;

use crate::report::Report;

pub fn run(_: &Path, _: &mut Report) {}
