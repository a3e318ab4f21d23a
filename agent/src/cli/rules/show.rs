//! `komainu rules show`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use super::{layout, list, place};
use crate::rules::{Catalog, DefKind, ExceptionText, Files, Rule, RuleSet, Used};

/// Characters of a list or macro that are shown; JSON has all of them.
const MAX_SHOWN: usize = 400;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the rule.
    name: String,
    /// Rule files, or directories of *.yaml and *.yml files, in the order in which they are loaded.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (rules, catalog, files) = super::load(&args.paths)?;
    let shown = Shown {
        rule: find(&rules, &catalog, &args.name)?,
        rules: &rules,
        catalog: &catalog,
        files: &files,
    };
    if args.json {
        super::print_json(&shown.json())?;
    } else {
        super::super::print(&shown.text()?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The rule of this name; an error with names close to it.
pub(super) fn find<'r>(
    rules: &'r RuleSet,
    catalog: &Catalog,
    name: &str,
) -> anyhow::Result<&'r Rule> {
    if let Some(rule) = rules.rules().iter().find(|rule| rule.name == name) {
        return Ok(rule);
    }
    if catalog.rule(name).is_some() {
        bail!("the rule {name:?} is defined, but not evaluated here; `rules check` says why");
    }
    let lower = name.to_lowercase();
    let mut near: Vec<(usize, &str)> = catalog
        .rule_names()
        .map(|known| {
            let contains = known.to_lowercase().contains(&lower);
            let distance = strsim::damerau_levenshtein(known, name);
            (if contains { 0 } else { distance }, known)
        })
        .collect();
    near.sort_unstable();
    let near: Vec<String> = near.iter().take(3).map(|(_, n)| format!("{n:?}")).collect();
    bail!(
        "no rule is called {name:?}; close to it: {}",
        near.join(", ")
    )
}

/// A rule with what it is made of.
struct Shown<'r> {
    rule: &'r Rule,
    rules: &'r RuleSet,
    catalog: &'r Catalog,
    files: &'r Files,
}

impl Shown<'_> {
    fn text(&self) -> anyhow::Result<String> {
        let rule = self.rule;
        let mut out = String::new();
        writeln!(out, "rule: {}", rule.name)?;
        let enabled = if rule.enabled { "yes" } else { "no" };
        writeln!(out, "priority: {}", rule.priority.name())?;
        writeln!(out, "enabled: {enabled}")?;
        writeln!(out, "tags: {}", rule.tags.join(", "))?;
        writeln!(out, "event types: {}", list::types(rule))?;
        write!(out, "desc:\n{}", layout::indented(rule.desc.trim(), 2))?;
        write!(out, "from:\n{}", self.origins(DefKind::Rule, &rule.name, 2))?;
        let written = self.catalog.rule(&rule.name);
        let condition = written.map_or(rule.condition.as_str(), |text| text.condition);
        write!(out, "condition:\n{}", layout::indented(condition, 2))?;
        let exceptions = written.map(|text| text.exceptions()).unwrap_or_default();
        if !exceptions.is_empty() {
            write!(out, "exceptions:\n{}", self.exceptions(&exceptions)?)?;
        }
        let output = written.map_or("", |text| text.output);
        write!(out, "output:\n{}", layout::indented(output, 2))?;
        let uses = self.catalog.uses(&rule.name);
        if !uses.is_empty() {
            out.push_str("macros and lists:\n");
        }
        for used in &uses {
            self.used(used, &mut out)?;
        }
        write!(out, "expanded:\n{}", layout::indented(&self.expanded(), 2))?;
        Ok(out)
    }

    /// The condition with macros, lists and exceptions written out, over several lines.
    fn expanded(&self) -> String {
        let expanded = self.rules.expanded_condition(self.rule);
        expanded.map_or_else(
            || "too large to be shown".to_owned(),
            |expr| layout::condition(&expr),
        )
    }

    fn origins(&self, kind: DefKind, name: &str, by: usize) -> String {
        let rows: Vec<[String; 2]> = self
            .catalog
            .origins(kind, name)
            .iter()
            .map(|origin| [place::text(self.files, origin.at), place::deed(origin)])
            .collect();
        layout::indented(&layout::table(&rows), by)
    }

    fn exceptions(&self, exceptions: &[ExceptionText]) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        for exception in exceptions {
            let at = place::text(self.files, exception.at);
            writeln!(out, "  {}  {at}", exception.name)?;
            let pairs = exception.fields.iter().zip(&exception.comps);
            let pairs: Vec<String> = pairs.map(|(f, c)| format!("{f} {c}")).collect();
            writeln!(out, "    [{}]", pairs.join(", "))?;
            for values in &exception.values {
                writeln!(out, "    - [{}]", values.join(", "))?;
            }
            if exception.values.is_empty() {
                writeln!(out, "    no values, so it has no effect")?;
            }
        }
        Ok(out)
    }

    fn used(&self, used: &Used, out: &mut String) -> std::fmt::Result {
        let by = 2 + 2 * used.depth;
        let pad = " ".repeat(by);
        writeln!(out, "{pad}{} {}", used.kind.name(), used.name)?;
        out.push_str(&self.origins(used.kind, &used.name, by + 2));
        let text = used.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut shown: String = text.chars().take(MAX_SHOWN).collect();
        if shown.len() < text.len() {
            shown.push_str(" ...");
        }
        writeln!(out, "{pad}    {shown}")
    }

    fn json(&self) -> Value {
        let (rule, catalog, files) = (self.rule, self.catalog, self.files);
        let written = catalog.rule(&rule.name);
        let exceptions = written.map(|text| text.exceptions()).unwrap_or_default();
        let exceptions: Vec<Value> = exceptions
            .iter()
            .map(|e| {
                json!({
                    "name": e.name, "at": place::json(files, e.at), "fields": e.fields,
                    "comps": e.comps, "values": e.values,
                })
            })
            .collect();
        let uses = catalog.uses(&rule.name);
        let uses: Vec<Value> = uses.iter().map(|used| self.used_json(used)).collect();
        json!({
            "rule": rule.name,
            "desc": rule.desc,
            "priority": rule.priority.name(),
            "enabled": rule.enabled,
            "source": rule.source,
            "tags": rule.tags,
            "event_types": rule.event_types,
            "matches_all_types": rule.matches_all_types,
            "condition": written.map(|text| text.condition),
            "expanded": self.rules.compiled_condition(rule),
            "output": written.map(|text| text.output),
            "exceptions": exceptions,
            "from": place::origins_json(catalog, files, DefKind::Rule, &rule.name),
            "uses": uses,
        })
    }

    fn used_json(&self, used: &Used) -> Value {
        json!({
            "kind": used.kind.name(),
            "name": used.name,
            "depth": used.depth,
            "text": used.text,
            "from": place::origins_json(self.catalog, self.files, used.kind, &used.name),
        })
    }
}

#[cfg(test)]
mod tests;
