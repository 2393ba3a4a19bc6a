//! What must be true of the meeting of two hundred, during a storm and behind it.

use super::meeting::{CALM, Meeting};
use super::simulation::checks;
use super::simulation::net::Weather;
use super::simulation::peer::FULL;
use super::simulation::peer::camera::FRAME;
use std::time::{Duration, Instant};

/// So long after somebody came, or their line changed, sound may be missing: estimates have to follow first.
pub(crate) const SETTLING: Duration = Duration::from_secs(3);

/// Never is anybody without sound for longer, whatever the weather: a narrow line's queue takes 300 ms, a long way 100 ms, and a
/// few packets in a row may be lost.
const SILENCE: Duration = Duration::from_millis(500);

/// How many pictures of those that are sent may fail to be shown where nothing is lost but to a narrow uplink's probing, in 100.
const MISSED_PICTURES: u32 = 30;

impl Meeting {
    /// When nothing had happened to a client for long enough, up to `end`.
    fn steady(&self, index: usize, end: Instant) -> Vec<(Instant, Instant)> {
        let mut spans = Vec::new();
        let mut from = end;
        for (at, ends) in self.upsets.get(&index).into_iter().flatten() {
            spans.push((from, *at));
            if *ends {
                return spans;
            }
            from = *at + SETTLING;
        }
        spans.push((from, end));
        spans
    }

    /// Whoever was left in peace heard everybody who was, on narrow and bad lines too. Returns for how long in all, in seconds,
    /// and the longest silence.
    pub(crate) fn assert_never_starved(
        &self,
        speakers: &[usize],
        end: Instant,
        faults: &mut Vec<String>,
    ) -> (u64, Duration) {
        let (mut heard, mut longest) = (Duration::ZERO, Duration::ZERO);
        let peers = &self.world.peers;
        for speaker in speakers.iter().copied() {
            let source = &peers[speaker];
            let spoken = self.steady(speaker, end);
            let together = |index: &usize| *index != speaker && self.rooms[*index] == self.rooms[speaker];
            for listener in (0..peers.len()).filter(together) {
                let both = self
                    .steady(listener, end)
                    .into_iter()
                    .flat_map(|(from, to)| spoken.iter().map(move |(begins, ends)| (from.max(*begins), to.min(*ends))));
                for (from, to) in both.filter(|(from, to)| *to > *from + SILENCE) {
                    heard += to - from;
                    let silence = checks::longest_silence(&peers[listener], source.number, from, to);
                    longest = longest.max(silence);
                    if silence > SILENCE {
                        let (listener, speaker) = (&peers[listener].name, &source.name);
                        let (from, to) = (from - self.world.start, to - self.world.start);
                        faults.push(format!("{listener} starved of {speaker} for {silence:?} in {from:?} to {to:?}"));
                    }
                }
            }
        }
        (heard.as_secs(), longest)
    }

    /// Whoever publishes on a narrow uplink learns from what the server reports that it carries less than everything, and everybody
    /// goes on with the smaller pictures. Returns how many seconds of watching that were.
    pub(crate) fn assert_adapted(&self, speakers: &[usize], end: Instant, faults: &mut Vec<String>) -> u64 {
        let mut watched = Duration::ZERO;
        let peers = &self.world.peers;
        for speaker in speakers.iter().copied() {
            let source = &peers[speaker];
            for (from, to) in self.steady(speaker, end).into_iter().filter(|(from, to)| *to > *from + SILENCE) {
                let Some((since, Weather { rate: Some(rate), .. })) = self.uplink_at(speaker, from) else { continue };
                let place = format!(
                    "{} on {rate} bit/s in {:?} to {:?}",
                    source.name,
                    from - self.world.start,
                    to - self.world.start
                );
                let believed = source.estimates.iter().filter(|(at, _)| (since..from).contains(at));
                let least = believed.map(|(_, estimate)| *estimate).min();
                if least.is_none_or(|least| least >= FULL) {
                    faults.push(format!("{place} believes in {least:?} bit/s"));
                }
                let together = |index: &usize| *index != speaker && self.rooms[*index] == self.rooms[speaker];
                for viewer in (0..peers.len()).filter(together) {
                    let sees = source.camera.coding.is_some_and(|coding| peers[viewer].knows.takes(coding.codec));
                    if !sees || self.narrow_downlinks.contains(&viewer) {
                        continue;
                    }
                    for (begins, ends) in self.steady(viewer, end) {
                        let (from, to) = (from.max(begins), to.min(ends));
                        if to < from + SILENCE {
                            continue;
                        }
                        watched += to - from;
                        // Of what a narrow uplink lost for good browsers wait long to ask for a key frame.
                        let shown = checks::ends(&peers[viewer], source.number, from, to);
                        let sent = (to - from).as_millis() / FRAME.as_millis();
                        let missed = sent.saturating_sub(u128::try_from(shown).unwrap());
                        if missed * 100 > sent * u128::from(MISSED_PICTURES) {
                            faults.push(format!("{} gets {shown} of {sent} pictures of {place}", peers[viewer].name));
                        }
                    }
                }
            }
        }
        watched.as_secs()
    }

