//! Rules for the deciding thread: from configured paths to a compiled set.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::rule_files;
use crate::config::Config;
use crate::event::event_type;
use crate::rules::{self, Diagnostic, Files, LoadOptions, OutputOptions, RuleSet, Source};

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{summary}")]
pub(super) struct LoadError {
    summary: String,
    /// Every problem, with the excerpts of the files it is in.
    pub(super) details: String,
}

/// Reads and compiles every rule. Warnings are logged, errors returned together.
pub(super) fn load(config: &Config) -> Result<RuleSet, LoadError> {
    if config.rules.is_empty() {
        return Err(LoadError {
            summary: "no rules: name them with --rules or in the configuration".into(),
            details: String::new(),
        });
    }
    let files = rule_files::read(&config.rules).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        LoadError {
            summary: lines.join("; "),
            details: String::new(),
        }
    })?;
    compile(&files, config)
}

/// Compiles rule files.
pub(super) fn compile(files: &[Source], config: &Config) -> Result<RuleSet, LoadError> {
    let options = LoadOptions {
        least_priority: config.priority.0,
        output: OutputOptions {
            suggested: config.output.suggested_fields,
            extra: None,
        },
        ..LoadOptions::default()
    };
    let mut result = rules::load(files, &options);
    for warning in result.warnings() {
        tracing::warn!("{}", line(warning, &result.files));
    }
    result.rules.take().ok_or_else(|| {
        let lines: Vec<String> = result
            .errors()
            .map(|error| line(error, &result.files))
            .collect();
        LoadError {
            summary: lines.join("; "),
            details: result.render(false),
        }
    })
}

/// `FILE:LINE:COLUMN: message [code]`
fn line(diagnostic: &Diagnostic, files: &Files) -> String {
    let span = diagnostic.primary.span;
    let at = files.position(span);
    let (name, code) = (files.name(span.file), diagnostic.code.id);
    format!(
        "{name}:{}:{}: {} [{code}]",
        at.line, at.column, diagnostic.message
    )
}

/// Rules that are evaluated.
pub(super) fn enabled(rules: &RuleSet) -> usize {
    rules.rules().iter().filter(|rule| rule.enabled).count()
}

/// Whether a rule can match an event of this name; of a name that is no event's, which a call may have that
/// stands for several, it is not known.
pub(super) fn wants(rules: &RuleSet, name: &str) -> bool {
    event_type(name).is_none_or(|ty| rules.wants(ty))
}

/// Puts rules in force; returns how many. `deliver` has the kernel half deliver the events that
/// are wanted: before the first rule that wants one is in force, and until the last that did is
/// gone.
///
/// # Errors
///
/// Events cannot be delivered; the old rules stay. Where only leaving out those that nobody wants
/// any more fails, the new rules are in force and a warning is logged.
pub(super) fn put_in_force<E: std::fmt::Display>(
    rules: &ArcSwap<RuleSet>,
    new: RuleSet,
    mut deliver: impl FnMut(&dyn Fn(&str) -> bool) -> Result<(), E>,
) -> Result<usize, E> {
    let (old, new) = (rules.load_full(), Arc::new(new));
    deliver(&|name| wants(&old, name) || wants(&new, name))?;
    rules.store(Arc::clone(&new));
    if let Err(error) = deliver(&|name| wants(&new, name)) {
        tracing::warn!(%error, "events that no rule wants any more are still delivered");
    }
    Ok(enabled(&new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_in_force_are_no_failed_reload() {
        let text = |name: &str, ty: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: evt.type = {ty}\n  output: o\n  priority: INFO\n"
            )
        };
        let rules = ArcSwap::from_pointee(compiled(&text("old", "openat")).unwrap());
        let name = |rules: &ArcSwap<RuleSet>| rules.load().rule(0).unwrap().name.clone();
        let new = || compiled(&text("new", "connect")).unwrap();
        let refused = put_in_force(&rules, new(), |_| Err("no"));
        assert_eq!((refused, name(&rules).as_str()), (Err("no"), "old"));
        let mut calls = Vec::new();
        let narrowing_fails = put_in_force(&rules, new(), |is_wanted| {
            calls.push((is_wanted("openat"), is_wanted("connect")));
            if calls.len() == 2 { Err("no") } else { Ok(()) }
        });
        assert_eq!((narrowing_fails, name(&rules).as_str()), (Ok(1), "new"));
        assert_eq!(calls, [(true, true), (false, true)]);
    }

    fn compiled(text: &str) -> Result<RuleSet, LoadError> {
        compile(&[Source::new("r.yaml", text)], &Config::default())
    }

    #[test]
    fn delivery_follows_the_rules() {
        let text =
            "- rule: r\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n";
        let rules = compiled(text).unwrap();
        assert_eq!(enabled(&rules), 1);
        assert!(wants(&rules, "openat"));
        assert!(!wants(&rules, "open"));
        let disabled = compiled(&format!("{text}  enabled: false\n")).unwrap();
        assert_eq!(enabled(&disabled), 0);
        assert!(!wants(&disabled, "openat"));
    }

    #[test]
    fn errors_say_where() {
        let error = compiled(
            "- rule: r\n  desc: d\n  condition: evt.typ = open\n  output: o\n  priority: INFO\n",
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("r.yaml:3:14: "), "{error}");
        assert!(error.details.contains("evt.typ"), "{}", error.details);
        let error = load(&Config::default()).unwrap_err();
        assert!(error.to_string().contains("--rules"), "{error}");
        let config = Config {
            rules: vec!["/no/such/file".into()],
            ..Config::default()
        };
        assert!(
            load(&config)
                .unwrap_err()
                .to_string()
                .starts_with("/no/such/file: cannot be read")
        );
    }
}
