//! Certificates: how long those are good that this server is reached with, and those it believes.

use std::fs;
use std::time::{Duration, SystemTime};

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Error};

use super::Report;
use crate::config::Config;

const TOPIC: &str = "certificates";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whoever renews by hand wants to know that early; programs that renew do it a month before the end.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// The authorities that a database is checked against, if a file names them.
pub(super) fn check_authorities(config: &Config, now: SystemTime, report: &mut Report) {
    let Some(file) = config.database.as_ref().and_then(|server| server.authorities.as_ref()) else { return };
    let name = file.display().to_string();
    match fs::read(file) {
        Ok(text) => judge(&name, Certificate::load_pem_chain(&text), now, report),
        Err(error) => {
            let advice = "plenum.database.authorities names a PEM file that the server's user may read";
            report.problem(TOPIC, format!("{name} cannot be read: {error}"), advice);
        }
    }
}

/// The certificate that somebody behind `address` showed, in DER.
pub(super) fn check_shown(address: &str, der: &[u8], now: SystemTime, report: &mut Report) {
    judge(address, Certificate::from_der(der).map(|one| vec![one]), now, report);
}

/// Of several, the one that ends first counts.
fn judge(whose: &str, found: Result<Vec<Certificate>, Error>, now: SystemTime, report: &mut Report) {
    let ends = found.map(|all| {
        all.iter()
            .map(|one| SystemTime::UNIX_EPOCH + one.tbs_certificate().validity().not_after.to_unix_duration())
            .min()
    });
    let end = match ends {
        Ok(Some(end)) => end,
        Ok(None) => return report.problem(TOPIC, format!("{whose} holds no certificate"), "put a PEM file there"),
        Err(error) => {
            return report.problem(TOPIC, format!("{whose}: unreadable: {error}"), "put a certificate in PEM there");
        }
    };
    match end.duration_since(now) {
        Err(ago) => {
            let days = ago.duration().as_secs() / DAY.as_secs();
            report.problem(
                TOPIC,
                format!("{whose}: it ended {days} days ago"),
                "renew it; nobody gets through with it",
            );
        }
        Ok(left) => {
            let text = format!("{whose}: good for {} more days", left.as_secs() / DAY.as_secs());
            if left < SOON {
                report.warn(TOPIC, text, "renew it, and see why that did not happen by itself");
            } else {
                report.ok(TOPIC, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    /// Made for this test with `openssl req -x509`, for 5000 days.
    const AUTHORITY: &str = include_str!("certificates/authority.pem");
    /// When it ends, 2040-08-05, in Unix seconds.
    const END: u64 = 2_227_765_594;

    fn level(now: u64) -> (Level, String) {
        let mut report = Report::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        judge("it", Certificate::load_pem_chain(AUTHORITY.as_bytes()), now, &mut report);
        let finding = report.0.remove(0);
        (finding.level, finding.text)
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_before_it_does() {
        let day = DAY.as_secs();
        assert_eq!(level(END - 20 * day - 1), (Level::Ok, "it: good for 20 more days".into()));
        assert_eq!(level(END - 13 * day - 1), (Level::Warning, "it: good for 13 more days".into()));
        assert_eq!(level(END + 3 * day), (Level::Problem, "it: it ended 3 days ago".into()));
    }

    #[test]
    fn what_is_no_certificate_is_a_problem() {
        for text in ["", "nothing of the kind", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let mut report = Report::default();
            judge("it", Certificate::load_pem_chain(text.as_bytes()), SystemTime::UNIX_EPOCH, &mut report);
            assert_eq!(report.worst(), Level::Problem, "{text}");
        }
    }
}
