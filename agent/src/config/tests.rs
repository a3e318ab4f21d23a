//! Reading, defaults, positions of errors, reference.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn error(text: &str) -> String {
    parse(Path::new("k.yaml"), text).unwrap_err().to_string()
}

#[test]
fn empty_is_the_default() {
    for text in ["", "\n", "# nothing\n", "{}", "output: {}\n"] {
        assert_eq!(
            parse(Path::new("k"), text).unwrap(),
            Config::default(),
            "{text:?}"
        );
    }
}

#[test]
fn defaults_survive_a_round_trip() {
    // Every default lies within its own range.
    let text = serde_json::to_string(&Config::default()).unwrap();
    assert_eq!(parse(Path::new("k"), &text).unwrap(), Config::default());
}

#[test]
fn values() {
    let text = "rules: [/a, b]\nmatching: all\npriority: warning\noutput:\n  format: text\n  queue: 100\n  redact: ['x(?P<secret>y+)']\nprocesses:\n  max: 1000\n";
    let config = parse(Path::new("k"), text).unwrap();
    assert_eq!(config.rules, [Path::new("/a"), Path::new("b")]);
    assert_eq!(
        (config.matching, config.output.queue),
        (Matching::All, Count(100))
    );
    assert_eq!(config.processes.max.size(), 1000);
    assert!(config.output.redact[0].regex().is_match("xyy"));
}

#[test]
fn switches() {
    for (text, switch) in [
        ("auto", Switch::Auto),
        ("on", Switch::On),
        ("off", Switch::Off),
    ] {
        let text = format!("kubernetes: {{enabled: {text}}}\n");
        let config = parse(Path::new("k"), &text).unwrap();
        assert_eq!(config.kubernetes.enabled, switch);
    }
    assert!(error("kubernetes: {enabled: yes}\n").starts_with("k.yaml:1:"));
}

#[test]
fn addresses() {
    let listen = |text: &str| {
        let text = format!("http: {{listen: '{text}'}}\n");
        parse(Path::new("k"), &text).unwrap().http.listen.0
    };
    assert_eq!(listen(""), None);
    assert_eq!(listen("0.0.0.0:9476"), Some(([0, 0, 0, 0], 9476).into()));
    assert_eq!(listen("[::1]:1").unwrap().port(), 1);
}

#[test]
fn errors_have_a_position() {
    for (text, position, part) in [
        ("nope: 1\n", "k.yaml:1:1: ", "nope"),
        ("matching: sometimes\n", "k.yaml:1:11: ", "sometimes"),
        (
            "output:\n  queue: 3\n",
            "k.yaml:2:10: ",
            "3 is not from 16 to 1000000",
        ),
        (
            "priority: loud\n",
            "k.yaml:1:11: ",
            "is no priority; they are: emergency",
        ),
        ("output:\n  queue: -3\n", "k.yaml:2:10: ", ""),
        ("output:\n  quue: 3\n", "k.yaml:2:3: ", "quue"),
        (
            "output:\n  redact:\n  - ok\n  - '('\n",
            "k.yaml:4:5: ",
            "unclosed group",
        ),
        ("output:\n  redact: ['x*']\n", "k.yaml:2:", "empty text"),
        (
            "kernel:\n  bulk_ring_bytes: 100000\n",
            "k.yaml:2:20: ",
            "100000 is no power of two",
        ),
        (
            "kernel: {lifecycle_ring_bytes: 4096}\n",
            "k.yaml:1:32: ",
            "4096 is not from 65536",
        ),
        (
            "http: {listen: '9476'}\n",
            "k.yaml:1:16: ",
            "\"9476\" is no address with a port",
        ),
        (
            "governor: {shed: [open, exec]}\n",
            "k.yaml:1:25: ",
            "\"exec\" is no class of events that can be done without; these are: open, ",
        ),
        ("output: [\n", "k.yaml:", ""),
        (
            "matching: all\nmatching: first\n",
            "k.yaml:2:1: ",
            "duplicate",
        ),
    ] {
        is_wrong(text, position, part);
    }
}

#[track_caller]
fn is_wrong(text: &str, position: &str, part: &str) {
    let message = error(text);
    assert!(
        message.starts_with(position) && message.contains(part),
        "{text:?}: {message}"
    );
}

#[test]
fn errors_about_sinks_have_a_position() {
    for (text, position, part) in [
        (
            "throttle: {keys: [proc.exepath, proc.nope]}\n",
            "k.yaml:1:33: ",
            "\"proc.nope\" is no field",
        ),
        (
            "webhook: {url: 'logs.example'}\n",
            "k.yaml:1:16: ",
            "is no URL that begins with http:// or https://",
        ),
        (
            "webhook: {url: 'http://a:b@c/'}\n",
            "k.yaml:1:16: ",
            "token_file",
        ),
        (
            "webhook: {headers: {Authorization: x}}\n",
            "k.yaml:1:",
            "use token_file",
        ),
        (
            "syslog: {address: 'logs:514'}\n",
            "k.yaml:1:19: ",
            "is none of udp://HOST:PORT",
        ),
        (
            "syslog: {facility: loud}\n",
            "k.yaml:1:20: ",
            "is no facility; they are: kern, ",
        ),
    ] {
        is_wrong(text, position, part);
    }
}

#[test]
fn files() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.yaml");
    assert!(
        read(&file)
            .unwrap_err()
            .to_string()
            .starts_with("cannot read configuration file /")
    );
    assert!(matches!(read(dir.path()), Err(ConfigError::Read { .. })));
    std::fs::write(&file, "#".repeat(1 + usize::try_from(MAX_FILE).unwrap())).unwrap();
    assert!(matches!(read(&file), Err(ConfigError::Read { .. })));
    std::fs::write(&file, b"matching: \xff").unwrap();
    assert!(matches!(read(&file), Err(ConfigError::Read { .. })));
}

#[test]
fn bombs() {
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nrules: [*c,*c,*c]\n";
    assert!(parse(Path::new("k"), laughs).is_err());
    assert!(parse(Path::new("k"), &"[".repeat(100_000)).is_err());
}

#[test]
fn reference_names_every_key() {
    let page = markdown();
    let value = serde_json::to_value(Config::default()).unwrap();
    let mut keys = 0;
    for (name, value) in value.as_object().unwrap() {
        let nested = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| format!("`{name}.{key}`"));
        let own = (!value.is_object()).then(|| format!("`{name}`"));
        for key in nested.chain(own) {
            keys += 1;
            assert!(page.contains(&format!("| {key} |")), "{key}");
        }
    }
    assert_eq!(
        page.lines().filter(|line| line.starts_with("| `")).count(),
        keys
    );
    assert!(page.contains("| `processes.max` | `32768` | Processes known at most"));
}

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,200}") {
        drop(parse(Path::new("k"), &text));
    }
}
