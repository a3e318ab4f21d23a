//! `deploy/pipelines`: the examples that no collector runs here are read as their collectors read them, set only what those
//! have, and what they name of themselves is there. That for rsyslog is run, by `cargo xtask test`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::root;

/// What the examples may set, by component.
const KNOWN: &str = include_str!("collectors.txt");

fn example(path: &str) -> String {
    std::fs::read_to_string(root().join("deploy/pipelines").join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&example(path)).unwrap()
}

fn known() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let lines = KNOWN.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter_map(|line| line.split_once(':'));
    lines
        .map(|(component, options)| (component, options.split_whitespace().collect()))
        .collect()
}

/// Components and what is set of each.
type Settings = Vec<(String, Vec<String>)>;

#[track_caller]
fn assert_known(collector: &str, settings: &Settings) {
    let known = known();
    let mut used = BTreeSet::new();
    for (component, options) in settings {
        let component = format!("{collector} {component}");
        let Some(has) = known.get(component.as_str()) else {
            panic!("there is no {component}");
        };
        for option in options {
            assert!(has.contains(option.as_str()), "{component} has no {option}");
        }
        used.insert(component);
    }
    let begin = format!("{collector} ");
    for component in known.keys().filter(|name| name.starts_with(&begin)) {
        assert!(used.contains(*component), "{component} is not used");
    }
}

/// Keys of an object, with those of objects in it behind a dot.
fn keys(value: &Value, before: &str) -> Vec<String> {
    let object = value.as_object().unwrap().iter();
    let of = |(key, value): (&String, &Value)| match value {
        Value::Object(_) => keys(value, &format!("{before}{key}.")),
        _ => vec![format!("{before}{key}")],
    };
    object.flat_map(of).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

#[test]
fn fluent_bit() {
    let config = yaml("fluent-bit/fluent-bit.yaml");
    assert_eq!(keys(&config, "").len(), 1 + 3, "parsers and the pipeline");
    let mut settings: Settings = list(&config, "parsers")
        .map(|parser| ("parsers".into(), keys(parser, "")))
        .collect();
    for section in ["inputs", "filters", "outputs"] {
        let plugins = list(&config["pipeline"], section);
        settings.extend(plugins.map(|plugin| {
            let component = format!("{section} {}", text(plugin, "name"));
            (component, keys(plugin, ""))
        }));
    }
    assert_known("fluent-bit", &settings);
    let tags: Vec<&str> = list(&config["pipeline"], "inputs")
        .map(|input| text(input, "tag"))
        .collect();
    let parsers: Vec<&str> = list(&config, "parsers")
        .map(|parser| text(parser, "name"))
        .collect();
    for section in ["filters", "outputs"] {
        for plugin in list(&config["pipeline"], section) {
            assert!(tags.contains(&text(plugin, "match")), "{plugin}");
            if let Some(parser) = plugin["parser"].as_str() {
                assert!(parsers.contains(&parser), "{plugin}");
            }
        }
    }
}

#[test]
fn vector() {
    let config = yaml("vector/vector.yaml");
    let (mut settings, mut names, mut inputs) = (Settings::new(), Vec::new(), Vec::new());
    for section in ["sources", "transforms", "sinks"] {
        for (name, component) in config[section].as_object().unwrap() {
            let kind = format!("{section} {}", text(component, "type"));
            settings.push((kind, keys(component, "")));
            inputs.extend(list(component, "inputs").map(|input| input.as_str().unwrap()));
            if section != "sinks" {
                names.push(name.as_str());
            }
        }
    }
    assert_known("vector", &settings);
    inputs.sort_unstable();
    inputs.dedup();
    names.sort_unstable();
    assert_eq!(names, inputs, "everything is read, and nothing else");
}

#[test]
fn promtail() {
    let config = yaml("loki/promtail.yaml");
    let top: Vec<&str> = config
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(top, ["clients", "positions", "scrape_configs", "server"]);
    let mut settings: Settings = vec![
        ("server".into(), keys(&config["server"], "")),
        ("positions".into(), keys(&config["positions"], "")),
    ];
    let own = |value: &Value| value.as_object().unwrap().keys().cloned().collect();
    settings.extend(list(&config, "clients").map(|client| ("clients".into(), own(client))));
    let mut stages = Vec::new();
    for scrape in list(&config, "scrape_configs") {
        settings.push(("scrape_configs".into(), own(scrape)));
        let targets = list(scrape, "static_configs");
        settings.extend(targets.map(|target| ("static_configs".into(), own(target))));
        for stage in list(scrape, "pipeline_stages") {
            let (name, value) = stage.as_object().unwrap().iter().next().unwrap();
            stages.push(name.as_str());
            // These two have names of labels.
            if !matches!(name.as_str(), "labels" | "labeldrop") {
                settings.push((name.clone(), own(value)));
            }
        }
    }
    assert_known("promtail", &settings);
    let order = ["cri", "drop", "json", "timestamp", "labels", "labeldrop"];
    assert_eq!(stages, order, "parts are put together first");
}

/// A section of a file in blocks: its name, and what is set in it itself.
#[derive(Debug, Default)]
struct Section {
    name: String,
    set: Vec<(String, String)>,
}

/// `<name argument>`, `@type type`, `option value`, `</name>`.
fn fluentd_sections(text: &str) -> Vec<Section> {
    let (mut open, mut done) = (Vec::<Section>::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("</") {
            let section = open.pop().expect("a section that was opened");
            assert_eq!(section.name, name.trim_end_matches('>'), "closed in order");
            done.push(section);
        } else if let Some(name) = line.strip_prefix('<') {
            let name = name.strip_suffix('>').unwrap().split(' ').next();
            open.push(Section {
                name: name.unwrap().into(),
                ..Section::default()
            });
        } else {
            let (option, value) = line.split_once(' ').expect("an option with a value");
            let section = open.last_mut().expect("an option in a section");
            section.set.push((option.into(), value.trim().into()));
        }
    }
    assert!(open.is_empty(), "{open:?}");
    done
}

#[test]
fn fluentd() {
    let sections = fluentd_sections(&example("fluentd/fluent.conf"));
    let settings = sections.iter().map(|section| {
        let mut of = section.set.iter();
        let kind = of.find(|(option, _)| option == "@type");
        let name = kind.map_or(section.name.clone(), |(_, kind)| {
            format!("{} {kind}", section.name)
        });
        let options = section.set.iter().map(|(option, _)| option.clone());
        (name, options.filter(|option| option != "@type").collect())
    });
    assert_known("fluentd", &settings.collect());
}

/// `name "label" {`, `option = value`, `}`; a value may be of several lines.
fn alloy_sections(text: &str) -> Vec<Section> {
    let (mut open, mut done) = (Vec::<Section>::new(), Vec::new());
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line == "}" {
            done.push(open.pop().expect("a block that was opened"));
        } else if let Some((option, value)) = line.split_once(" = ") {
            let mut value = value.to_owned();
            while value.matches(['{', '[']).count() > value.matches(['}', ']']).count() {
                value += lines.next().expect("an end of the value");
            }
            let block = open.last_mut().expect("an option in a block");
            block.set.push((option.trim().into(), value));
        } else {
            let name = line.strip_suffix(" {").expect("a block");
            open.push(Section {
                name: name.into(),
                ..Section::default()
            });
        }
    }
    assert!(open.is_empty(), "{open:?}");
    done
}

