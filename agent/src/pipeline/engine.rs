//! Rules for the deciding thread: from configured paths to a compiled set.

use komainu_common::Class;

use super::rule_files;
use crate::config::Config;
use crate::event::event_types;
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

/// Whether a rule can match an event of this class.
pub(super) fn wants(rules: &RuleSet, class: Class) -> bool {
    event_types().any(|ty| ty.class == Some(class) && rules.wants(ty))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(text: &str) -> Result<RuleSet, LoadError> {
        compile(&[Source::new("r.yaml", text)], &Config::default())
    }

    #[test]
    fn classes_follow_the_rules() {
        let text =
            "- rule: r\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n";
        let rules = compiled(text).unwrap();
        assert_eq!(enabled(&rules), 1);
        assert!(wants(&rules, Class::OPEN));
        assert!(!wants(&rules, Class::CONNECT));
        let disabled = compiled(&format!("{text}  enabled: false\n")).unwrap();
        assert_eq!(enabled(&disabled), 0);
        assert!(!wants(&disabled, Class::OPEN));
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
