//! Rules for the deciding thread: from configured paths to a compiled set.

use std::sync::Arc;

use arc_swap::ArcSwap;
use komainu_common::{Class, Header};

use super::canary::{self, Acts};
use super::cost::Costs;
use super::nonce::Nonce;
use super::rule_files::{self, PathError, Problem};
use crate::config::Config;
use crate::event::event_type;
use crate::rules::plan::ClassTables;
use crate::rules::{
    self, Diagnostic, LoadOptions, LoadResult, OutputOptions, Plan, Rule, RuleSet, Source,
};

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{summary}")]
pub(super) struct LoadError {
    summary: String,
    /// Every problem, with the excerpts of the files it is in.
    pub(super) details: String,
    /// Somebody writes the files all the time: they may be right a moment later.
    pub(super) is_unsettled: bool,
}

/// Rule files of one moment.
#[derive(Debug)]
pub(super) struct Files {
    files: Vec<Source>,
    /// Names what they say, as alerts have it.
    pub(super) hash: Arc<str>,
}

/// Rules that may be put in force.
#[derive(Debug)]
pub(super) struct Loaded {
    rules: RuleSet,
    pub(super) hash: Arc<str>,
    canary: Acts,
}

/// Reads and compiles every rule, and those of a canary. Warnings are logged, errors returned together.
pub(super) fn load(config: &Config, canary: Option<Nonce>) -> Result<Loaded, LoadError> {
    read(config)?.compile(config, canary)
}

/// Reads every rule file.
pub(super) fn read(config: &Config) -> Result<Files, LoadError> {
    if config.rules.is_empty() {
        return Err(LoadError {
            summary: "no rules: name them with --rules or in the configuration".into(),
            details: String::new(),
            is_unsettled: false,
        });
    }
    let files = rule_files::read_settled(&config.rules).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let is_unsettled = |error: &PathError| matches!(error.problem, Problem::Unsettled);
        LoadError {
            summary: lines.join("; "),
            details: String::new(),
            is_unsettled: errors.iter().any(is_unsettled),
        }
    })?;
    let hash = rule_files::hash(&files, config.priority.0.name()).into();
    Ok(Files { files, hash })
}

impl Files {
    /// Compiles them, and behind them the rules of a canary.
    pub(super) fn compile(
        mut self,
        config: &Config,
        canary: Option<Nonce>,
    ) -> Result<Loaded, LoadError> {
        let mut rules = compile(&self.files, config)?;
        let mut acts = Acts::default();
        if let Some(nonce) = canary {
            let text;
            (acts, text) = canary::acts(&rules, nonce);
            self.files.push(Source::new("canary", text));
            rules = checked(load_files(&self.files, config))?;
        }
        Ok(Loaded {
            rules,
            hash: self.hash,
            canary: acts,
        })
    }
}

/// Compiles rule files.
pub(super) fn compile(files: &[Source], config: &Config) -> Result<RuleSet, LoadError> {
    let result = load_files(files, config);
    for warning in result.warnings() {
        tracing::warn!("{}", line(warning, &result.files));
    }
    checked(result)
}

fn load_files(files: &[Source], config: &Config) -> LoadResult {
    let options = LoadOptions {
        least_priority: config.priority.0,
        output: OutputOptions {
            suggested: config.output.suggested_fields,
            extra: None,
        },
        ..LoadOptions::default()
    };
    rules::load(files, &options)
}

fn checked(mut result: LoadResult) -> Result<RuleSet, LoadError> {
    result.rules.take().ok_or_else(|| {
        let lines: Vec<String> = result
            .errors()
            .map(|error| line(error, &result.files))
            .collect();
        LoadError {
            summary: lines.join("; "),
            details: result.render(false),
            is_unsettled: false,
        }
    })
}

/// `FILE:LINE:COLUMN: message [code]`
fn line(diagnostic: &Diagnostic, files: &rules::Files) -> String {
    let span = diagnostic.primary.span;
    let at = files.position(span);
    let (name, code) = (files.name(span.file), diagnostic.code.id);
    format!(
        "{name}:{}:{}: {} [{code}]",
        at.line, at.column, diagnostic.message
    )
}

/// Whether a rule can match an event of this name; of a name that is no event's, which a call may have that
/// stands for several, it is not known.
pub(super) fn wants(rules: &RuleSet, name: &str) -> bool {
    event_type(name).is_none_or(|ty| rules.wants(ty))
}

/// Rules, and the filter plan that the kernel half has of them; by default none.
#[derive(Debug, Default)]
pub(super) struct InForce {
    pub(super) rules: RuleSet,
    pub(super) plan: Plan,
    /// By which records name the plan; 0 before there is one.
    pub(super) generation: u32,
    /// Names what the rule files say.
    pub(super) hash: Arc<str>,
    /// What each rule costs.
    pub(super) costs: Costs,
    /// What a canary does meanwhile.
    pub(super) canary: Acts,
}

