//! What `rules why` prints.

use serde_json::{Value, json};

use crate::cli::rules::{layout, place};
use crate::rules::{Explanation, Files, Outcome, Rule, Seen, Step, Tree};

/// Characters of one value that are shown.
const MAX_VALUE: usize = 120;
/// Characters of one comparison that are shown.
const MAX_TEXT: usize = 72;

/// An explanation with what it is about.
pub(super) struct Report<'r> {
    pub(super) rule: &'r Rule,
    pub(super) explanation: &'r Explanation,
    pub(super) event_type: &'r str,
    /// What the alert says if the rule fires.
    pub(super) output: &'r str,
    pub(super) files: &'r Files,
}

impl Report<'_> {
    /// For people: the parts that decide, or with `all` every part.
    pub(super) fn text(&self, all: bool) -> String {
        let mut out = format!("{}\n", self.verdict());
        for tree in &self.explanation.trees {
            if !tree.root.holds {
                out.push_str(&self.because(tree));
            }
        }
        for tree in &self.explanation.trees {
            out.extend(["\ncondition", self.reading(tree), ":\n"]);
            let mut rows = Vec::new();
            rows_of(&tree.root, 0, all, &mut rows);
            out.push_str(&layout::indented(&layout::table(&rows), 2));
        }
        if self.explanation.outcome == Outcome::Fires {
            out.extend(["\noutput:\n  ", self.output, "\n"]);
        }
        out
    }

    /// The outcome in one sentence.
    fn verdict(&self) -> String {
        let (name, ty) = (&self.rule.name, self.event_type);
        match &self.explanation.outcome {
            Outcome::Fires => format!("\"{name}\" fires for this {ty}."),
            Outcome::Later(first) => format!(
                "\"{name}\" holds for this {ty}, but \"{first}\" holds too and comes earlier, so with \
                 `matching: first` only that one is reported."
            ),
            Outcome::Disabled => {
                let holds = self.explanation.trees.iter().any(|tree| tree.root.holds);
                let would = if holds {
                    "would hold"
                } else {
                    "would not hold either"
                };
                format!("\"{name}\" does not fire: it is disabled. Its condition {would}.")
            }
            Outcome::LeftOut => format!("\"{name}\" does not fire: it is not evaluated here."),
            Outcome::OtherType => format!(
                "\"{name}\" does not fire: it is not about {ty} events, but about: {}.",
                self.rule.event_types.join(", ")
            ),
            Outcome::DoesNotHold => {
                format!("\"{name}\" does not fire: its condition does not hold for this {ty}.")
            }
        }
    }

    fn reading(&self, tree: &Tree) -> &'static str {
        let several = self.explanation.trees.len() > 1;
        match (tree.resolved, several) {
            (true, _) => ", read with the kernel's path of the file",
            (false, true) => ", read with the path that the program asked for",
            (false, false) => "",
        }
    }

    /// The comparisons that keep the condition from holding.
    fn because(&self, tree: &Tree) -> String {
        let mut blamed = Vec::new();
        blame(&tree.root, None, &mut blamed);
        let rows: Vec<[String; 3]> = blamed
            .iter()
            .map(|(exception, step)| {
                let exception = exception.map(|name| format!("exception {name}: "));
                let not = if step.holds { "holds: " } else { "" };
                let text = shorten(&step.text);
                let line = format!("{}{not}{text}", exception.unwrap_or_default());
                [place::text(self.files, step.at), line, saw(step)]
            })
            .collect();
        let list = layout::indented(&layout::table(&rows), 2);
        format!("because{}:\n{list}", self.reading(tree))
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let (outcome, earlier) = match &self.explanation.outcome {
            Outcome::Fires => ("fires", None),
            Outcome::Later(first) => ("earlier_rule_wins", Some(first)),
            Outcome::Disabled => ("disabled", None),
            Outcome::LeftOut => ("left_out", None),
            Outcome::OtherType => ("other_event_type", None),
            Outcome::DoesNotHold => ("does_not_hold", None),
        };
        let trees: Vec<Value> = self
            .explanation
            .trees
            .iter()
            .map(|tree| {
                let reading = if tree.resolved { "resolved" } else { "asked" };
                json!({ "reading": reading, "condition": self.step(&tree.root) })
            })
            .collect();
        json!({
            "rule": self.rule.name,
            "at": place::json(self.files, self.rule.at),
            "event_type": self.event_type,
            "rule_event_types": self.rule.event_types,
            "outcome": outcome,
            "earlier_rule": earlier,
            "explanation": self.verdict(),
            "readings": trees,
            "output": self.output,
        })
    }

    fn step(&self, step: &Step) -> Value {
        let seen: Vec<Value> = step.seen.iter().map(seen_json).collect();
        let parts: Vec<Value> = step.parts.iter().map(|part| self.step(part)).collect();
        json!({
            "kind": step.kind,
            "text": step.text,
            "at": place::json(self.files, step.at),
            "holds": step.holds,
            "seen": seen,
            "parts": parts,
        })
    }
}

