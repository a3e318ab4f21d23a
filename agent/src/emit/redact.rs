//! Secrets on command lines are replaced before anything is written.
//!
//! A pattern is a regular expression of the `regex` crate (linear time). With a group called
//! `secret` only that group is replaced, else the whole match. Patterns see a value as it will be
//! printed, arguments joined by blanks: of a quoted secret with blanks only the first word is
//! recognised.

use std::borrow::Cow;

use regex::{Captures, Regex, RegexBuilder};

use super::Alert;

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// Compiled size of one pattern at most, bytes.
const MAX_SIZE: usize = 1 << 20;

/// Patterns in force unless configured otherwise.
pub const DEFAULTS: &[&str] = &[
    // --password x, --token=x, -passwd:x, and longer names that end so
    r"(?i)(?:^|\s)--?(?:[a-z0-9]+[-_])*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|secret[-_]?key|credentials?)(?:=|:|\s+)(?P<secret>[^\s]+)",
    // PGPASSWORD=x, DB_PASS=x, MYSQL_PWD=x, AWS_SECRET_ACCESS_KEY=x, token=x in a query string
    r"(?i)\b[a-z0-9_]*(?:pass(?:word|wd|phrase)?|_pwd|secret|token|api_?key|access_?key|private_?key|credentials?)=(?P<secret>[^\s&;]+)",
    // pwd=x in a query or connection string; PWD=/x is a directory
    r"(?i)\bpwd=(?P<secret>[^\s&;/][^\s&;]*)",
    // "password": "x"
    r"(?i)['\x22][a-z0-9_-]*(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)['\x22]\s*:\s*['\x22](?P<secret>[^'\x22]+)",
    // Authorization: Bearer x
    r"(?i)\b(?:proxy-)?authorization['\x22]?\s*[:=]\s*['\x22]?(?:(?:basic|bearer|token|digest|negotiate)\s+)?(?P<secret>[^\s'\x22]+)",
    // scheme://user:x@host
    r"(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<secret>[^\s/@]+)@",
    // curl -u user:x, wget --user…
    r"(?:^|\s)(?:-u|--user|--proxy-user)[=\s]?\s*[^\s:]+:(?P<secret>\S+)",
    // mysql -px, sshpass -p x
    r"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b(?:\s+\S+)*?\s+-p(?P<secret>\S+)",
    r"\bsshpass\b(?:\s+\S+)*?\s+-p\s*(?P<secret>\S+)",
    // keys that are recognised by their shape: AWS, GitHub, GitLab, Slack, JWT
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
];

/// Compiles one pattern; the error says what is wrong with it.
pub fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_SIZE).build()
}

/// Patterns, in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    patterns: Vec<Regex>,
}

impl Redactor {
    /// From compiled patterns.
    pub fn new(patterns: Vec<Regex>) -> Self {
        Self { patterns }
    }

    /// The default patterns.
    pub fn defaults() -> Self {
        // The table above is constant and tested; one that did not compile would be left out.
        Self::new(DEFAULTS.iter().filter_map(|p| compile(p).ok()).collect())
    }

    /// Text with secrets replaced.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for pattern in &self.patterns {
            if let Cow::Owned(replaced) = pattern.replace_all(&clean, mask) {
                clean = Cow::Owned(replaced);
            }
        }
        clean
    }

    /// Replaces secrets in every text of an alert that the observed process chose.
    pub fn alert(&self, alert: &mut Alert) {
        self.string(&mut alert.message);
        alert
            .fields
            .iter_mut()
            .for_each(|(_, value)| self.value(value));
        alert
            .resolved_path
            .iter_mut()
            .for_each(|path| self.string(path));
        if let Some(facts) = &mut alert.facts {
            facts.redact(self);
        }
        let root = alert.session.iter_mut().map(|session| &mut session.root);
        alert
            .ancestry
            .iter_mut()
            .chain(root)
            .for_each(|process| self.string(&mut process.cmdline));
    }

    pub(super) fn value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.string(text),
            serde_json::Value::Array(values) => values.iter_mut().for_each(|v| self.value(v)),
            _ => {}
        }
    }

    fn string(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.text(text) {
            *text = clean;
        }
    }
}

