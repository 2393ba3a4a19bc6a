//! One room in Prometheus' text form. The figures of the whole node are in `/metrics`; those of rooms and people would be
//! as many as there are people, so that a scraper has to ask for a room by name.

use std::fmt::Write;

use ports::media::report::{Flow, RoomReport, RoomSummary};

use super::json;

/// Writes into a `String`, which takes everything.
macro_rules! push {
    ($out:expr, $($words:tt)+) => {
        writeln!($out, $($words)+).expect("a String takes everything")
    };
}

/// Most rooms in the list; how many more there are is said.
const MOST: usize = 1000;

/// What is counted of a room.
type Count = fn(&RoomSummary) -> usize;

pub(super) fn rooms(rooms: &[RoomSummary]) -> String {
    let mut out = String::new();
    let gauges: [(&str, Count); 3] = [
        ("plenum_room_participants", |room| room.participants),
        ("plenum_room_tracks", |room| room.tracks),
        ("plenum_room_subscriptions", |room| room.subscriptions),
    ];
    for (name, count) in gauges {
        push!(out, "# TYPE {name} gauge");
        for room in rooms.iter().take(MOST) {
            push!(out, "{name}{{room=\"{}\"}} {}", label(room.room.as_str()), count(room));
        }
    }
    let mut say = |name, omitted: usize| {
        push!(out, "# TYPE {name} gauge");
        push!(out, "{name} {omitted}");
    };
    say("plenum_rooms_omitted", rooms.len().saturating_sub(MOST));
    out
}

/// One sample: its name, its labels, its value.
type Sample = (&'static str, String, f64);

#[allow(clippy::cast_precision_loss)]
pub(super) fn room(report: &RoomReport) -> String {
    let mut samples: Vec<Sample> = Vec::new();
    let omitted = report.total.saturating_sub(report.participants.len());
    let mut say = |name, value: f64| samples.push((name, format!("room=\"{}\"", label(report.room.as_str())), value));
    say("plenum_room_participants", report.total as f64);
    say("plenum_participants_omitted", omitted as f64);
    for one in &report.participants {
        let who = format!("room=\"{}\",participant=\"{}\"", label(report.room.as_str()), label(one.identity.as_str()));
        let mut say = |name, labels: &str, value: f64| samples.push((name, format!("{who}{labels}"), value));
        say("plenum_participant_interruptions_total", "", one.interruptions.into());
        if let Some(score) = one.score {
            say("plenum_participant_score", "", score.into());
        }
        if let Some(estimate) = one.estimate {
            say("plenum_participant_estimate_bps", "", estimate as f64);
        }
        for connection in &one.connections {
            let labels = format!(",role=\"{}\"", if connection.subscriber { "subscriber" } else { "publisher" });
            say("plenum_participant_bytes_in_total", &labels, connection.bytes_in as f64);
            say("plenum_participant_bytes_out_total", &labels, connection.bytes_out as f64);
            if let Some(round_trip) = connection.round_trip {
                say("plenum_participant_round_trip_seconds", &labels, round_trip.as_secs_f64());
            }
            if let Some(loss) = connection.loss {
                say("plenum_participant_loss", &labels, loss.into());
            }
        }
        for track in &one.published {
            let track_labels = format!(",track=\"{}\",source=\"{}\"", label(&track.sid), json::source(track.source));
            for encoding in &track.encodings {
                for (layer, flow) in encoding.flows.iter().enumerate() {
                    let layer = if encoding.scalable { "all".to_owned() } else { layer.to_string() };
                    let labels = format!("{track_labels},codec=\"{}\",layer=\"{layer}\"", encoding.codec);
                    flow_of(&mut say, "in", &labels, flow);
                }
            }
        }
        for track in &one.received {
            let labels = format!(",track=\"{}\",source=\"{}\"", label(&track.sid), json::source(track.source));
            say("plenum_track_queued_packets", &labels, track.queued as f64);
            say("plenum_track_paused", &labels, f64::from(u8::from(track.paused)));
            if let Some(layer) = track.layer {
                say("plenum_track_layer", &labels, layer.into());
            }
            flow_of(&mut say, "out", &labels, &track.flow);
        }
    }
    samples.sort_by_key(|(name, _, _)| *name);
    let mut out = String::new();
    let mut before = "";
    for (name, labels, value) in samples {
        if name != before {
            push!(out, "# TYPE {name} {}", if name.ends_with("_total") { "counter" } else { "gauge" });
            before = name;
        }
        push!(out, "{name}{{{labels}}} {value}");
    }
    out
}

#[allow(clippy::cast_precision_loss)]
fn flow_of(say: &mut impl FnMut(&'static str, &str, f64), direction: &str, labels: &str, flow: &Flow) {
    let labels = format!("{labels},direction=\"{direction}\"");
    say("plenum_track_packets_total", &labels, flow.packets as f64);
    say("plenum_track_bytes_total", &labels, flow.bytes as f64);
    say("plenum_track_key_frames_asked_total", &labels, flow.key_frames_asked as f64);
    say("plenum_track_nacks_total", &labels, flow.nacks as f64);
    if let Some(rate) = flow.bits_per_second {
        say("plenum_track_bps", &labels, rate as f64);
    }
    if let Some(loss) = flow.loss {
        say("plenum_track_loss", &labels, loss.into());
    }
    if let Some(jitter) = flow.jitter {
        say("plenum_track_jitter_seconds", &labels, jitter.as_secs_f64());
    }
}

/// A value as the text form wants it.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{RoomId, SessionId};

    #[test]
    fn of_more_rooms_than_are_listed_it_is_said_how_many() {
        let summary = |number: usize| RoomSummary {
            room: RoomId::try_from(format!("room{number}").as_str()).unwrap(),
            session: SessionId::try_from("session").unwrap(),
            participants: 1,
            tracks: 2,
            subscriptions: 3,
        };
        let all: Vec<RoomSummary> = (0..=MOST).map(summary).collect();

        for (listed, omitted) in [(&all[..MOST], 0), (&all[..], 1)] {
            let text = rooms(listed);
            let counted = text.lines().filter(|line| line.starts_with("plenum_room_tracks{")).count();
            assert_eq!(counted, MOST);
            assert!(text.ends_with(&format!("plenum_rooms_omitted {omitted}\n")), "{omitted}");
        }
    }
}
