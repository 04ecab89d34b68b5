//! Runs the load generator, which is wrk, and reads what it says.

use std::io::Write as _;
use std::process::Command;

use tempfile::NamedTempFile;

/// Connections that ask at once, unless a load says otherwise.
pub(crate) const CONNECTIONS: u32 = 32;

/// A kind of request: a script and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) base: String,
    pub(crate) script: &'static str,
    pub(crate) args: Vec<String>,
    /// Requests that make one operation.
    pub(crate) requests: u32,
    /// Connections that ask at once.
    pub(crate) connections: u32,
}

/// How a run went. Latencies are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) errors: u64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

impl Load {
    /// As fast as it goes.
    pub(crate) fn peak(&self, seconds: u32) -> Run {
        self.run(seconds, 0)
    }

    /// At about half of a peak: every connection waits between its requests.
    pub(crate) fn half(&self, peak: Run, seconds: u32) -> Run {
        let requests = peak.per_second * f64::from(self.requests);
        let pause = f64::from(self.connections) / (requests / 2.0) * 1e3 - peak.p50.min(2.0);
        self.run(seconds, format!("{:.0}", pause.max(1.0)).parse().unwrap_or(1))
    }

    /// As often as every connection comes back after so many milliseconds.
    pub(crate) fn paced(&self, seconds: u32, pause: u32) -> Run {
        self.run(seconds, pause)
    }

    fn run(&self, seconds: u32, pause: u32) -> Run {
        let mut script = NamedTempFile::with_suffix(".lua").expect("a file");
        write!(script, "{}\n{}", include_str!("lua/common.lua"), self.script).expect("written");
        let output = Command::new("wrk")
            .args(["-t1", &format!("-c{}", self.connections), &format!("-d{seconds}s"), "-s"])
            .arg(script.path())
            .arg(&self.base)
            .arg("--")
            .args(&self.args)
            .env("LOAD_PAUSE", pause.to_string())
            .output()
            .expect("wrk is installed: scripts/setup.sh bench");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|l| l.strip_prefix("RESULT "));
        let line = line.unwrap_or_else(|| panic!("{self:?}: {text}"));
        let figures: Vec<f64> =
            line.split(' ').map(|n| n.parse().expect("wrk prints numbers")).collect();
        let [requests, micros, errors, p50, p95, p99] = figures[..] else {
            panic!("{line}");
        };
        Run {
            per_second: requests / (micros / 1e6) / f64::from(self.requests),
            errors: format!("{errors:.0}").parse().unwrap_or(u64::MAX),
            p50: p50 / 1e3,
            p95: p95 / 1e3,
            p99: p99 / 1e3,
        }
    }
}
