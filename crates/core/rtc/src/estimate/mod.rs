//! How much the way to a subscriber carries: Google congestion control with transport-wide feedback.
//!
//! Every packet that leaves has a number, and the subscriber says of each when it arrived. From that come the estimate,
//! round trips and losses. Facts are those of draft-ietf-rmcat-gcc-02 and draft-holmer-rmcat-transport-wide-cc-extensions-01,
//! and of libwebrtc where it does otherwise: it looks for a trend of the delay, and probes for more than is sent.
//!
//! A message of feedback goes through it like this: [`sent`] knows what it is about, [`groups`] and [`trend`] whether the
//! queue grows, [`acknowledged`] how much arrived, [`loss`] what was lost too much; from that [`rate`] makes the estimate,
//! and [`probes`] looks for more of it.
//!
//! It sends nothing and has no clock: who owns it sends the probes it asks for, and tells it of every packet. Within, time
//! is in microseconds: ours since the first call, that of the other side as it says.

mod acknowledged;
mod groups;
mod loss;
mod probes;
mod rate;
mod sent;
mod trend;

#[cfg(test)]
mod tests;

pub(crate) use probes::{Probe, ProbeId};

use acknowledged::Acknowledged;
use groups::Groups;
use loss::{Loss, Seen};
use probes::{Condition, Probes, Way};
use rate::{Rate, Signs};
use sent::{Fate, Reported, Sent};
use std::time::{Duration, Instant};
use trend::{Trend, Usage};

/// Least and most that is ever believed, bits per second: one voice, and more than there is.
const FLOOR: f64 = 30_000.0;
const CEILING: f64 = 10e9;

/// Unit of the reference time in microseconds, and bits it has.
const REFERENCE: i64 = 64_000;
const REFERENCE_BITS: u32 = 24;

/// Arrivals are not further from the reference time than that: no message spans so much. Microseconds, as all below.
const LATEST_ARRIVAL: i64 = 3_600_000_000;

/// After so long without a report of what is sent the way seems dead; then again and again.
const SILENCE: i64 = 1_500_000;
const MORE_SILENCE: i64 = 1_000_000;

/// Who last sent longer ago is not sending. Whose last words are lost is not told so.
const SENDING: i64 = 500_000;

/// Nothing of a packet is heard that left longer ago. Who has sent nothing for so long learns nothing new of the way: what seemed
/// wrong with it may be over.
const IDLE: i64 = 2_000_000;

/// Time over which what leaves is counted.
const COUNTED: i64 = 200_000;

/// After too many losses nothing is probed for so long.
const SHOCK: i64 = 1_000_000;

/// While a round trip takes so much longer than usual nothing more is tried: there is a queue.
const QUEUE: i64 = 50_000;

/// Before there is enough for a line through the delays, a queue is seen by round trips that become that much longer and still grow,
/// where the newest packets take longer than the first by half of it.
const EARLY_QUEUE: i64 = 100_000;

/// What takes longer is no queue but another way if the shortest of so many such periods in turn differ by no more than this: a
/// queue of our own making grows or drains. What changes all the time for as long as the last is not ours either.
const PERIOD: i64 = 500_000;
const PERIODS: u8 = 3;
const STEADY: i64 = 10_000;
const LONGEST_QUEUE: i64 = 10_000_000;

/// A round trip before one is known.
const USUAL_ROUND_TRIP: i64 = 100_000;

/// What a subscriber says of the packets we numbered (one transport-wide feedback message).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrivals {
    /// The number of the first packet.
    pub(crate) first: u16,
    /// In units of 64 ms; 24 bits count.
    pub(crate) reference: u32,
    /// Microseconds after the reference time, of one packet after the other; `None` if it did not arrive.
    pub(crate) arrivals: Vec<Option<i64>>,
}

/// See the [module](self). After any call that tells it something, [`poll_probe`](Self::poll_probe) may have something.
#[derive(Debug)]
pub(crate) struct Estimator {
    /// When the clock of microseconds begins.
    began: Option<Instant>,
    sent: Sent,
    groups: Groups,
    trend: Trend,
    acknowledged: Acknowledged,
    loss: Loss,
    rate: Rate,
    probes: Probes,
    leaving: Leaving,
    round_trip: Option<RoundTrip>,
    silence: Silence,
    reference: Option<i64>,
    tally: Tally,
}

/// What left of late, besides probes.
#[derive(Debug, Default)]
struct Leaving {
    bytes: u64,
    since: i64,
    /// Bits per second.
    rate: f64,
}

