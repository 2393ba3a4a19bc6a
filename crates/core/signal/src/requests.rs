//! What clients say on the signalling socket (media-protocol.md section 6.1), and what the packet path reports.

use crate::changes::Change;
use crate::encode::response;
use crate::incoming::{ClientMessage, Garbage, Said};
use crate::participant::Participant;
use crate::room::MediaRoom;
use crate::types::{Dropped, Now, Output, PeerKey, TrackKey};
use prost::Message as _;
use wire::lk;
use wire::lk::request_response::{Reason, Request as Refused};
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// So many bytes that everybody is sent of a participant count as one message more.
const ANNOUNCED_BYTES: usize = 4096;

/// Id and words of a request, for its answer.
fn echo(request: Request) -> (u32, Option<Refused>) {
    match request {
        Request::Mute(mute) => (0, Some(Refused::Mute(mute))),
        Request::UpdateMetadata(update) => (update.request_id, Some(Refused::UpdateMetadata(update))),
        _ => (0, None),
    }
}

impl MediaRoom {
    /// An encoded message of a client: reads it and does what [`Self::client_message`] and [`Self::garbage`] do.
    pub fn request(&mut self, peer: PeerKey, message: &[u8], now: Now) {
        match ClientMessage::read(message) {
            Ok(message) => {
                self.client_message(peer, message, now);
            }
            Err(Garbage) => self.garbage(peer, now),
        }
    }

    /// A frame of a client that could not be read: its socket is closed, and it resumes if it is a client at all.
    pub fn garbage(&mut self, peer: PeerKey, now: Now) {
        if self.participants.get(&peer).is_some_and(|participant| participant.linked) {
            self.outputs.push_back(Output::CloseLink { to: peer });
            self.link_lost(peer, now);
        }
    }

    /// A message of a client. One that sends too much has lost its mind and starts over.
    pub fn client_message(&mut self, peer: PeerKey, message: ClientMessage, now: Now) -> Option<Dropped> {
        let participant = self.participants.get_mut(&peer)?;
        let length = u32::try_from(message.length).map_or(f64::MAX, f64::from);
        if !participant.limits.messages.take(1.0, now.at) || !participant.limits.bytes.take(length, now.at) {
            self.session_failed(peer, now);
            return Some(Dropped::SignalFlood);
        }
        participant.heard_at = now.at;
        match message.said {
            Said::Request(request) => self.take(peer, *request, now),
            Said::TooMuch => {
                self.respond(peer, 0, Reason::LimitExceeded, None);
                None
            }
            Said::Unknown => None,
        }
    }

    #[allow(deprecated)]
    fn take(&mut self, peer: PeerKey, request: Request, now: Now) -> Option<Dropped> {
        let participant = self.participants.get_mut(&peer)?;
        let broadcasts = matches!(request, Request::AddTrack(_) | Request::UpdateMetadata(_));
        let limits = &mut participant.limits;
        let publishes = matches!(request, Request::AddTrack(_));
        if broadcasts && limits.broadcasts.charge(1.0, now.at).is_err()
            || publishes && !limits.publications.take(1.0, now.at)
        {
            match request {
                Request::AddTrack(add) => self.refuse_track(peer, Reason::LimitExceeded, &add),
                other => {
                    let (id, echo) = echo(other);
                    self.respond(peer, id, Reason::LimitExceeded, echo);
                }
            }
            return None;
        }
        match request {
            Request::Offer(offer) => self.client_offer(peer, offer, now),
            Request::Answer(answer) => self.client_answer(peer, answer, now),
            // We are ICE-lite: the client's checks tell us its addresses.
            Request::Trickle(_) => {}
            Request::AddTrack(request) => self.add_track(peer, &request, now),
            Request::Mute(mute) => self.owner_mutes(peer, &mute, now),
            Request::Subscription(update) => self.update_subscription(peer, &update, now),
            Request::TrackSetting(update) => self.track_setting(peer, &update),
            Request::Leave(_) => {
                self.outputs.push_back(Output::CloseLink { to: peer });
                self.end(peer, lk::DisconnectReason::ClientInitiated, now);
            }
            Request::UpdateLayers(update) => self.change(peer, Change::Layers(update), now),
            Request::SubscriptionPermission(audience) => self.set_audience(peer, audience, now),
            Request::SyncState(state) => self.sync_state(peer, &state, now),
            Request::Ping(_) => self.send(peer, Response::Pong(now.unix_millis())),
            Request::PingReq(ping) => self.send(
                peer,
                Response::PongResp(lk::Pong { last_ping_timestamp: ping.timestamp, timestamp: now.unix_millis() }),
            ),
            Request::UpdateMetadata(update) => self.update_own(peer, update),
            Request::UpdateAudioTrack(update) => self.change(peer, Change::Audio(update), now),
            Request::UpdateVideoTrack(update) => self.change(peer, Change::Video(update), now),
            Request::PublishDataTrackRequest(request) => {
                self.respond(peer, 0, Reason::UnsupportedType, Some(Refused::PublishDataTrack(request)));
            }
            Request::UnpublishDataTrackRequest(request) => {
                self.respond(peer, 0, Reason::UnsupportedType, Some(Refused::UnpublishDataTrack(request)));
            }
            Request::UpdateDataSubscription(_) | Request::StoreDataBlobRequest(_) | Request::GetDataBlobRequest(_) => {}
            Request::Simulate(simulate) => return self.simulate(peer, simulate.scenario, now),
        }
        if broadcasts {
            self.charge_for_length(peer);
        }
        None
    }

