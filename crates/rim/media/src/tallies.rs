//! What the whole node counts of its media. Rooms and people are in the operator's report; here they would be as many
//! series as there are people.

use crate::report::More;
use rtc::{Report, Traffic};

/// The counters, looked up once.
#[derive(Debug)]
pub(crate) struct Tallies {
    bytes: [metrics::Counter; 2],
    key_frames: [metrics::Counter; 2],
    nacks: [metrics::Counter; 2],
    loss: [metrics::Histogram; 2],
    round_trip: metrics::Histogram,
}

/// As labels: from clients, to clients.
const DIRECTIONS: [&str; 2] = ["in", "out"];

impl Tallies {
    pub(crate) fn new() -> Self {
        Self {
            bytes: DIRECTIONS.map(|direction| metrics::counter!("media_bytes_total", "direction" => direction)),
            key_frames: DIRECTIONS
                .map(|direction| metrics::counter!("media_key_frames_asked_total", "direction" => direction)),
            nacks: DIRECTIONS.map(|direction| metrics::counter!("media_nacks_total", "direction" => direction)),
            loss: DIRECTIONS.map(|direction| metrics::histogram!("media_loss_share", "direction" => direction)),
            round_trip: metrics::histogram!("media_round_trip_seconds"),
        }
    }

    /// A stream's report, of which so much is new.
    pub(crate) fn report(&self, report: &Report, more: More) {
        let direction = usize::from(!report.up);
        self.key_frames[direction].increment(more.key_frames_asked);
        self.nacks[direction].increment(more.nacks);
        if let Some(loss) = report.loss {
            self.loss[direction].record(loss);
        }
    }

    /// A connection's report; `before` is the one before it.
    pub(crate) fn traffic(&self, before: Option<&Traffic>, traffic: &Traffic) {
        let (bytes_in, bytes_out) = before.map_or((0, 0), |before| (before.bytes_in, before.bytes_out));
        self.bytes[0].increment(traffic.bytes_in.saturating_sub(bytes_in));
        self.bytes[1].increment(traffic.bytes_out.saturating_sub(bytes_out));
        if let Some(rtt) = traffic.rtt {
            self.round_trip.record(rtt);
        }
    }
}
