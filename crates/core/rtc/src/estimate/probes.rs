//! When to send more than is believed to fit for a moment, and what that shows.
//!
//! A rate grows by itself only as far as media fills it, and an SFU seldom has media of just that rate: the next larger
//! picture needs twice as much or more. So somebody who would take more is probed for.

use super::{CEILING, bit_rate};
use std::num::NonZeroU8;

/// How long and of how many packets a probe is (libwebrtc's values), in seconds.
const LENGTH: f64 = 0.015;
const PACKETS: usize = 5;

/// The first two, as multiples of the first rate; then for more that is wanted, and everything else.
const FIRST: [f64; 2] = [3.0, 6.0];
const LEAP: f64 = 3.0;
const STEP: f64 = 2.0;

/// No more is looked for than so much of what is wanted: pictures vary in size.
const SPARE: f64 = 1.5;

/// Pictures vary by less than that factor. More wanted than that is something new.
const MUCH: f64 = 1.25;

/// A probe that would find less than that multiple of the rate is not worth it.
const WORTHWHILE: f64 = 1.05;

/// Who found that share of what was probed for goes on.
const GO_ON: f64 = 0.7;

/// Share of a probe that has to arrive.
const COMPLETE: f64 = 0.8;

/// Fewest packets that show a rate.
const FEWEST: usize = 4;

/// What arrives slower than this share of how it left was slowed down by the way, whose rate it then shows. A little less
/// is believed, so that the queue drains. What arrives faster than that was held up.
const SLOWED: f64 = 0.9;
const SLOWED_TRUST: f64 = 0.95;
const HELD_UP: f64 = 2.0;

/// Longest time from the first to the last packet, in microseconds.
const LONGEST: i64 = 1_000_000;

/// How long a report is waited for, in microseconds.
const FORGOTTEN: i64 = 1_500_000;

/// Within that time the packets of a probe leave, or it does not keep the next one waiting.
const LEAVES: i64 = 500_000;

/// Time between probes, in microseconds: when more is wanted, and otherwise; longer and longer while nothing is found.
const EAGER: i64 = 1_000_000;
const PATIENT: i64 = 5_000_000;
const MOST_PATIENT: i64 = 15_000_000;

/// A fall below that share of what it was, not longer ago than this in microseconds, may have been a mishap. Then this
/// share of it is tried again, some time later.
const FALL: f64 = 0.66;
const FALL_TIME: i64 = 5_000_000;
const REGAINED: f64 = 0.85;
const RECOVERY: i64 = 1_000_000;
const LATEST_RECOVERY: i64 = 10_000_000;

/// Which probe a packet is part of; used again after 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeId(NonZeroU8);

/// Something to send now and at once, whatever the estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) id: ProbeId,
    /// Bits per second.
    pub(crate) rate: u64,
    /// At least so many bytes, with RTP headers, in at least so many packets.
    pub(crate) bytes: usize,
    pub(crate) packets: usize,
}

/// How the way is while it is considered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// What is believed, bits per second.
    pub(super) rate: f64,
    pub(super) condition: Condition,
}

/// Whether more may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing speaks against it.
    Calm,
    /// Something spoke against it, but nothing leaves that would tell whether it still does.
    Idle,
    /// It would not help; perhaps until then.
    Bad { until: Option<i64> },
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Probes {
    desired: f64,
    /// What was wanted when that last changed much.
    anchor: f64,
    next_id: NonZeroU8,
    /// To be sent, next first.
    planned: Vec<f64>,
    underway: Vec<Cluster>,
    /// When the last was decided on.
    last: Option<i64>,
    patience: i64,
    /// More is wanted than before.
    is_eager: bool,
    /// The last showed that there is more.
    goes_on: bool,
    /// The rate from which a fall is measured, and since when.
    steady: (f64, i64),
    fallen: Option<Fall>,
    due: Option<i64>,
}

/// A rate that fell far.
#[derive(Debug, Clone, Copy)]
struct Fall {
    /// What it fell from.
    from: f64,
    at: i64,
    /// When that is tried again: for what showed nothing, once more.
    again: i64,
    /// It was tried, and what came of it is not known.
    is_tried: bool,
}

