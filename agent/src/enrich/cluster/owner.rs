//! Who stands behind a pod, told by names: the objects in between may not be read.

use jiff::Timestamp;

use super::object::{Meta, OwnerReference};
use crate::event::Owner;

/// Labels that a controller gives to the pods of each of its ReplicaSets, whose name ends with their
/// value: `NewReplicaSet...` in `pkg/controller/deployment/sync.go`, and the same of Argo Rollouts.
const HASHES: [(&str, &str); 2] = [
    ("pod-template-hash", "Deployment"),
    ("rollouts-pod-template-hash", "Rollout"),
];
/// A Job may start later than planned, or earlier by a clock; a pod of it may be tried again days later.
const MAX_EARLY: i64 = 300;
const MAX_LATE: i64 = 7 * 86_400;

/// What somebody made so that this pod exists; `None` for a pod made by itself.
pub(super) fn of(pod: &Meta) -> Option<Owner> {
    let owner = pod.controller()?;
    let above = match &*owner.kind {
        "ReplicaSet" => above_replica_set(pod, owner),
        "Job" => above_job(pod, owner),
        _ => None,
    };
    let (kind, name) = above.unwrap_or((&owner.kind, &owner.name));
    Some(Owner {
        kind: kind.into(),
        name: name.into(),
    })
}

fn above_replica_set<'a>(pod: &Meta, owner: &'a OwnerReference) -> Option<(&'static str, &'a str)> {
    HASHES.iter().find_map(|(label, kind)| {
        let hash = pod.label(label).filter(|hash| !hash.is_empty())?;
        let name = owner.name.strip_suffix(hash)?.strip_suffix('-')?;
        (!name.is_empty()).then_some((*kind, name))
    })
}

/// A CronJob names its Jobs after itself and the planned time in minutes (`getJobName` in
/// `pkg/controller/cronjob/utils.go`), before 1.21 in seconds. The number must be a time just before
/// the pod, else it is part of a name that somebody chose.
fn above_job<'a>(pod: &Meta, owner: &'a OwnerReference) -> Option<(&'static str, &'a str)> {
    if !owner.api_version.starts_with("batch/") {
        return None;
    }
    let (name, digits) = owner.name.rsplit_once('-')?;
    if name.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let planned = match digits.len() {
        8 => number * 60,
        10 if number % 60 == 0 => number,
        _ => return None,
    };
    let made: Timestamp = pod.creation_timestamp.as_deref()?.parse().ok()?;
    let late = made.as_second() - planned;
    (-MAX_EARLY..=MAX_LATE)
        .contains(&late)
        .then_some(("CronJob", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(meta: &serde_json::Value) -> Option<(String, String)> {
        let meta: Meta = serde_json::from_value(meta.clone()).unwrap();
        of(&meta).map(|owner| (owner.kind.into(), owner.name.into()))
    }

    fn owned(kind: &str, name: &str, label: (&str, &str)) -> serde_json::Value {
        let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        let mut meta = serde_json::json!({
            "creationTimestamp": "2026-11-25T09:00:07Z",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Other", "name": "beside"},
                {"apiVersion": version, "kind": kind, "name": name, "controller": true},
            ],
        });
        meta["labels"][label.0] = label.1.into();
        meta
    }

    #[track_caller]
    fn check(kind: &str, name: &str, label: (&str, &str), expected: (&str, &str)) {
        let (kind, name) = owner(&owned(kind, name, label)).unwrap();
        assert_eq!((kind.as_str(), name.as_str()), expected);
    }

    #[test]
    fn the_deployment_and_not_its_replica_set() {
        let hash = ("pod-template-hash", "7d4b9c");
        check("ReplicaSet", "web-7d4b9c", hash, ("Deployment", "web"));
        check("ReplicaSet", "a-b-7d4b9c", hash, ("Deployment", "a-b"));
        let argo = ("rollouts-pod-template-hash", "7d4b9c");
        check("ReplicaSet", "web-7d4b9c", argo, ("Rollout", "web"));
    }

    #[test]
    fn a_replica_set_of_its_own() {
        let other = ("app", "web");
        check(
            "ReplicaSet",
            "web-7d4b9c",
            other,
            ("ReplicaSet", "web-7d4b9c"),
        );
        for hash in ["", "d4b9c", "web-7d4b9c", "-7d4b9c", "ffffff"] {
            let label = ("pod-template-hash", hash);
            let plain = ("ReplicaSet", "web-7d4b9c");
            check("ReplicaSet", "web-7d4b9c", label, plain);
        }
    }

    #[test]
    fn the_cron_job_and_not_its_job() {
        let none = ("a", "b");
        let made: Timestamp = "2026-11-25T09:00:00Z".parse().unwrap();
        let (minutes, seconds) = (made.as_second() / 60, made.as_second());
        for number in [minutes, minutes - 60, seconds] {
            check(
                "Job",
                &format!("backup-{number}"),
                none,
                ("CronJob", "backup"),
            );
        }
        let too_old = minutes - 8 * 24 * 60;
        let future = minutes + 10;
        let own = [
            format!("backup-{too_old}"),
            format!("backup-{future}"),
            format!("ci-{}", seconds + 7),
            "backup-20261125".into(),
            "backup-1".into(),
            "backup-99999999999999999999".into(),
            format!("{minutes}"),
            format!("-{minutes}"),
            "backup-".into(),
        ];
        for name in own {
            check("Job", &name, none, ("Job", &name));
        }
    }

    #[test]
    fn others_are_as_they_are() {
        let none = ("a", "b");
        for kind in ["DaemonSet", "StatefulSet", "Node", "ReplicationController"] {
            check(kind, "x-12345678", none, (kind, "x-12345678"));
        }
        assert_eq!(owner(&serde_json::json!({})), None);
        let beside = serde_json::json!({"ownerReferences": [{"kind": "Pod", "name": "x"}]});
        assert_eq!(owner(&beside), None, "no controller");
    }
}
