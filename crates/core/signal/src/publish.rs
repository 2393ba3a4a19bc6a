//! Publishing: requests, matching with sections, mute, the end of a track (media-protocol.md section 8).

use crate::codecs;
use crate::participant::{Participant, UpHalf, Withdrawn};
use crate::room::MediaRoom;
use crate::track::{Track, source_of};
use crate::types::{Codec, EventKind, Kind, Now, OfferedSection, Output, PeerKey, TrackKey, UpPlan};
use std::collections::HashSet;
use std::time::Duration;
use wire::lk;
use wire::lk::request_response::{Reason, Request};
use wire::lk::signal_response::Message as Response;

/// Most tracks of one session that wait for their section.
pub(crate) const MAX_PENDING: usize = 20;

/// Most tracks one session publishes.
pub(crate) const MAX_TRACKS: usize = 32;

/// Longest text of a request, and most layers and features, that are kept.
const MAX_TEXT: usize = 256;
const MAX_LIST: usize = 8;

/// So many names of tracks refused or taken away are known.
const MAX_WITHDRAWN: usize = 64;

/// How often a client is told that a track which it still sends is gone: LiveKit's does not listen before it has read the answer
/// to its offer.
const WITHDRAWN_INTERVAL: Duration = Duration::from_secs(3);

