//! Places of nodes, limits, and a second reader to agree with.

use super::*;

fn first_value(text: &str, key: &str) -> (String, String) {
    let nodes = parse(text, 0).unwrap();
    let Kind::Sequence(items) = &nodes[0].kind else {
        panic!("no sequence")
    };
    let Kind::Mapping(entries) = &items[0].kind else {
        panic!("no mapping")
    };
    let found = entries
        .iter()
        .find(|(k, _)| k.scalar() == Some(key))
        .unwrap();
    let raw = text
        .get(found.1.span.start as usize..found.1.span.end as usize)
        .unwrap();
    (
        found.1.scalar().unwrap_or("<none>").to_owned(),
        raw.to_owned(),
    )
}

#[test]
fn scalars_keep_their_spelling() {
    let text = "- a: 0.57.0\n  b: 1.10\n  c: yes\n  d: 0x1F\n  e: 'it''s'\n";
    for (key, value) in [("a", "0.57.0"), ("b", "1.10"), ("c", "yes"), ("d", "0x1F")] {
        assert_eq!(first_value(text, key).0, value);
    }
    assert_eq!(
        first_value(text, "e"),
        ("it's".to_owned(), "'it''s'".to_owned())
    );
}

#[test]
fn block_scalars_map_to_the_file() {
    let text = "- condition: >\n    proc.name = a\n    and fd.name = b\n  x: |\n    one\n    two\n";
    let nodes = parse(text, 0).unwrap();
    let Kind::Sequence(items) = &nodes[0].kind else {
        panic!("no sequence")
    };
    let Kind::Mapping(entries) = &items[0].kind else {
        panic!("no mapping")
    };
    for (_, value) in entries {
        let mapped = value.text(text).unwrap();
        for word in ["proc.name", "and", "fd.name", "b", "one", "two"] {
            if let Some(at) = mapped.as_str().find(word) {
                let span = mapped.span(at..at + word.len());
                assert_eq!(
                    text.get(span.start as usize..span.end as usize).unwrap(),
                    word
                );
            }
        }
    }
}

#[test]
fn double_quotes_map_through_escapes() {
    let text = "- c: \"a \\\"b\\\" \\x41 and\\tproc.name\"\n";
    let nodes = parse(text, 0).unwrap();
    let Kind::Sequence(items) = &nodes[0].kind else {
        panic!("no sequence")
    };
    let Kind::Mapping(entries) = &items[0].kind else {
        panic!("no mapping")
    };
    let mapped = entries[0].1.text(text).unwrap();
    let at = mapped.as_str().find("proc.name").unwrap();
    let span = mapped.span(at..at + 9);
    assert_eq!(
        text.get(span.start as usize..span.end as usize).unwrap(),
        "proc.name"
    );
}

#[test]
fn alias_bomb_is_refused() {
    let mut text = String::from("- &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (new, old) in ["b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let aliases = vec![format!("*{old}"); 10].join(", ");
        text = [
            text,
            format!(
                "- &{new} [{aliases}]
"
            ),
        ]
        .concat();
    }
    assert!(parse(&text, 0).is_err());
}

/// Both readers must see the same tree in every rule file.
#[test]
fn serde_yaml_reads_the_same() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = [root.join("rules"), root.join("../shared/rules-upstream")];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| yaml_files(folder))
        .collect();
    files.extend(std::env::var_os("KOMAINU_UPSTREAM_RULES").map(Into::into));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        compare(&text, &file.display().to_string());
    }
    let odd = "- &a {x: 1, y: [yes, 0o7, 1.10, ~, 'it''s', \"\\t\\x41\"]}\n- *a\n- >\n  a\n  b\n\n  c\n- |-\n  x\n   y\n";
    compare(odd, "odd scalars");
}

fn yaml_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|ext| ext == "yaml" || ext == "yml")
        {
            found.push(path);
        }
    }
    found
}

fn compare(text: &str, name: &str) {
    let ours = parse(text, 0).unwrap();
    let theirs: Vec<serde_yaml::Value> = serde_yaml::Deserializer::from_str(text)
        .map(|document| serde_yaml::Value::deserialize(document).unwrap())
        .filter(|document| !document.is_null())
        .collect();
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        same(ours, theirs, name);
    }
}

fn same(ours: &Node, theirs: &serde_yaml::Value, name: &str) {
    use serde_yaml::Value;
    match (&ours.kind, theirs) {
        (Kind::Null, Value::Null) => {}
        (Kind::Scalar(text), Value::String(other)) => assert_eq!(text, other, "{name}"),
        (Kind::Scalar(text), Value::Bool(other)) => {
            assert_eq!(*text, other.to_string(), "{name}");
        }
        (Kind::Scalar(text), Value::Number(other)) => {
            let parsed: Value = serde_yaml::from_str(text).unwrap();
            assert_eq!(parsed, Value::Number(other.clone()), "{name}");
        }
        (Kind::Sequence(ours), Value::Sequence(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{name}");
            ours.iter().zip(theirs).for_each(|(a, b)| same(a, b, name));
        }
        (Kind::Mapping(ours), Value::Mapping(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for ((a_key, a), (b_key, b)) in ours.iter().zip(theirs) {
                same(a_key, b_key, name);
                same(a, b, name);
            }
        }
        other => panic!("{name}: {other:?}"),
    }
}
