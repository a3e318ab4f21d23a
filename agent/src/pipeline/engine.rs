//! Rules for the deciding thread: from configured paths to a compiled set.

use std::sync::Arc;

use arc_swap::ArcSwap;
use komainu_common::{Class, Header};

use super::rule_files;
use crate::config::Config;
use crate::event::event_types;
use crate::rules::plan::ClassTables;
use crate::rules::{self, Diagnostic, Files, LoadOptions, OutputOptions, Plan, RuleSet, Source};

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

/// Rules, and the filter plan that the kernel half has of them.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) rules: RuleSet,
    pub(super) plan: Plan,
    /// By which records name the plan; 0 before there is one.
    pub(super) generation: u32,
}

impl InForce {
    /// Rules whose plan the kernel half does not have: every record is tried on all of them.
    pub(super) fn unfiltered(rules: RuleSet) -> Self {
        Self {
            plan: rules.plan(),
            rules,
            generation: 0,
        }
    }

    /// The plan's tables for a record, if its conjunctions are of this plan.
    pub(super) fn tables(&self, header: &Header) -> Option<&ClassTables> {
        let is_ours = header.plan != 0 && header.plan == self.generation;
        is_ours
            .then(|| self.plan.class(Class(header.class)))
            .flatten()
    }
}

/// What the kernel half is asked for.
pub(super) trait Filter {
    /// Why it cannot.
    type Error: std::fmt::Display;

    /// Delivers these classes and no others.
    fn deliver(&mut self, is_wanted: &dyn Fn(Class) -> bool) -> Result<(), Self::Error>;

    /// Takes a plan without using it yet; returns its generation.
    fn prepare(&mut self, plan: &Plan) -> Result<u32, Self::Error>;

    /// Uses the plan last taken.
    fn commit(&mut self) -> Result<(), Self::Error>;
}

/// Puts rules in force; returns how many.
///
/// The kernel half takes what may fail first. Then the new rules judge, and all of them judge a record
/// that went through the old plan; then the new plan filters. So nothing that passed a plan is tried
/// on less than the rules in force, and nothing is filtered by a plan whose rules do not judge yet. The
/// classes that are wanted are delivered before the first rule that wants one is in force, and until
/// the last that did is gone.
///
/// # Errors
///
/// The kernel half does not take the plan or deliver the classes; the old rules stay. Where only
/// leaving out classes that nobody wants any more fails, the new rules are in force and a warning is
/// logged.
pub(super) fn put_in_force<F: Filter>(
    in_force: &ArcSwap<InForce>,
    rules: RuleSet,
    kernel: &mut F,
) -> Result<usize, F::Error> {
    let old = in_force.load_full();
    let plan = rules.plan();
    let generation = kernel.prepare(&plan)?;
    let new = Arc::new(InForce {
        rules,
        plan,
        generation,
    });
    kernel.deliver(&|class| wants(&old.rules, class) || wants(&new.rules, class))?;
    in_force.store(Arc::clone(&new));
    if let Err(error) = kernel.commit() {
        in_force.store(old);
        return Err(error);
    }
    if let Err(error) = kernel.deliver(&|class| wants(&new.rules, class)) {
        tracing::warn!(%error, "events that no rule wants any more are still delivered");
    }
    Ok(enabled(&new.rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel half that refuses at its `refuses`-th call and notes what it was asked for.
    #[derive(Default)]
    struct Fake {
        refuses: Option<usize>,
        calls: Vec<String>,
    }

    impl Fake {
        fn call(&mut self, what: String) -> Result<(), &'static str> {
            self.calls.push(what);
            if self.refuses == Some(self.calls.len()) {
                Err("no")
            } else {
                Ok(())
            }
        }
    }

    impl Filter for Fake {
        type Error = &'static str;

        fn deliver(&mut self, is_wanted: &dyn Fn(Class) -> bool) -> Result<(), &'static str> {
            let wanted = (is_wanted(Class::OPEN), is_wanted(Class::CONNECT));
            self.call(format!("deliver {wanted:?}"))
        }

        fn prepare(&mut self, _: &Plan) -> Result<u32, &'static str> {
            self.call("prepare".into()).map(|()| 7)
        }

        fn commit(&mut self) -> Result<(), &'static str> {
            self.call("commit".into())
        }
    }

    #[test]
    fn a_reload_is_whole_or_not_at_all() {
        let text = |name: &str, ty: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: evt.type = {ty}\n  output: o\n  priority: INFO\n"
            )
        };
        let outcome = |refuses| {
            let old = compiled(&text("old", "openat")).unwrap();
            let in_force = ArcSwap::from_pointee(InForce::unfiltered(old));
            let new = compiled(&text("new", "connect")).unwrap();
            let mut kernel = Fake {
                refuses,
                ..Fake::default()
            };
            let done = put_in_force(&in_force, new, &mut kernel);
            let now = in_force.load();
            let name = now.rules.rule(0).unwrap().name.clone();
            (done, name, now.generation, kernel.calls)
        };
        let (done, name, generation, calls) = outcome(None);
        assert_eq!((done, name.as_str(), generation), (Ok(1), "new", 7));
        let wanted = [
            "prepare",
            "deliver (true, true)",
            "commit",
            "deliver (false, true)",
        ];
        assert_eq!(calls, wanted);
        for refused in 1..=3 {
            let (done, name, generation, _) = outcome(Some(refused));
            assert_eq!(
                (done, name.as_str(), generation),
                (Err("no"), "old", 0),
                "{refused}"
            );
        }
        let (done, name, ..) = outcome(Some(4));
        assert_eq!(
            (done, name.as_str()),
            (Ok(1), "new"),
            "what nobody wants is no failure"
        );
    }

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
