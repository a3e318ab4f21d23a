//! A syslog server.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};
use tokio::time::{sleep, timeout};
#[cfg(feature = "webhook")]
use tokio_rustls::{TlsConnector, rustls::ClientConfig, rustls::pki_types::ServerName};

use super::super::Lines;
use super::super::sink::{State, Writer};
use super::Backoff;

#[cfg(test)]
mod tests;

/// Waits until what failed is tried again.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A datagram for each message, RFC 5426.
    Udp(String),
    /// Messages with their length before them, RFC 6587, section 3.4.1.
    Tcp(String),
    /// The same in TLS, RFC 5425.
    Tls(String),
    /// A datagram socket of this machine, such as `/dev/log`.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is none of udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        if scheme == "unix" && rest.starts_with('/') {
            return Ok(Self::Unix(rest.into()));
        }
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        match scheme {
            "udp" => Ok(Self::Udp(rest.into())),
            "tcp" => Ok(Self::Tcp(rest.into())),
            "tls" => Ok(Self::Tls(rest.into())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(place) => write!(f, "udp://{place}"),
            Self::Tcp(place) => write!(f, "tcp://{place}"),
            Self::Tls(place) => write!(f, "tls://{place}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// Sends messages. What fails is sent again over another connection, a whole batch over a stream, since nobody
/// acknowledges messages there: some may come twice. A datagram that is on its way is taken for delivered.
#[derive(Debug)]
pub struct Syslog {
    address: Address,
    timeout: Duration,
    #[cfg(feature = "webhook")]
    tls: Option<Arc<ClientConfig>>,
    connection: Option<Connection>,
    backoff: Backoff,
}

/// Both directions of a stream.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {
    /// Whether the other side has closed it.
    fn is_closed(&self) -> bool;
}

#[derive(Debug)]
enum Connection {
    Udp(UdpSocket),
    Unix(UnixDatagram),
    Stream(Box<dyn Stream>),
}

impl Syslog {
    /// Connects when there is something to send; connecting and each write may take so long. `ca_file` has the
    /// certificate authorities for TLS; else those of this machine are believed.
    #[cfg_attr(
        not(feature = "webhook"),
        expect(unused_variables, reason = "who believes whom is not in this build")
    )]
    pub fn new(address: Address, ca_file: Option<&Path>, timeout: Duration) -> io::Result<Self> {
        #[cfg(not(feature = "webhook"))]
        if matches!(address, Address::Tls(_)) {
            return Err(io::Error::other(
                "this build has no TLS: it was made without the feature `webhook`",
            ));
        }
        #[cfg(feature = "webhook")]
        let tls = match &address {
            Address::Tls(_) => {
                let config = super::tls::config(ca_file)?;
                Some(Arc::new(config))
            }
            _ => None,
        };
        Ok(Self {
            address,
            timeout,
            #[cfg(feature = "webhook")]
            tls,
            connection: None,
            backoff: Backoff::new(FIRST, LONGEST),
        })
    }

    async fn connect(&self) -> io::Result<Connection> {
        match &self.address {
            Address::Udp(place) => {
                let to = tokio::net::lookup_host(place).await?.next();
                let to = to.ok_or(io::ErrorKind::AddrNotAvailable)?;
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from).await?;
                socket.connect(to).await?;
                Ok(Connection::Udp(socket))
            }
            Address::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Connection::Unix(socket))
            }
            Address::Tcp(place) => {
                let stream = TcpStream::connect(place).await?;
                Ok(Connection::Stream(Box::new(stream)))
            }
            Address::Tls(place) => self.connect_tls(place).await,
        }
    }

    #[cfg(feature = "webhook")]
    async fn connect_tls(&self, place: &str) -> io::Result<Connection> {
        let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = self.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = TcpStream::connect(place).await?;
        let stream = connector.connect(name, stream).await?;
        Ok(Connection::Stream(Box::new(stream)))
    }

    #[cfg(not(feature = "webhook"))]
    #[expect(
        clippy::unused_async,
        reason = "the other build waits for its handshake"
    )]
    async fn connect_tls(&self, _: &str) -> io::Result<Connection> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Sends messages from the number `done` on, which it counts up as far as they need not be sent again.
    async fn send(&mut self, lines: &Lines, done: &mut usize) -> io::Result<()> {
        if let Some(Connection::Stream(stream)) = &self.connection
            && stream.is_closed()
        {
            self.connection = None;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => timeout(self.timeout, self.connect()).await??,
        };
        let connection = self.connection.insert(connection);
        if let Connection::Stream(stream) = connection {
            let frames = frames(lines);
            return timeout(self.timeout, async {
                stream.write_all(&frames).await?;
                stream.flush().await
            })
            .await?;
        }
        for line in lines.iter().skip(*done) {
            timeout(self.timeout, connection.datagram(line)).await??;
            *done += 1;
        }
        Ok(())
    }
}

impl Connection {
    async fn datagram(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(line).await.map(drop),
            Self::Unix(socket) => socket.send(line).await.map(drop),
            Self::Stream(_) => Ok(()),
        }
    }
}

/// Each message with its length before it.
fn frames(lines: &Lines) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(lines.bytes().len() + 8 * lines.len());
    for line in lines.iter() {
        bytes.extend_from_slice(line.len().to_string().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(line);
    }
    bytes
}

impl Stream for TcpStream {
    fn is_closed(&self) -> bool {
        // Servers of syslog say nothing, so whatever there is to read is an end.
        let mut byte = [0];
        match self.try_read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

#[cfg(feature = "webhook")]
impl Stream for tokio_rustls::client::TlsStream<TcpStream> {
    fn is_closed(&self) -> bool {
        // Looking must not take bytes of the protocol away.
        let socket = rustix::net::recv(
            self.get_ref().0,
            &mut [0_u8; 1][..],
            rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT,
        );
        matches!(socket, Ok((0, _)))
    }
}

impl Writer for Syslog {
    async fn write(&mut self, lines: &Arc<Lines>, state: &State) -> io::Result<()> {
        let mut done = 0;
        loop {
            match self.send(lines, &mut done).await {
                Ok(()) => {
                    self.backoff.reset();
                    state.works();
                    return Ok(());
                }
                Err(error) => {
                    self.connection = None;
                    state.fails(format!("{}: {error}", self.address));
                    sleep(self.backoff.wait()).await;
                }
            }
        }
    }
}
