//! Programs that run beside the server: other people's clients, and our own binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Runs a program to its end, without blocking the server, and gives what it printed.
///
/// # Panics
/// When it does not exit with 0; the message holds all that it printed.
pub async fn succeed(mut command: Command) -> String {
    command.stdin(Stdio::null());
    let shown = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("waiting for a program does not panic")
        .unwrap_or_else(|e| panic!("{shown} does not start ({e}): run scripts/setup.sh test"));
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// A script of `tests/clients/node`.
#[must_use]
pub fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder("node").join(script));
    command
}

/// A script of `tests/clients/python`, in its own environment of packages.
#[must_use]
pub fn python(script: &str) -> Command {
    let cache = std::env::var_os("BAILIWICK_TEST_CACHE").filter(|c| !c.is_empty());
    let venv = cache
        .map_or_else(|| folder("python").join(".venv"), |cache| root().join(cache).join("python"));
    let mut command = Command::new(venv.join("bin/python"));
    // No __pycache__ in the source tree.
    command.arg("-B").arg(folder("python").join(script));
    command
}

/// The `bailiwick` binary, built from the present sources.
#[must_use]
pub fn bailiwick() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let path = BINARY.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bin", "bailiwick"])
            .current_dir(root())
            .status()
            .expect("cargo is there");
        assert!(built.success(), "the binary does not build");
        target().join("bailiwick")
    });
    Command::new(path)
}

/// A program of `examples`, built from the present sources.
#[must_use]
pub fn example(name: &str) -> Command {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--example", name])
        .current_dir(root())
        .status()
        .expect("cargo is there");
    assert!(built.success(), "the example does not build");
    Command::new(target().join("examples").join(name))
}

/// The folder of this build: this test binary is `target/debug/deps/it-*`.
fn target() -> PathBuf {
    let it = std::env::current_exe().expect("a process knows its program");
    it.ancestors().nth(2).expect("two folders above").to_owned()
}

/// The top folder of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of it")
}

fn folder(language: &str) -> PathBuf {
    root().join("tests/clients").join(language)
}
