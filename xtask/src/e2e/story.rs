//! What happens to the pods of a node, and that it is told.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::api::Api;
use super::cluster::Cluster;
use super::told::{NODE, Told};
use super::{Programs, rights};
use crate::steps::{Outcome, Steps};

const ACCOUNT: &str = "/api/v1/namespaces/komainu/serviceaccounts";
const PODS: &str = "/api/v1/namespaces/shop/pods";

/// The steps, each of which needs those before it.
pub(super) fn tell(steps: &mut Steps, programs: &Programs, example: &Path) -> Result<()> {
    let mut cluster = Cluster::new(programs)?;
    let mut told = Told::start(example, &cluster)?;
    let chapters: [(&str, Chapter); 6] = [
        ("a server that is not there yet", begin),
        ("a pod with all that belongs to it", pod),
        ("changes and deletion", changes),
        ("rights of the role and no others", only_these_rights),
        ("a restart, with a new token", restart),
        ("a version that is gone", gone),
    ];
    for (name, chapter) in chapters {
        let mut failed = false;
        steps.run(name, || {
            let result = chapter(&mut cluster, &mut told);
            failed = result.is_err();
            result.map(|()| Outcome::Passed)
        });
        if failed {
            break;
        }
    }
    Ok(())
}

type Chapter = fn(&mut Cluster<'_>, &mut Told) -> Result<()>;

fn begin(cluster: &mut Cluster<'_>, told: &mut Told) -> Result<()> {
    told.until("down", |told| told.reach() == "down")?;
    cluster.start()?;
    let admin = cluster.admin();
    for text in rights()? {
        let kind = text.lines().find_map(|line| line.strip_prefix("kind: "));
        let path = match kind.context("a document without a kind")? {
            "Namespace" => "/api/v1/namespaces",
            "ServiceAccount" => ACCOUNT,
            "ClusterRole" => "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "ClusterRoleBinding" => "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            other => anyhow::bail!("{other} is not known here"),
        };
        admin
            .post(path, &text, "application/yaml")?
            .expect(&[201])?;
    }
    told.give(&token(&admin)?)?;
    told.until("up", |told| told.reach() == "up")
}

/// A token of the account, as the kubelet has one made.
fn token(admin: &Api) -> Result<String> {
    let asked = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    });
    let made = admin.create(&format!("{ACCOUNT}/komainu/token"), &asked)?;
    let token = made.pointer("/status/token").and_then(Value::as_str);
    token.map(str::to_owned).context("no token")
}

/// Makes a pod bound to a node, as the scheduler would have it.
fn create(admin: &Api, name: &str, node: &str) -> Result<()> {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d4b9c", "controller": true,
        "uid": "00000000-0000-4000-8000-000000000001",
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": "web", "pod-template-hash": "7d4b9c"},
            "annotations": {"team": "a"},
            "ownerReferences": [owner],
        },
        "spec": {
            "nodeName": node, "serviceAccountName": "shop",
            "containers": [{"name": "main", "image": "web:1"}],
        },
    });
    admin.create(PODS, &pod).map(drop)
}

fn pod(cluster: &mut Cluster<'_>, told: &mut Told) -> Result<()> {
    let admin = cluster.admin();
    let space = json!({"metadata": {"name": "shop", "labels": {"team": "sales"}}});
    admin.create("/api/v1/namespaces", &space)?;
    create(&admin, "other", "other-node")?;
    create(&admin, "web", NODE)?;
    let status = json!({"status": {
        "phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}],
    }});
    admin.patch(&format!("{PODS}/web/status"), &status)?;
    told.until("the pod with its address", |told| {
        told.pod("web").is_some_and(|pod| pod["ip"] == "10.0.0.7")
    })?;
    let pod = told.pod("web").context("no pod")?;
    for (key, expected) in [
        ("namespace", json!("shop")),
        ("owner", json!("Deployment/web")),
        ("service_account", json!("shop")),
        ("annotations", json!({"team": "a"})),
        (
            "labels",
            json!({"app": "web", "pod-template-hash": "7d4b9c"}),
        ),
    ] {
        ensure!(
            pod[key] == expected,
            "{key} is {} instead of {expected}",
            pod[key]
        );
    }
    let labels = &pod["namespace_labels"];
    ensure!(
        labels["team"] == "sales",
        "labels of the namespace: {labels}"
    );
    ensure!(
        told.pod("other").is_none(),
        "a pod of another node was told"
    );
    Ok(())
}

