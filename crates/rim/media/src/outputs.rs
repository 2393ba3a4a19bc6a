//! Carries out what a room's signalling machine wants done.

use crate::convert;
use crate::engine::Room;
#[cfg(test)]
use crate::engine::faults;
use crate::engine::faults::Turn;
use crate::engine::guests::settled;
use crate::forward::{Binding, Forward, News, Published, Takes};
use crate::inside;
use crate::line::{Place, refused};
use crate::session::Connection;
use bytes::Bytes;
use model::Identity;
use ports::media::{MediaEvent, MediaEventKind, Renewed, SignalDown};
use rtc::Channel;
use signal::{EventKind, Now, Output, PeerKey, Protocol};
use tokio::sync::mpsc;

/// What is left for the shard.
#[derive(Debug, Default)]
pub(crate) struct After {
    /// An output that waits until nothing is on its way any more.
    pub(crate) held: Option<Output>,
    /// Nothing is: sections may change.
    pub(crate) may_change: bool,
    /// Sessions that are over.
    pub(crate) gone: Vec<PeerKey>,
    /// Of whom the meeting was told that they are gone.
    pub(crate) told_left: Vec<Identity>,
    /// Connections that may have output or a new ICE name: (who, the subscriber's).
    pub(crate) touched: Vec<(PeerKey, bool)>,
    /// Whose media are to travel otherwise.
    pub(crate) switches: Vec<(PeerKey, Protocol)>,
    /// From the packet path.
    pub(crate) news: News,
}

/// Whether something else may be on a section after it, or nobody.
fn changes_sections(output: &Output) -> bool {
    matches!(
        output,
        Output::ClientOffer { .. }
            | Output::MakeOffer { .. }
            | Output::SettleOffer { .. }
            | Output::ClientAnswer { .. }
            | Output::Unpublished { .. }
            | Output::Bind { .. }
            | Output::Unbind { .. }
            | Output::Gone { .. }
    )
}

