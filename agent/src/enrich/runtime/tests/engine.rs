//! Docker's API, spoken by a few lines.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use super::*;

const LIST: &str = r#"[{"Id":"c1","State":"running"},{"Id":"../c2","State":"running"}]"#;
const CONTAINER: &str =
    r#"{"State":{"Status":"running","Pid":77},"Name":"/web","Config":{"Image":"q.io/a:1"}}"#;
const CREATED: &str = "{\"Action\":\"create\",\"Actor\":{\"ID\":\"c3\"}}\nnoise\n";
const DESTROYED: &str = "{\"status\":\"destroy\",\"id\":\"c3\"}\n";

/// Serves c1 always, and c3 while `there` says so.
fn engine(host: &Host, there: &watch::Receiver<bool>) {
    let listener = UnixListener::bind(host.dir.path().join("run/docker.sock")).unwrap();
    let there = there.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, there.clone()));
        }
    });
}

async fn answer(stream: UnixStream, mut there: watch::Receiver<bool>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = match path.as_str() {
        "/version" => r#"{"Version":"4.3.1","Components":[{"Name":"Podman Engine"}]}"#,
        "/containers/json?all=true" => LIST,
        "/containers/c1/json" => CONTAINER,
        "/containers/c3/json" if *there.borrow() => CONTAINER,
        path if path.starts_with("/events?") => {
            let head = "HTTP/1.1 200 OK\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            loop {
                let changed = there.changed().await;
                let event = if *there.borrow() { CREATED } else { DESTROYED };
                if changed.is_err() {
                    return Ok(());
                }
                stream.write_all(event.as_bytes()).await?;
            }
        }
        _ => {
            let head = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            return stream.write_all(head.as_bytes()).await;
        }
    };
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

#[tokio::test]
async fn docker_tells_the_same() {
    let mut host = Host::new();
    let (there, is_there) = watch::channel(false);
    engine(&host, &is_there);
    let news = host.up().await;
    let told = container(&news, "c1");
    assert_eq!(told.runtime.as_deref(), Some("podman"));
    assert_eq!(
        (&told.pod, &*told.details.as_ref().unwrap().name),
        (&None, "web")
    );
    there.send(true).unwrap();
    host.until(is("c3")).await;
    there.send(false).unwrap();
    host.until(removed("c3")).await;
    host.ask("c4").await;
    host.until(|news| *news == News::NoContainer("c4".into()))
        .await;
}