/// In microseconds.
#[derive(Debug, Clone, Copy)]
struct RoundTrip {
    smoothed: i64,
    /// The shortest of each of the latest messages, newest first.
    latest: [i64; 3],
    /// Without a queue, and when it was about that last.
    usual: i64,
    usual_at: i64,
    /// The shortest of this period, and of the one before.
    shortest: i64,
    formerly: i64,
    /// When this period began, and how many before it were alike.
    since: i64,
    alike: u8,
}

/// Whether the other side says something.
#[derive(Debug, Default)]
struct Silence {
    /// It ever did; here, or at all.
    has_spoken: bool,
    is_known: bool,
    /// When the first packet left since then, or it seemed dead last.
    since: Option<i64>,
    /// When the newest left.
    newest: i64,
    is_dead: bool,
}

/// Packets whose fate was learned since last asked.
#[derive(Debug, Default)]
struct Tally {
    reported: u32,
    lost: u32,
}

impl Estimator {
    /// `first` bits per second are believed before anything is known.
    pub(crate) fn new(first: u64) -> Self {
        let rate = Rate::new(first as f64);
        Self {
            began: None,
            sent: Sent::new(),
            groups: Groups::default(),
            trend: Trend::new(),
            acknowledged: Acknowledged::default(),
            loss: Loss::default(),
            probes: Probes::new(rate.get()),
            rate,
            leaving: Leaving::default(),
            round_trip: None,
            silence: Silence::default(),
            reference: None,
            tally: Tally::default(),
        }
    }

    /// The same of somebody who was away and said something before that, or did not.
    pub(crate) fn again(first: u64, has_spoken: bool) -> Self {
        Self { silence: Silence { is_known: has_spoken, ..Silence::default() }, ..Self::new(first) }
    }

    /// A packet left. `number` is its transport-wide number, counted on beyond the 16 bits it has on the wire; numbers
    /// rise. `bytes` include the RTP header.
    #[inline]
    pub(crate) fn on_sent(&mut self, now: Instant, number: u64, bytes: usize, probe: Option<ProbeId>) {
        let now = self.micros(now);
        self.sent.record(now, number, bytes, probe);
        self.silence.since.get_or_insert(now);
        self.silence.newest = now;
        match probe {
            None => self.leaving.bytes += bytes as u64,
            Some(probe) => self.probes.on_sent(probe, bytes),
        }
    }

    /// The subscriber said what arrived.
    pub(crate) fn on_feedback(&mut self, now: Instant, feedback: &Arrivals) {
        let now = self.micros(now);
        let reference = self.unwrap_reference(feedback.reference);
        let Some(first) = self.sent.number(feedback.first) else { return };
        let was_dead = self.silence.is_dead;
        let mut is_news = false;
        let mut quickest: Option<i64> = None;
        for (arrival, number) in feedback.arrivals.iter().zip(first..) {
            let Some(reported) = self.sent.report(now, number, arrival.is_some()) else { continue };
            is_news = true;
            self.count(now, &reported, was_dead);
            let Some(arrival) = arrival else { continue };
            let arrived = reference.saturating_add((*arrival).clamp(-LATEST_ARRIVAL, LATEST_ARRIVAL));
            let round_trip = (now - reported.sent).max(0);
            quickest = Some(quickest.map_or(round_trip, |quickest| quickest.min(round_trip)));
            self.arrived(&reported, arrived);
        }
        if !is_news {
            return;
        }
        let newest = self.silence.newest;
        self.silence = Silence { has_spoken: true, is_known: true, newest, since: None, is_dead: false };
        if let Some(latest) = quickest {
            self.round_trip = Some(RoundTrip::after(self.round_trip, now, latest));
        }
        self.judge(now);
    }

    /// What is sent takes another way from now on. The rate is believed until that way has shown something else, and what is
    /// still to be learned of the one before is ignored: how long it took and what was lost there says nothing.
    pub(crate) fn path_changed(&mut self, now: Instant) {
        let now = self.micros(now);
        self.sent.forget();
        self.groups = Groups::default();
        self.trend = Trend::new();
        self.acknowledged = Acknowledged::default();
        self.loss = Loss::default();
        self.rate.path_changed();
        self.probes.path_changed(now, self.rate.get());
        self.round_trip = None;
        self.silence = Silence { since: None, is_dead: false, ..self.silence };
    }

