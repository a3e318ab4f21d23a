//! The sinks beside standard output: which there are, and how they are set up.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc::Receiver;

use super::{Parts, Running, given, spool};
use crate::config::Config;
use crate::emit::sink::{Batch, State};
use crate::emit::stream::Run;
use crate::emit::syslog::Frame;
use crate::emit::writer::{Rotated, Syslog};
use crate::emit::{Format, Queued};
use crate::pipeline::stream;

/// One of them.
pub(super) struct Other {
    pub(super) name: &'static str,
    /// Where alerts go, for the log.
    pub(super) to: String,
    format: Format,
    batch: Batch,
    /// Lines are messages of syslog.
    frame: Option<Frame>,
    writer: Kind,
}

enum Kind {
    File(Rotated),
    #[cfg(feature = "webhook")]
    Webhook(Box<crate::emit::writer::Webhook>),
    Syslog(Syslog),
}

/// Those that are configured.
pub(super) fn configured(config: &Config) -> anyhow::Result<Vec<Other>> {
    let mut others = Vec::new();
    others.extend(file(config)?);
    others.extend(webhook(config)?);
    others.extend(syslog(config)?);
    Ok(others)
}

impl Other {
    pub(super) fn start(
        self,
        config: &Config,
        run: &Arc<Run>,
        state: Arc<State>,
        queue: Receiver<Queued>,
    ) -> anyhow::Result<Running> {
        let mut stream = stream::new(config, self.format, false, run);
        if let Some(frame) = self.frame {
            stream = stream.in_syslog(frame);
        }
        let parts = Parts {
            stream,
            batch: self.batch,
            spool: spool(config, self.name)?,
            state,
        };
        Ok(match self.writer {
            Kind::File(writer) => parts.start(queue, writer),
            #[cfg(feature = "webhook")]
            Kind::Webhook(writer) => parts.start(queue, *writer),
            Kind::Syslog(writer) => parts.start(queue, writer),
        })
    }
}

fn file(config: &Config) -> anyhow::Result<Option<Other>> {
    let section = &config.file;
    let Some(path) = given(&section.path) else {
        return Ok(None);
    };
    let path = std::path::absolute(path)?;
    let to = path.display().to_string();
    let writer = Rotated::new(path, section.max_bytes.0, section.keep.0);
    Ok(Some(Other {
        name: "file",
        to,
        format: section.format,
        batch: Batch::default(),
        frame: None,
        writer: Kind::File(writer),
    }))
}

fn syslog(config: &Config) -> anyhow::Result<Option<Other>> {
    let section = &config.syslog;
    let Some(address) = &section.address.0 else {
        return Ok(None);
    };
    let timeout = Duration::from_secs(section.timeout_seconds.0);
    let writer = Syslog::new(address.clone(), given(&section.ca_file), timeout);
    let writer = writer.context("cannot set up the sink `syslog`")?;
    let (facility, max_bytes) = (section.facility.0, section.max_bytes.size());
    Ok(Some(Other {
        name: "syslog",
        to: address.to_string(),
        format: section.format,
        batch: Batch::default(),
        frame: Some(Frame::new(
            facility,
            &section.app_name,
            &section.sd_id,
            max_bytes,
        )),
        writer: Kind::Syslog(writer),
    }))
}

/// Refuses what this build cannot do.
#[cfg(not(feature = "webhook"))]
fn webhook(config: &Config) -> anyhow::Result<Option<Other>> {
    anyhow::ensure!(
        config.webhook.url.get().is_none(),
        "webhook.url is configured, and this build was made without the feature `webhook`"
    );
    Ok(None)
}

#[cfg(feature = "webhook")]
fn webhook(config: &Config) -> anyhow::Result<Option<Other>> {
    use std::path::PathBuf;

    use crate::config::RequestBody;
    use crate::emit::writer::Webhook;
    use crate::emit::writer::webhook::{Body, Settings};
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    let section = &config.webhook;
    let Some(url) = section.url.get() else {
        return Ok(None);
    };
    let is_text = section.format == Format::Text;
    let (body, content_type) = match section.body {
        RequestBody::Array if is_text => {
            anyhow::bail!("webhook.format text needs webhook.body lines")
        }
        RequestBody::Array => (Body::Array, "application/json"),
        RequestBody::Lines if is_text => (Body::Lines, "text/plain; charset=utf-8"),
        RequestBody::Lines => (Body::Lines, "application/x-ndjson"),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in section.headers.iter() {
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let settings = Settings {
        url: url.parse().context("webhook.url")?,
        body,
        content_type,
        headers,
        token_file: given(&section.token_file).map(PathBuf::from),
        ca_file: given(&section.ca_file).map(PathBuf::from),
        timeout: Duration::from_secs(section.timeout_seconds.0),
    };
    let writer = Webhook::new(settings).context("cannot set up the sink `webhook`")?;
    Ok(Some(Other {
        name: "webhook",
        to: url.split('?').next().unwrap_or_default().to_owned(),
        format: section.format,
        batch: Batch {
            lines: section.batch_alerts.size(),
            bytes: section.batch_bytes.size(),
            wait: Duration::from_millis(section.batch_milliseconds.0),
        },
        frame: None,
        writer: Kind::Webhook(Box::new(writer)),
    }))
}
