//! A hostile description: refused, or answered with as many sections as it has.

use rtc::{Clock, Codec, Down, Kind, PeerFactory, SectionPlan, Up, analyse_offer};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static FACTORY: LazyLock<PeerFactory> = LazyLock::new(|| {
    let clock = Clock { at: Instant::now(), unix: Duration::from_secs(1_700_000_000) };
    PeerFactory::new(clock).expect("a certificate")
});

/// One description.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(sections) = analyse_offer(text) else { return };
    let plan: Vec<SectionPlan> = sections
        .iter()
        .map(|section| SectionPlan {
            mid: section.mid.clone(),
            up: section.sends.then_some(Up {
                codec: if section.kind == Kind::Audio { Codec::Opus } else { Codec::H264 },
                stereo: true,
                dtx: true,
                red: true,
            }),
            down: section.receives.then(|| Down {
                stream: "PA_a|TR_a".into(),
                track: "TR_a".into(),
                cname: "PA_a".into(),
                stereo: true,
            }),
        })
        .collect();
    let mut peer = FACTORY.peer(&["192.0.2.1:9".parse().expect("an address")], &[], Instant::now());
    if let Ok(answer) = peer.accept_offer(text, &plan) {
        assert_eq!(count(&answer), count(text));
    }
}

fn count(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("m=")).count()
}
