//! Random conditions over everything that the plan maps.

use proptest::prelude::*;
use proptest::sample::select;

/// Paths that conditions name and calls use.
pub(crate) const PATHS: &[&str] = &[
    "/etc/shadow",
    "/etc",
    "/etc/",
    "/etc/sudoers.d/x",
    "/etc/sudoers.d",
    "/etc/ssh/ssh_host_rsa_key",
    "/root/.ssh/id_rsa",
    "/home/a/.aws/credentials",
    "/tmp/link",
    "/proc/1/environ",
    "/dev/sda1",
    "/dev/sda",
    "/",
    "/x",
    "/run/docker.sock",
];

/// What programs pass beside them.
pub(crate) const ODD_PATHS: &[&str] = &[
    "",
    ".",
    "shadow",
    "./shadow",
    "../etc/shadow",
    "/etc/../etc/shadow",
    "/etc//shadow",
    "//etc/shadow/",
    "/etc/./shadow",
    "/tmp/../etc/sudoers.d/x/..",
    "/tmp/a..b",
    "sudoers.d/x",
    "../../x",
];

/// Prefixes, suffixes, patterns and words.
const WORDS: &[&str] = &[
    "/etc/",
    "/et",
    "/etc",
    "/",
    "",
    "shadow",
    "/shadow",
    "d",
    "/.ssh/",
    "..",
    "../",
    "/..",
    "x",
    "link",
    "/docker.sock",
    "_rsa",
    "key",
    "ow",
    "/ssh/ssh_",
    "/.ssh/id",
    "/proc/1/env",
    "docker",
    "host",
    "SUCCESS",
    "ENOENT",
    "E",
    "file",
    "directory",
    "f",
    "o",
    "d",
    "4",
    "6",
    "u",
    "ipv4",
    "ipv6",
    "unix",
    "ip",
    "tcp",
    "<NA>",
    "openat",
    "nginx",
    "exec",
    "bash -i",
];

const GLOBS: &[&str] = &[
    "/etc/*",
    "/dev/sd[a-z]*",
    "*/shadow",
    "/proc/*/environ",
    "*../*",
    "*",
    "/etc/ssh/ssh_host_*_key",
    "/[e]tc/shadow",
    "*/run/*.sock",
    "*/ssh_host_*_key",
    "*/.ssh/*",
    "*/su*s.d/*",
    "/e?c/shadow",
    "/proc/[0-9]*/environ*",
    "/[ex]*",
];

const FLAGS: &[&str] = &[
    "O_TRUNC",
    "O_CREAT",
    "O_RDONLY",
    "O_WRONLY",
    "O_RDWR",
    "O_F_CREATED",
    "O_",
    "SYNC",
    "O_NONE",
    "O_TMPFILE",
    "FD_UPPER",
    "O_DIRECTORY",
    "o_trunc",
    "|",
    "O_CLOEXEC",
];

const TEXT_FIELDS: &[&str] = &[
    "fd.name",
    "fd.name",
    "fd.name",
    "fd.directory",
    "fd.filename",
    "fd.nameraw",
    "fd.resolved",
    "fs.path.name",
    "fs.path.nameraw",
    "evt.arg.name",
    "evt.arg[1]",
    "evt.abspath",
    "basename(fd.name)",
    "tolower(fd.name)",
    "fd.type",
    "fd.typechar",
    "fd.sockfamily",
    "fd.l4proto",
    "evt.res",
    "evt.arg.res",
    "evt.category",
    "container.id",
    "container.full_id",
    "container.type",
    "container.name",
    "container.image.repository",
    "k8s.ns.name",
    "proc.name",
    "user.name",
    "session.kind",
    "session.cmdline",
];

fn quoted(word: &str) -> String {
    String::from_utf8_lossy(&komainu::rules::syntax::quote(word.as_bytes())).into_owned()
}

fn constant() -> BoxedStrategy<String> {
    prop_oneof![select(PATHS), select(WORDS), select(ODD_PATHS)]
        .prop_map(quoted)
        .boxed()
}

fn constants() -> BoxedStrategy<String> {
    prop::collection::vec(constant(), 0..5)
        .prop_map(|all| all.join(", "))
        .boxed()
}

fn texts() -> BoxedStrategy<String> {
    let field = select(TEXT_FIELDS);
    let op = select(vec![
        "=",
        "=",
        "!=",
        "contains",
        "icontains",
        "startswith",
        "startswith",
        "endswith",
        "endswith",
    ]);
    let modifier = select(vec!["oneof", "anyof", "allof"]);
    let glob = (
        select(vec!["glob", "iglob"]),
        select(GLOBS).prop_map(quoted),
    );
    prop_oneof![
        4 => (field.clone(), op.clone(), constant()).prop_map(|(f, op, c)| format!("{f} {op} {c}")),
        2 => (field.clone(), select(vec!["in", "pmatch"]), constants())
            .prop_map(|(f, op, l)| format!("{f} {op} ({l})")),
        1 => (field.clone(), op, modifier, constants())
            .prop_map(|(f, op, m, l)| format!("{f} {op} {m} ({l})")),
        1 => (field.clone(), glob).prop_map(|(f, (op, g))| format!("{f} {op} {g}")),
        1 => field.prop_map(|f| format!("{f} exists")),
    ]
    .boxed()
}