    /// Everybody is told all there is to know of a participant, and that may be long.
    pub(crate) fn charge_for_length(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let tracks = participant.tracks.iter().filter_map(|key| self.tracks.get(key));
        let length = participant.info.encoded_len() + tracks.map(|track| track.info.encoded_len()).sum::<usize>();
        let more = u32::try_from(length / ANNOUNCED_BYTES).unwrap_or(u32::MAX);
        participant.limits.broadcasts.owe(more.into());
    }

    pub(crate) fn update_layers(&mut self, peer: PeerKey, update: &lk::UpdateVideoLayers) {
        let Some(key) = self.own_track(peer, &update.track_sid) else { return };
        let Some(track) = self.tracks.get_mut(&key) else { return };
        for (codec, encoding) in track.info.codecs.iter_mut().zip(&mut track.encodings) {
            for layer in codec.layers.iter_mut() {
                if let Some(new) = update.layers.iter().find(|new| new.quality == layer.quality) {
                    layer.width = new.width;
                    layer.height = new.height;
                    layer.bitrate = new.bitrate;
                }
            }
            encoding.announced.clone_from(&codec.layers);
        }
        #[allow(deprecated)]
        {
            track.side = track.info.width.max(track.info.height);
        }
        self.layers_changed(peer, key);
    }

    pub(crate) fn update_video_track(&mut self, peer: PeerKey, update: &lk::UpdateLocalVideoTrack) {
        let Some(key) = self.own_track(peer, &update.track_sid) else { return };
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let (old, new) = (track.side, update.width.max(update.height));
        #[allow(deprecated)]
        {
            track.info.width = update.width;
            track.info.height = update.height;
        }
        // The layers keep the proportion to the source that they were announced with.
        if old > 0 {
            let scaled = |side: u32| u32::try_from(u64::from(side) * u64::from(new) / u64::from(old)).unwrap_or(side);
            for (codec, encoding) in track.info.codecs.iter_mut().zip(&track.encodings) {
                codec.layers.clone_from(&encoding.announced);
                for layer in codec.layers.iter_mut() {
                    layer.width = scaled(layer.width);
                    layer.height = scaled(layer.height);
                }
            }
        }
        self.layers_changed(peer, key);
    }

