//! Where: agent, host, container, pod.

use super::super::key::{Kind, Row};
use super::super::source::{some, text, texts};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row::always("agent.type", Kind::Is("komainu"), "Constant.", |_| text("komainu")),
    Row::always("agent.version", Kind::Text, "Version of the agent.", |_| text(env!("CARGO_PKG_VERSION"))),
    Row::always("agent.name", Kind::Text, "`node`.", |s| text(s.stamp.node)),
    Row::always("agent.ephemeral_id", Kind::Text, "Id of this run of the agent, what `event.id` begins with.", |s| text(s.run())),
    Row::always("host.hostname", Kind::Text, "`hostname`.", |s| text(s.stamp.hostname)),
    Row::always("host.name", Kind::Text, "`node`.", |s| text(s.stamp.node)),
    Row::maybe("host.boot.id", Kind::Text, "`boot_id`.", |s| text(Some(s.stamp.boot).filter(|boot| !boot.is_empty())?)),
    Row::always("host.os.type", Kind::Is("linux"), "Constant.", |_| text("linux")),
    Row::maybe("container.id", Kind::Text, "Whole id.", |s| text(&s.container()?.id)),
    Row::maybe("container.name", Kind::Text, "Name.", |s| some(s.container()?.name.as_ref())),
    Row::maybe("container.runtime", Kind::Text, "Runtime.", |s| some(s.container()?.runtime.as_ref())),
    Row::maybe("container.image.name", Kind::Text, "Image without tag, or as given to the runtime.",
        |s| { let image = s.container()?.image.as_ref(); s.fact("container.image.repository").cloned().or_else(|| some(image)) }),
    Row::maybe("container.image.tag", Kind::Texts, "`container.image.tag`.",
        |s| { s.container()?; texts([s.fact_str("container.image.tag")?]) }),
    Row::maybe("container.image.hash.all", Kind::Texts, "Digest of the image.", |s| texts([s.container()?.image_digest.as_deref()?])),
    Row::maybe("container.security_context.privileged", Kind::Bool, "`container.privileged`.",
        |s| { s.container()?; s.fact("container.privileged").cloned() }),
    Row::maybe("orchestrator.type", Kind::Is("kubernetes"), "Where there is a pod.", |s| { s.pod()?; text("kubernetes") }),
    Row::maybe("orchestrator.namespace", Kind::Text, "Namespace of the pod.", |s| some(s.pod()?.namespace.as_ref())),
    Row::maybe("orchestrator.resource.type", Kind::Is("pod"), "Constant.", |s| { s.pod()?; text("pod") }),
    Row::maybe("orchestrator.resource.name", Kind::Text, "Name of the pod.", |s| some(s.pod()?.name.as_ref())),
    Row::maybe("orchestrator.resource.id", Kind::Text, "UID of the pod.", |s| some(s.pod()?.uid.as_ref())),
    Row::maybe("orchestrator.resource.parent.type", Kind::Text, "Kind of what stands behind the pod.", |s| some(s.pod()?.owner_kind.as_ref())),
];
