//! Servers that listen, go away and come back.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

fn lines(texts: &[&str]) -> Arc<Lines> {
    let mut lines = Lines::default();
    for text in texts {
        lines.push(text.as_bytes());
    }
    Arc::new(lines)
}

fn to(address: &str) -> Syslog {
    let mut syslog = Syslog::new(address.parse().unwrap(), None, TIMEOUT).unwrap();
    syslog.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(20));
    syslog
}

#[test]
fn addresses() {
    for text in [
        "udp://logs:514",
        "tcp://[::1]:601",
        "tls://logs.example:6514",
        "unix:///dev/log",
    ] {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
    }
    for text in [
        "logs:514",
        "udp://logs",
        "udp://:514",
        "tcp://logs:99999",
        "unix://dev/log",
        "http://logs:80",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

#[tokio::test]
async fn each_message_is_a_datagram() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut udp = to(&format!("udp://{}", server.local_addr().unwrap()));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let local = UnixDatagram::bind(&path).unwrap();
    let mut unix = to(&format!("unix://{}", path.display()));
    let state = State::default();
    let two = lines(&["<1>1 one", "<1>1 two"]);
    udp.write(&two, &state).await.unwrap();
    unix.write(&two, &state).await.unwrap();
    let mut buffer = [0; 100];
    for expected in ["<1>1 one", "<1>1 two"] {
        let count = server.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..count], expected.as_bytes());
        let count = local.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..count], expected.as_bytes());
    }
}

#[tokio::test]
async fn a_stream_counts_octets_and_is_opened_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut syslog = to(&format!("tcp://{address}"));
    let state = State::default();
    syslog
        .write(&lines(&["<1>1 one", "é"]), &state)
        .await
        .unwrap();
    let (mut first, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 100];
    let count = first.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..count], "8 <1>1 one2 é".as_bytes());
    drop(first);
    // The end of the connection has to arrive.
    sleep(Duration::from_millis(100)).await;
    syslog.write(&lines(&["again"]), &state).await.unwrap();
    let (mut second, _) = listener.accept().await.unwrap();
    let count = second.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..count], b"5 again");
    assert_eq!(state.fault(), None);
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let address = format!("unix://{}", path.display());
    let state = Arc::new(State::default());
    let of_writer = Arc::clone(&state);
    let writing = tokio::spawn(async move {
        let mut syslog = to(&address);
        syslog.write(&lines(&["one"]), &of_writer).await
    });
    while state.fault().is_none() {
        sleep(Duration::from_millis(5)).await;
    }
    let server = UnixDatagram::bind(&path).unwrap();
    writing.await.unwrap().unwrap();
    let mut buffer = [0; 10];
    assert_eq!(server.recv(&mut buffer).await.unwrap(), 3);
    assert_eq!(state.fault(), None);
}