impl InForce {
    /// The users' rules. Behind them are those of the canary, which are for the plan only.
    pub(super) fn users(&self) -> &[Rule] {
        let all = self.rules.rules();
        let count = all.len().saturating_sub(self.canary.rules);
        all.get(..count).unwrap_or_default()
    }

    /// How many of them are evaluated.
    pub(super) fn enabled(&self) -> usize {
        self.users().iter().filter(|rule| rule.enabled).count()
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

    /// Delivers the events of these names and no others.
    fn deliver(&mut self, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), Self::Error>;

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
/// events that are wanted are delivered before the first rule that wants one is in force, and until
/// the last that did is gone.
///
/// # Errors
///
/// The kernel half does not take the plan or deliver the events; the old rules stay. Where only
/// leaving out events that nobody wants any more fails, the new rules are in force and a warning is
/// logged.
pub(super) fn put_in_force<F: Filter>(
    in_force: &ArcSwap<InForce>,
    Loaded {
        rules,
        hash,
        canary,
    }: Loaded,
    kernel: &mut F,
) -> Result<usize, F::Error> {
    let old = in_force.load_full();
    let plan = rules.plan();
    let generation = kernel.prepare(&plan)?;
    let new = Arc::new(InForce {
        costs: Costs::following(&old.rules, &old.costs, &rules),
        rules,
        plan,
        generation,
        hash,
        canary,
    });
    kernel.deliver(&|name| wants(&old.rules, name) || wants(&new.rules, name))?;
    in_force.store(Arc::clone(&new));
    if let Err(error) = kernel.commit() {
        in_force.store(old);
        return Err(error);
    }
    if let Err(error) = deliver(&new, kernel) {
        tracing::warn!(%error, "events that no rule wants any more are still delivered");
    }
    Ok(new.enabled())
}

/// Has the events delivered that the rules in force want, and no others.
pub(super) fn deliver<F: Filter>(in_force: &InForce, kernel: &mut F) -> Result<(), F::Error> {
    kernel.deliver(&|name| wants(&in_force.rules, name))
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

        fn deliver(&mut self, is_wanted: &dyn Fn(&str) -> bool) -> Result<(), &'static str> {
            let wanted = (is_wanted("openat"), is_wanted("connect"));
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
            let in_force = ArcSwap::from_pointee(InForce {
                rules: old,
                ..InForce::default()
            });
            let new = Loaded {
                rules: compiled(&text("new", "connect")).unwrap(),
                hash: "h".into(),
                canary: Acts::default(),
            };
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
    fn delivery_follows_the_rules() {
        let text =
            "- rule: r\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n";
        let rules = compiled(text).unwrap();
        assert!(wants(&rules, "openat"));
        assert!(!wants(&rules, "open"));
        let disabled = compiled(&format!("{text}  enabled: false\n")).unwrap();
        assert!(!wants(&disabled, "openat"));
    }

    #[test]
    fn the_canarys_rules_are_behind_the_users_and_not_of_them() {
        let text = "- rule: r\n  desc: d\n  condition: evt.type = openat and fd.name = /x\n  output: o\n  priority: INFO\n";
        let files = || Files {
            files: vec![Source::new("r.yaml", text)],
            hash: "h".into(),
        };
        let config = Config::default();
        let loaded = files().compile(&config, Nonce::parse("1")).unwrap();
        assert_eq!((loaded.rules.rules().len(), loaded.canary.rules), (2, 1));
        let in_force = InForce {
            rules: loaded.rules,
            canary: loaded.canary,
            ..InForce::default()
        };
        let names: Vec<&str> = in_force
            .users()
            .iter()
            .map(|rule| rule.name.as_str())
            .collect();
        assert_eq!((names, in_force.enabled()), (vec!["r"], 1));
        let without = files().compile(&config, None).unwrap();
        assert_eq!(without.rules.rules().len(), 1);
    }

    #[test]
    fn errors_say_where() {
        let error = compiled(
            "- rule: r\n  desc: d\n  condition: evt.typ = open\n  output: o\n  priority: INFO\n",
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("r.yaml:3:14: "), "{error}");
        assert!(error.details.contains("evt.typ"), "{}", error.details);
        let error = load(&Config::default(), None).unwrap_err();
        assert!(error.to_string().contains("--rules"), "{error}");
        let config = Config {
            rules: vec!["/no/such/file".into()],
            ..Config::default()
        };
        assert!(
            load(&config, None)
                .unwrap_err()
                .to_string()
                .starts_with("/no/such/file: cannot be read")
        );
    }
}
