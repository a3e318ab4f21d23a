//! `komainu rules explain`.

#[cfg(feature = "ebpf")]
mod live;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use komainu_common::Class;
use serde_json::{Value, json};

use super::{place, show};
#[cfg(feature = "ebpf")]
use crate::rules::plan::ClassTables;
use crate::rules::plan::{CheckPart, ClassPart, ClassShare, ClassSummary, RulePart};
use crate::rules::{Files, Plan, Rule, RuleSet};

/// Rules of a conjunction that are named; the rest is counted.
const SHOWN: usize = 3;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Explain only this rule.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Rule files, or directories of *.yaml and *.yml files, in the order in which they are loaded.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Filter this machine's events for so long, and tell what share of each class ended in the kernel and
    /// which rules let most of the others pass. Needs root.
    #[cfg(feature = "ebpf")]
    #[arg(long, value_name = "SECONDS")]
    live: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What became of the events of each class in a stream, where one was looked at.
#[derive(Default)]
struct Stream {
    shares: HashMap<Class, ClassShare>,
    /// By class, the rules for which most events passed.
    passed: HashMap<&'static str, Vec<(String, u64)>>,
}

impl Stream {
    #[cfg(not(feature = "ebpf"))]
    #[expect(clippy::unnecessary_wraps, reason = "with a kernel half it can fail")]
    fn of(_: &Args, _: &RuleSet, _: &Plan) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    #[cfg(feature = "ebpf")]
    fn of(args: &Args, rules: &RuleSet, plan: &Plan) -> anyhow::Result<Self> {
        let Some(seconds) = args.live else {
            return Ok(Self::default());
        };
        let live = live::Live::watch(rules, plan, std::time::Duration::from_secs(seconds))?;
        let classes = || plan.classes().iter().map(ClassTables::class);
        Ok(Self {
            shares: classes()
                .filter_map(|class| Some((class, live.share(class)?)))
                .collect(),
            passed: classes()
                .map(|class| (class.name(), live.passed(class, plan, rules)))
                .collect(),
        })
    }
}

/// The command. Status 0 whatever the plan is.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (rules, catalog, files) = super::load(&args.paths)?;
    let plan = rules.plan();
    let stream = Stream::of(args, &rules, &plan)?;
    let wanted: Vec<&Rule> = match &args.rule {
        Some(name) => vec![show::find(&rules, &catalog, name)?],
        None => rules.rules().iter().filter(|rule| rule.enabled).collect(),
    };
    let parts = wanted
        .iter()
        .map(|rule| plan.explain(&catalog, &rules, rule));
    let report = Report {
        classes: plan.summary(&rules, &|class| stream.shares.get(&class).copied()),
        passed: stream.passed,
        rules: parts.collect(),
        files: &files,
    };
    if args.json {
        super::print_json(&report.json())?;
    } else {
        super::super::print(&report.text(args.rule.is_some()))?;
    }
    Ok(ExitCode::SUCCESS)
}

struct Report<'f> {
    classes: Vec<ClassSummary>,
    passed: HashMap<&'static str, Vec<(String, u64)>>,
    rules: Vec<RulePart>,
    files: &'f Files,
}

impl Report<'_> {
    /// For one rule its comparisons are shown; for all, what each class lets pass.
    fn text(&self, one: bool) -> String {
        let mut out = String::new();
        if one {
            out.extend(self.rules.iter().map(|rule| rule_text(rule, self.files)));
        } else {
            for class in &self.classes {
                let passed = self.passed.get(class.class).map_or(&[][..], Vec::as_slice);
                out.push_str(&class_text(class, passed));
            }
        }
        out
    }

    fn json(&self) -> Value {
        json!({
            "classes": self.classes.iter().map(|class| {
                let passed = self.passed.get(class.class).map_or(&[][..], Vec::as_slice);
                class_json(class, passed)
            }).collect::<Value>(),
            "rules": self.rules.iter().map(|rule| json!({
                "rule": rule.rule,
                "classes": rule.classes.iter().map(|part| part_json(part, self.files)).collect::<Value>(),
            })).collect::<Value>(),
        })
    }
}

/// Appends a line.
fn line(out: &mut String, args: std::fmt::Arguments<'_>) {
    let written = writeln!(out, "{args}");
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}

fn class_text(class: &ClassSummary, passed: &[(String, u64)]) -> String {
    let mut out = String::new();
    line(
        &mut out,
        format_args!(
            "{}: {} conjunctions, {} number tests, {} paths, {} prefixes",
            class.class,
            class.conjunctions,
            class.number_tests,
            class.path_entries,
            class.prefix_entries
        ),
    );
    if let Some(ClassShare { seen, filtered }) = class.share {
        line(
            &mut out,
            format_args!("  filtered {filtered} of {seen} events"),
        );
    }
    for (rule, count) in passed {
        line(&mut out, format_args!("  passed {count} for {rule}"));
    }
    if class.conjunctions == 0 {
        line(&mut out, format_args!("  no rule: nothing passes"));
    }
    for weak in &class.weak {
        let force = if weak.forces {
            "FORCED THROUGH"
        } else {
            "wide"
        };
        let tests = if weak.tests.is_empty() {
            "no test".to_owned()
        } else {
            weak.tests.join(" and ")
        };
        let mut rules = weak
            .rules
            .iter()
            .take(SHOWN)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if let Some(more @ 1..) = weak.rules.len().checked_sub(SHOWN) {
            rules = format!("{rules} and {more} more");
        }
        line(
            &mut out,
            format_args!("  {force}: {tests}\n    for {rules}"),
        );
    }
    out
}

