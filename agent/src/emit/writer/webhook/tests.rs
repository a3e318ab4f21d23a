//! Servers that fail, hang and recover.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, channel};

use super::*;

/// A request as it came.
struct Got {
    head: String,
    body: String,
}

async fn request(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(Got {
                    head: head.to_lowercase(),
                    body: body.into(),
                });
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}

/// Answers one request after the other like this; an empty answer hangs. After the last one all are taken.
async fn server(answers: Vec<&'static str>) -> (Uri, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let (tell, told) = channel(100);
    let mut answers = answers.into_iter();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while let Some(got) = request(&mut stream).await {
                tell.try_send(got).ok();
                let answer = answers.next().unwrap_or("204 No Content\r\n");
                if answer.is_empty() {
                    break;
                }
                let text = format!("HTTP/1.1 {answer}content-length: 0\r\n\r\n");
                if stream.write_all(text.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    (url.parse().unwrap(), told)
}

fn settings(url: Uri) -> Settings {
    Settings {
        url,
        body: Body::Array,
        content_type: "application/json",
        headers: HeaderMap::new(),
        token_file: None,
        ca_file: None,
        timeout: Duration::from_millis(500),
    }
}

fn lines(texts: &[&str]) -> Arc<Lines> {
    let mut lines = Lines::default();
    for text in texts {
        lines.push(format!("{text}\n").as_bytes());
    }
    Arc::new(lines)
}

#[tokio::test]
async fn batches_are_posted() {
    let (url, mut told) = server(vec![]).await;
    let directory = tempfile::tempdir().unwrap();
    let token_file = directory.path().join("token");
    std::fs::write(&token_file, "secret\n").unwrap();
    let mut settings = settings(url);
    settings.token_file = Some(token_file.clone());
    settings
        .headers
        .insert("x-tenant", HeaderValue::from_static("shop"));
    let mut webhook = Webhook::new(settings).unwrap();
    let state = State::default();
    webhook.write(&lines(&["1", "2"]), &state).await.unwrap();
    let got = told.recv().await.unwrap();
    assert_eq!(got.body, "[1,2]");
    assert!(
        got.head.starts_with("post /alerts http/1.1"),
        "{}",
        got.head
    );
    for header in [
        "content-type: application/json",
        "authorization: bearer secret",
        "x-tenant: shop",
    ] {
        assert!(got.head.contains(header), "{}", got.head);
    }
    std::fs::write(&token_file, "other").unwrap();
    webhook.settings.body = Body::Lines;
    webhook.write(&lines(&["3", "4"]), &state).await.unwrap();
    let got = told.recv().await.unwrap();
    assert_eq!(got.body, "3\n4\n");
    assert!(got.head.contains("authorization: bearer other"));
    assert_eq!(state.lost.alerts(), 0);
}

#[tokio::test]
async fn what_may_go_better_later_is_sent_again() {
    let answers = vec![
        "500 No\r\n",
        "",
        "429 Slowly\r\nretry-after: 1\r\n",
        "401 Who\r\n",
    ];
    let (url, mut told) = server(answers).await;
    let mut webhook = Webhook::new(settings(url)).unwrap();
    webhook.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    let state = State::default();
    let began = std::time::Instant::now();
    webhook.write(&lines(&["1"]), &state).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "as it was told");
    let mut bodies = Vec::new();
    while let Ok(got) = told.try_recv() {
        bodies.push(got.body);
    }
    assert_eq!(bodies, ["[1]"; 5]);
    assert_eq!((state.fault(), state.lost.alerts()), (None, 0));
}

#[tokio::test]
async fn what_is_refused_is_lost_and_counted() {
    let (url, _told) = server(vec!["400 Never\r\n"]).await;
    let mut webhook = Webhook::new(settings(url)).unwrap();
    let state = State::default();
    webhook.write(&lines(&["1", "2"]), &state).await.unwrap();
    webhook.write(&lines(&["3"]), &state).await.unwrap();
    assert_eq!(state.lost.alerts(), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut settings = settings(format!("http://{address}/").parse().unwrap());
    settings.token_file = Some("/no/such/token".into());
    let mut webhook = Webhook::new(settings.clone()).unwrap();
    let state = State::default();
    let text = lines(&["1"]);
    let patience = Duration::from_millis(100);
    assert!(
        timeout(patience, webhook.write(&text, &state))
            .await
            .is_err()
    );
    assert!(state.fault().unwrap().contains("/no/such/token"));
    settings.token_file = None;
    let mut webhook = Webhook::new(settings).unwrap();
    let state = State::default();
    assert!(
        timeout(patience, webhook.write(&text, &state))
            .await
            .is_err()
    );
    assert!(state.fault().is_some());
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 60);
    let after = |value| retry_after(value, now);
    assert_eq!(after("120"), Some(Duration::from_mins(2)));
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(after(date), Some(Duration::from_mins(1)));
    let past = "Sat, 05 Nov 1994 08:49:37 GMT";
    assert_eq!(after(past), Some(Duration::ZERO));
    assert_eq!(after("soon"), None);
}
