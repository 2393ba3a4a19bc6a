//! Tracks in more than one codec, and which layers of which codec anybody wants (media-protocol.md sections 8.6 and 10).
//!
//! A publisher of VP9 or AV1 offers a second codec for those who do not take the first. It is asked for when the first of
//! them appears, and then either both are sent, or everybody goes over to the second.

use crate::encode::response;
use crate::participant::Participant;
use crate::room::MediaRoom;
use crate::track::Track;
use crate::types::{Codec, Kind, Now, Output, PeerKey, TrackKey};
use std::collections::BTreeMap;
use wire::lk;
use wire::lk::request_response::Reason;
use wire::lk::signal_response::Message as Response;

/// From that many participants on, everybody goes over to the second codec where the publisher would rather send one: its
/// name elsewhere is `codec_regression_threshold`.
const REGRESSION_THRESHOLD: usize = 5;

/// Most codecs of one track.
const MAX_ENCODINGS: usize = 2;

impl MediaRoom {
    /// A request to add a codec to a track there is.
    pub(crate) fn add_codec(&mut self, peer: PeerKey, request: &lk::AddTrackRequest, now: Now) {
        let known = self.own_track(peer, &request.sid).and_then(|key| self.tracks.get_mut(&key));
        let named = request.simulcast_codecs.first().and_then(|codec| Codec::of_pictures(&codec.codec));
        let refusal = match (&known, named) {
            (None, _) => Some(Reason::NotFound),
            (Some(track), _) if track.kind != Kind::Video || track.is_encrypted() => Some(Reason::UnsupportedType),
            (_, None) => Some(Reason::UnsupportedType),
            (Some(track), Some(codec)) if track.encodings.iter().any(|encoding| encoding.codec == codec) => {
                Some(Reason::DuplicateName)
            }
            (Some(track), _) if track.encodings.len() >= MAX_ENCODINGS => Some(Reason::LimitExceeded),
            _ => None,
        };
        let (Some(track), Some(codec), None) = (known, named, refusal) else {
            let reason = refusal.unwrap_or(Reason::UnsupportedType);
            self.refuse_track(peer, reason, request);
            return;
        };
        track.add_encoding(codec, request);
        let info = track.info.clone();
        self.admit_names(peer, request);
        self.send(
            peer,
            Response::TrackPublished(lk::TrackPublishedResponse { cid: request.cid.clone(), track: Some(info) }),
        );
        if self.participants.get(&peer).is_some_and(|participant| participant.negotiation.answering.is_none()) {
            self.match_and_publish(peer, now);
        }
    }

    /// Publishes added codecs whose section is there. Called when no answer is on its way.
    pub(crate) fn publish_codecs(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let mut added = Vec::new();
        for (mid, half) in participant.ups.iter().filter(|(_, half)| half.encoding > 0) {
            let Some(track) = half.track.and_then(|key| self.tracks.get_mut(&key)) else { continue };
            let index = half.encoding;
            if !participant.tracks.contains(&track.key)
                || track.encodings.get(index).is_none_or(|one| one.mid.is_some())
            {
                continue;
            }
            track.place(index, mid, &half.cid);
            self.outputs.push_back(Output::CodecPublished {
                track: track.key,
                mid: mid.clone(),
                codec: track.encodings[index].codec,
                layers: track.layers(index),
                rids: track.rids(index),
            });
            added.push(track.key);
        }
        if added.is_empty() {
            return;
        }
        participant.touch();
        self.announce(peer);
        for key in added {
            self.regress(key);
        }
    }