fn seen_json(seen: &Seen) -> Value {
    json!({
        "what": seen.what,
        "values": seen.values,
        "more": seen.more,
        "absent": seen.values.is_empty(),
        "why_absent": seen.absent,
    })
}

/// The comparisons that make the part what it is: below a false conjunction its false parts, below a
/// true one all of them, and so on.
fn blame<'s>(
    step: &'s Step,
    exception: Option<&'s str>,
    out: &mut Vec<(Option<&'s str>, &'s Step)>,
) {
    if step.kind == "check" {
        out.push((exception, step));
        return;
    }
    let exception = match step.kind {
        "exception" => Some(step.text.as_str()),
        _ => exception,
    };
    let negated = step.kind == "not";
    let wanted = step.holds != negated;
    let parts = step.parts.iter().filter(|part| part.holds == wanted);
    parts.for_each(|part| blame(part, exception, out));
}

/// A row for a part and, below it, those of its parts that decide, or all of them.
fn rows_of(step: &Step, depth: usize, all: bool, rows: &mut Vec<[String; 3]>) {
    let verdict = if step.holds { "yes" } else { "no" };
    let pad = "  ".repeat(depth);
    // A negation stands on the line of what it negates.
    let (before, inner) = match (step.kind, step.parts.as_slice()) {
        ("not", [inner]) => ("not ", inner),
        _ => ("", step),
    };
    let what = match inner.kind {
        "check" => shorten(&inner.text),
        "all" => "all of".to_owned(),
        "any" => "any of".to_owned(),
        "not" => "not".to_owned(),
        kind => format!("{kind} {}", inner.text),
    };
    // What a negation that holds denies is beside the point.
    let closed = !all && !before.is_empty() && step.holds && !inner.parts.is_empty();
    let dots = if closed { " ..." } else { "" };
    let saw = match inner.kind {
        "check" => saw(inner),
        _ => String::new(),
    };
    let row = format!("{pad}{before}{what}{dots}");
    rows.push([verdict.to_owned(), row, saw]);
    if closed {
        return;
    }
    for part in &inner.parts {
        let decides = all || part.holds == inner.holds || part.parts.is_empty();
        if decides {
            rows_of(part, depth + 1, all, rows);
        } else {
            summary(part, depth + 1, rows);
        }
    }
}

/// One row for a part that does not decide.
fn summary(step: &Step, depth: usize, rows: &mut Vec<[String; 3]>) {
    let first = rows.len();
    rows_of(step, depth, false, rows);
    let cut = rows.len() > first + 1;
    rows.truncate(first + 1);
    if let Some([_, what, _]) = rows.last_mut().filter(|_| cut) {
        what.push_str(" ...");
    }
}

/// A comparison, cut to what fits beside its values.
fn shorten(text: &str) -> String {
    let shown: String = text.chars().take(MAX_TEXT).collect();
    let dots = if shown.len() < text.len() { "..." } else { "" };
    shown + dots
}

/// What a comparison saw, in words.
fn saw(step: &Step) -> String {
    let one = |seen: &Seen| {
        let values: Vec<String> = seen.values.iter().map(|value| cut(value)).collect();
        match (values.as_slice(), seen.absent) {
            ([], None) => format!("{} is absent", seen.what),
            ([], Some(why)) => format!("{} is absent ({why})", seen.what),
            (values, _) => {
                let more = match seen.more {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("{} = {}{more}", seen.what, values.join(", "))
            }
        }
    };
    step.seen.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A value on one line, cut, in quotes unless it is a plain word.
fn cut(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._:-+@".contains(c);
    if !value.is_empty() && value.len() <= MAX_VALUE && value.chars().all(plain) {
        return value.to_owned();
    }
    let shown: String = value.chars().take(MAX_VALUE).collect();
    let dots = if shown.len() < value.len() { "..." } else { "" };
    format!("{shown:?}{dots}")
}
