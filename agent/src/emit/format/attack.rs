//! What the tags of a rule say about MITRE ATT&CK.

/// Tactics and techniques of a rule at most.
pub(super) const MAX: usize = 16;

/// A tactic of the Enterprise matrix, `https://attack.mitre.org/tactics/enterprise/`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tactic {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// As Falco's rules name it in a tag, after `mitre_`.
    tag: &'static str,
}

const fn tactic(id: &'static str, name: &'static str, tag: &'static str) -> Tactic {
    Tactic { id, name, tag }
}

const TACTICS: &[Tactic] = &[
    tactic("TA0043", "Reconnaissance", "reconnaissance"),
    tactic("TA0042", "Resource Development", "resource_development"),
    tactic("TA0001", "Initial Access", "initial_access"),
    tactic("TA0002", "Execution", "execution"),
    tactic("TA0003", "Persistence", "persistence"),
    tactic("TA0004", "Privilege Escalation", "privilege_escalation"),
    tactic("TA0005", "Defense Evasion", "defense_evasion"),
    tactic("TA0006", "Credential Access", "credential_access"),
    tactic("TA0007", "Discovery", "discovery"),
    tactic("TA0008", "Lateral Movement", "lateral_movement"),
    tactic("TA0009", "Collection", "collection"),
    tactic("TA0011", "Command and Control", "command_and_control"),
    tactic("TA0010", "Exfiltration", "exfiltration"),
    tactic("TA0040", "Impact", "impact"),
];

/// Tactics among the tags: `mitre_execution`, `TA0002`.
pub(super) fn tactics(tags: &[String]) -> Vec<&'static Tactic> {
    let named = |tactic: &&Tactic| {
        tags.iter().any(|tag| {
            let named = tag.strip_prefix("mitre_");
            named.is_some_and(|name| name == tactic.tag) || tag == tactic.id
        })
    };
    TACTICS.iter().filter(named).collect()
}

/// A technique among the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Technique<'a> {
    /// `T1059`
    pub(super) id: &'a str,
    /// `T1059.004`
    pub(super) sub: Option<&'a str>,
}

/// Techniques among the tags: `T1059`, `T1059.004`.
pub(super) fn techniques(tags: &[String]) -> Vec<Technique<'_>> {
    tags.iter()
        .filter_map(|tag| technique(tag))
        .take(MAX)
        .collect()
}

fn technique(tag: &str) -> Option<Technique<'_>> {
    let is_number =
        |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = tag.strip_prefix('T')?;
    let Some((number, sub)) = number.split_once('.') else {
        return is_number(number, 4).then_some(Technique { id: tag, sub: None });
    };
    let (id, _) = tag.split_once('.')?;
    (is_number(number, 4) && is_number(sub, 3)).then_some(Technique { id, sub: Some(tag) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        let tags = [
            "T1059",
            "T1059.004",
            "T10599",
            "TA0040",
            "Tea",
            "container",
            "mitre_",
            "mitre_execution",
            "T1.4",
        ]
        .map(str::to_owned);
        let names: Vec<&str> = tactics(&tags).iter().map(|tactic| tactic.name).collect();
        assert_eq!(names, ["Execution", "Impact"]);
        let found = [
            Technique {
                id: "T1059",
                sub: None,
            },
            Technique {
                id: "T1059",
                sub: Some("T1059.004"),
            },
        ];
        assert_eq!(techniques(&tags), found);
    }
}
