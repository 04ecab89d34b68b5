//! Servers of other people's make that live as long as the test process.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A server on a free port of loopback, with nothing in it. `throwaway.sh` stops it and removes
/// its folder when this process ends, however it ends.
pub(crate) struct Throwaway {
    pub(crate) port: u16,
    /// Holds the pipe that the script waits on.
    script: Child,
}

impl Throwaway {
    /// Starts one of the kinds that `throwaway.sh` knows.
    pub(crate) fn start(kind: &str) -> Self {
        // Somebody may take the port between our looking and the server's binding.
        (0..3)
            .find_map(|_| try_start(kind, free_port()))
            .unwrap_or_else(|| panic!("no {kind} to be had: run scripts/setup.sh test"))
    }

    /// Starts one at a port where one was stopped.
    pub(crate) fn start_at(kind: &str, port: u16) -> Self {
        try_start(kind, port).unwrap_or_else(|| panic!("no {kind} at {port}"))
    }

    /// Stops it and waits until it is gone; its port.
    pub(crate) fn stop(mut self) -> u16 {
        drop(self.script.stdin.take());
        self.script.wait().expect("our own child can be waited for");
        self.port
    }
}

fn try_start(kind: &str, port: u16) -> Option<Throwaway> {
    use std::os::unix::process::CommandExt as _;
    let mut script = Command::new("sh")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/harness/throwaway.sh"))
        .args([kind, &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Out of reach of a Ctrl-C at the terminal.
        .process_group(0)
        .spawn()
        .expect("sh is there");
    let mut line = String::new();
    let out = script.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).expect("a pipe can be read");
    if line == "ready\n" {
        return Some(Throwaway { port, script });
    }
    script.wait().expect("our own child can be waited for");
    None
}

/// A port of loopback that nothing listens on at the moment.
#[must_use]
pub fn free_port() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
    socket.local_addr().expect("a bound socket has an address").port()
}
