//! The page of metrics of a running agent.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::bench::Counts;

/// Longest that a page may take.
const PATIENCE: Duration = Duration::from_secs(10);
const SEEN: &str = "komainu_events_seen_total";

/// Samples that are whole numbers, by name and labels as they are printed.
#[derive(Clone, Debug, Default)]
pub(super) struct Page(BTreeMap<String, u64>);

impl Page {
    /// Asks for it.
    pub(super) fn get(address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("the agent's endpoint gives no page")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the agent's endpoint says: {head}");
        }
        Ok(Self::parse(body))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// One sample; 0 where there is none.
    pub(super) fn of(&self, sample: &str) -> u64 {
        self.0.get(sample).copied().unwrap_or_default()
    }

    /// Events of each class.
    pub(super) fn classes(&self) -> BTreeMap<String, Counts> {
        let of_class = |name: &str, class: &str| self.of(&format!("{name}{{class=\"{class}\"}}"));
        let classes = self.0.keys().filter_map(|sample| {
            let labels = sample.strip_prefix(SEEN)?;
            labels.strip_prefix("{class=\"")?.strip_suffix("\"}")
        });
        let counts = classes.map(|class| {
            let counts = Counts {
                seen: of_class(SEEN, class),
                emitted: of_class("komainu_events_emitted_total", class),
                filtered: of_class("komainu_events_filtered_total", class),
                lost: self.lost(class),
            };
            (class.to_owned(), counts)
        });
        counts.collect()
    }

    /// Events of a class that were lost, for whatever reason.
    fn lost(&self, class: &str) -> u64 {
        let begin = format!("komainu_events_lost_total{{class=\"{class}\",");
        let samples = self.0.iter().filter(|(name, _)| name.starts_with(&begin));
        samples.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_read_with_every_reason() {
        let page = Page::parse(
            "# TYPE komainu_events_seen_total counter\n\
             komainu_events_seen_total{class=\"open\"} 10\n\
             komainu_events_seen_total{class=\"exec\"} 2\n\
             komainu_events_filtered_total{class=\"open\"} 4\n\
             komainu_events_emitted_total{class=\"open\"} 3\n\
             komainu_events_lost_total{class=\"open\",reason=\"ring\"} 2\n\
             komainu_events_lost_total{class=\"open\",reason=\"share\"} 1\n\
             komainu_rules 7\nkomainu_heartbeat_age_seconds 0.5\n",
        );
        let classes = page.classes();
        let open = Counts {
            seen: 10,
            emitted: 3,
            filtered: 4,
            lost: 3,
        };
        assert_eq!((classes.len(), classes["open"]), (2, open));
        assert_eq!((page.of("komainu_rules"), page.of("none")), (7, 0));
    }
}
