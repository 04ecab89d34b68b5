//! The table that a run prints, in Markdown.

use std::fmt::Write as _;
use std::process::Command;

use crate::wrk::{Load, Run};

/// What was measured so far.
pub(crate) struct Table {
    pub(crate) seconds: u32,
    /// The bare endpoint, the bare signer and the bare JSON endpoint, a second.
    bare: Vec<f64>,
    text: String,
}

impl Table {
    pub(crate) fn new(seconds: u32) -> Self {
        let mut table = Self { seconds, bare: Vec::new(), text: String::new() };
        table.head("Nothing but a web server");
        table
    }

    /// Runs at the peak and at half of it.
    pub(crate) fn measure(&mut self, load: &Load) {
        self.measure_both(load, load);
    }

    /// The same for a load that uses up what it was given.
    pub(crate) fn measure_both(&mut self, at_peak: &Load, at_half: &Load) {
        let peak = at_peak.peak(self.seconds);
        let half = at_half.half(peak, self.seconds);
        self.add(at_peak.name, peak, Some(half));
    }

    /// Runs at the peak only: a second run would not find what the first one did.
    pub(crate) fn measure_once(&mut self, load: &Load) {
        let peak = load.peak(self.seconds);
        self.add(load.name, peak, None);
    }

    /// Another set of rows.
    pub(crate) fn section(&mut self, name: &str, about: &str) {
        self.head(&format!("{name} ({about})"));
    }

    fn head(&mut self, name: &str) {
        let _ = write!(
            self.text,
            "\n**{name}**\n\n| | requests/s | p50 ms | p95 ms | p99 ms | p95 ms at half load | of \
             bare | of signer | of JSON | errors |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        );
    }

    pub(crate) fn add(&mut self, name: &str, run: Run, half: Option<Run>) {
        if self.bare.len() < 3 {
            self.bare.push(run.per_second);
        }
        let of = |n: usize| {
            self.bare.get(n).map_or_else(String::new, |b| format!("{:.2}", run.per_second / b))
        };
        let p95 = half.map_or_else(|| "-".to_owned(), |h| format!("{:.1}", h.p95));
        let errors = run.errors + half.map_or(0, |h| h.errors);
        let row = format!(
            "| {name} | {:.0} | {:.1} | {:.1} | {:.1} | {p95} | {} | {} | {} | {errors} |",
            run.per_second,
            run.p50,
            run.p95,
            run.p99,
            of(0),
            of(1),
            of(2)
        );
        progress(&row);
        let _ = writeln!(self.text, "{row}");
    }

    /// A sentence below the rows.
    pub(crate) fn note(&mut self, text: &str) {
        progress(text);
        let _ = writeln!(self.text, "| {text} | | | | | | | | | |");
    }

    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub(crate) fn print(&self) {
        let says = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output();
            let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
            text.unwrap_or_default()
        };
        let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = model.lines().find_map(|l| l.strip_prefix("model name"));
        println!(
            "\nCommit {}, {} cores ({}), {}; the load generator is on the same machine.\n{}",
            says("git", &["rev-parse", "--short", "HEAD"]),
            says("nproc", &[]),
            model.unwrap_or_default().trim_matches([' ', '\t', ':']),
            says("uname", &["-sr"]),
            self.text
        );
    }
}

#[expect(clippy::print_stderr, reason = "a long run says how far it is")]
fn progress(row: &str) {
    eprintln!("{row}");
}
