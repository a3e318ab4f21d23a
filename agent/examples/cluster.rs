//! Prints what the API server tells of a node's pods, one JSON object per line, until it is ended: what
//! `cargo xtask e2e` compares with what it made. `cluster CONFIG`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use komainu::config;
use komainu::enrich::cluster;
use komainu::enrich::identity::{News, PodNews, Reach};
use komainu::event::Labels;
use komainu::pipeline::cluster::settings;
use serde_json::{Map, Value, json};

/// News that wait at most.
const QUEUE: usize = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let path = PathBuf::from(env::args_os().nth(1).context("no configuration given")?);
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let (news, mut told) = tokio::sync::mpsc::channel(QUEUE);
    let asking = tokio::spawn(cluster::start(settings(&config::read(&path)?), news));
    while let Some(news) = told.recv().await {
        println!("{}", line(&news));
    }
    Ok(asking.await?)
}

fn line(news: &News) -> Value {
    match news {
        News::Reach(_, Reach::Down(why)) => json!({"reach": "down", "why": why}),
        News::Reach(_, Reach::Up) => json!({"reach": "up"}),
        News::Reach(_, Reach::Off) => json!({"reach": "off"}),
        News::Reach(_, Reach::Starting) => json!({"reach": "starting"}),
        News::Pod(pod) => json!({"pod": shown(pod)}),
        News::PodGone(uid) => json!({"gone": uid}),
        other => json!({"unexpected": format!("{other:?}")}),
    }
}

fn shown(pod: &PodNews) -> Value {
    let owner = pod.object.owner.as_ref();
    json!({
        "uid": pod.uid,
        "name": pod.name,
        "namespace": pod.namespace,
        "labels": map(&pod.labels),
        "annotations": map(&pod.annotations),
        "ip": pod.ip,
        "owner": owner.map(|owner| format!("{}/{}", owner.kind, owner.name)),
        "service_account": pod.object.service_account,
        "namespace_labels": map(&pod.object.namespace_labels),
        "node_labels": map(&pod.object.node_labels),
    })
}

fn map(labels: &Labels) -> Map<String, Value> {
    let entry = |(key, value): &(Box<str>, Box<str>)| (key.to_string(), Value::from(&**value));
    labels.iter().map(entry).collect()
}
