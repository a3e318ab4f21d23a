//! The differences that the conformance run lists are on the migration page.

use std::collections::BTreeMap;

use komainu::event::fields::{Availability, find};

use crate::{assert_fresh, root};

const PAGE: &str = "docs/rules/from-falco.md";
const BEGIN: &str = "<!-- generated from agent/tests/conformance/differences.txt -->\n";
const END: &str = "<!-- end -->\n";

/// What is compared, for people. Groups of the list begin with the word before the colon.
const GROUPS: &[(&str, &str)] = &[
    ("parse", "parsing"),
    ("compile", "compiling"),
    ("eval", "conditions"),
    ("extract", "values of fields"),
    ("infer", "event types of a rule"),
    ("load", "loading"),
    ("output", "outputs"),
    ("text", "texts"),
];

fn table() -> String {
    let list = root().join("agent/tests/conformance/differences.txt");
    let list = std::fs::read_to_string(list).unwrap();
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (group, rest) = line.split_once(" | ").unwrap();
        let (_, reason) = rest.rsplit_once(" | ").unwrap();
        let word = group.split(':').next().unwrap();
        let known = GROUPS.iter().find(|(name, _)| *name == word);
        let about = known.unwrap_or_else(|| panic!("no words for {word}")).1;
        let groups = reasons.entry(reason).or_default();
        if !groups.contains(&about) {
            groups.push(about);
        }
    }
    let mut table = "| difference | seen in |\n| --- | --- |\n".to_owned();
    for (reason, groups) in reasons {
        let reason = reason.replace('<', "\\<").replace('|', "\\|");
        table.extend(["| ", &reason, " | ", &groups.join(", "), " |\n"]);
    }
    table
}

#[test]
fn the_migration_page_lists_every_difference() {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has the table");
    let (_, after) = rest.split_once(END).expect("the table ends");
    assert_fresh(PAGE, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

/// What the page says about container fields; when this fails, the page has to say something else.
#[test]
fn the_migration_page_is_right_about_what_is_delivered() {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let rows = [
        ("container.id", true),
        ("container.full_id", true),
        ("container.type", true),
        ("container.start_ts", true),
        ("k8s.pod.uid", true),
        ("container.privileged", false),
        ("container.image.repository", false),
        ("k8s.pod.name", false),
        ("k8s.ns.name", false),
        ("proc.stdin.name", true),
        ("fd.types", true),
    ];
    for (name, delivered) in rows {
        assert!(
            page.contains(&format!("`{name}")),
            "{name} is not on the page"
        );
        let field = find(name).unwrap();
        assert_eq!(field.availability == Availability::Now, delivered, "{name}");
    }
}
