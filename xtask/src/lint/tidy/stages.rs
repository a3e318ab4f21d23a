//! The order of the agent's stages (ARCHITECTURE.md, invariant 1).

/// Stages in the order of the data. A stage uses the modules before it, and its own.
const STAGES: [&str; 10] = [
    "event", "kernel", "decode", "enrich", "rules", "emit", "metrics", "http", "pipeline", "cli",
];
/// Stages that compute and do nothing else.
const PURE: [&str; 3] = ["decode", "event", "rules"];
/// What a pure stage may not touch: files, processes, sockets, clocks, threads, async, logs.
const IMPURE: [&str; 11] = [
    "tokio",
    "tracing",
    "rustix",
    "procfs",
    "std::fs",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "SystemTime::now",
    "Instant::now",
];

/// What is wrong with a line of code in `file`, if it reaches for a later stage or for the world.
pub(super) fn later_stage(file: &str, line: &str) -> Option<String> {
    let stage = stage_of(file)?;
    let rank = rank(stage)?;
    let used = line
        .match_indices("crate::")
        .filter_map(|(at, path)| {
            line.get(at + path.len()..)?
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        })
        .find(|module| self::rank(module).is_some_and(|used| used > rank));
    if let Some(module) = used {
        return Some(format!(
            "{stage} comes before {module} in the data's path and may not use it"
        ));
    }
    if !PURE.contains(&stage) {
        return None;
    }
    IMPURE
        .iter()
        .find(|name| names(line, name))
        .map(|name| format!("{stage} is pure: no I/O, clock, async or logging, so no {name}"))
}

/// Whether `line` uses the path `name`, as `name::` or at the end of a path.
fn names(line: &str, name: &str) -> bool {
    if name.contains("::") {
        return super::source::has_word(line, name);
    }
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + name.len()..).unwrap_or_default();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            && after.starts_with("::")
    })
}

fn stage_of(file: &str) -> Option<&str> {
    let path = file.strip_prefix("agent/src/")?;
    path.split(['/', '.']).next()
}

fn rank(module: &str) -> Option<usize> {
    STAGES.iter().position(|stage| *stage == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_may_not_use_a_later_one() {
        assert!(later_stage("agent/src/decode/exec.rs", "use crate::rules::Rule;").is_some());
        assert!(later_stage("agent/src/rules/mod.rs", "use crate::event::Event;").is_none());
        assert!(later_stage("agent/src/rules/mod.rs", "use crate::rules::ast::Expr;").is_none());
        assert!(later_stage("agent/src/cli/run.rs", "use crate::pipeline::run;").is_none());
        assert!(later_stage("agent/src/main.rs", "use crate::rules::Rule;").is_none());
    }

    #[test]
    fn a_pure_stage_may_not_touch_the_world() {
        assert!(later_stage("agent/src/rules/load.rs", "use std::fs;").is_some());
        assert!(later_stage("agent/src/decode/mod.rs", "tracing::warn!()").is_some());
        assert!(later_stage("agent/src/decode.rs", "let now = Instant::now();").is_some());
        assert!(later_stage("agent/src/enrich/mod.rs", "use std::fs;").is_none());
        assert!(later_stage("agent/src/rules/a.rs", "let tracing = fs_type;").is_none());
    }
}
