//! The machine: processor, open files, clock.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};

use super::Report;

/// Each connection is one open file, and a meeting of ten has some forty of them.
const FEW_FILES: u64 = 4096;

/// 2026-01-01, in Unix seconds: this version is younger.
const OLDEST_NOW: u64 = 1_767_225_600;

pub(super) fn check(report: &mut Report) {
    check_processor(report);
    check_files(report);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    check_clock(now, report);
}

fn check_processor(report: &mut Report) {
    const TOPIC: &str = "processor";
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if has_aes() {
        report.ok(TOPIC, format!("{cores} cores, encrypts in hardware"));
    } else {
        report.warn(
            TOPIC,
            format!("{cores} cores, without instructions for encryption"),
            "media takes several times the processor time; choose a machine, or a virtual processor, with AES",
        );
    }
}

#[cfg(target_arch = "x86_64")]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

fn check_files(report: &mut Report) {
    const TOPIC: &str = "open files";
    match getrlimit(Resource::Nofile).maximum {
        None => report.ok(TOPIC, "there is no limit"),
        Some(most) if most >= FEW_FILES => {
            report.ok(TOPIC, format!("up to {most}; the server raises its limit to that"))
        }
        Some(most) => report.warn(
            TOPIC,
            format!("at most {most}, and every connection is one"),
            "raise the hard limit: LimitNOFILE=65536 in the systemd unit, or ulimit -Hn",
        ),
    }
}

fn check_clock(now: u64, report: &mut Report) {
    const TOPIC: &str = "clock";
    if now < OLDEST_NOW {
        report.problem(
            TOPIC,
            format!("it says {now} s after 1970, which is before this version was made"),
            "set it and switch on time synchronisation; tokens and signatures are refused with a wrong clock",
        );
    } else {
        report.ok(TOPIC, "it is later than this version");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_clock_before_this_version_is_a_problem() {
        let mut report = Report::default();
        check_clock(OLDEST_NOW - 1, &mut report);
        check_clock(OLDEST_NOW, &mut report);

        assert_eq!(report.0.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Problem, Level::Ok]);
    }
}
