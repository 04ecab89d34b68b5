//! Servers of other people's make that live as long as the test process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// A server on a free port of loopback, with nothing in it. `throwaway.sh` stops it and removes
/// its folder when this process, or this value, ends, however it ends.
pub struct Throwaway {
    /// Where it listens.
    pub port: u16,
    /// The script ends when the first one closes.
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _script: Child,
}

impl Throwaway {
    /// Starts one of the kinds that `throwaway.sh` knows.
    #[must_use]
    pub fn start(kind: &str) -> Self {
        // Somebody may take the port between our looking and the server's binding.
        (0..3)
            .find_map(|_| try_start(kind))
            .unwrap_or_else(|| panic!("no {kind} to be had: run scripts/setup.sh test"))
    }

    /// Tells it to `stop`, `start` again on the same data, `pause` or `resume`, and waits until it
    /// has.
    pub fn tell(&self, command: &str) {
        let mut pipes = self.pipes.lock().expect("no test panics in here");
        writeln!(pipes.0, "{command}").expect("the script reads");
        let mut line = String::new();
        pipes.1.read_line(&mut line).expect("a pipe can be read");
        assert_eq!(line, "done\n", "{command}");
    }
}

fn try_start(kind: &str) -> Option<Throwaway> {
    use std::os::unix::process::CommandExt as _;
    let port = free_port();
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
    let mut out = BufReader::new(script.stdout.take().expect("stdout is piped"));
    out.read_line(&mut line).expect("a pipe can be read");
    if line == "ready\n" {
        let pipe = script.stdin.take().expect("stdin is piped");
        return Some(Throwaway { port, pipes: Mutex::new((pipe, out)), _script: script });
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
