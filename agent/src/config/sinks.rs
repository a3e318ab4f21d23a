//! What alerts go through on their way out.

use std::path::PathBuf;

use super::sink_values::{Facility, Headers, RequestBody, SyslogAddress, Url};
use super::{Count, FieldName, Key};
use crate::emit::Format;

impl super::Config {
    /// Formats of the sinks that there are.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        let others = [
            (!self.file.path.as_os_str().is_empty()).then_some(self.file.format),
            self.webhook.url.get().map(|_| self.webhook.format),
            self.syslog.address.0.as_ref().map(|_| self.syslog.format),
        ];
        std::iter::once(self.output.format).chain(others.into_iter().flatten())
    }
}

section! {
    /// Alerts that repeat: the first ones of a window are shown, the others counted and told together, as
    /// `throttled`. What the agent says of itself is always shown.
    Throttle, "throttle" {
        /// Seconds from the first until the others are told; 0: every alert is shown. 0 to 86400.
        window_seconds: Count<0, 86_400> = Count(0);
        /// Alerts that are shown in a window. 1 to 1000000.
        burst: Count<1, 1_000_000> = Count(1);
        /// Fields whose values must be the same for an alert to repeat another of its rule.
        keys: Vec<FieldName> = FieldName::of(&["container.id", "proc.exepath"]);
        /// Windows open at once at most; beyond that alerts are shown. 16 to 1048576.
        max_keys: Count<16, 1_048_576> = Count(4096);
        /// Rules that it concerns, by name, in which `*` stands for any text, or by tag; empty: all.
        rules: Vec<String> = Vec::new();
        /// Rules that it does not concern, the same way.
        except: Vec<String> = vec!["audit".into()];
    }
}

section! {
    /// What a sink cannot take now, on disk until it can. It outlives the agent.
    Spool, "spool" {
        /// A directory of the agent's own; it is made where there is none. Each sink has a subdirectory. Empty: there
        /// is no spool.
        directory: PathBuf = PathBuf::new();
        /// Bytes on disk of each sink at most; what finds no room is lost, and counted in the stream. 1 MiB to 1 TiB.
        max_bytes: Count<1_048_576, 1_099_511_627_776> = Count(268_435_456);
    }
}

section! {
    /// A file that alerts are written to, beside standard output.
    File, "file" {
        /// The file, which only its owner may read; its directory must be there. Empty: there is none.
        path: PathBuf = PathBuf::new();
        /// As `output.format`.
        format: Format = Format::Falco;
        /// Bytes at which it is renamed to `PATH.1`, and that one to `PATH.2`. Also who moves or removes the file gets
        /// another one. 64 KiB to 1 TiB.
        max_bytes: Count<65_536, 1_099_511_627_776> = Count(104_857_600);
        /// Renamed files that are kept. 0 to 1000.
        keep: Count<0, 1_000> = Count(5);
    }
}

section! {
    /// An HTTP endpoint that alerts are posted to, beside standard output.
    Webhook, "webhook" {
        /// `http://…` or `https://…`; empty: there is none.
        url: Url = Url::default();
        /// As `output.format`.
        format: Format = Format::Falco;
        /// How alerts stand in a request: `array`, a JSON array, or `lines`, one behind the other.
        body: RequestBody = RequestBody::Array;
        /// Further headers. Secrets do not belong here.
        headers: Headers = Headers::default();
        /// File with a token that is sent as `Authorization: Bearer`; it is read for each request. Empty: none is sent.
        token_file: PathBuf = PathBuf::new();
        /// File with the certificate authorities (PEM); empty: those of this machine.
        ca_file: PathBuf = PathBuf::new();
        /// Alerts in a request at most. 1 to 10000.
        batch_alerts: Count<1, 10_000> = Count(500);
        /// Bytes at which no further alert is added. 1 KiB to 512 KiB.
        batch_bytes: Count<1_024, 524_288> = Count(262_144);
        /// Milliseconds that the first alert waits for others at most. 0 to 60000.
        batch_milliseconds: Count<0, 60_000> = Count(1_000);
        /// Seconds that a request may take. 1 to 300.
        timeout_seconds: Count<1, 300> = Count(10);
    }
}

section! {
    /// A syslog server that alerts are sent to, beside standard output, as RFC 5424 has it.
    Syslog, "syslog" {
        /// `udp://HOST:PORT`, `tcp://HOST:PORT`, `tls://HOST:PORT` or `unix:///dev/log`; empty: there is none.
        address: SyslogAddress = SyslogAddress::default();
        /// As `output.format`.
        format: Format = Format::Falco;
        /// `auth`, `authpriv`, `daemon`, `local0` to `local7`, and so on.
        facility: Facility = Facility(4);
        /// `APP-NAME` of the messages.
        app_name: String = "komainu".into();
        /// Name of the structured data, which has `id`, `seq` and `rule`. The number is one for examples: put your
        /// own enterprise number in its place.
        sd_id: String = "komainu@32473".into();
        /// Bytes of a message at most; of longer ones the end is missing, and how much is told. 1024 to 65507.
        max_bytes: Count<1_024, 65_507> = Count(8_192);
        /// File with the certificate authorities (PEM) for `tls`; empty: those of this machine.
        ca_file: PathBuf = PathBuf::new();
        /// Seconds that connecting, and a write, may take. 1 to 300.
        timeout_seconds: Count<1, 300> = Count(10);
    }
}
