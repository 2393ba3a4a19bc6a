//! The machine: processor, open files, clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};

use super::Report;

/// Each connection is one open file, and a meeting of ten has some forty of them.
const FEW_FILES: u64 = 4096;

/// 2026-01-01, in Unix seconds: this version is younger.
const OLDEST_NOW: Duration = Duration::from_secs(1_767_225_600);

/// Clocks may differ by this much; tokens and signatures bear it.
pub(super) const APART: Duration = Duration::from_secs(60);

/// `newest` is when something in the data folder was last changed.
pub(super) fn check(newest: Option<SystemTime>, report: &mut Report) {
    check_processor(report);
    check_files(report);
    check_clock(SystemTime::now(), newest, report);
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

fn check_clock(now: SystemTime, newest: Option<SystemTime>, report: &mut Report) {
    const TOPIC: &str = "clock";
    const ADVICE: &str =
        "set it and switch on time synchronisation; tokens and signatures are refused with a wrong clock";
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if since < OLDEST_NOW {
        let text = format!("it says {} s after 1970, which is before this version was made", since.as_secs());
        return report.problem(TOPIC, text, ADVICE);
    }
    let ahead = newest.and_then(|newest| newest.duration_since(now).ok()).filter(|ahead| *ahead > APART);
    match ahead {
        Some(ahead) => report.problem(
            TOPIC,
            format!("the data folder was changed {} s in the future", ahead.as_secs()),
            "the clock was ahead then or is behind now, here or where the files are; set it and synchronise both",
        ),
        None => report.ok(TOPIC, "it is later than this version and than every file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_clock_before_this_version_or_before_its_files_is_a_problem() {
        let level = |now: SystemTime, newest| {
            let mut report = Report::default();
            check_clock(now, newest, &mut report);
            report.worst()
        };
        let oldest = UNIX_EPOCH + OLDEST_NOW;

        assert_eq!(level(oldest - Duration::from_secs(1), None), Level::Problem);
        assert_eq!(level(oldest, None), Level::Ok);
        assert_eq!(level(oldest, Some(oldest + APART)), Level::Ok);
        assert_eq!(level(oldest, Some(oldest + APART + Duration::from_secs(1))), Level::Problem);
    }
}