/// A probe and what is known of its packets.
#[derive(Debug)]
struct Cluster {
    probe: Probe,
    begun: i64,
    sent_bytes: u64,
    sent_packets: usize,
    arrived: Option<Arrived>,
}

/// Its packets that arrived. Times in microseconds on the clock of each side.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    packets: usize,
    bytes: u64,
    first_sent: i64,
    last_sent: i64,
    /// The time of a packet begins where the one before ends, so of one at an end the bytes do not count.
    last_sent_bytes: u64,
    first: i64,
    first_bytes: u64,
    last: i64,
}

impl Probes {
    pub(super) fn new(rate: f64) -> Self {
        Self {
            desired: 0.0,
            anchor: 0.0,
            next_id: NonZeroU8::MIN,
            planned: Vec::new(),
            underway: Vec::new(),
            last: None,
            patience: PATIENT,
            is_eager: false,
            goes_on: false,
            steady: (rate, 0),
            fallen: None,
            due: None,
        }
    }

    /// What more would be used for, in bits per second.
    pub(super) fn seek(&mut self, desired: f64) {
        self.desired = desired;
        if desired > self.anchor * MUCH {
            self.is_eager = true;
            self.patience = PATIENT;
        }
        if desired > self.anchor * MUCH || desired < self.anchor / MUCH {
            self.anchor = desired;
        }
    }

    /// The way is another one: it may carry more, and what was underway shows nothing.
    pub(super) fn path_changed(&mut self, now: i64, rate: f64) {
        self.planned.clear();
        self.underway.clear();
        (self.steady, self.fallen) = ((rate, now), None);
        (self.goes_on, self.is_eager, self.patience) = (false, true, PATIENT);
    }

    /// A packet of a probe left.
    pub(super) fn on_sent(&mut self, probe: ProbeId, bytes: usize) {
        if let Some(cluster) = self.underway.iter_mut().find(|cluster| cluster.probe.id == probe) {
            cluster.sent_bytes += bytes as u64;
            cluster.sent_packets += 1;
        }
    }

    /// A packet of a probe arrived.
    pub(super) fn on_arrived(&mut self, probe: ProbeId, bytes: u64, sent: i64, arrived: i64) {
        if let Some(cluster) = self.underway.iter_mut().find(|cluster| cluster.probe.id == probe) {
            let single = Arrived::new(bytes, sent, arrived);
            cluster.arrived = Some(cluster.arrived.map_or(single, |before| before.with(single)));
        }
    }

    /// The rate a probe shows of which enough arrived; asked until there is no more. `rate` is what is believed so far, and
    /// only what is `believed` of a probe leads to another.
    pub(super) fn conclude(&mut self, rate: f64, believed: bool) -> Option<f64> {
        let mut clusters = self.underway.iter().enumerate();
        let (index, shown) = clusters.find_map(|(index, cluster)| Some((index, cluster.shows()?)))?;
        let cluster = self.underway.remove(index);
        self.fallen = self.fallen.filter(|fall| !fall.is_tried);
        if believed {
            self.goes_on = shown > GO_ON * cluster.probe.rate as f64;
            if shown > rate * WORTHWHILE {
                self.patience = PATIENT;
            }
        }
        Some(shown)
    }

    /// The probe to send now.
    pub(super) fn poll(&mut self, now: i64) -> Option<Probe> {
        if self.planned.is_empty() || self.underway.iter().any(|cluster| cluster.is_leaving(now)) {
            return None;
        }
        let rate = self.planned.remove(0);
        let id = ProbeId(self.next_id);
        self.next_id = self.next_id.checked_add(1).unwrap_or(NonZeroU8::MIN);
        let bytes = (rate * LENGTH / 8.0) as usize;
        let probe = Probe { id, rate: rate as u64, bytes, packets: PACKETS };
        self.underway.push(Cluster { probe, begun: now, sent_bytes: 0, sent_packets: 0, arrived: None });
        Some(probe)
    }

