//! Somebody else's server: keeps what it is sent, and answers as it is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A request that it was sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /path`.
    pub line: String,
    /// The header fields, lower-cased, a line each.
    pub head: String,
    /// The body.
    pub body: String,
}

/// A server that listens until it is dropped.
pub struct Receiver {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    status: watch::Sender<Option<u16>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Listens at a port of its own, and answers with 200.
    pub async fn start() -> Self {
        Self::at(0).await
    }

    /// Listens at this port.
    pub async fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (status, told) = watch::channel(Some(200));
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let kept = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&kept), told.clone()));
            }
        });
        Self { port, requests, status, task }
    }

    /// The address of a path, which starts with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it answers from now on; with `None` it lets everybody wait until it is told more.
    pub fn answer(&self, status: Option<u16>) {
        self.status.send_replace(status);
    }

    /// What it was sent until now, in order.
    #[must_use]
    pub fn all(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests have come.
    pub async fn wait_for(&self, n: usize) -> Vec<Request> {
        for _ in 0..1_000 {
            let all = self.all();
            if all.len() >= n {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{n} requests did not come: {:?}", self.all());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut socket: TcpStream,
    kept: Arc<Mutex<Vec<Request>>>,
    mut told: watch::Receiver<Option<u16>>,
) {
    let Some(request) = read(&mut socket).await else { return };
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let Ok(status) = told.wait_for(Option::is_some).await.map(|status| *status) else { return };
    let status = status.unwrap_or_default();
    let answer = format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = socket.write_all(answer.as_bytes()).await;
}

async fn read(socket: &mut TcpStream) -> Option<Request> {
    let (mut text, mut buffer) = (String::new(), [0; 4_096]);
    loop {
        let n = socket.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        text.push_str(&String::from_utf8_lossy(buffer.get(..n)?));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let (line, head) = head.split_once("\r\n").unwrap_or((head, ""));
        let head = head.to_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
        if body.len() >= length.map_or(Some(0), |l| l.trim().parse().ok())? {
            let line = line.trim_end_matches(" HTTP/1.1").to_owned();
            return Some(Request { line, head, body: body.to_owned() });
        }
    }
}
