//! The page for people. Every word that came from outside is escaped.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ports::media::report::{
    ConnectionReport, ConnectionState, EncodingReport, Flow, ParticipantReport, RoomReport, RoomSummary,
    SubscriptionReport, TrackReport,
};

use super::json;
use crate::client::sha256;
use crate::openapi::escaped;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes into a `String`, which takes everything.
macro_rules! push {
    ($out:expr, $($words:tt)+) => {
        write!($out, $($words)+).expect("a String takes everything")
    };
}

/// Its content security policy: its own style, its own script, its own address, nothing else.
pub(super) fn policy() -> String {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(sha256(text.as_bytes())));
        format!(
            "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        )
    });
    POLICY.clone()
}

fn page(title: &str, back: bool, main: &str) -> String {
    let title = escaped(title);
    let back = if back { "<a href=\"/debug/rooms\">All rooms</a>" } else { "" };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} – Plenum</title>\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/plenum.svg\"><style>{STYLE}</style></head><body>\
         <header><h1>{title}</h1>{back}<label><input type=\"checkbox\" id=\"live\"> Follow, every two seconds</label>\
         </header><main>{main}</main><script>{SCRIPT}</script></body></html>"
    )
}

pub(super) fn missing(why: &str) -> String {
    page("No such room", true, &format!("<p>{}</p>", escaped(why)))
}

pub(super) fn list(rooms: &[RoomSummary]) -> String {
    if rooms.is_empty() {
        return page("Media rooms", false, "<p>Nobody is connected to any room.</p>");
    }
    let mut out = String::from(
        "<section class=\"wide\" tabindex=\"0\" aria-label=\"Rooms\"><table><thead><tr><th scope=\"col\">Room</th>\
         <th scope=\"col\">Participants</th><th scope=\"col\">Tracks</th><th scope=\"col\">Subscriptions</th>\
         <th scope=\"col\">Session</th></tr></thead><tbody>",
    );
    for room in rooms {
        let id = room.room.as_str();
        let query: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
        push!(
            out,
            "<tr><td><a href=\"/debug/rooms?room={}\">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&query),
            escaped(id),
            room.participants,
            room.tracks,
            room.subscriptions,
            escaped(room.session.as_str())
        );
    }
    out.push_str("</tbody></table></section>");
    page("Media rooms", false, &out)
}

pub(super) fn room(report: &RoomReport) -> String {
    let mut out = format!(
        "<p class=\"facts\">Session {}; {} participants. Rates and losses are those of the last five seconds.</p>",
        escaped(report.session.as_str()),
        report.total
    );
    pages(&mut out, report);
    for one in &report.participants {
        participant(&mut out, one);
    }
    page(report.room.as_str(), true, &out)
}

/// Which of the participants are shown, if not all, and the way to the others.
fn pages(out: &mut String, report: &RoomReport) {
    let shown = report.participants.len();
    let omitted = report.total.saturating_sub(shown);
    if omitted == 0 {
        return;
    }
    let room: String = form_urlencoded::byte_serialize(report.room.as_str().as_bytes()).collect();
    let room = escaped(&room);
    let link = |from: usize, text: &str| format!("<a href=\"/debug/rooms?room={room}&amp;from={from}\">{text}</a>");
    let first = (report.from > 0).then(|| link(0, "The first"));
    let next = report.next().map(|from| link(from, "The next"));
    let links: Vec<String> = first.into_iter().chain(next).collect();
    push!(
        out,
        "<p class=\"facts\">{shown} are shown, after the first {}; {omitted} are not. {}</p>",
        report.from,
        links.join(" ")
    );
}

