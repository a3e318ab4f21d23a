//! The few parts of objects that are read. The rest, managed fields first of all, is never kept.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Texts by key.
pub(super) type Texts = BTreeMap<Box<str>, Box<str>>;

/// `meta/v1 ObjectMeta`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) name: Box<str>,
    pub(super) namespace: Box<str>,
    pub(super) uid: Box<str>,
    pub(super) resource_version: Box<str>,
    pub(super) creation_timestamp: Option<Box<str>>,
    pub(super) labels: Option<Texts>,
    pub(super) annotations: Option<Texts>,
    pub(super) owner_references: Option<Vec<OwnerReference>>,
}

impl Meta {
    /// The annotation of this key.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(AsRef::as_ref)
    }

    /// The label of this key.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.as_ref()?.get(key).map(AsRef::as_ref)
    }

    /// The object that manages this one; at most one does.
    pub(super) fn controller(&self) -> Option<&OwnerReference> {
        let all = self.owner_references.as_deref().unwrap_or_default();
        all.iter().find(|owner| owner.controller == Some(true))
    }
}

/// `meta/v1 OwnerReference`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OwnerReference {
    pub(super) api_version: Box<str>,
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
    pub(super) controller: Option<bool>,
}

/// Any object of which the metadata is enough.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) metadata: Meta,
}

impl AsRef<Meta> for Named {
    fn as_ref(&self) -> &Meta {
        &self.metadata
    }
}

/// `core/v1 Pod`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodObject {
    pub(super) metadata: Meta,
    pub(super) spec: PodSpec,
    pub(super) status: PodStatus,
}

impl AsRef<Meta> for PodObject {
    fn as_ref(&self) -> &Meta {
        &self.metadata
    }
}

/// `core/v1 PodSpec`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodSpec {
    pub(super) node_name: Box<str>,
    pub(super) service_account_name: Box<str>,
}

/// `core/v1 PodStatus`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodStatus {
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<Box<str>>,
    pub(super) phase: Box<str>,
}