    #[allow(deprecated)]
    fn layers_changed(&mut self, peer: PeerKey, key: TrackKey) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if let Some(first) = track.info.codecs.first() {
            track.info.layers.clone_from(&first.layers);
        }
        for (index, encoding) in track.encodings.iter().enumerate() {
            let layers = track.layers(index);
            self.outputs.push_back(Output::Layers { track: key, codec: encoding.codec, layers });
        }
        self.changed(peer);
    }

    pub(crate) fn update_audio_track(&mut self, peer: PeerKey, update: &lk::UpdateLocalAudioTrack) {
        let Some(key) = self.own_track(peer, &update.track_sid) else { return };
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.info.audio_features = update.features.iter().copied().take(16).collect();
        #[allow(deprecated)]
        {
            track.info.stereo = track.info.audio_features.contains(&lk::AudioTrackFeature::TfStereo.into());
            track.info.disable_dtx = track.info.audio_features.contains(&lk::AudioTrackFeature::TfNoDtx.into());
        }
        self.changed(peer);
    }

    fn changed(&mut self, peer: PeerKey) {
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.touch();
        }
        self.announce(peer);
    }

    /// What the client believes after a resume (section 5.3).
    fn sync_state(&mut self, peer: PeerKey, state: &lk::SyncState, now: Now) {
        let strange = state
            .publish_tracks
            .iter()
            .filter_map(|published| published.track.as_ref())
            .any(|track| self.own_track(peer, &track.sid).is_none());
        if strange {
            self.session_failed(peer, now);
            return;
        }
        self.settle_offer(peer, state, now);
        if let Some(subscription) = &state.subscription {
            if let Some(participant) = self.participants.get_mut(&peer) {
                participant.choices.clear();
            }
            self.update_subscription(peer, subscription, now);
            // What was chosen before and is not any more counts as well.
            self.reconcile(peer, now);
        }
        for sid in state.track_sids_disabled.iter().take(1000) {
            let Some(key) = self.by_sid.get(sid).copied() else { continue };
            let Some(participant) = self.participants.get_mut(&peer) else { return };
            if let Some(settings) = participant.subscriptions.get_mut(&key) {
                settings.disabled = true;
                let settings = *settings;
                participant.wishes.insert(key, settings);
                self.outputs.push_back(Output::Settings { peer, track: key, settings });
            }
        }
    }

    /// Who is heard changed: level 0 means silent now. Tells those who hear them (section 12.2).
    pub fn speakers(&mut self, changed: &[(PeerKey, f32)]) {
        let mut entries = Vec::new();
        for (peer, level) in changed {
            let Some(participant) = self.participants.get(peer) else { continue };
            if participant.permission.hidden {
                continue;
            }
            let active = *level > 0.0;
            if active {
                self.speaking.insert(*peer, *level);
            } else if self.speaking.remove(peer).is_none() {
                continue;
            }
            entries.push((*peer, lk::SpeakerInfo { sid: participant.sid().to_owned(), level: *level, active }));
        }
        if entries.is_empty() {
            return;
        }
        let all = response(Response::SpeakersChanged(lk::SpeakersChanged {
            speakers: entries.iter().map(|(_, entry)| entry.clone()).collect(),
        }));
        for to in self.linked() {
            let heard = |speaker: PeerKey| speaker == to || self.hears(to, speaker);
            if entries.iter().all(|(speaker, _)| heard(*speaker)) {
                self.outputs.push_back(Output::Send { to, message: all.clone() });
                continue;
            }
            let some: Vec<_> =
                entries.iter().filter(|(speaker, _)| heard(*speaker)).map(|(_, entry)| entry.clone()).collect();
            if !some.is_empty() {
                self.send(to, Response::SpeakersChanged(lk::SpeakersChanged { speakers: some }));
            }
        }
    }

    /// Tells one participant who of those is heard now; whoever is not, only if the silent are wanted too.
    pub(crate) fn tell_speakers(&mut self, to: PeerKey, of: &[PeerKey], silent: bool) {
        let entry = |peer: &PeerKey| {
            let level = self.speaking.get(peer).copied();
            let wanted = level.is_some() || silent;
            let participant = self.participants.get(peer).filter(|_| wanted)?;
            let (level, active) = (level.unwrap_or(0.0), level.is_some());
            Some(lk::SpeakerInfo { sid: participant.sid().to_owned(), level, active })
        };
        let speakers: Vec<_> = of.iter().filter_map(entry).collect();
        if !speakers.is_empty() {
            self.send(to, Response::SpeakersChanged(lk::SpeakersChanged { speakers }));
        }
    }

    /// The connection quality of a participant (section 12.3): 0 poor, 1 good, 2 excellent, 3 lost; `score` as MOS.
    pub fn quality(&mut self, peer: PeerKey, quality: u8, score: f32) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let info =
            lk::ConnectionQualityInfo { participant_sid: participant.sid().to_owned(), quality: quality.into(), score };
        if participant.quality.as_ref().is_some_and(|former| former.quality == info.quality) {
            return;
        }
        participant.quality = Some(info.clone());
        let hidden = participant.permission.hidden;
        let message = response(Response::ConnectionQuality(lk::ConnectionQualityUpdate { updates: vec![info] }));
        for to in self.linked() {
            if to == peer || (!hidden && self.hears(to, peer)) {
                self.outputs.push_back(Output::Send { to, message: message.clone() });
            }
        }
    }

    /// Tells one participant the connection qualities of those whom it hears, and its own.
    pub(crate) fn tell_qualities(&mut self, to: PeerKey, of: &[PeerKey]) {
        let updates: Vec<_> = of
            .iter()
            .filter_map(|other| self.participants.get(other))
            .filter(|other| other.key == to || (!other.permission.hidden && self.hears(to, other.key)))
            .filter_map(|other: &Participant| other.quality.clone())
            .collect();
        if !updates.is_empty() {
            self.send(to, Response::ConnectionQuality(lk::ConnectionQualityUpdate { updates }));
        }
    }
}