    /// What an uplink was like at a moment, and since when.
    fn uplink_at(&self, index: usize, moment: Instant) -> Option<(Instant, Weather)> {
        let known = self.uplinks.get(&index).into_iter().flatten();
        known.take_while(|(since, _)| *since <= moment).last().copied()
    }

    /// Everybody who is there hears and sees everybody who publishes.
    pub(crate) fn assert_well(&mut self, faults: &mut Vec<String>) {
        let from = self.world.now;
        self.world.run(CALM);
        let to = self.world.now;
        let world = &self.world;
        for (index, peer) in world.peers.iter().enumerate().filter(|(_, peer)| !peer.over) {
            for publisher in self.sorted_publishers() {
                let source = &world.peers[publisher];
                let together = self.rooms[publisher] == self.rooms[index] && publisher != index && !source.over;
                if !together || source.camera.video.is_none() {
                    continue;
                }
                let silence = checks::longest_silence(peer, source.number, from, to);
                if silence > Duration::from_millis(200) {
                    faults.push(format!("{} does not hear {} for {silence:?}", peer.name, source.name));
                }
                let shown = checks::shown(peer, source.number, from, to);
                let knows = source.camera.coding.is_some_and(|coding| peer.knows.takes(coding.codec));
                let coding = source.camera.coding;
                if shown < 10 && knows {
                    faults.push(format!("{} sees {shown} pictures of {} in {coding:?}", peer.name, source.name));
                }
            }
        }
    }

    /// Everybody has seen larger pictures of all who publish since a moment.
    pub(crate) fn assert_large(&self, from: Instant, faults: &mut Vec<String>) {
        let world = &self.world;
        for publisher in self.sorted_publishers() {
            let source = &world.peers[publisher];
            for (index, viewer) in world.peers.iter().enumerate() {
                if index == publisher || self.rooms[index] != self.rooms[publisher] {
                    continue;
                }
                let sees = source.camera.coding.is_some_and(|coding| viewer.knows.takes(coding.codec));
                let large = checks::large_parts(viewer, source.number, from, world.now);
                if sees && large < 10 {
                    let coding = source.camera.coding;
                    let believed = source.estimates.last().map(|(at, estimate)| (*at - world.start, *estimate));
                    faults.push(format!(
                        "{} sees {large} parts of large pictures of {} in {coding:?}, who believes in {believed:?}",
                        viewer.name, source.name
                    ));
                }
            }
        }
    }

    pub(crate) fn faults_of_streams(&self, faults: &mut Vec<String>) {
        let peers = &self.world.peers;
        let clean = peers.iter().filter(|peer| peer.up_line.was_clean).map(|peer| peer.number).collect();
        let muted = peers.iter().map(|peer| (peer.number, peer.camera.muted_sounds.clone())).collect();
        for peer in peers {
            let of_peer = checks::faults(peer, &clean, &muted);
            faults.extend(of_peer.into_iter().take(3).map(|fault| format!("{}: {fault}", peer.name)));
        }
    }
}