#[test]
fn alloy() {
    let sections = alloy_sections(&example("loki/config.alloy"));
    let name = |section: &Section| section.name.split(' ').next().unwrap().to_owned();
    let options = |section: &Section| -> Vec<String> {
        let options = section.set.iter().map(|(option, _)| option.clone());
        options.collect()
    };
    let settings = sections
        .iter()
        .map(|section| (name(section), options(section)));
    assert_known("alloy", &settings.collect());
    // `loki.process "komainu"` is `loki.process.komainu` to others.
    let exported: Vec<String> = sections
        .iter()
        .filter_map(|section| section.name.split_once(' '))
        .map(|(name, label)| format!("{name}.{}", label.trim_matches('"')))
        .collect();
    let set = sections.iter().flat_map(|section| &section.set);
    let mut named = 0;
    for (option, value) in set.filter(|(option, _)| option == "forward_to" || option == "targets") {
        let path = value.trim_matches(['[', ']']).rsplit_once('.').unwrap().0;
        assert!(
            exported.iter().any(|name| name == path),
            "{option}: {value}"
        );
        named += 1;
    }
    assert_eq!(named, 3);
}

#[test]
fn what_is_unknown_or_open_is_found() {
    let settings = vec![("parsers".to_owned(), vec!["time_kepe".to_owned()])];
    let found = std::panic::catch_unwind(|| assert_known("fluent-bit", &settings));
    assert!(found.is_err());
    let open = std::panic::catch_unwind(|| fluentd_sections("<source>\n  @type tail\n"));
    assert!(open.is_err());
    let crossed = std::panic::catch_unwind(|| fluentd_sections("<a>\n<b>\n</a>\n</b>\n"));
    assert!(crossed.is_err());
}
