//! How long everybody spoke and how their connection did, as the media plane measured it.
//!
//! The figures are numbered beyond those of the protocol, so that they are counted, bounded and journalled like the
//! others, and leave the session as `extra_data` of the person, a field that readers of the documented export skip.

use model::UserId;
use model::media::{Fault, Trouble};
use serde_json::{Map, Value, json};

use super::collector::{Collector, Visitor};
use super::tally::Mark;
use super::{About, Measure, Origin};
use crate::output::Moment;

/// Most spans of one kind that are kept of one person; of more only the number.
const MAX_SPANS: usize = 200;

/// Figures of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// How often somebody spoke.
    Spoke = 10_001,
    /// For how long, milliseconds.
    SpokeFor = 10_002,
    /// Something was wrong with the connection.
    Trouble = 10_003,
    /// Media flowed.
    Connected = 10_004,
}

impl From<Own> for i32 {
    fn from(own: Own) -> Self {
        own as Self
    }
}

impl Collector {
    pub(super) fn spoke(&mut self, now: Moment, user: &UserId, millis: u32) {
        self.count(now, Origin::Media, About::Person(user), Own::Spoke, Measure::Counted(1));
        self.count(now, Origin::Media, About::Person(user), Own::SpokeFor, Measure::Counted(millis));
    }

    pub(super) fn troubled(&mut self, now: Moment, user: &UserId, trouble: &Trouble) {
        let Trouble { fault, to_ms, amount, .. } = trouble;
        let said = Measure::Said(format!("{} {amount} {to_ms}", fault.name()));
        self.keep_span(now, user, Own::Trouble, trouble.from_ms, said);
    }

    pub(super) fn media_joined(&mut self, now: Moment, user: &UserId) {
        self.change(user, |profile| profile.media_since_ms = now.unix_ms);
    }

    pub(super) fn media_left(&mut self, now: Moment, user: &UserId) {
        let since = self.change(user, |profile| std::mem::take(&mut profile.media_since_ms));
        if let Some(since) = since.filter(|since| *since > 0) {
            self.keep_span(now, user, Own::Connected, since, Measure::Said(now.unix_ms.to_string()));
        }
    }

    fn keep_span(&mut self, now: Moment, user: &UserId, own: Own, from_ms: i64, said: Measure) {
        let kept = self.visitors.get(user).map_or(0, |visitor| marks(visitor, own).count());
        let since = Moment { unix_ms: from_ms, ..now };
        let measure = if kept < MAX_SPANS { said } else { Measure::Counted(1) };
        self.count(since, Origin::Media, About::Person(user), own, measure);
    }
}

fn marks(visitor: &Visitor, own: Own) -> impl Iterator<Item = &Mark> {
    visitor.tally.marks.iter().filter(move |mark| mark.event == i32::from(own))
}

/// So often and for so many milliseconds somebody spoke; `None` if the media plane heard nothing.
pub(super) fn speech(visitor: &Visitor) -> Option<(u32, u32)> {
    let sum = |own: Own| visitor.tally.sums.get(&own.into()).copied().unwrap_or_default();
    Some((sum(Own::Spoke), sum(Own::SpokeFor))).filter(|(times, _)| *times > 0)
}

/// What goes along with a person in the export, as JSON.
pub(super) fn extra(visitor: &Visitor) -> Option<String> {
    let connected: Vec<Value> = marks(visitor, Own::Connected)
        .filter_map(|mark| Some(json!({ "from": mark.at, "to": mark.value.as_ref()?.parse::<i64>().ok()? })))
        .collect();
    let troubles: Vec<Trouble> = marks(visitor, Own::Trouble).filter_map(read).collect();
    // Whoever was lost and came back was away for a time that is known.
    let came_back = |lost: &Trouble| troubles.iter().any(|other| is_return(other, lost));
    let troubles: Vec<Value> = troubles.iter().filter(|trouble| !came_back(trouble)).map(shown).collect();
    let mut told = Map::new();
    if let Some((times, millis)) = speech(visitor) {
        told.insert("talked".into(), json!({ "times": times, "milliseconds": millis }));
    }
    for (name, own, spans) in [("connected", Own::Connected, connected), ("trouble", Own::Trouble, troubles)] {
        let key = i32::from(own);
        let sums = [&visitor.tally.sums, &visitor.tally.omitted];
        let omitted =
            sums.into_iter().filter_map(|sums| sums.get(&key)).fold(0, |sum: u32, one| sum.saturating_add(*one));
        if omitted > 0 {
            told.insert(format!("{name}_omitted"), json!(omitted));
        }
        if !spans.is_empty() {
            told.insert(name.into(), Value::Array(spans));
        }
    }
    (!told.is_empty()).then(|| json!({ "plenum": told }).to_string())
}

fn read(mark: &Mark) -> Option<Trouble> {
    let mut words = mark.value.as_deref()?.split(' ');
    let name = words.next()?;
    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name)?;
    let amount = words.next()?.parse().ok()?;
    let to_ms = words.next()?.parse().ok()?;
    Some(Trouble { fault, from_ms: mark.at, to_ms, amount })
}

/// Whether somebody who was lost came back by what is told there. Clocks of two media threads may differ by a little.
fn is_return(trouble: &Trouble, lost: &Trouble) -> bool {
    /// Milliseconds.
    const APART: i64 = 1000;
    let since = trouble.from_ms.saturating_sub(APART);
    (lost.fault, trouble.fault) == (Fault::Lost, Fault::Interrupted) && (since..=trouble.to_ms).contains(&lost.from_ms)
}

fn shown(trouble: &Trouble) -> Value {
    let Trouble { fault, from_ms, to_ms, amount } = *trouble;
    let (unit, said) = match fault {
        Fault::UplinkLoss => ("lost_per_mille", format!("uplink lost {} %", percent(amount))),
        Fault::DownlinkLoss => ("lost_per_mille", format!("downlink lost {} %", percent(amount))),
        Fault::SlowRoundTrip => ("milliseconds", format!("round trips took up to {amount} ms")),
        Fault::NarrowDownlink => ("bits_per_second", format!("downlink carried only {} kbit/s", amount / 1000)),
        Fault::Interrupted => ("milliseconds", format!("connection was gone for {} s", amount.div_ceil(1000))),
        Fault::Lost => {
            let text = format!("lost connection at {} UTC", clock(from_ms));
            return json!({ "what": fault.name(), "from": from_ms, "to": to_ms, "text": text });
        }
    };
    let text = format!("{said} from {} to {} UTC", clock(from_ms), clock(to_ms));
    json!({ "what": fault.name(), "from": from_ms, "to": to_ms, unit: amount, "text": text })
}

/// `9` or `0.4`: whole where that says enough.
fn percent(per_mille: u64) -> String {
    if per_mille < 10 { format!("0.{per_mille}") } else { ((per_mille + 5) / 10).to_string() }
}

/// Hours and minutes of a day in UTC.
fn clock(unix_ms: i64) -> String {
    let minutes = unix_ms.div_euclid(60_000).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
