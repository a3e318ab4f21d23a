//! Requests as they should be, and as they should not.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;

/// A page that no buffer of a socket holds, where asked for.
struct Fixed {
    ok: bool,
    bytes: usize,
}

impl Answers for Fixed {
    async fn metrics(&self, format: Format) -> Bytes {
        let mut page = format!("{format:?}\n").into_bytes();
        page.resize(page.len() + self.bytes, b'#');
        page.into()
    }

    fn health(&self) -> Verdict {
        Verdict {
            ok: self.ok,
            body: "{\"a\":1}".into(),
        }
    }

    fn readiness(&self) -> Verdict {
        Verdict {
            ok: !self.ok,
            body: "{\"b\":2}".into(),
        }
    }
}

const SHORT: Limits = Limits {
    connections: 2,
    head: Duration::from_millis(200),
    whole: Duration::from_millis(600),
};

async fn start(bytes: usize, limits: Limits) -> (SocketAddr, Arc<Served>) {
    let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(Served::default());
    let answers = Arc::new(Fixed { ok: true, bytes });
    tokio::spawn(serve(listener, answers, Arc::clone(&served), limits));
    (address, served)
}

/// What is answered to these bytes, until the connection ends.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Fails where the other end has heard enough.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(address: SocketAddr, line: &str) -> String {
    exchange(
        address,
        format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
    )
    .await
}

#[tokio::test]
async fn three_paths_and_two_methods() {
    let (address, served) = start(0, Limits::default()).await;
    for (line, status, body) in [
        ("GET /metrics", "200", "Text\n"),
        ("GET /healthz", "200", "{\"a\":1}"),
        ("GET /readyz?verbose", "503", "{\"b\":2}"),
        ("HEAD /healthz", "200", "\r\n\r\n"),
        ("GET /", "404", "/readyz\n"),
        ("GET /metrics/", "404", "/readyz\n"),
        ("POST /metrics", "405", "GET and HEAD only\n"),
        ("OPTIONS *", "405", "GET and HEAD only\n"),
    ] {
        let answer = get(address, line).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {answer}"
        );
        assert!(answer.ends_with(body), "{line}: {answer}");
        assert!(answer.contains("connection: close"), "{line}: {answer}");
    }
    assert!(
        get(address, "HEAD /healthz")
            .await
            .contains("content-length: 7")
    );
    let counts: Vec<_> = served
        .requests()
        .map(|(path, code, n)| (path, code.as_u16(), n))
        .collect();
    let expected = [
        ("/metrics", 200, 1),
        ("/metrics", 405, 1),
        ("/healthz", 200, 3),
        ("/readyz", 503, 1),
        ("other", 404, 2),
        ("other", 405, 1),
    ];
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn the_format_is_negotiated() {
    let (address, _) = start(0, Limits::default()).await;
    let request =
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n";
    let answer = exchange(address, request).await;
    assert!(
        answer.contains("application/openmetrics-text; version=1.0.0"),
        "{answer}"
    );
    assert!(answer.ends_with("OpenMetrics\n"), "{answer}");
}

#[tokio::test]
async fn nonsense_and_large_heads_are_refused() {
    let (address, _) = start(0, Limits::default()).await;
    let long = format!(
        "GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let many = format!(
        "GET /metrics HTTP/1.1\r\n{}\r\n",
        "X: y\r\n".repeat(FIELDS + 1)
    );
    for bytes in [
        long.as_bytes(),
        many.as_bytes(),
        b"\x16\x03\x01nonsense\r\n\r\n",
    ] {
        let answer = exchange(address, bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert!(
        get(address, "GET /healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn who_does_not_finish_a_request_is_let_go() {
    let (address, _) = start(0, SHORT).await;
    let began = Instant::now();
    assert_eq!(exchange(address, b"GET /metrics HT").await, "");
    assert!(began.elapsed() >= SHORT.head && began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    const PAGE: usize = 64 << 20;
    let (address, _) = start(PAGE, SHORT).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    sleep(2 * SHORT.whole).await;
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(answer.len() < PAGE, "the rest was not kept for it");
}

#[tokio::test]
async fn the_oldest_connection_gives_way() {
    let slow = Limits {
        head: Duration::from_mins(1),
        whole: Duration::from_mins(1),
        ..SHORT
    };
    let (address, served) = start(0, slow).await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    assert!(
        get(address, "GET /healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    let mut oldest = idle.swap_remove(0);
    let mut byte = [0];
    let ended = timeout(Duration::from_secs(5), oldest.read(&mut byte))
        .await
        .unwrap();
    assert!(!matches!(ended, Ok(1..)));
    assert_eq!(served.evicted(), 9);
}