/// Empties the machine's outputs. `turn` says whom something is done for; after a panic it goes on with the next output.
pub(crate) fn carry_out(
    room: &mut Room,
    now: Now,
    events: &mpsc::Sender<MediaEvent>,
    after: &mut After,
    turn: &mut Turn,
) {
    while let Some(output) = after.held.take().or_else(|| room.machine.poll()) {
        if !after.may_change && changes_sections(&output) {
            after.held = Some(output);
            return;
        }
        *turn = whom(&output, &room.forward);
        #[cfg(test)]
        if !matches!(output, Output::Gone { .. }) {
            trip(room, *turn);
        }
        match output {
            Output::Send { to, message } => {
                match room.sessions.get_mut(&to).and_then(|session| session.inside.as_mut()) {
                    Some(inside) => inside.tell(&message),
                    None => send(room, to, SignalDown::Message(message)),
                }
            }
            Output::CloseLink { to } => {
                send(room, to, SignalDown::Close);
                if let Some(session) = room.sessions.get_mut(&to) {
                    session.link = None;
                }
            }
            Output::ClientOffer { peer, sdp } => client_offer(room, peer, sdp, now, after),
            Output::MakeOffer { peer, changes, ice_restart } => {
                let changes: Vec<_> = changes.into_iter().map(convert::change).collect();
                after.touched.push((peer, true));
                match subscriber(room, peer) {
                    Some(Place::Here(line)) => {
                        let offer = line.make_offer(&changes, ice_restart);
                        room.machine.offered(peer, offer, now);
                    }
                    Some(Place::There(far)) => far.make_offer(changes, ice_restart),
                    None => room.machine.offered(peer, None, now),
                }
            }
            Output::SettleOffer { peer, known } => {
                after.touched.push((peer, true));
                match subscriber(room, peer) {
                    Some(Place::Here(line)) => {
                        let answered = line.settle_offer(known.as_ref());
                        settled(&mut room.machine, peer, answered, now);
                    }
                    Some(Place::There(far)) => far.settle_offer(known),
                    None => room.machine.offer_settled(peer, false, now),
                }
            }
            Output::ClientAnswer { peer, sdp } => {
                after.touched.push((peer, true));
                match subscriber(room, peer) {
                    Some(Place::Here(line)) => {
                        let taken = line.accept_answer(&sdp);
                        room.machine.answer_taken(peer, taken, now);
                    }
                    Some(Place::There(far)) => far.accept_answer(sdp),
                    None => room.machine.answer_taken(peer, false, now),
                }
            }
            Output::Renew { to, name, metadata, attributes, permission } => {
                let renewed = Box::new(Renewed { name, metadata, attributes, permission });
                send(room, to, SignalDown::Renew(renewed));
            }
            Output::Data { to, from, reliable, message } => {
                // Insiders read no data.
                if let Some(session) = room.sessions.get_mut(&to).filter(|session| session.inside.is_none()) {
                    let channel = if reliable { Channel::Reliable } else { Channel::Lossy };
                    let taken = session.down().send(channel, from, message);
                    after.touched.push((to, session.subscriber.is_some()));
                    // A reliable message must not be lost unnoticed: whoever is that slow starts over.
                    if reliable && !taken {
                        room.machine.session_failed(to, now);
                    }
                }
            }
            Output::Published { track, owner, mid, kind, codec, layers, rids, screen, muted } => {
                let Some(session) = room.sessions.get_mut(&owner) else { continue };
                let Some(section) = session.up_section(&mid) else { continue };
                Connection::set(&mut session.publisher.ups, section, Some(track));
                session.publisher.set_layers(section, rids);
                after.touched.push((owner, false));
                let published = Published { owner, section, kind, codec, layers, screen, muted };
                room.forward.publish(track, published, now.at);
            }
            Output::CodecPublished { track, mid, codec, layers, rids } => {
                let owner = room.forward.tracks.get(&track).map(|track| track.owner);
                let Some(owner) = owner else { continue };
                let Some(session) = room.sessions.get_mut(&owner) else { continue };
                let Some(section) = session.up_section(&mid) else { continue };
                Connection::set(&mut session.publisher.ups, section, Some(track));
                session.publisher.set_layers(section, rids);
                after.touched.push((owner, false));
                room.forward.add_codec(track, section, codec, &layers, now.at);
                room.forward.collect(track, now.at, &mut after.news);
            }
            Output::CodecUnpublished { track, codec } => {
                if let Some(up) = room.forward.tracks.get(&track)
                    && let Some(session) = room.sessions.get_mut(&up.owner)
                    && let Some(encoding) = up.encodings.iter().find(|encoding| encoding.codec == codec)
                {
                    Connection::set(&mut session.publisher.ups, encoding.section, None);
                }
                room.forward.drop_codec(track, codec, now.at);
                room.forward.collect(track, now.at, &mut after.news);
            }
            Output::Prefer { track, codec } => {
                room.forward.prefer(track, codec, now.at);
                room.forward.collect(track, now.at, &mut after.news);
            }
            Output::Layers { track, codec, layers } => {
                room.forward.set_layers(track, codec, &layers, now.at);
                room.forward.collect(track, now.at, &mut after.news);
            }
            Output::Unpublished { track } => {
                room.forward.unpublish(track);
                for session in room.sessions.values_mut() {
                    session.publisher.ups.iter_mut().filter(|up| **up == Some(track)).for_each(|up| *up = None);
                }
            }
            Output::Muted { track, muted } => room.forward.set_muted(track, muted, now.at),
            Output::Bind { peer, mid, track, settings } => {
                let Some(session) = room.sessions.get_mut(&peer) else { continue };
                let Some(section) = session.down_section(&mid) else { continue };
                if let Some(inside) = &mut session.inside {
                    inside.gets(section, room.machine.track_label(track).map(|(sid, _)| sid));
                }
                let is_inside = session.inside.is_some();
                let connection = session.down();
                Connection::set(&mut connection.downs, section, Some(track));
                connection.known.begin(section);
                let ready = connection.is_up();
                // Insiders read every format.
                let takes = if is_inside { Takes::ask(|_| true) } else { connection.takes(section) };
                session.budget.look_again(now.at);
                let setting = convert::setting(settings);
                let far = session.down().elsewhere().is_some();
                let binding = Binding { peer, section, setting, ready, takes, far };
                if !room.forward.bind(track, binding, now.at) {
                    room.machine.codec_missing(peer, track, |codec| takes.contains(convert::codec(codec)));
                }
                room.forward.collect(track, now.at, &mut after.news);
            }
            Output::Unbind { peer, mid } => {
                let Some(session) = room.sessions.get_mut(&peer) else { continue };
                let Some(section) = session.down_section(&mid) else { continue };
                if let Some(inside) = &mut session.inside {
                    inside.gets(section, None);
                }
                let connection = session.down();
                let former = connection.downs.get(usize::from(section)).copied().flatten();
                Connection::set(&mut connection.downs, section, None);
                if let Some(track) = former {
                    room.forward.unbind(track, peer, now.at);
                    room.forward.collect(track, now.at, &mut after.news);
                }
            }
            Output::Settings { peer, track, settings } => {
                if let Some(session) = room.sessions.get_mut(&peer) {
                    session.budget.look_again(now.at);
                }
                room.forward.set_setting(track, peer, convert::setting(settings), now.at);
                room.forward.collect(track, now.at, &mut after.news);
            }
            Output::Narrow { peer, bits } => {
                if let Some(session) = room.sessions.get_mut(&peer) {
                    session.budget.narrow(bits, now.at);
                }
            }
            Output::Switch { peer, protocol } => after.switches.push((peer, protocol)),
            Output::Gone { peer } => {
                // Whatever becomes of the rest, its session is over.
                after.gone.push(peer);
                #[cfg(test)]
                trip(room, *turn);
                room.forward.forget_subscriber(peer, now.at);
            }
            Output::Event { identity, kind, about } => {
                if matches!(kind, EventKind::Left | EventKind::Aborted) {
                    after.told_left.push(identity.clone());
                }
                let event = MediaEvent {
                    room: room.id.clone(),
                    session: room.session.clone(),
                    identity: Some(identity),
                    kind: convert::event(kind),
                    participant: about.participant,
                    about_room: room.machine.info(),
                    track: about.track,
                };
                report(events, event);
            }
        }
    }
    *turn = None;
}

