//! Makes one continuous RTP stream for a subscriber out of whatever layers it is given.
//!
//! A receiver must not notice that it gets another layer, or that frames were left out: sequence numbers, timestamps and VP8
//! counters go on as if a single encoder had produced them. Packets lost on the way to us stay missing, so that the receiver
//! asks for them and we can answer once we have recovered them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::layers::{Layer, SPATIAL};
use crate::vp8::{PICTURE_ID_MASK, Patch, Vp8};

/// How many gaps are remembered, and how far behind the newest packet one may still be placed.
const MAX_RANGES: usize = 100;
const MAX_LATE: u64 = 2000;

/// A new layer's first frame may be this much older than the last one sent; then it is sent one tick later.
const SWITCH_BEHIND: Duration = Duration::from_millis(50);

/// After a pause the publisher's clock is followed unless it is this far behind ours.
const RESUME_BEHIND: Duration = Duration::from_millis(200);

/// Sender reports that lead further than this from the time that has passed are not believed.
const CLOCK_DISTRUST: Duration = Duration::from_secs(2);

/// How often a switch is postponed before it happens anyway, at the price of a jump in the picture's timing.
const MAX_POSTPONED: u8 = 3;

/// The two numbers of an RTP packet that are rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtp {
    /// Extended sequence number.
    pub seq: u64,
    /// Timestamp.
    pub timestamp: u32,
}

/// A sender report: the same moment on the publisher's wall clock and on a layer's RTP clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// NTP time, 32 bits of seconds and 32 of fraction.
    pub ntp: u64,
    /// RTP timestamp.
    pub rtp: u32,
}

/// The latest sender report of each layer of a track.
pub type Reports = [Option<SenderReport>; SPATIAL];

/// Rewrites sequence numbers and timestamps of one subscription.
#[derive(Debug, Clone)]
pub struct Munger {
    clock_rate: u32,
    source: Option<Source>,
    last: Option<Last>,
    first: Rtp,
    postponed: u8,
}

/// The layer being sent, and how its numbers become ours.
#[derive(Debug, Clone)]
struct Source {
    layer: Layer,
    sequence: RangeMap,
    timestamp_offset: u32,
    paused: bool,
    /// The next packets are of another encoder.
    foreign: bool,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    seq: u64,
    timestamp: u32,
    sent: Instant,
}

impl Munger {
    /// `clock_rate` in Hz (90 000 for video, 48 000 for opus). `first` is what the first packet will carry: a random
    /// sequence number and timestamp, chosen by the caller.
    pub fn new(clock_rate: u32, first: Rtp) -> Self {
        Self { clock_rate, source: None, last: None, first, postponed: 0 }
    }

    /// Whether a layer is being sent; before that only [`switch`](Self::switch) makes sense.
    pub fn is_started(&self) -> bool {
        self.source.is_some()
    }

    /// The highest sequence number given to a packet. Those below it under which none was sent are of packets that never came.
    pub fn highest(&self) -> Option<u64> {
        self.last.map(|last| last.seq)
    }

    /// Nothing is sent for a while (mute, pause): at the next switch the clock may have to be set forward.
    pub fn pause(&mut self) {
        if let Some(source) = &mut self.source {
            source.paused = true;
        }
    }

    /// From now on packets come from another encoder: its clock has nothing to do with that of the last ones, so the next switch
    /// goes by the time that has passed.
    pub fn change_encoder(&mut self) {
        if let Some(source) = &mut self.source {
            source.foreign = true;
        }
    }

    /// Goes on with `packet` of `layer`, right behind what was sent last. `None` if the switch has to wait because the packet
    /// is too old compared with what the receiver has already seen; nothing has changed then.
    pub fn switch(&mut self, layer: Layer, packet: Rtp, reports: &Reports, now: Instant) -> Option<Rtp> {
        let out = match self.last {
            None => self.first,
            Some(last) => {
                Rtp { seq: last.seq.wrapping_add(1), timestamp: self.aligned(layer, packet, reports, last, now)? }
            }
        };
        self.postponed = 0;
        self.source = Some(Source {
            layer,
            sequence: RangeMap::starting_at(packet.seq, out.seq),
            timestamp_offset: packet.timestamp.wrapping_sub(out.timestamp),
            paused: false,
            foreign: false,
        });
        self.last = Some(Last { seq: out.seq, timestamp: out.timestamp, sent: now });
        Some(out)
    }