    /// What more bandwidth would be used for, in bits per second.
    pub(crate) fn seek(&mut self, now: Instant, desired: u64) {
        let now = self.micros(now);
        self.probes.seek((desired as f64).min(CEILING));
        self.consider_probes(now);
    }

    /// Time has passed. Harmless to call early or twice.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let now = self.micros(now);
        if self.silence.lasts(now) {
            self.rate.halve();
        }
        self.consider_probes(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let due = [self.silence.deadline(), self.probes.due()].into_iter().flatten().min()?;
        self.began?.checked_add(Duration::from_micros(u64::try_from(due).unwrap_or(0)))
    }

    /// A probe to send now, its packets as far apart as its rate says: what leaves at one moment shows nothing. The next
    /// one is there when those have left.
    pub(crate) fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        let now = self.micros(now);
        self.probes.poll(now)
    }

    /// Bits per second the way is believed to carry now.
    pub(crate) fn estimate(&self) -> u64 {
        self.rate.get() as u64
    }

    /// Whether the queue on the way grows.
    pub(crate) fn is_overused(&self) -> bool {
        self.usage() == Usage::Over
    }

    /// From when a packet leaves until it is reported, smoothed.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        let round_trip = self.round_trip?;
        u64::try_from(round_trip.smoothed).ok().map(Duration::from_micros)
    }

    /// The share of packets that were lost, of those reported since this was last asked; 0 to 1.
    pub(crate) fn loss(&mut self) -> Option<f32> {
        let Tally { reported, lost } = std::mem::take(&mut self.tally);
        (reported > 0).then(|| lost.min(reported) as f32 / reported as f32)
    }

    /// On our clock, which begins when first asked.
    #[inline]
    fn micros(&mut self, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(*self.began.get_or_insert(now));
        passed.as_secs().cast_signed() * 1_000_000 + i64::from(passed.subsec_micros())
    }

    /// The reference time nearest to the one before, in microseconds on the clock of the other side.
    fn unwrap_reference(&mut self, reference: u32) -> i64 {
        let before = self.reference.unwrap_or_else(|| reference.into());
        let unused = u32::BITS - REFERENCE_BITS;
        // Shifted up, the sign of the difference is where a sign belongs.
        let step = (reference << unused).wrapping_sub((before as u32) << unused).cast_signed() >> unused;
        let reference = before.wrapping_add(step.into());
        self.reference = Some(reference);
        reference.saturating_mul(REFERENCE)
    }

    fn count(&mut self, now: i64, reported: &Reported, was_dead: bool) {
        self.tally.reported = self.tally.reported.saturating_add(1);
        match reported.fate {
            Fate::Late => {
                self.tally.reported -= 1;
                self.tally.lost = self.tally.lost.saturating_sub(1);
                self.loss.take_back();
            }
            Fate::Lost => self.tally.lost = self.tally.lost.saturating_add(1),
            Fate::Arrived => {}
        }
        // What a dead way lost says nothing now that it is alive, and what a probe lost is its own result.
        if reported.fate != Fate::Late && !was_dead && reported.probe.is_none() {
            self.loss.add(now, reported.fate == Fate::Lost);
        }
    }

    fn arrived(&mut self, reported: &Reported, arrived: i64) {
        self.acknowledged.add(arrived, reported.bytes);
        if let Some(variation) = self.groups.add(reported.sent, arrived) {
            self.trend.add(variation);
        }
        if let Some(probe) = reported.probe {
            self.probes.on_arrived(probe, reported.bytes, reported.sent, arrived);
        }
    }

    /// Makes up its mind after a message.
    fn judge(&mut self, now: i64) {
        self.leaving.look(now);
        let usage = self.usage();
        while let Some(shown) = self.probes.conclude(self.rate.get(), usage != Usage::Over) {
            self.rate.probed(now, shown, usage);
        }
        let round_trip = self.round_trip.map_or(USUAL_ROUND_TRIP, |round_trip| round_trip.smoothed);
        let queue = self.queue();
        let is_early = self.is_early();
        let arriving = if is_early { self.acknowledged.early() } else { self.acknowledged.rate() };
        let (most, leaving) = (self.acknowledged.most(), self.leaving.rate);
        let has_queue = queue >= QUEUE || usage == Usage::Over;
        let advice = self.loss.judge(now, Seen { round_trip, leaving, arriving, has_queue });
        let newest =
            self.round_trip.map_or(0.0, |round_trip| (round_trip.latest[0] - round_trip.usual) as f64 / 1_000.0);
        let delays = if is_early { (newest, newest) } else { self.trend.delays() };
        self.rate.reconsider(now, Signs { usage, delays, advice, arriving, most, leaving, round_trip, queue });
        self.consider_probes(now);
    }

    fn consider_probes(&mut self, now: i64) {
        let is_calm = self.round_trip.is_some()
            && !self.silence.is_dead
            && self.usage() != Usage::Over
            && !self.loss.has_cut_within(now, SHOCK)
            && self.queue() < QUEUE;
        let condition = match self.silence.idle_from() {
            _ if is_calm => Condition::Calm,
            Some(from) if from <= now => Condition::Idle,
            Some(from) => Condition::Bad { until: Some(from) },
            None => Condition::Bad { until: None },
        };
        self.probes.consider(now, Way { rate: self.rate.get(), condition });
    }

    fn usage(&self) -> Usage {
        if self.is_early() { Usage::Over } else { self.trend.usage() }
    }

    /// Whether the queue grows before the trend can tell. Packets have to arrive later too: where only what is said of them
    /// does, it is the subscriber's own uplink that is full.
    fn is_early(&self) -> bool {
        let arrive_late = self.trend.delays().1 >= EARLY_QUEUE as f64 / 2_000.0;
        self.trend.is_young() && arrive_late && self.round_trip.is_some_and(|round_trip| round_trip.fills())
    }

    /// How much longer than usual a round trip takes, in microseconds.
    fn queue(&self) -> i64 {
        self.round_trip.map_or(0, |round_trip| round_trip.queue())
    }
}

