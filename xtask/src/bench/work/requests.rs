//! What a web server does for a file: waits, receives, opens, sends.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fs::fstat;
use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::Load;

/// Connections that are kept open, as a browser's or a proxy's are.
const CONNECTIONS: usize = 8;
const REQUEST: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";

/// Requests over kept connections to a server on a thread of its own: `epoll_wait`, `recvfrom`,
/// `open`, `fstat`, `close`, `sendto` for each.
#[derive(Debug)]
pub(super) struct Requests {
    clients: Vec<TcpStream>,
}

impl Requests {
    /// Starts the server; it ends when the connections do.
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let file = dir.join("index.html");
        std::fs::write(&file, "x")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let mut clients = Vec::new();
        let mut accepted = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = TcpStream::connect(address)?;
            client.set_nodelay(true)?;
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            clients.push(client);
            accepted.push(stream);
        }
        thread::Builder::new()
            .name("bench-server".into())
            .spawn(move || serve(&accepted, &file))?;
        Ok(Self { clients })
    }
}

impl Load for Requests {
    fn run(&self, operations: u32) -> Result<Duration> {
        let mut answer = [0; ANSWER.len()];
        let start = Instant::now();
        for client in self.clients.iter().cycle().take(operations as usize) {
            send(client, REQUEST, SendFlags::empty())?;
            let (read, _) = recv(client, &mut answer, RecvFlags::WAITALL)?;
            if read != ANSWER.len() {
                bail!("the server ended");
            }
        }
        Ok(start.elapsed())
    }
}

/// Answers until every client is gone.
fn serve(streams: &[TcpStream], file: &PathBuf) -> Result<()> {
    let events = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (number, stream) in (0..).zip(streams) {
        let data = epoll::EventData::new_u64(number);
        epoll::add(&events, stream, data, epoll::EventFlags::IN)?;
    }
    let mut ready = Vec::with_capacity(CONNECTIONS);
    let mut open = streams.len();
    while open > 0 {
        ready.clear();
        retry_on_intr(|| epoll::wait(&events, spare_capacity(&mut ready), None))?;
        for event in &ready {
            let number = usize::try_from(event.data.u64())?;
            let stream = streams.get(number).context("an unknown connection")?;
            if !answer(stream, file)? {
                epoll::delete(&events, stream)?;
                open -= 1;
            }
        }
    }
    Ok(())
}

/// Answers one request; false where the client is gone.
fn answer(stream: &TcpStream, file: &PathBuf) -> io::Result<bool> {
    let mut request = [0; REQUEST.len()];
    if recv(stream, &mut request, RecvFlags::empty())?.0 == 0 {
        return Ok(false);
    }
    let file = File::open(file)?;
    fstat(file.as_fd())?;
    send(stream, ANSWER, SendFlags::empty())?;
    Ok(true)
}
