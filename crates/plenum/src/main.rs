//! `plenum`: the whole conference server in one program.

mod addresses;
mod backgrounds;
mod cli;
mod config;
mod doctor;
mod files;
mod import;
mod listen;
mod logging;
mod secrets;
mod serve;
mod token;
mod transport;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    spare_huge_pages();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("could not start the runtime")),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(args).await.map(|()| ExitCode::SUCCESS),
            Command::Token(args) => token::run(args).await.map(|()| ExitCode::SUCCESS),
            Command::Secrets(args) => secrets::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Import(args) => import::run(args).await.map(|()| ExitCode::SUCCESS),
            Command::Doctor(args) => Ok(doctor::run(args).await),
        }
    });
    match result {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Asks the kernel for ordinary pages only. Huge ones hold a new server's few megabytes in some twenty, and whoever makes
/// a room waits while the kernel clears two megabytes at once.
fn spare_huge_pages() {
    // A kernel without them says no, and is right.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// The one place that speaks to whoever started us; the log may not even exist yet.
#[expect(clippy::print_stderr, reason = "the last word of a command line program")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("plenum: {error:#}");
    ExitCode::FAILURE
}