    /// Plans the next if it is time. Harmless to call at any time.
    pub(super) fn consider(&mut self, now: i64, way: Way) {
        self.underway.retain(|cluster| now - cluster.begun < FORGOTTEN);
        self.watch(now, way.rate);
        let most = (SPARE * self.desired).min(CEILING);
        let is_wanted = self.desired > way.rate && most > WORTHWHILE * way.rate;
        self.is_eager &= is_wanted;
        let is_calm = way.condition == Condition::Calm;
        if !is_wanted || !is_calm {
            self.goes_on = false;
            self.planned.clear();
        }
        let is_busy = !self.planned.is_empty() || !self.underway.is_empty();
        if is_wanted && !is_busy {
            match way.condition {
                Condition::Calm => self.plan(now, way, most),
                Condition::Idle => self.plan_look(now, way, most),
                Condition::Bad { .. } => {}
            }
        }
        self.due = match way.condition {
            _ if !is_wanted => None,
            Condition::Calm => self.next_look(now),
            Condition::Idle => self.last.map(|last| last + PATIENT).filter(|at| *at > now),
            Condition::Bad { until } => until,
        };
    }

    /// When to consider again, if nothing happens before.
    pub(super) fn due(&self) -> Option<i64> {
        self.due
    }

    fn plan(&mut self, now: i64, way: Way, most: f64) {
        let waited = self.last.map(|last| now - last);
        let regained = self.fallen.as_mut().filter(|fall| now >= fall.again);
        let rates = match waited {
            None => FIRST.map(|factor| factor * way.rate).to_vec(),
            Some(_) if self.goes_on => vec![STEP * way.rate],
            Some(waited) => match regained {
                Some(fall) => {
                    (fall.is_tried, fall.again) = (true, now + FORGOTTEN);
                    vec![(REGAINED * fall.from).clamp(STEP * way.rate, LEAP * way.rate)]
                }
                None if self.is_eager && waited >= EAGER => vec![LEAP * way.rate],
                None if waited >= self.patience => {
                    self.patience = (self.patience * 3 / 2).min(MOST_PATIENT);
                    vec![STEP * way.rate]
                }
                None => return,
            },
        };
        (self.goes_on, self.is_eager, self.last) = (false, false, Some(now));
        self.planned.extend(rates.into_iter().map(|rate| rate.min(most)));
        self.planned.dedup();
    }

    /// One small probe now and then, to hear whether anything arrives.
    fn plan_look(&mut self, now: i64, way: Way, most: f64) {
        if self.last.is_none_or(|last| now - last >= PATIENT) {
            self.last = Some(now);
            self.planned.push((STEP * way.rate).min(most));
        }
    }

    /// Takes note of a rate that falls far.
    fn watch(&mut self, now: i64, rate: f64) {
        let (steady, since) = self.steady;
        if rate < FALL * steady {
            let from = self.fallen.map_or(steady, |fall| fall.from);
            self.fallen = Some(Fall { from, at: now, again: now + RECOVERY, is_tried: false });
            // Whoever has fallen is not looked at as one of whom nothing is known.
            self.last.get_or_insert(now);
        }
        if rate >= steady || rate < FALL * steady || now - since > FALL_TIME {
            self.steady = (rate, now);
        }
        self.fallen = self.fallen.filter(|fall| now - fall.at < LATEST_RECOVERY);
    }

    fn next_look(&self, now: i64) -> Option<i64> {
        let waiting = self.underway.iter().map(|cluster| cluster.begun + FORGOTTEN).min();
        let next = self.last.map(|last| last + if self.is_eager { EAGER } else { self.patience });
        let regain = self.fallen.map(|fall| fall.again);
        let next = [next, regain].into_iter().flatten().filter(|at| *at > now).min();
        if self.underway.is_empty() { next } else { waiting }
    }
}

impl Cluster {
    /// It is being sent.
    fn is_leaving(&self, now: i64) -> bool {
        let is_short = self.sent_bytes < self.probe.bytes as u64 || self.sent_packets < self.probe.packets;
        is_short && now - self.begun < LEAVES
    }