fn changes(cluster: &mut Cluster<'_>, told: &mut Told) -> Result<()> {
    let admin = cluster.admin();
    let label = json!({"metadata": {"labels": {"app": "shop"}}});
    admin.patch(&format!("{PODS}/web"), &label)?;
    told.until("the pod's label", |told| {
        told.pod("web")
            .is_some_and(|pod| pod["labels"]["app"] == "shop")
    })?;
    let label = json!({"metadata": {"labels": {"team": "support"}}});
    admin.patch("/api/v1/namespaces/shop", &label)?;
    told.until("the namespace's label", |told| {
        told.pod("web")
            .is_some_and(|pod| pod["namespace_labels"]["team"] == "support")
    })?;
    create(&admin, "short", NODE)?;
    told.until("a second pod", |told| told.pod("short").is_some())?;
    admin.delete(&format!("{PODS}/short"))?;
    told.until("its end", |told| told.pod("short").is_none())
}

fn only_these_rights(cluster: &mut Cluster<'_>, _: &mut Told) -> Result<()> {
    let account = Api::new(cluster.url(), cluster.authority(), token(&cluster.admin())?);
    for path in [
        "/api/v1/pods",
        "/api/v1/namespaces",
        "/api/v1/namespaces/shop",
        PODS,
    ] {
        account.get(path)?.expect(&[200])?;
    }
    for path in [
        "/api/v1/secrets",
        "/api/v1/configmaps",
        "/api/v1/nodes",
        "/apis/apps/v1/replicasets",
    ] {
        account.get(path)?.expect(&[403])?;
    }
    account.get(&format!("{PODS}/web/log"))?.expect(&[403])?;
    account
        .post(
            "/api/v1/namespaces",
            "{\"metadata\":{\"name\":\"x\"}}",
            "application/json",
        )?
        .expect(&[403])?;
    Ok(())
}

/// The account is made anew while the server is away from the agent, so that its old token is worth nothing.
fn restart(cluster: &mut Cluster<'_>, told: &mut Told) -> Result<()> {
    let admin = cluster.admin();
    told.freeze(true)?;
    admin.delete(&format!("{ACCOUNT}/komainu"))?;
    let account = json!({"metadata": {"name": "komainu"}});
    admin.create(ACCOUNT, &account)?;
    cluster.stop_apiserver();
    told.freeze(false)?;
    told.until("down", |told| told.reach() == "down")?;
    cluster.start()?;
    // Refused by now, until it has read the new one.
    told.give(&token(&admin)?)?;
    told.until("up", |told| told.reach() == "up")?;
    ensure!(told.pod("web").is_some(), "the pod is not known any more");
    create(&admin, "after", NODE)?;
    told.until("a pod made after the restart", |told| {
        told.pod("after").is_some()
    })
}

/// What happens while nobody looks is found by a new list.
fn gone(cluster: &mut Cluster<'_>, told: &mut Told) -> Result<()> {
    let admin = cluster.admin();
    told.freeze(true)?;
    admin.delete(&format!("{PODS}/web"))?;
    create(&admin, "late", NODE)?;
    cluster.stop_apiserver();
    cluster.compact()?;
    cluster.start()?;
    told.freeze(false)?;
    told.until("what changed meanwhile", |told| {
        told.pod("late").is_some() && told.pod("web").is_none() && told.pod("after").is_some()
    })
}
