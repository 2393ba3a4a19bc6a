//! The operator's background pictures: the server does not start with one that it cannot use.

use super::Report;
use crate::backgrounds;
use crate::config::Config;

const TOPIC: &str = "backgrounds";

pub(super) fn check(config: &Config, report: &mut Report) {
    if config.backgrounds.is_empty() {
        return;
    }
    match backgrounds::read(&config.backgrounds) {
        Ok(pictures) => report.ok(TOPIC, format!("pictures that plenum.backgrounds names: {}", pictures.len())),
        Err(backgrounds::Unusable(faults)) => {
            for fault in faults {
                report.problem(
                    TOPIC,
                    fault,
                    "correct it or take it out of plenum.backgrounds; the server does not start",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn every_picture_that_cannot_be_used_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            std::fs::write(folder.path().join(name), content).unwrap();
            folder.path().join(name)
        };
        let mut config = Config::default();
        let levels = |config: &Config| {
            let mut report = Report::default();
            check(config, &mut report);
            report.0.iter().map(|finding| finding.level).collect::<Vec<_>>()
        };
        assert_eq!(levels(&config), []);

        config.backgrounds = vec![file("a.png", b"\x89PNG\r\n\x1a\n")];
        assert_eq!(levels(&config), [Level::Ok]);

        config.backgrounds = vec![file("b.jpg", b"text"), folder.path().join("missing")];
        assert_eq!(levels(&config), [Level::Problem; 2]);
    }
}