/// The match with its secret masked.
fn mask(captures: &Captures<'_>) -> String {
    let Some(whole) = captures.get(0) else {
        return MASK.into();
    };
    let Some(secret) = captures.name("secret") else {
        return MASK.into();
    };
    let (start, end) = (secret.start() - whole.start(), secret.end() - whole.start());
    let before = whole.as_str().get(..start).unwrap_or_default();
    let after = whole.as_str().get(end..).unwrap_or_default();
    format!("{before}{MASK}{after}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_default_compiles() {
        for pattern in DEFAULTS {
            compile(pattern).unwrap();
        }
        assert_eq!(Redactor::defaults().patterns.len(), DEFAULTS.len());
    }

    #[test]
    fn secrets() {
        let redactor = Redactor::defaults();
        for (line, clean) in [
            (
                "mysql --password=hunter2 -h db",
                "mysql --password=[redacted] -h db",
            ),
            ("app --db-password hunter2", "app --db-password [redacted]"),
            (
                "app --api-key hunter2 --port 80",
                "app --api-key [redacted] --port 80",
            ),
            (
                "env PGPASSWORD=hunter2 psql",
                "env PGPASSWORD=[redacted] psql",
            ),
            (
                "AWS_SECRET_ACCESS_KEY=abc/def+g aws s3 ls",
                "AWS_SECRET_ACCESS_KEY=[redacted] aws s3 ls",
            ),
            (
                "curl -H Authorization: Bearer abc.def",
                "curl -H Authorization: Bearer [redacted]",
            ),
            (
                r#"curl -d {"db_password": "hunter2 x"}"#,
                r#"curl -d {"db_password": "[redacted]"}"#,
            ),
            (
                "curl https://me:hunter2@host/x",
                "curl https://me:[redacted]@host/x",
            ),
            ("curl -u me:hunter2 host", "curl -u me:[redacted] host"),
            (
                "curl --user=me:hunter2 host",
                "curl --user=me:[redacted] host",
            ),
            (
                "curl http://h/?token=hunter2&x=1",
                "curl http://h/?token=[redacted]&x=1",
            ),
            (
                "mysql -u root -phunter2 db",
                "mysql -u root -p[redacted] db",
            ),
            ("sshpass -p hunter2 ssh h", "sshpass -p [redacted] ssh h"),
            ("aws AKIAIOSFODNN7EXAMPLE", "aws [redacted]"),
            (
                "git clone ghp_0123456789abcdefghij0123",
                "git clone [redacted]",
            ),
            ("x eyJhbGciOiJI.eyJzdWIiOiIx.abc-_ y", "x [redacted] y"),
        ] {
            assert_eq!(redactor.text(line), clean);
        }
    }

    #[test]
    fn short_names_of_passwords() {
        let redactor = Redactor::defaults();
        for (line, clean) in [
            (
                "env MYSQL_PWD=hunter2 mysql",
                "env MYSQL_PWD=[redacted] mysql",
            ),
            ("env DB_PASS=hunter2 app", "env DB_PASS=[redacted] app"),
            ("app --db-pass hunter2", "app --db-pass [redacted]"),
            (
                "app uid=me;Pwd=hunter2;x=1",
                "app uid=me;Pwd=[redacted];x=1",
            ),
        ] {
            assert_eq!(redactor.text(line), clean);
        }
    }

    #[test]
    fn harmless_lines_stay() {
        let redactor = Redactor::defaults();
        for line in [
            "cat /etc/passwd",
            "env PWD=/x OLDPWD=/x app",
            "ls -p /tmp",
            "chown -R a:b /x",
            "kubectl get secret foo",
            "passwd root",
            "nc -u 10.0.0.1 53",
            "curl https://host:443/path",
            "ssh -p 22 host",
            "",
        ] {
            assert_eq!(redactor.text(line), line);
        }
    }

    #[test]
    fn all_of_an_alert() {
        let secret = || "x --token hunter2".to_owned();
        let process = || super::super::Ancestor {
            cmdline: secret(),
            ..Default::default()
        };
        let mut alert = Alert {
            message: secret(),
            fields: vec![
                ("proc.cmdline".into(), secret().into()),
                ("l".into(), vec![secret()].into()),
            ],
            ancestry: vec![process()],
            session: Some(super::super::SessionPlace {
                root: process(),
                ..Default::default()
            }),
            resolved_path: Some(secret()),
            facts: Some(Box::new(super::super::Facts {
                values: vec![("proc.cmdline", secret().into())],
                args: secret().split(' ').map(ToOwned::to_owned).collect(),
                ..Default::default()
            })),
            ..Alert::default()
        };
        Redactor::defaults().alert(&mut alert);
        assert!(!format!("{alert:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn never_leaks_a_flag(name in "(password|token|api-key|db-secret)", sep in "(=| )", secret in "[a-z0-9]{12,20}q") {
            let line = format!("run -x --{name}{sep}{secret} tail");
            let clean = Redactor::defaults().text(&line).into_owned();
            prop_assert!(!clean.contains(&secret), "{}", clean);
            prop_assert!(clean.ends_with(" tail"));
        }
    }
}
