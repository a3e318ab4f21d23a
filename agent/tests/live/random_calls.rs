//! Random rules about calls that are no opens: those that the act `calls` makes.

use proptest::prelude::*;
use proptest::sample::select;

fn quoted(word: &str) -> String {
    String::from_utf8_lossy(&komainu::rules::syntax::quote(word.as_bytes())).into_owned()
}

/// Types of the events that [`call_file`] is about.
const CALL_TYPES: &[&str] = &[
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmodat",
    "unshare",
    "socket",
    "socketpair",
    "bind",
    "listen",
    "accept4",
];

const CALL_FIELDS: &[&str] = &[
    "fs.path.name",
    "fs.path.name",
    "fs.path.nameraw",
    "fs.path.source",
    "fs.path.source",
    "fs.path.target",
    "fs.path.target",
    "evt.arg.oldpath",
    "evt.arg.newpath",
    "evt.arg.linkpath",
    "evt.arg.path",
    "evt.arg.target",
    "evt.res",
    "container.id",
    "proc.name",
];

const CALL_WORDS: &[&str] = &[
    "/tmp/komainu-calls/a",
    "/tmp/komainu-calls/b",
    "/tmp/komainu-calls/d",
    "/tmp/komainu-calls/missing",
    "/tmp/komainu-calls",
    "/tmp/",
    "/a",
    "a",
    "/etc/shadow",
    "shadow",
    "komainu-calls/",
    "calls",
    "..",
    "SUCCESS",
    "ENOENT",
    "EEXIST",
    "E",
    "host",
    "unlink",
    "ipv4",
];

fn call_comparison() -> BoxedStrategy<String> {
    let word = select(CALL_WORDS).prop_map(quoted).boxed();
    let words = prop::collection::vec(word.clone(), 1..5).prop_map(|all| all.join(", "));
    let op = select(vec![
        "=",
        "=",
        "!=",
        "contains",
        "startswith",
        "startswith",
        "endswith",
        "endswith",
    ]);
    let field = select(CALL_FIELDS);
    let number = (
        select(vec!["=", "<", ">=", "!="]),
        select(vec!["-17", "-2", "0", "3"]),
    );
    let flag = select(vec!["CLONE_NEWUTS", "CLONE_NEWUSER", "CLONE_"]);
    let types = prop::collection::vec(select(CALL_TYPES), 1..6).prop_map(|types| types.join(", "));
    prop_oneof![
        6 => (field.clone(), op, word).prop_map(|(f, op, w)| format!("{f} {op} {w}")),
        3 => (field, select(vec!["in", "pmatch"]), words).prop_map(|(f, op, w)| format!("{f} {op} ({w})")),
        2 => number.prop_map(|(op, n)| format!("evt.rawres {op} {n}")),
        1 => select(vec!["evt.failed = true", "evt.failed = false", "user.uid = 0", "user.uid != 0"])
            .prop_map(str::to_owned),
        1 => flag.prop_map(|flag| format!("evt.arg.flags contains {flag}")),
        3 => types.prop_map(|types| format!("evt.type in ({types})")),
    ]
    .boxed()
}

/// Rules about calls that are no opens.
pub(crate) fn call_file() -> impl Strategy<Value = String> {
    let condition = call_comparison().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|all| format!("({})", all.join(" and "))),
            1 => prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|any| format!("({})", any.join(" or "))),
            1 => inner.prop_map(|one| format!("not {one}")),
        ]
    });
    prop::collection::vec(condition, 3).prop_map(|conditions| {
        let rules = conditions.iter().zip(["r", "s", "t"]).map(|(condition, name)| {
            let types = CALL_TYPES.join(", ");
            let condition = format!("evt.type in ({types}) and {condition}");
            let condition = serde_json::to_string(&condition).unwrap();
            format!(
                "- rule: {name}\n  desc: d\n  priority: INFO\n  output: o\n  warn_evttypes: false\n  \
                 condition: {condition}\n"
            )
        });
        rules.collect::<String>()
    })
}
