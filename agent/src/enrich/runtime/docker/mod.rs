//! Docker's API, which podman speaks too: for hosts without CRI.
//!
//! Docker Engine API 1.24 and later; paths carry no version, so the newest that the engine has is meant.

mod http;
mod inspect;

use std::path::Path;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Change, Changes, Failure, Found, Listed, Pace, text};

/// Containers only, and of what happens to them what changes the list: `destroy` is Docker's word, `remove` podman's.
const EVENTS: &str = concat!(
    "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C",
    "%22event%22%3A%5B%22create%22%2C%22start%22%2C%22destroy%22%2C%22remove%22%5D%7D"
);

/// An engine, by its socket.
#[derive(Clone, Debug)]
pub(super) struct Client {
    socket: Arc<Path>,
    name: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
    components: Option<Vec<Component>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: String,
    #[serde(default)]
    state: String,
}

/// One line of `/events`. Old engines have `id` and `status` only.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Action")]
    action: Option<String>,
    status: Option<String>,
    id: Option<String>,
    #[serde(rename = "Actor")]
    actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
}

impl Client {
    /// Asks for the version.
    pub(super) async fn connect(socket: &Path, pace: &Pace) -> Result<Self, Failure> {
        let mut client = Self {
            socket: socket.into(),
            name: "docker",
        };
        let version = tokio::time::timeout(pace.answer, client.get::<Version>("/version")).await;
        let version = version.map_err(|_| Failure::Late(pace.answer))??;
        let version = version.ok_or_else(|| Failure::NotSpoken("/version is not found".into()))?;
        let components = version.components.unwrap_or_default();
        if components
            .iter()
            .any(|component| component.name.contains("Podman"))
        {
            client.name = "podman";
        }
        tracing::debug!(
            engine = client.name,
            version = version.version,
            "engine found"
        );
        Ok(client)
    }

    pub(super) fn name(&self) -> &str {
        self.name
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, Failure> {
        let rows: Option<Vec<Row>> = self.get("/containers/json?all=true").await?;
        let listed = rows.unwrap_or_default().into_iter().map(|row| Listed {
            settled: row.state != "created",
            id: row.id.into(),
        });
        Ok(listed.filter(|listed| text::is_id(&listed.id)).collect())
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Found>, Failure> {
        let path = format!("/containers/{id}/json");
        let Some(told) = self.get::<inspect::Container>(&path).await? else {
            return Ok(None);
        };
        let image = match told.image_id() {
            Some(image) => self.get(&format!("/images/{image}/json")).await?,
            None => None,
        };
        Ok(Some(told.describe(
            id,
            self.name,
            image.unwrap_or_default(),
        )))
    }

    /// Passes on what happens, until the stream ends.
    pub(super) async fn events(&self, changes: &Changes) -> Failure {
        match self.stream(changes).await {
            Ok(()) => Failure::Broken("its events ended".into()),
            Err(failure) => failure,
        }
    }

    async fn stream(&self, changes: &Changes) -> Result<(), Failure> {
        let mut lines = http::lines(&self.socket, EVENTS).await?;
        if changes.send(Change::Open).await.is_err() {
            return Ok(());
        }
        while let Some(line) = lines.next().await? {
            let change = serde_json::from_slice::<Event>(&line).ok().and_then(change);
            if let Some(change) = change
                && changes.send(change).await.is_err()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The answer to a request; `None` for 404.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        let (status, body) = http::get(&self.socket, path).await?;
        match status {
            StatusCode::OK => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| Failure::refused(&error)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(Failure::Refused(format!("{path}: {status}").into())),
        }
    }
}

fn change(event: Event) -> Option<Change> {
    let id = event.actor.map(|actor| actor.id).or(event.id)?;
    if !text::is_id(&id) {
        return None;
    }
    match event.action.or(event.status)?.as_str() {
        "create" | "start" => Some(Change::Seen(id.into())),
        "destroy" | "remove" => Some(Change::Gone(id.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Change> {
        change(serde_json::from_str(line).ok()?)
    }

    #[test]
    fn events_old_and_new() {
        let docker = r#"{"status":"start","id":"a1","Type":"container","Action":"start","Actor":{"ID":"a1"}}"#;
        assert_eq!(read(docker), Some(Change::Seen("a1".into())));
        assert_eq!(
            read(r#"{"Action":"start","Actor":{"ID":"a1"}}"#),
            Some(Change::Seen("a1".into()))
        );
        assert_eq!(
            read(r#"{"status":"destroy","id":"a1"}"#),
            Some(Change::Gone("a1".into()))
        );
        assert_eq!(
            read(r#"{"Action":"remove","Actor":{"ID":"a1"}}"#),
            Some(Change::Gone("a1".into()))
        );
        for other in [
            "{}",
            "[]",
            r#"{"Action":"die","id":"a1"}"#,
            r#"{"Action":"start","id":"../a"}"#,
        ] {
            assert_eq!(read(other), None);
        }
    }
}