    /// The numbers under which a packet of the current layer is sent. `None` for one that is too late to be placed, or was
    /// left out before.
    pub fn forward(&mut self, packet: Rtp, now: Instant) -> Option<Rtp> {
        let source = self.source.as_mut()?;
        let seq = source.sequence.forward(packet.seq)?;
        let timestamp = packet.timestamp.wrapping_sub(source.timestamp_offset);
        if self.last.is_none_or(|last| seq > last.seq) {
            self.last = Some(Last { seq, timestamp, sent: now });
        }
        Some(Rtp { seq, timestamp })
    }

    /// Leaves a packet of the current layer out; the numbers close up behind it.
    pub fn skip(&mut self, seq: u64) {
        if let Some(source) = &mut self.source {
            source.sequence.skip(seq);
        }
    }

    /// The timestamp for the first packet of `layer`, later than all before it.
    fn aligned(&mut self, layer: Layer, packet: Rtp, reports: &Reports, last: Last, now: Instant) -> Option<u32> {
        let passed = now.saturating_duration_since(last.sent);
        let expected = i64::try_from(self.ticks(passed)).unwrap_or(i64::MAX).min(i64::from(i32::MAX));
        let distrust = self.ticks(CLOCK_DISTRUST) as i64;
        let lag_allowed = if self.source.as_ref().is_some_and(|source| source.paused) {
            self.ticks(RESUME_BEHIND) as i64
        } else {
            distrust
        };
        // From here on, all times are ticks since the last packet sent.
        let mapped = self
            .mapped(layer, packet, reports)
            .map(|timestamp| i64::from(timestamp.wrapping_sub(last.timestamp) as i32));
        let behind = self.ticks(SWITCH_BEHIND) as i64;
        let advance = match mapped {
            Some(mapped) if mapped - expected > distrust || expected - mapped > lag_allowed => expected,
            Some(mapped) if mapped < -behind && self.postponed < MAX_POSTPONED => {
                self.postponed += 1;
                return None;
            }
            Some(mapped) => mapped,
            None => expected,
        };
        Some(last.timestamp.wrapping_add(advance.max(1) as u32))
    }

    /// The packet's time on our own clock, by way of the publisher's wall clock.
    fn mapped(&self, layer: Layer, packet: Rtp, reports: &Reports) -> Option<u32> {
        let source = self.source.as_ref().filter(|source| !source.foreign)?;
        let own = if layer == source.layer {
            packet.timestamp
        } else {
            let (old, new) = (reports[source.layer.index()]?, reports[layer.index()]?);
            let apart = self.ntp_ticks(new.ntp.wrapping_sub(old.ntp) as i64);
            packet.timestamp.wrapping_sub(new.rtp).wrapping_add(old.rtp).wrapping_add(apart)
        };
        Some(own.wrapping_sub(source.timestamp_offset))
    }

    fn ntp_ticks(&self, ntp: i64) -> u32 {
        ((i128::from(ntp) * i128::from(self.clock_rate)) >> 32) as u32
    }