fn rule_text(rule: &RulePart, files: &Files) -> String {
    let mut out = String::new();
    line(&mut out, format_args!("{}", rule.rule));
    for class in &rule.classes {
        let types = class.event_types.join(", ");
        line(&mut out, format_args!("\n{} ({types})", class.class));
        if !class.filtered {
            line(
                &mut out,
                format_args!("  is never filtered: it keeps the process table true"),
            );
            continue;
        }
        for tests in &class.passes {
            let tests = if tests.is_empty() {
                "in any case".to_owned()
            } else {
                format!("if {}", tests.join(" and "))
            };
            line(&mut out, format_args!("  passes {tests}"));
        }
        for check in &class.checks {
            out.push_str(&check_text(check, files));
        }
    }
    out
}

fn check_text(check: &CheckPart, files: &Files) -> String {
    let mut out = String::new();
    let not = if check.negated { "not " } else { "" };
    let at = place::text(files, check.at);
    let (side, what) = match check.why {
        Some(why) if check.tests.is_empty() => ("user  ", why.to_owned()),
        _ => ("kernel", check.tests.join(" or ")),
    };
    line(
        &mut out,
        format_args!("  {side}  {not}{}\n          {what}  ({at})", check.text),
    );
    out
}

fn class_json(class: &ClassSummary, passed: &[(String, u64)]) -> Value {
    let share = class
        .share
        .map(|share| json!({"seen": share.seen, "filtered": share.filtered}));
    json!({
        "class": class.class,
        "conjunctions": class.conjunctions,
        "number_tests": class.number_tests,
        "path_entries": class.path_entries,
        "prefix_entries": class.prefix_entries,
        "weak": class.weak.iter().map(|weak| json!({
            "tests": weak.tests,
            "rules": weak.rules,
            "forces": weak.forces,
        })).collect::<Value>(),
        "passed": passed.iter().map(|(rule, count)| json!({"rule": rule, "events": count})).collect::<Value>(),
        "share": share,
    })
}

fn part_json(part: &ClassPart, files: &Files) -> Value {
    json!({
        "class": part.class,
        "event_types": part.event_types,
        "filtered": part.filtered,
        "passes": part.passes,
        "checks": part.checks.iter().map(|check| json!({
            "text": check.text,
            "negated": check.negated,
            "at": place::json(files, check.at),
            "tests": check.tests,
            "why": check.why,
        })).collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{LoadOptions, Source, load};

    fn report(text: &str, show: impl FnOnce(&Report<'_>)) {
        let loaded = load(&[Source::new("f.yaml", text)], &LoadOptions::default());
        let rules = loaded.rules.unwrap();
        let plan = rules.plan();
        let share = ClassShare {
            seen: 10,
            filtered: 9,
        };
        let parts = rules.rules().iter();
        show(&Report {
            passed: HashMap::from([("open", vec![("Bad".to_owned(), 1)])]),
            classes: plan.summary(&rules, &|class| (class == Class::OPEN).then_some(share)),
            rules: parts
                .map(|rule| plan.explain(&loaded.catalog, &rules, rule))
                .collect(),
            files: &loaded.files,
        });
    }

    const RULES: &str = "- rule: Good\n  desc: d\n  output: o\n  priority: error\n  condition: >\n    \
        evt.type = openat and fd.num >= 0 and fd.name = /etc/shadow and not proc.name = cat\n\
        - rule: Bad\n  desc: d\n  output: o\n  priority: error\n  condition: >\n    \
        evt.type = openat and proc.name = cat\n";

    #[test]
    fn the_rule_that_forces_a_class_through_is_named() {
        report(RULES, |report| {
            let text = report.text(false);
            assert!(text.contains("open: 2 conjunctions"), "{text}");
            assert!(
                text.contains("FORCED THROUGH: call is openat\n    for Bad"),
                "{text}"
            );
            assert!(
                !text.contains("Good")
                    && text.contains("filtered 9 of 10")
                    && text.contains("passed 1 for Bad"),
                "{text}"
            );
            let json = report.json();
            assert_eq!(json["classes"][0]["weak"][0]["rules"], json!(["Bad"]));
            assert_eq!(json["classes"][0]["share"]["filtered"], 9);
        });
    }

    #[test]
    fn each_comparison_says_where_it_runs() {
        report(RULES, |report| {
            let text = report.text(true);
            assert!(
                text.contains("passes if succeeds and call is openat and path is /etc/shadow"),
                "{text}"
            );
            assert!(
                text.contains("kernel  fd.num >= 0\n          succeeds  (f.yaml:6)"),
                "{text}"
            );
            assert!(
                text.contains("user    not proc.name = cat\n          the process table"),
                "{text}"
            );
            let checks = &report.json()["rules"][0]["classes"][0]["checks"];
            assert_eq!(checks[2]["tests"], json!(["path is /etc/shadow"]));
            assert_eq!(checks[3]["negated"], true);
        });
    }
}
