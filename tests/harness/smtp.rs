//! A mail server that somebody else wrote, which prints what it gets.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::clients::python;

/// A running mail server. Dropping it stops it.
pub struct Smtp {
    child: Child,
    pipe: Option<ChildStdin>,
    mails: Receiver<Value>,
}

impl Smtp {
    /// Starts one on a free port of loopback.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(port: u16) -> Self {
        let mut child = python("smtp_sink.py")
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python is there: run scripts/setup.sh test");
        let pipe = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("ready"));
        let (put, mails) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mail = serde_json::from_str(&line).expect("the sink prints JSON");
                if put.send(mail).is_err() {
                    return;
                }
            }
        });
        Self { child, pipe, mails }
    }

    /// The next mail.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(self) -> (Value, Self) {
        let wait = move || {
            let mail = self.mails.recv_timeout(Duration::from_secs(20)).expect("a mail comes");
            (mail, self)
        };
        tokio::task::spawn_blocking(wait).await.expect("waiting does not panic")
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}