    fn ticks(&self, duration: Duration) -> u64 {
        let ticks = duration.as_micros().saturating_mul(self.clock_rate.into()) / 1_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

/// Rewrites the counters of VP8 descriptors of one subscription, in step with its [`Munger`].
#[derive(Debug, Clone, Default)]
pub struct Vp8Munger {
    pictures: Option<RangeMap>,
    newest: u64,
    last: Counters,
    tl0_offset: u8,
    key_idx_offset: u8,
    long_picture_id: bool,
    started: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    picture_id: u64,
    tl0_pic_idx: u8,
    key_idx: u8,
}

impl Vp8Munger {
    /// Nothing sent yet; the first frame keeps its numbers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with the key frame that begins with this packet; call it when [`Munger::switch`] has succeeded.
    pub fn switch(&mut self, vp8: &Vp8) -> Patch {
        let tl0 = vp8.tl0_pic_idx.unwrap_or(0);
        let key_idx = vp8.key_idx.unwrap_or(0);
        if !self.started {
            self.started = true;
            self.last.picture_id = vp8.picture_id.map_or(0, |id| id.value.into());
            self.last.tl0_pic_idx = tl0;
            self.last.key_idx = key_idx;
        } else {
            self.last.picture_id += 1;
            self.last.tl0_pic_idx = self.last.tl0_pic_idx.wrapping_add(1);
            self.last.key_idx = self.last.key_idx.wrapping_add(1);
        }
        self.tl0_offset = tl0.wrapping_sub(self.last.tl0_pic_idx);
        self.key_idx_offset = key_idx.wrapping_sub(self.last.key_idx);
        self.pictures = vp8.picture_id.map(|id| {
            self.newest = FIRST_CYCLE + u64::from(id.value);
            RangeMap::starting_at(self.newest, self.last.picture_id)
        });
        self.patch(vp8, self.last.picture_id)
    }

    /// The counters for a packet that [`Munger::forward`] has placed. `None` if its frame was left out; then the packet must
    /// not be sent either.
    pub fn forward(&mut self, vp8: &Vp8) -> Option<Patch> {
        let picture = match self.extended(vp8) {
            Some(id) => self.pictures.as_mut()?.forward(id)?,
            None => self.last.picture_id,
        };
        Some(self.patch(vp8, picture))
    }

    /// Leaves a frame out; call it for each of its packets together with [`Munger::skip`].
    pub fn skip(&mut self, vp8: &Vp8) {
        if let (Some(id), Some(pictures)) = (self.extended(vp8), self.pictures.as_mut()) {
            pictures.skip(id);
        }
    }

    fn patch(&mut self, vp8: &Vp8, picture: u64) -> Patch {
        let tl0_pic_idx = vp8.tl0_pic_idx.map(|value| value.wrapping_sub(self.tl0_offset));
        let key_idx = vp8.key_idx.map(|value| value.wrapping_sub(self.key_idx_offset) & 0x1f);
        if picture >= self.last.picture_id {
            self.last = Counters {
                picture_id: picture,
                tl0_pic_idx: tl0_pic_idx.unwrap_or(self.last.tl0_pic_idx),
                key_idx: key_idx.unwrap_or(self.last.key_idx),
            };
        }
        let value = (picture & u64::from(PICTURE_ID_MASK)) as u16;
        // Without a picture id in the key frame there is nothing to align the others with.
        let picture_id = vp8.picture_id.filter(|_| self.pictures.is_some());
        self.long_picture_id |= picture_id.is_some_and(|id| id.is_long || value > 0x7f);
        Patch { picture_id: picture_id.map(|_| value), tl0_pic_idx, key_idx, long_picture_id: self.long_picture_id }
    }

    /// The picture id without its wrap-around.
    fn extended(&mut self, vp8: &Vp8) -> Option<u64> {
        let id = vp8.picture_id?;
        self.pictures.as_ref()?;
        let cycle = if id.is_long { 0x8000 } else { 0x80 };
        let forward = u64::from(id.value).wrapping_sub(self.newest) & (cycle - 1);
        let extended = if forward < cycle / 2 { self.newest + forward } else { self.newest + forward - cycle };
        self.newest = self.newest.max(extended);
        Some(extended)
    }
}

/// Picture ids are counted from here, so that one from before the first does not fall below zero.
const FIRST_CYCLE: u64 = 0x10_0000;

/// Maps the numbers of one source to ours, closing the gaps of those left out.
///
/// Range `i` holds for numbers from its start to the start of range `i + 1`. The numbers left out are the last ones of range
/// `i`, and there are as many as the offsets differ.
#[derive(Debug, Clone)]
struct RangeMap {
    ranges: VecDeque<Range>,
    newest: u64,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    start: u64,
    /// What is subtracted, modulo 2^64.
    offset: u64,
}

impl RangeMap {
    fn starting_at(input: u64, output: u64) -> Self {
        let first = Range { start: input, offset: input.wrapping_sub(output) };
        Self { ranges: VecDeque::from([first]), newest: input }
    }

    fn forward(&mut self, input: u64) -> Option<u64> {
        self.newest = self.newest.max(input);
        if self.newest - input > MAX_LATE {
            return None;
        }
        let mut left_out_from = u64::MAX;
        for (index, range) in self.ranges.iter().enumerate().rev() {
            if input >= range.start {
                return (input < left_out_from).then(|| input.wrapping_sub(range.offset));
            }
            let before = self.ranges.get(index.checked_sub(1)?)?;
            left_out_from = range.start - range.offset.wrapping_sub(before.offset);
        }
        None
    }

    /// Has no effect on a number that is not new: it has been given away already.
    fn skip(&mut self, input: u64) {
        if input <= self.newest {
            return;
        }
        let (Some(last), Some(start)) = (self.ranges.back_mut(), input.checked_add(1)) else { return };
        let next = Range { start, offset: last.offset.wrapping_add(1) };
        // A range in which nothing was sent yet just begins later.
        if last.start == input && self.newest + 1 == input {
            *last = next;
        } else {
            if self.ranges.len() == MAX_RANGES {
                self.ranges.pop_front();
            }
            self.ranges.push_back(next);
        }
        self.newest = input;
    }
}

#[cfg(test)]
mod tests;
