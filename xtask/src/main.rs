//! The repository's own checks, run as `cargo xtask <check>`.
//!
//! They exist because no stock tool knows this house: which crate may call which, what a core crate must never touch,
//! and which licences a dependency may carry. Each check prints every finding, not just the first, and exits non-zero.

#![expect(clippy::print_stderr, reason = "a command line program says what it finds")]

mod arrows;
mod bans;
mod figures;
mod licences;
mod metadata;
mod purity;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use metadata::Metadata;

const USAGE: &str = "usage: cargo xtask <check>

  arrows     crate dependencies point down only; core crates carry no runtime, clock or I/O
  licences   every Rust dependency's licence is on the list in deny.toml
  bans       no dependency that deny.toml refuses, none from elsewhere than the registry, none in any version
  figures    every figure of /metrics and the debug pages is named in docs/operations.md
  all        all of them";

fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                eprintln!("error: {finding}");
            }
            eprintln!("{} finding(s)", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Option<&str>) -> anyhow::Result<Vec<String>> {
    let root = workspace_root();
    match command {
        Some("arrows") => check_arrows(&root),
        Some("licences") => check_licences(&root),
        Some("bans") => check_bans(&root),
        Some("figures") => check_figures(&root),
        Some("all") => {
            let mut findings = check_arrows(&root)?;
            findings.extend(check_licences(&root)?);
            findings.extend(check_bans(&root)?);
            findings.extend(check_figures(&root)?);
            Ok(findings)
        }
        _ => anyhow::bail!("{USAGE}"),
    }
}

fn check_arrows(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = Metadata::load(root)?;
    let mut findings = arrows::check(&metadata);
    let files = purity::core_sources(root)?;
    findings.extend(purity::check(&files));
    eprintln!("arrows: {} crates, {} core source files", metadata.workspace_members.len(), files.len());
    Ok(findings)
}

fn check_licences(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = Metadata::load(root)?;
    let allowed = licences::allowed_in(&deny_toml(root)?)?;
    eprintln!("licences: {} packages, {} allowed licences", metadata.packages.len(), allowed.len());
    Ok(licences::check(&metadata, &allowed))
}

fn check_bans(root: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = Metadata::load(root)?;
    let bans = bans::banned_in(&deny_toml(root)?)?;
    eprintln!("bans: {} packages, {} refused names", metadata.packages.len(), bans.len());
    Ok(bans::check(&metadata, &bans))
}

fn check_figures(root: &Path) -> anyhow::Result<Vec<String>> {
    let figures = figures::named_in(&purity::all_sources(root)?)?;
    let path = root.join(figures::DOCUMENT);
    let document = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    eprintln!("figures: {} names", figures.len());
    Ok(figures::check(&figures, &document))
}

fn deny_toml(root: &Path) -> anyhow::Result<String> {
    let path = root.join("deny.toml");
    std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lives one level below the root").to_owned()
}