impl MediaRoom {
    pub(crate) fn add_track(&mut self, peer: PeerKey, request: &lk::AddTrackRequest, now: Now) {
        let refusal = match self.participants.get(&peer) {
            None => return,
            Some(participant) => {
                let kind = if request.r#type == i32::from(lk::TrackType::Video) { Kind::Video } else { Kind::Audio };
                let mut known =
                    participant.pending.iter().chain(&participant.tracks).filter_map(|key| self.tracks.get(key));
                let lists = [request.layers.len(), request.simulcast_codecs.len(), request.audio_features.len()];
                let texts = [request.cid.len(), request.name.len(), request.stream.len()];
                if !participant.permission.publish.contains(source_of(kind, request.source)) {
                    Some(Reason::NotAllowed)
                } else if request.cid.is_empty()
                    || texts.iter().any(|length| *length > MAX_TEXT)
                    || lists.iter().any(|length| *length > MAX_LIST)
                    || request
                        .simulcast_codecs
                        .iter()
                        .any(|codec| codec.layers.len() > MAX_LIST || codec.cid.len() > MAX_TEXT)
                {
                    Some(Reason::InvalidRequest)
                } else if participant.pending.len() >= MAX_PENDING || participant.tracks.len() >= MAX_TRACKS {
                    Some(Reason::LimitExceeded)
                } else if known.any(|track| match request.sid.is_empty() {
                    // A track that is published anew may keep its name: the old one ends with its section.
                    true => track.waits_for(&request.cid),
                    false => track.is_called(&request.cid),
                }) {
                    Some(Reason::DuplicateName)
                } else {
                    None
                }
            }
        };
        if let Some(reason) = refusal {
            self.refuse_track(peer, reason, request);
            return;
        }
        if !request.sid.is_empty() {
            self.add_codec(peer, request, now);
            return;
        }
        let key = TrackKey(self.next_track);
        let Some(track) = Track::from_request(request, key, peer, &mut self.ids, now) else {
            self.refuse_track(peer, Reason::UnsupportedType, request);
            return;
        };
        self.next_track += 1;
        self.admit_names(peer, request);
        let info = track.info.clone();
        self.by_sid.insert(info.sid.clone(), key);
        self.tracks.insert(key, track);
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.pending.push(key);
        }
        self.send(
            peer,
            Response::TrackPublished(lk::TrackPublishedResponse { cid: request.cid.clone(), track: Some(info) }),
        );
        self.renew_mute_order(peer, key, now);
        if self.participants.get(&peer).is_some_and(|participant| participant.negotiation.answering.is_none()) {
            self.match_and_publish(peer, now);
        }
    }

    /// Refuses a request to publish: what is sent under its names is not taken for another track.
    pub(crate) fn refuse_track(&mut self, peer: PeerKey, reason: Reason, request: &lk::AddTrackRequest) {
        let codecs = request.simulcast_codecs.iter().take(MAX_LIST).map(|codec| &codec.cid);
        let names: Vec<String> = codecs.chain([&request.cid]).cloned().collect();
        self.withdraw_names(peer, names, None);
        self.respond(peer, 0, reason, Some(Request::AddTrack(request.clone())));
    }

    /// Names that were refused once are welcome now.
    pub(crate) fn admit_names(&mut self, peer: PeerKey, request: &lk::AddTrackRequest) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let is_named = |cid: &String| *cid == request.cid || request.simulcast_codecs.iter().any(|one| one.cid == *cid);
        participant.withdrawn.retain(|former| !is_named(&former.cid));
    }

    /// What the client sends under these names, now or later, is nobody's. `sid` is the track it was, if it was one.
    fn withdraw_names(&mut self, peer: PeerKey, names: Vec<String>, sid: Option<&str>) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        for cid in names.into_iter().filter(|cid| !cid.is_empty() && cid.len() <= MAX_TEXT) {
            let mut own = participant.pending.iter().chain(&participant.tracks).filter_map(|key| self.tracks.get(key));
            if own.any(|track| track.is_called(&cid)) {
                continue;
            }
            let halves = participant.ups.values_mut().filter(|half| half.track.is_none() && half.cid == cid);
            halves.for_each(|half| half.orphaned = true);
            participant.withdrawn.retain(|former| former.cid != cid);
            if participant.withdrawn.len() >= MAX_WITHDRAWN {
                participant.withdrawn.pop_front();
            }
            participant.withdrawn.push_back(Withdrawn { cid, sid: sid.map(str::to_owned) });
        }
    }

    /// The sids of tracks that are gone and that a client still sends.
    fn still_sent(&self, peer: PeerKey) -> Vec<String> {
        let Some(participant) = self.participants.get(&peer) else { return Vec::new() };
        let orphaned = participant.ups.values().filter(|half| half.orphaned && half.track.is_none());
        let sid = |half: &UpHalf| participant.withdrawn.iter().find(|former| former.cid == half.cid)?.sid.clone();
        let mut sids: Vec<String> = orphaned.filter_map(sid).collect();
        sids.dedup();
        sids
    }

    /// A client that still sends what is gone is told so again in a while.
    fn pursue_withdrawn(&mut self, peer: PeerKey, now: Now) {
        let due = (!self.still_sent(peer).is_empty()).then(|| now.at + WITHDRAWN_INTERVAL);
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.withdrawn_due = due.map(|due| participant.withdrawn_due.unwrap_or(due));
    }

    pub(crate) fn tell_withdrawn(&mut self, peer: PeerKey, now: Now) {
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.withdrawn_due = None;
        }
        for track_sid in self.still_sent(peer) {
            self.send(peer, Response::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid }));
        }
        self.pursue_withdrawn(peer, now);
    }

    /// Answers a request.
    pub(crate) fn respond(&mut self, peer: PeerKey, request_id: u32, reason: Reason, request: Option<Request>) {
        /// Longest request that is sent back with its answer, in bytes: by the id the client knows which it was.
        const MAX_ECHO: usize = 128 * 1024;
        let request = request.filter(|request| request.encoded_len() <= MAX_ECHO);
        self.send(
            peer,
            Response::RequestResponse(lk::RequestResponse {
                request_id,
                reason: reason.into(),
                message: String::new(),
                request,
            }),
        );
    }

    /// Notes what the client sends on which section; ends tracks whose section went quiet, or is another's by now: a section
    /// that was given up may come back under another name (RFC 8829, 5.2.2).
    pub(crate) fn note_up_halves(&mut self, peer: PeerKey, offered: &[OfferedSection], now: Now) {
        let mut ended: Vec<(TrackKey, usize)> = Vec::new();
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let sending: HashSet<&str> =
            offered.iter().filter(|section| section.sends).map(|section| section.mid.as_str()).collect();
        participant.ups.retain(|mid, half| {
            let sends = sending.contains(mid.as_str());
            ended.extend(half.track.filter(|_| !sends).map(|track| (track, half.encoding)));
            sends
        });
        let withdrawn = &participant.withdrawn;
        let is_withdrawn = |cid: &str| withdrawn.iter().any(|former| former.cid == cid);
        for section in offered.iter().filter(|section| section.sends) {
            let half = participant.ups.entry(section.mid.clone()).or_insert_with(|| UpHalf {
                kind: section.kind,
                cid: section.track.clone(),
                track: None,
                encoding: 0,
                orphaned: is_withdrawn(&section.track),
            });
            if half.cid != section.track {
                let replaced = participant
                    .pending
                    .iter()
                    .filter_map(|key| self.tracks.get(key))
                    .any(|track| track.is_called(&section.track));
                if replaced {
                    ended.extend(half.track.take().map(|track| (track, half.encoding)));
                }
                half.orphaned = is_withdrawn(&section.track);
                half.cid.clone_from(&section.track);
            }
        }
        for (track, encoding) in ended {
            if encoding == 0 {
                self.unpublish(track, now);
            } else {
                self.drop_codec(track, encoding);
            }
        }
        self.match_sections(peer, true);
        self.pursue_withdrawn(peer, now);
    }

    /// What to answer on a sending half.
    pub(crate) fn up_plan(&self, peer: PeerKey, mid: &str) -> Option<UpPlan> {
        let half = self.participants.get(&peer)?.ups.get(mid)?;
        let plan = half.track.and_then(|track| self.tracks.get(&track)).map(|track| track.up_plan(half.encoding));
        Some(plan.unwrap_or(UpPlan {
            codec: if half.kind == Kind::Audio { Codec::Opus } else { Codec::Vp8 },
            stereo: false,
            dtx: true,
            red: false,
        }))
    }

    /// Gives waiting tracks to sections: by id first, then the oldest of the kind (section 8.3). The latter only where the client
    /// has just described its sections: it asks for a track before it describes it, so that what was there before is another.
    fn match_sections(&mut self, peer: PeerKey, described: bool) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let taken: Vec<TrackKey> = participant.ups.values().filter_map(|half| half.track).collect();
        let mut waiting: Vec<TrackKey> =
            participant.pending.iter().copied().filter(|key| !taken.contains(key)).collect();
        for exact in [true, false] {
            // Codecs are added under their own names; a section of that name is not up for grabs.
            if !exact {
                codecs::match_sections(participant, &self.tracks);
                if !described {
                    return;
                }
            }
            let open = |half: &&mut UpHalf| half.track.is_none() && (exact || !half.orphaned);
            for half in participant.ups.values_mut().filter(open) {
                let found = waiting.iter().position(|key| {
                    self.tracks.get(key).is_some_and(|track| {
                        track.kind == half.kind && (!exact || track.encodings[0].cids.contains(&half.cid))
                    })
                });
                if let Some(index) = found {
                    half.track = Some(waiting.remove(index));
                    half.encoding = 0;
                    half.orphaned = false;
                }
            }
        }
    }

    /// Publishes every matched track that was waiting. Called when no answer is on its way.
    pub(crate) fn match_and_publish(&mut self, peer: PeerKey, now: Now) {
        self.match_sections(peer, false);
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let ready: Vec<(String, TrackKey, String)> = participant
            .ups
            .iter()
            .filter(|(_, half)| half.encoding == 0)
            .filter_map(|(mid, half)| half.track.map(|track| (mid.clone(), track, half.cid.clone())))
            .filter(|(_, track, _)| participant.pending.contains(track))
            .collect();
        if ready.is_empty() {
            self.publish_codecs(peer);
            return;
        }
        let mut out = Vec::with_capacity(ready.len());
        for (mid, key, sdp_cid) in &ready {
            let Some(track) = self.tracks.get_mut(key) else { continue };
            track.info.mid.clone_from(mid);
            track.place(0, mid, sdp_cid);
            participant.pending.retain(|waiting| waiting != key);
            participant.tracks.push(*key);
            self.outputs.push_back(Output::Published {
                track: *key,
                owner: peer,
                mid: mid.clone(),
                kind: track.kind,
                codec: track.encodings[0].codec,
                layers: track.layers(0),
                rids: track.rids(0),
                screen: track.is_screen(),
                muted: track.info.muted,
            });
            let kind = EventKind::Published { sid: track.sid().to_owned(), source: track.source() };
            out.push((track.info.clone(), kind));
        }
        participant.touch();
        self.start_published_mute_orders(peer, now);
        self.announce(peer);
        self.publish_codecs(peer);
        for (track, kind) in out {
            self.tell_meeting(peer, kind, Some(&track));
        }
        self.note_counts(now);
        let published: Vec<TrackKey> = ready.iter().map(|(_, key, _)| *key).collect();
        for other in self.participants.keys().copied().filter(|other| *other != peer).collect::<Vec<_>>() {
            self.reconcile_tracks(other, &published, now);
        }
    }

    /// A track is over while its publisher stays.
    pub(crate) fn unpublish(&mut self, key: TrackKey, now: Now) {
        let Some(owner) = self.tracks.get(&key).map(|track| track.owner) else { return };
        self.forget_track(key, now);
        if let Some(participant) = self.participants.get_mut(&owner) {
            participant.touch();
        }
        self.announce(owner);
    }

    /// Takes a track out of every list, without telling clients.
    pub(crate) fn forget_track(&mut self, key: TrackKey, now: Now) {
        let Some(track) = self.tracks.remove(&key) else { return };
        self.by_sid.remove(track.sid());
        let Some(owner) = self.participants.get_mut(&track.owner) else { return };
        let published = owner.tracks.contains(&key);
        owner.tracks.retain(|published| *published != key);
        owner.pending.retain(|pending| *pending != key);
        for half in owner.ups.values_mut() {
            if half.track == Some(key) {
                half.track = None;
                half.orphaned = true;
            }
        }
        if !published {
            return;
        }
        for peer in self.participants.keys().copied().collect::<Vec<_>>() {
            let full = self.participants.get(&peer).is_some_and(Participant::is_full);
            self.drop_subscription(peer, key, track.owner, now);
            if full {
                self.reconcile(peer, now);
            }
        }
        self.note_counts(now);
        self.outputs.push_back(Output::Unpublished { track: key });
        let kind = EventKind::Unpublished { sid: track.info.sid.clone(), source: track.source() };
        self.tell_meeting(track.owner, kind, Some(&track.info));
    }

    /// Takes away what rights no longer cover.
    pub(crate) fn withdraw_forbidden(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let allowed = participant.permission.publish;
        let forbidden: Vec<(TrackKey, String)> = participant
            .tracks
            .iter()
            .chain(&participant.pending)
            .filter_map(|key| self.tracks.get(key))
            .filter(|track| !allowed.contains(track.source()))
            .map(|track| (track.key, track.sid().to_owned()))
            .collect();
        for (key, track_sid) in forbidden {
            let names = self.names_of(peer, key);
            self.forget_track(key, now);
            self.withdraw_names(peer, names, Some(&track_sid));
            self.send(peer, Response::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid }));
        }
        self.pursue_withdrawn(peer, now);
    }

    /// Under which names the client sends a track, or will.
    fn names_of(&self, peer: PeerKey, key: TrackKey) -> Vec<String> {
        let asked = self.tracks.get(&key).map(|track| track.encodings.iter().flat_map(|encoding| &encoding.cids));
        let halves = self.participants.get(&peer).map(|participant| participant.ups.values());
        let described = halves.into_iter().flatten().filter(|half| half.track == Some(key)).map(|half| &half.cid);
        asked.into_iter().flatten().chain(described).cloned().collect()
    }

    /// A track of that participant's own, by its sid.
    pub(crate) fn own_track(&self, peer: PeerKey, sid: &str) -> Option<TrackKey> {
        let key = *self.by_sid.get(sid)?;
        self.tracks.get(&key).filter(|track| track.owner == peer).map(|track| track.key)
    }
}
