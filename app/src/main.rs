//! The binary `bailiwick`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First of all: TLS to databases and to clients' servers takes the process's one provider.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing ran before that could have installed another one");
    bailiwick::cli::main()
}
