//! What formats other than Falco's need of an event, whatever the rule's output names.

use std::sync::LazyLock;

use bumpalo::Bump;
use serde_json::Value;

use super::Redactor;
use super::alert::value_bytes;
use crate::event::fields::{self, Field, FieldArg, Getter, Scope};
use crate::event::{Event, World};
use crate::rules::Rule;

/// Fields that are collected, where the event has them.
pub(super) const NAMES: &[&str] = &[
    "evt.type",
    "evt.category",
    "evt.res",
    "evt.is_open_write",
    "evt.is_open_create",
    "proc.pid",
    "proc.vpid",
    "proc.pid.ts",
    "proc.name",
    "proc.exepath",
    "proc.cmdline",
    "proc.cwd",
    "thread.tid",
    "proc.ppid",
    "proc.pname",
    "proc.pexepath",
    "proc.pcmdline",
    "user.uid",
    "user.name",
    "group.gid",
    "group.name",
    "fd.type",
    "fd.name",
    "fd.ino",
    "fs.path.name",
    "fs.path.source",
    "fs.path.target",
    "fd.cip",
    "fd.cport",
    "fd.sip",
    "fd.sport",
    "fd.lip",
    "fd.lport",
    "fd.rip",
    "fd.rport",
    "fd.l4proto",
    "fd.is_server",
    "container.privileged",
    "container.image.repository",
    "container.image.tag",
];

/// Arguments of a process at most, the first included.
pub(super) const MAX_ARGS: usize = 64;

static FIELDS: LazyLock<Vec<&'static Field>> =
    LazyLock::new(|| NAMES.iter().filter_map(|name| fields::find(name)).collect());

/// Values of the [fields](NAMES) that the event has, and what else the formats need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Description of the rule.
    pub(super) description: String,
    pub(super) values: Vec<(&'static str, Value)>,
    /// Arguments one by one, from `argv[0]`; empty where unknown, or where a secret was among them.
    pub(super) args: Vec<String>,
}

impl Facts {
    /// Reads them off an event.
    pub fn of(event: &Event<'_>, world: &dyn World, rule: &Rule) -> Self {
        let arena = Bump::new();
        let scope = Scope::new(event, world, &arena);
        let read = |field: &&'static Field| {
            let Getter::One(get) = field.getter else {
                return None;
            };
            let value = get(&scope, &FieldArg::None)?;
            Some((field.name, value.json()))
        };
        Self {
            description: rule.desc.clone(),
            values: FIELDS.iter().filter_map(read).collect(),
            args: args(&scope),
        }
    }

    /// The value of a field; `None` where there is none, or nothing is known.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.values.iter().find(|(own, _)| *own == name)?;
        let is_known = !matches!(value.as_str(), Some("" | "<NA>")) && !value.is_null();
        is_known.then_some(value)
    }

    /// Bytes of memory, about.
    pub(super) fn bytes(&self) -> usize {
        let value = |value: &Value| size_of::<(&str, Value)>() + value_bytes(value);
        let values = self.values.iter().map(|(_, of)| value(of));
        let args = self.args.iter().map(|arg| size_of::<String>() + arg.len());
        size_of::<Self>() + self.description.len() + values.sum::<usize>() + args.sum::<usize>()
    }

    /// Replaces secrets. Patterns see arguments joined; where they find one, there are no arguments one
    /// by one.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        let joined = self.args.join(" ");
        let name = self.get("proc.name").and_then(Value::as_str);
        let named = format!(
            "{} {}",
            name.unwrap_or_default(),
            self.args.get(1..).unwrap_or_default().join(" ")
        );
        if redactor.text(&joined) != joined || redactor.text(&named) != named {
            self.args.clear();
        }
        for (_, value) in &mut self.values {
            redactor.value(value);
        }
    }
}

/// `argv`, as far as it is known and not too long.
fn args(scope: &Scope<'_>) -> Vec<String> {
    let Some(process) = scope.process().filter(|process| !process.exe.is_empty()) else {
        return Vec::new();
    };
    let is_any = !process.args.is_empty();
    let rest = process.args.split(|byte| *byte == 0).filter(|_| is_any);
    std::iter::once(&*process.exe)
        .chain(rest)
        .take(MAX_ARGS)
        .map(|arg| String::from_utf8_lossy(arg).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_field_of_one_value() {
        assert_eq!(FIELDS.len(), NAMES.len());
        for field in FIELDS.iter() {
            assert!(matches!(field.getter, Getter::One(_)), "{}", field.name);
            assert_eq!(field.facts, 0, "{} costs the kernel half", field.name);
        }
    }

    #[test]
    fn secrets_leave_no_argument_behind() {
        let argv = |args: &[&str]| Facts {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            values: vec![
                ("proc.name", "mysql".into()),
                ("proc.cmdline", "mysql --password x".into()),
            ],
            ..Facts::default()
        };
        for secret in [
            argv(&["mysql", "--password", "hunter2"]),
            argv(&["/tmp/link", "-phunter2"]),
        ] {
            let mut clean = secret;
            clean.redact(&Redactor::defaults());
            assert!(clean.args.is_empty());
            assert_eq!(
                clean.get("proc.cmdline").unwrap(),
                "mysql --password [redacted]"
            );
        }
        let mut harmless = argv(&["mysql", "--host", "db"]);
        harmless.redact(&Redactor::defaults());
        assert_eq!(harmless.args.len(), 3);
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let facts = Facts {
            values: vec![
                ("user.name", "<NA>".into()),
                ("fd.name", "".into()),
                ("proc.pid", 1.into()),
            ],
            ..Facts::default()
        };
        assert_eq!(facts.get("user.name"), None);
        assert_eq!(facts.get("fd.name"), None);
        assert_eq!(facts.get("proc.pid").unwrap(), 1);
        assert!(facts.bytes() > size_of::<Facts>() + 4);
    }
}