impl Leaving {
    fn look(&mut self, now: i64) {
        let elapsed = now - self.since;
        if elapsed < COUNTED {
            return;
        }
        let rate = bit_rate(self.bytes, elapsed);
        self.rate = if self.rate > 0.0 { (self.rate + rate) / 2.0 } else { rate };
        (self.bytes, self.since) = (0, now);
    }
}

impl RoundTrip {
    fn after(before: Option<Self>, now: i64, latest: i64) -> Self {
        let Some(mut this) = before else {
            let [smoothed, usual, shortest, formerly] = [latest; 4];
            let latest = [latest; 3];
            return Self { smoothed, latest, usual, usual_at: now, shortest, formerly, since: now, alike: 0 };
        };
        this.smoothed += (latest - this.smoothed) / 8;
        this.latest.rotate_right(1);
        this.latest[0] = latest;
        if now - this.since >= PERIOD {
            let is_alike = (this.shortest - this.formerly).abs() <= STEADY;
            this.alike = if is_alike { PERIODS.min(this.alike + 1) } else { 1 };
            if this.alike >= PERIODS || now - this.usual_at >= LONGEST_QUEUE {
                (this.usual, this.usual_at) = (this.shortest, now);
            }
            (this.formerly, this.shortest, this.since) = (this.shortest, latest, now);
        }
        this.shortest = this.shortest.min(latest);
        this.usual = this.usual.min(latest);
        if latest < this.usual + QUEUE {
            this.usual_at = now;
        }
        this
    }

    fn queue(&self) -> i64 {
        let latest = self.latest.into_iter().min().unwrap_or(0);
        (latest - self.usual).max(0)
    }

    /// Whether there is a long queue and becomes longer.
    fn fills(&self) -> bool {
        let [newest, second, third] = self.latest;
        // A way that became longer did so at once.
        let grows = newest > second + STEADY && second >= third && second >= self.usual + EARLY_QUEUE / 2;
        grows && newest >= self.usual + EARLY_QUEUE
    }
}

impl Silence {
    /// From when on nothing more is learned of what left so far; never of somebody who never said anything.
    fn idle_from(&self) -> Option<i64> {
        self.is_known.then_some(self.newest + IDLE)
    }

    /// When the way seems dead, or dead for longer.
    fn deadline(&self) -> Option<i64> {
        let patience = if self.is_dead { MORE_SILENCE } else { SILENCE };
        self.since.filter(|_| self.has_spoken).map(|since| since + patience)
    }

    /// Whether it became so by now.
    fn lasts(&mut self, now: i64) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return false;
        }
        let is_sending = now - self.newest < SENDING;
        self.since = is_sending.then_some(now);
        self.is_dead |= is_sending;
        is_sending
    }
}

/// Bits per second.
fn bit_rate(bytes: u64, micros: i64) -> f64 {
    bytes as f64 * 8e6 / micros.max(1) as f64
}