#[cfg(test)]
fn trip(room: &Room, turn: Turn) {
    if let Some(session) = turn.and_then(|peer| room.sessions.get(&peer)) {
        faults::trip(faults::Point::Output, &session.identity);
    }
}

/// Whom an output is carried out for, if it is for somebody. What is done to a track is its owner's.
fn whom(output: &Output, forward: &Forward) -> Turn {
    match output {
        Output::Send { to, .. } | Output::CloseLink { to } | Output::Renew { to, .. } | Output::Data { to, .. } => {
            Some(*to)
        }
        Output::ClientOffer { peer, .. }
        | Output::MakeOffer { peer, .. }
        | Output::SettleOffer { peer, .. }
        | Output::ClientAnswer { peer, .. }
        | Output::Bind { peer, .. }
        | Output::Unbind { peer, .. }
        | Output::Settings { peer, .. }
        | Output::Narrow { peer, .. }
        | Output::Switch { peer, .. }
        | Output::Gone { peer } => Some(*peer),
        Output::Published { owner, .. } => Some(*owner),
        Output::CodecPublished { track, .. }
        | Output::CodecUnpublished { track, .. }
        | Output::Prefer { track, .. }
        | Output::Layers { track, .. }
        | Output::Unpublished { track }
        | Output::Muted { track, .. } => forward.tracks.get(track).map(|track| track.owner),
        Output::Event { .. } => None,
    }
}

/// The room itself came or went.
pub(crate) fn report_room(room: &Room, kind: MediaEventKind, events: &mpsc::Sender<MediaEvent>) {
    let event = MediaEvent {
        room: room.id.clone(),
        session: room.session.clone(),
        identity: None,
        kind,
        participant: Bytes::new(),
        about_room: room.machine.info(),
        track: Bytes::new(),
    };
    report(events, event);
}

/// Tells the meeting. Media goes on without it: an application that lags by so many events misses the newest.
pub(crate) fn report(events: &mpsc::Sender<MediaEvent>, event: MediaEvent) {
    if let Err(mpsc::error::TrySendError::Full(_)) = events.try_send(event) {
        metrics::counter!("media_drops_total", "reason" => "events").increment(1);
    }
}

/// Passes a message to a signalling socket. One that takes no more is cut off; its client resumes.
fn send(room: &mut Room, to: PeerKey, message: SignalDown) {
    let Some(session) = room.sessions.get_mut(&to) else { return };
    let Some((_, link)) = &session.link else { return };
    if link.try_send(message).is_err() {
        metrics::counter!("media_drops_total", "reason" => "signal_queue").increment(1);
        session.link = None;
    }
}

/// Where the connection is on which we offer.
fn subscriber(room: &mut Room, peer: PeerKey) -> Option<&mut Place> {
    let connection = room.sessions.get_mut(&peer)?.subscriber.as_mut()?;
    Some(&mut connection.place)
}

fn client_offer(room: &mut Room, peer: PeerKey, sdp: String, now: Now, after: &mut After) {
    if inside::answer_offer(room, peer, now) {
        return;
    }
    after.touched.push((peer, false));
    let answer = match rtc::analyse_offer(&sdp) {
        Ok(sections) => {
            let offered: Vec<_> = sections.iter().map(convert::offered).collect();
            let plan: Vec<_> = room.machine.plan(peer, &offered, now).into_iter().map(convert::plan).collect();
            match room.sessions.get_mut(&peer).map(|session| &mut session.publisher.place) {
                Some(Place::Here(line)) => line.accept_offer(&sdp, &plan),
                Some(Place::There(far)) => return far.accept_offer(sdp, plan),
                None => None,
            }
        }
        Err(error) => {
            refused(&error);
            None
        }
    };
    room.machine.answered(peer, answer, now);
}
