//! What stands between programs on a network: a load balancer, and a line that breaks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Gives each connection to the next server that takes it.
pub struct Balancer {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Balancer {
    /// A balancer in front of these ports of loopback.
    pub async fn start(ports: Vec<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let next = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (ports, next) = (ports.clone(), Arc::clone(&next));
                tokio::spawn(async move {
                    for _ in 0..ports.len() {
                        let n = next.fetch_add(1, Ordering::Relaxed) % ports.len();
                        if let Ok(mut server) = TcpStream::connect(("127.0.0.1", ports[n])).await {
                            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                            return;
                        }
                    }
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A line to PostgreSQL that swallows the answer of a commit when it is told to, and breaks.
pub struct Line {
    /// Where it listens.
    pub port: u16,
    cut: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line to that port of loopback.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("a bound socket has an address").port();
        let cut = Arc::new(AtomicBool::new(false));
        let armed = Arc::clone(&cut);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                    tokio::spawn(carry(client, server, Arc::clone(&armed)));
                }
            }
        });
        Self { port: here, cut, task }
    }

    /// The next commit arrives, and its answer does not.
    pub fn lose_the_next_commit(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Whether that has happened.
    #[must_use]
    pub fn has_lost_it(&self) -> bool {
        !self.cut.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicBool>) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(n @ 1..) = read else { return };
                let sent = &from_client[..n];
                let commits = sent.windows(6).any(|w| w == b"COMMIT");
                if server.write_all(sent).await.is_err() {
                    return;
                }
                if commits && cut.swap(false, Ordering::SeqCst) {
                    // Long enough for the server to have committed.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(n @ 1..) = read else { return };
                if client.write_all(&from_server[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}
