//! Fields of the pod and what stands behind it: `k8s.*`.
//!
//! All but `k8s.node.name` are absent on the host, which the kernel's filter relies on (`rules::plan`).

use super::FieldType::Text;
use super::{ArgKind, Availability, Field, FieldValue, Scope, labels};
use crate::event::{Container, Labels, Membership, Owner, Pod, PodObject};

const GONE: Availability =
    Availability::Never("not delivered by the reference implementation either");
const CNI: Availability =
    Availability::Never("part of the runtime's debugging output, which has no stable form");

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("k8s.pod.name", Text, |s, _| text(s, |p| p.name.as_deref()), "Name of the pod.").suggested(),
    Field::one("k8s.ns.name", Text, |s, _| text(s, |p| p.namespace.as_deref()), "Namespace of the pod.").suggested(),
    Field::one("k8s.pod.uid", Text, |s, _| text(s, |p| p.uid.as_deref()), "Unique id of the pod."),
    Field::one("k8s.pod.id", Text, |s, _| text(s, |p| p.uid.as_deref()), "The same as `k8s.pod.uid`."),
    Field::one("k8s.pod.sandbox_id", Text, |s, _| text(s, |p| p.sandbox_id.as_deref().map(|id| id.get(..Container::SHORT_ID).unwrap_or(id))),
        "First 12 characters of the sandbox id."),
    Field::one("k8s.pod.full_sandbox_id", Text, |s, _| text(s, |p| p.sandbox_id.as_deref()), "Whole sandbox id."),
    Field::one("k8s.pod.labels", Text, |s, a| labels::some(s, &pod(s)?.labels, a),
        "All labels of the pod, `key:value` joined with a comma and a blank, without `io.kubernetes.*`; `[key]`: one of them.")
        .arg(ArgKind::Optional),
    Field::one("k8s.pod.label", Text, |s, a| labels::one(&pod(s)?.labels, a),
        "One label of the pod, its key behind a dot or in brackets.").arg(ArgKind::Suffix),
    Field::one("k8s.pod.annotations", Text, |s, a| labels::some(s, &pod(s)?.annotations, a),
        "All annotations of the pod, likewise; `[key]`: one of them.").arg(ArgKind::Optional),
    Field::one("k8s.pod.ip", Text, |s, _| text(s, |p| p.ip.as_deref()), "Address of the pod."),
    Field::absent("k8s.pod.cni.json", Text, CNI, "CNI result of the pod."),
    Field::one("k8s.owner.kind", Text, |s, _| Some(FieldValue::text(&owner(s)?.kind)),
        "Kind of the object that somebody made so that the pod exists: `Deployment`, `DaemonSet`, `StatefulSet`, `CronJob`, `Job`, ..., from the API server."),
    Field::one("k8s.owner.name", Text, |s, _| Some(FieldValue::text(&owner(s)?.name)), "Name of that object."),
    Field::one("k8s.deployment.name", Text, |s, _| owner(s).filter(|o| &*o.kind == "Deployment").map(|o| FieldValue::text(&o.name)),
        "Name of the Deployment, where the pod is of one, from the API server."),
    Field::one("k8s.sa.name", Text, |s, _| Some(FieldValue::text(&object(s)?.service_account)),
        "Service account the pod runs as, from the API server."),
    Field::one("k8s.ns.labels", Text, |s, a| labels::some(s, of_object(s, |o| &o.namespace_labels)?, a),
        "All labels of the namespace, likewise, from the API server; `[key]`: one of them.").arg(ArgKind::Optional),
    Field::one("k8s.ns.label", Text, |s, a| labels::one(of_object(s, |o| &o.namespace_labels)?, a),
        "One label of the namespace, its key behind a dot or in brackets.").arg(ArgKind::Suffix),
    Field::one("k8s.node.name", Text, |s, _| Some(s.world.node()).filter(|name| !name.is_empty()).map(FieldValue::text),
        "Name of this node, also for processes of the host; without Kubernetes that of the host."),
    Field::one("k8s.node.labels", Text, |s, a| labels::some(s, of_object(s, |o| &o.node_labels)?, a),
        "All labels of the node, likewise, from the API server; `[key]`: one of them.").arg(ArgKind::Optional),
    Field::one("k8s.node.label", Text, |s, a| labels::one(of_object(s, |o| &o.node_labels)?, a),
        "One label of the node, its key behind a dot or in brackets.").arg(ArgKind::Suffix),
    Field::absent("k8s.rc.name", Text, GONE, "Name of the replication controller.").deprecated(),
    Field::absent("k8s.rc.id", Text, GONE, "Id of the replication controller.").deprecated(),
    Field::absent("k8s.rc.label", Text, GONE, "One label of the replication controller.").arg(ArgKind::Suffix).deprecated(),
    Field::absent("k8s.rc.labels", Text, GONE, "Labels of the replication controller.").deprecated(),
    Field::absent("k8s.svc.name", Text, GONE, "Name of the service.").deprecated(),
    Field::absent("k8s.svc.id", Text, GONE, "Id of the service.").deprecated(),
    Field::absent("k8s.svc.label", Text, GONE, "One label of the service.").arg(ArgKind::Suffix).deprecated(),
    Field::absent("k8s.svc.labels", Text, GONE, "Labels of the service.").deprecated(),
    Field::absent("k8s.rs.name", Text, GONE, "Name of the replica set.").deprecated(),
    Field::absent("k8s.rs.id", Text, GONE, "Id of the replica set.").deprecated(),
    Field::absent("k8s.rs.label", Text, GONE, "One label of the replica set.").arg(ArgKind::Suffix).deprecated(),
    Field::absent("k8s.rs.labels", Text, GONE, "Labels of the replica set.").deprecated(),
    Field::absent("k8s.deployment.id", Text, GONE, "Id of the deployment.").deprecated(),
    Field::absent("k8s.deployment.label", Text, GONE, "One label of the deployment.").arg(ArgKind::Suffix).deprecated(),
    Field::absent("k8s.deployment.labels", Text, GONE, "Labels of the deployment.").deprecated(),
    Field::absent("k8s.ns.id", Text, GONE, "Id of the namespace.").deprecated(),
];

fn pod<'a>(scope: &Scope<'a>) -> Option<&'a Pod> {
    match scope.membership() {
        Membership::Container(container) => container.pod.as_ref(),
        _ => None,
    }
}

fn text<'a>(scope: &Scope<'a>, read: fn(&Pod) -> Option<&str>) -> Option<FieldValue<'a>> {
    read(pod(scope)?).map(FieldValue::text)
}

fn object<'a>(scope: &Scope<'a>) -> Option<&'a PodObject> {
    pod(scope)?.cluster.as_ref()
}

fn owner<'a>(scope: &Scope<'a>) -> Option<&'a Owner> {
    object(scope)?.owner.as_ref()
}

fn of_object<'a>(scope: &Scope<'a>, read: fn(&PodObject) -> &Labels) -> Option<&'a Labels> {
    object(scope).map(read)
}