    /// The rate it shows, bits per second, if enough of it arrived.
    fn shows(&self) -> Option<f64> {
        let arrived = self.arrived?;
        let packets = arrived.packets as f64;
        let is_complete = arrived.packets >= FEWEST
            && packets >= COMPLETE * self.probe.packets as f64
            && packets >= COMPLETE * self.sent_packets as f64
            && arrived.bytes as f64 >= COMPLETE * self.probe.bytes as f64;
        let left = arrived.last_sent.saturating_sub(arrived.first_sent);
        let came = arrived.last.saturating_sub(arrived.first);
        let is_sound = |time: &i64| (1..=LONGEST).contains(time);
        if !is_complete || !is_sound(&left) || !is_sound(&came) {
            return None;
        }
        let left = bit_rate(arrived.bytes - arrived.last_sent_bytes, left);
        let came = bit_rate(arrived.bytes - arrived.first_bytes, came);
        if came > HELD_UP * left {
            return None;
        }
        Some(if came < SLOWED * left { SLOWED_TRUST * came } else { came.min(left) })
    }
}

impl Arrived {
    fn new(bytes: u64, sent: i64, arrived: i64) -> Self {
        Self {
            packets: 1,
            bytes,
            first_sent: sent,
            last_sent: sent,
            last_sent_bytes: bytes,
            first: arrived,
            first_bytes: bytes,
            last: arrived,
        }
    }