    /// The section of an added codec went quiet.
    pub(crate) fn drop_codec(&mut self, key: TrackKey, index: usize) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if index == 0 || index >= track.encodings.len() {
            return;
        }
        let encoding = track.encodings.remove(index);
        track.info.codecs.remove(index);
        track.regressed = false;
        track.backup_wanted = false;
        let owner = track.owner;
        if let Some(owner) = self.participants.get_mut(&owner) {
            let others = owner.ups.values_mut().filter(|half| half.track == Some(key) && half.encoding > index);
            others.for_each(|half| half.encoding -= 1);
            owner.touch();
        }
        self.outputs.push_back(Output::CodecUnpublished { track: key, codec: encoding.codec });
        self.announce(owner);
    }

    /// A subscriber takes none of the codecs a track comes in. `takes` says which it does.
    pub fn codec_missing(&mut self, peer: PeerKey, key: TrackKey, takes: impl Fn(Codec) -> bool) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(backup) = track.backup.filter(|codec| takes(*codec)) else {
            let sid = track.sid().to_owned();
            self.subscription_failed(peer, sid, lk::SubscriptionError::SeCodecUnsupported);
            return;
        };
        let pending = track.encodings.iter().any(|encoding| encoding.codec == backup);
        if !pending && !std::mem::replace(&mut track.backup_wanted, true) {
            self.send_wanted_quality(key);
        }
    }

    /// More people are here: tracks whose publisher would rather send one codec may have to.
    pub(crate) fn regress_all(&mut self) {
        for key in self.tracks.keys().copied().collect::<Vec<_>>() {
            self.regress(key);
        }
    }

    fn regress(&mut self, key: TrackKey) {
        let visible = self.participants.values().filter(|participant| !participant.permission.hidden).count();
        let Some(track) = self.tracks.get_mut(&key).filter(|track| !track.regressed) else { return };
        let Some(second) = track.encodings.get(1).filter(|second| second.mid.is_some()) else { return };
        let regresses = match lk::BackupCodecPolicy::try_from(track.info.backup_codec_policy) {
            Ok(lk::BackupCodecPolicy::Simulcast) => false,
            Ok(lk::BackupCodecPolicy::Regression) => true,
            Ok(lk::BackupCodecPolicy::PreferRegression) | Err(_) => visible >= REGRESSION_THRESHOLD,
        };
        if regresses {
            self.outputs.push_back(Output::Prefer { track: key, codec: second.codec });
            track.regressed = true;
        }
    }

    /// The best quality anybody wants of a track in one codec (0 to 2), `None` for nothing: its publisher may stop the rest
    /// (section 10).
    pub fn wanted_quality(&mut self, key: TrackKey, codec: Codec, best: Option<u8>) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(encoding) = track.encodings.iter_mut().find(|encoding| encoding.codec == codec) else { return };
        if encoding.wanted == Some(best) {
            return;
        }
        encoding.wanted = Some(best);
        self.send_wanted_quality(key);
    }

    fn send_wanted_quality(&mut self, key: TrackKey) {
        let Some(track) = self.tracks.get(&key) else { return };
        let owner = track.owner;
        if let Some(message) = wanted_qualities(track) {
            self.send_bytes(owner, response(Response::SubscribedQualityUpdate(message)));
        }
    }

    pub(crate) fn resend_wanted_qualities(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get(&peer) else { return };
        for key in participant.tracks.clone() {
            self.send_wanted_quality(key);
        }
    }
}

/// What to tell a publisher; `None` if nothing is known yet.
fn wanted_qualities(track: &Track) -> Option<lk::SubscribedQualityUpdate> {
    let qualities = |best: Option<u8>| -> Vec<_> {
        let flags = (0..3u8).map(|quality| (quality, best.is_some_and(|best| quality <= best)));
        flags.map(|(quality, enabled)| lk::SubscribedQuality { quality: quality.into(), enabled }).collect()
    };
    let told = |codec: Codec, best| lk::SubscribedCodec {
        codec: codec.mime().rsplit('/').next().unwrap_or_default().to_ascii_lowercase(),
        qualities: qualities(best),
    };
    let first = track.encodings.first()?;
    if first.wanted.is_none() && !track.backup_wanted {
        return None;
    }
    // Of a codec nobody was heard about yet everything is sent.
    let all = Some(2);
    let mut subscribed_codecs: Vec<_> =
        track.encodings.iter().map(|encoding| told(encoding.codec, encoding.wanted.unwrap_or(all))).collect();
    let asked = track.backup.filter(|_| track.backup_wanted && track.encodings.len() == 1);
    subscribed_codecs.extend(asked.map(|codec| told(codec, all)));
    #[allow(deprecated)]
    let update = lk::SubscribedQualityUpdate {
        track_sid: track.sid().to_owned(),
        subscribed_qualities: qualities(first.wanted.unwrap_or(all)),
        subscribed_codecs,
    };
    Some(update)
}

/// Gives added codecs to sections of their name.
pub(crate) fn match_sections(participant: &mut Participant, tracks: &BTreeMap<TrackKey, Track>) {
    let own = participant.tracks.iter().chain(&participant.pending);
    let added: Vec<(TrackKey, usize, &Vec<String>)> = own
        .filter_map(|key| tracks.get(key))
        .flat_map(|track| {
            let added = track.encodings.iter().enumerate().skip(1).filter(|(_, encoding)| encoding.mid.is_none());
            added.map(|(index, encoding)| (track.key, index, &encoding.cids))
        })
        .collect();
    for half in participant.ups.values_mut().filter(|half| half.track.is_none()) {
        let found = added.iter().find(|(_, _, cids)| half.kind == Kind::Video && cids.contains(&half.cid));
        if let Some((track, index, _)) = found {
            half.track = Some(*track);
            half.encoding = *index;
            half.orphaned = false;
        }
    }
}
