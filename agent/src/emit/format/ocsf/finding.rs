//! The finding: class, rule, what the rule's tags say of it.

use serde_json::{Value, json};

use super::super::attack::{self, Tactic, Technique};
use super::super::key::{Key, Kind, Need, Row};
use super::super::source::{Source, some, text, texts};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row::always("class_uid", Kind::Id(&[2004]), "Detection Finding.", |_| Some(2004.into())),
    Row::always("class_name", Kind::Is("Detection Finding"), "Constant.", |_| text("Detection Finding")),
    Row::always("category_uid", Kind::Id(&[2]), "Findings.", |_| Some(2.into())),
    Row::always("category_name", Kind::Is("Findings"), "Constant.", |_| text("Findings")),
    Row::always("activity_id", Kind::Id(&[1]), "Create.", |_| Some(1.into())),
    Row::always("activity_name", Kind::Is("Create"), "Constant.", |_| text("Create")),
    Row::always("type_uid", Kind::Id(&[200_401]), "Detection Finding: Create.", |_| Some(200_401.into())),
    Row::always("type_name", Kind::Is("Detection Finding: Create"), "Constant.", |_| text("Detection Finding: Create")),
    Row::always("status_id", Kind::Id(&[1]), "New.", |_| Some(1.into())),
    Row::always("status", Kind::Is("New"), "Constant.", |_| text("New")),
    Row::always("is_alert", Kind::Bool, "true.", |_| Some(true.into())),
    Row::maybe("status_code", Kind::Text, "`evt.res`.", |s| s.fact("evt.res").cloned()),
    Row::always("finding_info.uid", Kind::Text, "`id`.", |s| text(s.stamp.id)),
    Row::always("finding_info.title", Kind::Text, "Name of the rule.", |s| text(&s.alert.rule)),
    Row::maybe("finding_info.desc", Kind::Text, "What the rule is for.",
        |s| text(&s.alert.facts.as_ref().filter(|facts| !facts.description.is_empty())?.description)),
    Row::maybe("finding_info.types", Kind::Texts, "`evt.type`.", |s| texts([s.fact_str("evt.type")?])),
    Row::always("finding_info.data_sources", Kind::Texts, "`source`.", |s| texts([s.alert.source])),
    Row::always("finding_info.analytic.name", Kind::Text, "Name of the rule.", |s| text(&s.alert.rule)),
    Row::always("finding_info.analytic.uid", Kind::Text, "Name of the rule.", |s| text(&s.alert.rule)),
    Row::always("finding_info.analytic.type_id", Kind::Id(&[1]), "Rule.", |_| Some(1.into())),
    Row::always("finding_info.analytic.type", Kind::Is("Rule"), "Constant.", |_| text("Rule")),
    Row::maybe("finding_info.analytic.version", Kind::Text, "Hash of the rule set that judged.", |s| text(s.alert.rules_hash.as_deref()?)),
    Row::maybe("finding_info.attacks", Kind::Objects(ATTACK),
        "Tags such as `mitre_execution` and `T1059.004`. Where there is one tactic, techniques are of that one.", attacks),
    Row::maybe("resources[].type", Kind::Is("Pod"), "Where there is a pod.", |s| { s.pod()?; text("Pod") }),
    Row::maybe("resources[].uid", Kind::Text, "UID of the pod.", |s| some(s.pod()?.uid.as_ref())),
    Row::maybe("resources[].name", Kind::Text, "Name of the pod.", |s| some(s.pod()?.name.as_ref())),
    Row::maybe("resources[].namespace", Kind::Text, "Namespace of the pod.", |s| some(s.pod()?.namespace.as_ref())),
    Row::within("resources[].role_id", Kind::Id(&[3]), "Affected.", |s| { s.pod()?; Some(3.into()) }),
    Row::maybe("resources[].labels", Kind::Texts, "Kind and name of what stands behind the pod, `owner_kind:Deployment`.", owner),
];

const ATTACK: &[Key] = &[
    Key::new("tactic.uid", Kind::Text, Need::Maybe, "`TA0002`."),
    Key::new("tactic.name", Kind::Text, Need::Maybe, "`Execution`."),
    Key::new("technique.uid", Kind::Text, Need::Maybe, "`T1059`."),
    Key::new("sub_technique.uid", Kind::Text, Need::Maybe, "`T1059.004`."),
];

fn owner(s: &Source<'_>) -> Option<Value> {
    let pod = s.pod()?;
    let label = |name: &str, value: &Option<String>| {
        value
            .as_ref()
            .map(|value| Value::from(format!("{name}:{value}")))
    };
    let labels = [
        label("owner_kind", &pod.owner_kind),
        label("owner_name", &pod.owner_name),
    ];
    let labels: Vec<Value> = labels.into_iter().flatten().collect();
    (!labels.is_empty()).then_some(labels.into())
}

/// Tags do not say which technique is of which tactic, unless there is only one.
fn attacks(s: &Source<'_>) -> Option<Value> {
    let tactics = attack::tactics(&s.alert.tags);
    let techniques = attack::techniques(&s.alert.tags);
    let only = match tactics.as_slice() {
        [only] if !techniques.is_empty() => Some(*only),
        _ => None,
    };
    let alone = tactics.iter().filter(|_| only.is_none());
    let alone = alone.map(|tactic| object(Some(tactic), None));
    let of_techniques = techniques
        .iter()
        .map(|technique| object(only, Some(technique)));
    let all: Vec<Value> = alone.chain(of_techniques).collect();
    (!all.is_empty()).then_some(all.into())
}

fn object(tactic: Option<&Tactic>, technique: Option<&Technique<'_>>) -> Value {
    let mut attack = serde_json::Map::new();
    if let Some(tactic) = tactic {
        attack.insert(
            "tactic".into(),
            json!({ "name": tactic.name, "uid": tactic.id }),
        );
    }
    if let Some(technique) = technique {
        attack.insert("technique".into(), json!({ "uid": technique.id }));
        if let Some(sub) = technique.sub {
            attack.insert("sub_technique".into(), json!({ "uid": sub }));
        }
    }
    Value::Object(attack)
}