    fn with(self, other: Self) -> Self {
        let later = if other.last_sent >= self.last_sent { other } else { self };
        let earlier = if other.first < self.first { other } else { self };
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            first_sent: self.first_sent.min(other.first_sent),
            last_sent: later.last_sent,
            last_sent_bytes: later.last_sent_bytes,
            first: earlier.first,
            first_bytes: earlier.first_bytes,
            last: self.last.max(other.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: Way = Way { rate: 1e6, condition: Condition::Calm };

    fn seeking(desired: f64) -> Probes {
        let mut probes = Probes::new(WAY.rate);
        probes.seek(desired);
        probes.consider(0, WAY);
        probes
    }

    /// Lets a probe leave evenly and arrive at another rate; of so many packets some are lost.
    fn answer(probes: &mut Probes, probe: Probe, packets: usize, lost: usize, arriving: f64) {
        let bytes = probe.bytes.div_ceil(packets);
        let apart = |rate: f64, packet: usize| (packet as f64 * bytes as f64 * 8e6 / rate) as i64;
        for packet in 0..packets {
            probes.on_sent(probe.id, bytes);
            if packet >= lost {
                let (sent, arrived) = (apart(probe.rate as f64, packet), apart(arriving, packet));
                probes.on_arrived(probe.id, bytes as u64, sent, arrived);
            }
        }
    }

    #[test]
    fn the_first_two_are_steep_and_the_second_waits_until_the_first_has_left() {
        let mut probes = seeking(1e8);
        let first = probes.poll(0).unwrap();
        assert_eq!((first.rate, first.bytes, first.packets), (3_000_000, 5_625, 5));
        assert_eq!(probes.poll(1_000), None);
        answer(&mut probes, first, 5, 0, 3e6);
        assert_eq!(probes.poll(15_000).map(|probe| probe.rate), Some(6_000_000));
        assert_eq!(probes.poll(LEAVES), None);
    }

    #[test]
    fn no_more_is_looked_for_than_is_wanted() {
        assert_eq!(seeking(1e6).poll(0), None);
        let mut probes = seeking(1.2e6);
        assert_eq!(probes.poll(0).map(|probe| probe.rate), Some(1_800_000));
        assert_eq!(probes.poll(LEAVES), None);
    }

    #[test]
    fn a_probe_shows_what_arrived_in_the_time_it_took() {
        let shown = |packets, lost, arriving| {
            let mut probes = seeking(2e6);
            let probe = probes.poll(0).unwrap();
            answer(&mut probes, probe, packets, lost, arriving);
            probes.conclude(WAY.rate, true).map(|rate| (rate / 1e4).round() / 100.0)
        };
        assert_eq!(shown(10, 0, 3e6), Some(3.0));
        assert_eq!(shown(10, 0, 2e6), Some(1.9));
        assert_eq!(shown(10, 2, 3e6), Some(3.0));
        assert_eq!(shown(10, 3, 3e6), None);
        assert_eq!(shown(3, 0, 3e6), None);
        assert_eq!(shown(10, 0, 9e6), None);
    }

    #[test]
    fn success_goes_on_and_silence_is_forgotten() {
        let mut probes = seeking(6e6);
        probes.planned.truncate(1);
        let probe = probes.poll(0).unwrap();
        answer(&mut probes, probe, 10, 0, 3e6);
        let rate = probes.conclude(WAY.rate, true).unwrap();
        probes.consider(100_000, Way { rate, ..WAY });
        let next = probes.poll(100_000).unwrap();
        assert!((5_900_000..6_100_000).contains(&next.rate));

        probes.consider(200_000, Way { rate, ..WAY });
        assert_eq!(probes.due(), Some(100_000 + FORGOTTEN));
        probes.consider(100_000 + FORGOTTEN, Way { rate, ..WAY });
        assert_eq!(probes.poll(100_000 + FORGOTTEN), None);
        assert_eq!(probes.due(), Some(100_000 + PATIENT));
        probes.consider(100_000 + PATIENT, Way { rate, ..WAY });
        assert!(probes.poll(100_000 + PATIENT).is_some());
    }

    #[test]
    fn pictures_that_vary_are_no_new_wish() {
        let mut probes = seeking(4e6);
        probes.planned.clear();
        for desired in [4.2e6, 3.8e6, 4.8e6, 3.5e6] {
            probes.seek(desired);
            assert!(!probes.is_eager);
        }
        probes.seek(8e6);
        probes.consider(EAGER, WAY);
        assert_eq!(probes.poll(EAGER).map(|probe| probe.rate), Some(3_000_000));
    }

    #[test]
    fn what_was_lost_in_a_fall_is_tried_until_something_is_known_of_it() {
        let fall = Way { rate: 2e5, ..WAY };
        let mut probes = seeking(4e6);
        probes.planned.clear();
        let tried = |probes: &mut Probes, at: i64| {
            probes.consider(at, fall);
            probes.poll(at)
        };
        assert_eq!(tried(&mut probes, 0), None);
        let first = tried(&mut probes, RECOVERY).unwrap();
        answer(&mut probes, first, 2, 0, 6e5);
        assert_eq!(probes.conclude(fall.rate, true), None, "too little arrived");
        assert_eq!(tried(&mut probes, RECOVERY + EAGER), None);
        let second = tried(&mut probes, RECOVERY + FORGOTTEN).unwrap();
        assert_eq!((first.rate, second.rate), (600_000, 600_000));
        answer(&mut probes, second, 10, 0, 2e5);
        assert!(probes.conclude(fall.rate, true).is_some());
        assert_eq!(tried(&mut probes, RECOVERY + 2 * FORGOTTEN), None, "there is no more now");
    }

    #[test]
    fn whose_rate_fell_first_of_all_is_known_a_little() {
        let fall = Way { rate: 2e5, ..WAY };
        let mut probes = Probes::new(WAY.rate);
        probes.seek(4e6);
        probes.consider(0, Way { condition: Condition::Bad { until: None }, ..fall });
        probes.consider(RECOVERY / 2, fall);
        assert_eq!(probes.poll(RECOVERY / 2), None);
        probes.consider(RECOVERY, fall);
        assert_eq!(probes.poll(RECOVERY).map(|probe| probe.rate), Some(600_000));
        assert_eq!(probes.poll(RECOVERY + LEAVES), None, "no second one");
    }

    #[test]
    fn nothing_is_sent_into_trouble() {
        let mut probes = seeking(4e6);
        probes.consider(1, Way { condition: Condition::Bad { until: None }, ..WAY });
        assert_eq!((probes.poll(1), probes.due()), (None, None));
    }
}