fn participant(out: &mut String, one: &ParticipantReport) {
    let name = escaped(one.identity.as_str());
    let facts = [
        Some(if one.signalling { "signalling" } else { "no signalling socket" }.to_owned()),
        one.score.map(|score| format!("score {score:.0} of 100")),
        one.estimate.map(|bits| format!("downlink carries {}", rate(bits))),
        (one.interruptions > 0).then(|| format!("{} interruptions", one.interruptions)),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    push!(
        out,
        "<section class=\"wide\" tabindex=\"0\" aria-label=\"{name}\"><h2>{name}</h2><p class=\"facts\">{}</p>",
        facts.join(", ")
    );
    table(
        out,
        "Connections",
        &["Role", "State", "Transport", "Client", "Server", "Round trip", "Loss to client", "In", "Out"],
        one.connections.iter().map(connection),
    );
    let encodings =
        one.published.iter().flat_map(|track| track.encodings.iter().map(move |encoding| (track, encoding)));
    let flows = encodings.flat_map(|(track, encoding)| {
        encoding.flows.iter().enumerate().map(move |(layer, flow)| published(track, encoding, layer, flow))
    });
    table(
        out,
        "Publishes",
        &[
            "Source",
            "Track",
            "Codec",
            "Layer",
            "Running",
            "Wanted",
            "Subscribers",
            "Rate",
            "Loss",
            "Jitter",
            "Key frames asked",
            "Nacks",
        ],
        flows,
    );
    table(
        out,
        "Receives",
        &["From", "Source", "Track", "Layer", "Target", "State", "Queue", "Rate", "Loss", "Key frames asked", "Nacks"],
        one.received.iter().map(received),
    );
    out.push_str("</section>");
}

/// A table if there is anything for it; cells are HTML.
fn table(out: &mut String, caption: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    push!(out, "<table><caption>{caption}</caption><thead><tr>");
    for head in heads {
        push!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            push!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn connection(one: &ConnectionReport) -> Vec<String> {
    let class = if one.state == ConnectionState::Connected { "good" } else { "bad" };
    let silence = if one.silent_for > Duration::from_secs(5) {
        format!(", silent for {} s", one.silent_for.as_secs())
    } else {
        String::new()
    };
    let address = |address: Option<std::net::SocketAddr>| address.map_or_else(dash, |address| address.to_string());
    vec![
        if one.subscriber { "subscriber" } else { "publisher" }.to_owned(),
        format!("<span class=\"{class}\">{}{silence}</span>", json::state(one.state)),
        if one.transport.is_empty() { dash() } else { one.transport.to_owned() },
        address(one.remote),
        address(one.local),
        one.round_trip.map_or_else(dash, |time| format!("{} ms", json::millis(time))),
        loss(one.loss),
        bytes(one.bytes_in),
        bytes(one.bytes_out),
    ]
}

fn published(track: &TrackReport, encoding: &EncodingReport, layer: usize, flow: &Flow) -> Vec<String> {
    let runs = match (encoding.scalable, encoding.flows.len()) {
        (true, _) => !encoding.running.is_empty(),
        (false, 1) => true,
        (false, _) => encoding.running.iter().any(|running| usize::from(*running) == layer),
    };
    let running = match (track.muted, runs) {
        (true, _) => "muted",
        (false, true) => "yes",
        (false, false) => "no",
    };
    vec![
        json::source(track.source).to_owned(),
        escaped(&track.sid),
        escaped(encoding.codec),
        if encoding.scalable { "all".to_owned() } else { layer.to_string() },
        running.to_owned(),
        track.wanted.map_or_else(dash, |layer| format!("up to {layer}")),
        track.subscribers.to_string(),
        flow_rate(flow.bits_per_second),
        loss(flow.loss),
        flow.jitter.map_or_else(dash, |time| format!("{} ms", json::millis(time))),
        flow.key_frames_asked.to_string(),
        flow.nacks.to_string(),
    ]
}

fn received(track: &SubscriptionReport) -> Vec<String> {
    let layer = |layer: Option<u8>| layer.map_or_else(dash, |layer| layer.to_string());
    let state = match (track.paused, track.disabled) {
        (true, _) => "<span class=\"bad\">paused</span>",
        (false, true) => "disabled",
        (false, false) => "on",
    };
    vec![
        escaped(track.owner.as_str()),
        json::source(track.source).to_owned(),
        escaped(&track.sid),
        layer(track.layer),
        layer(track.target),
        state.to_owned(),
        track.queued.to_string(),
        flow_rate(track.flow.bits_per_second),
        loss(track.flow.loss),
        track.flow.key_frames_asked.to_string(),
        track.flow.nacks.to_string(),
    ]
}

fn dash() -> String {
    "–".to_owned()
}

fn loss(share: Option<f32>) -> String {
    let Some(share) = share else { return dash() };
    let class = if share >= 0.03 { " class=\"bad\"" } else { "" };
    format!("<span{class}>{:.1} %</span>", share * 100.0)
}

fn flow_rate(bits: Option<u64>) -> String {
    bits.map_or_else(dash, rate)
}

fn rate(bits: u64) -> String {
    if bits >= 10_000_000 { format!("{} Mbit/s", bits / 1_000_000) } else { format!("{} kbit/s", bits / 1000) }
}

fn bytes(count: u64) -> String {
    if count >= 10_000_000 { format!("{} MB", count / 1_000_000) } else { format!("{} kB", count / 1000) }
}