fn numbers() -> BoxedStrategy<String> {
    let field = select(vec![
        "evt.rawres",
        "fd.num",
        "fd.sport",
        "fd.rport",
        "fd.port",
        "evt.rawarg.flags",
        "user.uid",
    ]);
    let op = select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let number = select(vec!["-2", "-1", "0", "3", "443", "6443", "65535"]);
    let unsigned = |f: &str| f.contains("port") || f.contains("uid") || f.contains("rawarg");
    let single = (field.clone(), op, number.clone());
    let list = prop::collection::vec(number, 1..4);
    prop_oneof![
        single.prop_map(move |(f, op, n)| {
            let n = if unsigned(f) {
                n.trim_start_matches('-')
            } else {
                n
            };
            format!("{f} {op} {n}")
        }),
        (field, list).prop_map(move |(f, list)| {
            let trim = |n: &&'static str| {
                if unsigned(f) {
                    n.trim_start_matches('-')
                } else {
                    n
                }
            };
            format!(
                "{f} in ({})",
                list.iter().map(trim).collect::<Vec<_>>().join(", ")
            )
        }),
    ]
    .boxed()
}

fn others() -> BoxedStrategy<String> {
    let flag = select(vec![
        "evt.failed",
        "evt.is_open_read",
        "evt.is_open_write",
        "evt.is_open_exec",
        "evt.is_open_create",
        "container.privileged",
        "container.host_pid",
        "session.tty",
    ]);
    let truth = select(vec!["true", "false"]);
    let ip = select(vec!["fd.sip", "fd.rip", "fd.ip", "fd.lip", "fd.cip"]);
    let address = select(vec![
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "\"::1\"",
        "\"fd00::1\"",
    ]);
    let net = select(vec!["fd.snet", "fd.rnet", "fd.net"]);
    let range = select(vec![
        "10.0.0.0/8",
        "0.0.0.0/0",
        "169.254.0.0/16",
        "\"fd00::/8\"",
    ]);
    let eq = select(vec!["=", "!="]);
    let types = prop::collection::vec(
        select(vec!["open", "openat", "openat2", "creat", "connect"]),
        1..4,
    );
    let contains = select(vec!["contains", "icontains", "="]);
    prop_oneof![
        3 => (flag, eq.clone(), truth).prop_map(|(f, op, t)| format!("{f} {op} {t}")),
        2 => (ip.clone(), eq.clone(), address.clone()).prop_map(|(f, op, a)| format!("{f} {op} {a}")),
        1 => (ip, prop::collection::vec(address, 1..3))
            .prop_map(|(f, l)| format!("{f} in ({})", l.join(", "))),
        2 => (net, eq, range).prop_map(|(f, op, r)| format!("{f} {op} {r}")),
        2 => types.prop_map(|types| format!("evt.type in ({})", types.join(", "))),
        3 => (contains, select(FLAGS)).prop_map(|(op, f)| format!("evt.arg.flags {op} {}", quoted(f))),
        1 => select(vec!["evt.type.is.openat = 1", "evt.num = 0", "fd.name = val(fd.resolved)", "evt.dir = <"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

fn comparison() -> BoxedStrategy<String> {
    prop_oneof![
        5 => texts(),
        2 => numbers(),
        3 => others(),
        1 => Just("fd.name in (l)".to_owned()),
    ]
    .boxed()
}

/// A condition. `m` is a macro, `l` a list.
fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 2..5)
                .prop_map(|all| format!("({})", all.join(" and "))),
            2 => prop::collection::vec(inner.clone(), 2..5)
                .prop_map(|any| format!("({})", any.join(" or "))),
            1 => inner.prop_map(|one| format!("not {one}")),
        ]
    })
}

/// Rules over a macro and a list: one with exceptions, one that is a plain conjunction, as most are.
pub(crate) fn rule_file() -> impl Strategy<Value = String> {
    let pair = (select(PATHS), select(vec!["nginx", "cat"]));
    let values = prop::collection::vec(pair, 0..3);
    let list = prop::collection::vec(select(PATHS), 0..4).prop_map(|paths| paths.join(", "));
    let plain = prop::collection::vec(comparison(), 2..4).prop_map(|all| all.join(" and "));
    let parts = (condition(), condition(), condition(), plain, list, values);
    parts.prop_map(|(shared, first, second, plain, list, values)| {
        let text = |condition: &str| serde_json::to_string(condition).unwrap();
        let values: Vec<String> = values
            .iter()
            .map(|(path, name)| format!("[{}, {name}]", text(path)))
            .collect();
        let rule = |name: &str, condition: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  priority: INFO\n  output: o\n  warn_evttypes: false\n  \
                 condition: {}\n",
                text(condition)
            )
        };
        let exceptions = format!(
            "  exceptions:\n  - name: e\n    fields: [fd.name, proc.name]\n    comps: [startswith, =]\n    \
             values: [{}]\n",
            values.join(", ")
        );
        [
            format!("- list: l\n  items: [{list}]\n"),
            format!("- macro: m\n  condition: {}\n", text(&shared)),
            rule("r", &format!("{first} and not m")),
            exceptions,
            rule("s", &format!("m or {second}")),
            rule("t", &plain),
        ]
        .concat()
    })
}
