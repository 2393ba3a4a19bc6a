//! Descriptions: which section carries what, and when another round is needed (media-protocol.md sections 7.4, 7.5).

use crate::participant::{Participant, Slot, SlotState};
use crate::room::MediaRoom;
use crate::track::Track;
use crate::types::{DownPlan, Kind, Now, OfferChange, OfferedSection, Output, PeerKey, SectionPlan, TrackKey};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// Wait for more changes before asking for a round: shortly after the join, and later.
const FIRST_DEBOUNCE: Duration = Duration::from_millis(20);
const DEBOUNCE: Duration = Duration::from_millis(150);

/// A section without a track may wait so long for company.
const DRAIN_DEBOUNCE: Duration = Duration::from_secs(1);

/// Sections are asked for again after.
const REPEAT_INTERVAL: Duration = Duration::from_secs(5);

/// How long a resumed client has to tell which descriptions it knows. Every LiveKit client does, in its first message (section 5.2);
/// on a bad line that takes its time, and an offer that is taken back too soon cannot be set by a client that has it. Whoever never
/// does is still within the 15 s in which clients wait to be connected.
pub(crate) const SYNC_TIMEOUT: Duration = Duration::from_secs(8);

/// Our offer must be answered, and sections asked for must be offered, within.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A track that needs a section.
#[derive(Debug)]
struct Waiting {
    track: TrackKey,
    kind: Kind,
    /// The stream it shares with others; such a section is not used for another stream as long as there is room for a new one
    /// (media-protocol.md section 7.3).
    stream: Option<String>,
}

impl Waiting {
    fn fits(&self, slot: &Slot) -> bool {
        self.stream.is_none() || slot.stream.is_none() || slot.stream == self.stream
    }

    /// A free section for it; any if there can be no more.
    fn slot<'a>(&self, slots: &'a mut [Slot], any: bool) -> Option<&'a mut Slot> {
        let free = |slot: &Slot| slot.kind == self.kind && slot.state == SlotState::Free;
        let fitting = slots.iter().position(|slot| free(slot) && self.fits(slot));
        let which = fitting.or_else(|| slots.iter().position(|slot| any && free(slot)))?;
        slots.get_mut(which)
    }

    /// The section is for it.
    fn take(&self, slot: &mut Slot) {
        slot.state = SlotState::Assigned { track: self.track, bound: false };
        slot.stream.clone_from(&self.stream);
    }

    /// How many of a kind need a section more than there are usable ones for them, and how many do not.
    fn shared<'a>(waiting: &[Self], kind: Kind, usable: impl Iterator<Item = &'a Slot>) -> (usize, usize) {
        let mut usable: Vec<&Slot> = usable.filter(|slot| slot.kind == kind).collect();
        let mut lacking = 0;
        let mut served = 0;
        for one in waiting.iter().filter(|one| one.kind == kind) {
            match usable.iter().position(|slot| one.fits(slot)) {
                Some(which) => {
                    usable.swap_remove(which);
                    served += 1;
                }
                None => lacking += 1,
            }
        }
        (lacking, served)
    }
}

impl MediaRoom {
    /// Plans the answer to the offer of [`Output::ClientOffer`].
    pub fn plan(&mut self, peer: PeerKey, offered: &[OfferedSection], now: Now) -> Vec<SectionPlan> {
        self.note_up_halves(peer, offered, now);
        let Some(participant) = self.participants.get_mut(&peer) else { return Vec::new() };
        if !participant.dual {
            // A client offers after it has read the last answer; or it starts over, and `resume` has taken care of that.
            participant.slots.iter_mut().for_each(|slot| slot.unread = false);
            // A section that was given up may come back under another name (RFC 8829, 5.2.2): then it is another one.
            let named: HashSet<&str> = offered.iter().map(|section| section.mid.as_str()).collect();
            participant.slots.retain(|slot| {
                let Some(mid) = slot.mid.as_deref().filter(|mid| !named.contains(mid)) else { return true };
                if let SlotState::Assigned { bound: true, .. } = slot.state {
                    self.outputs.push_back(Output::Unbind { peer, mid: mid.to_owned() });
                }
                false
            });
            for section in offered {
                let known = participant.slots.iter_mut().find(|slot| slot.mid.as_deref() == Some(section.mid.as_str()));
                match known {
                    Some(slot) => {
                        if !section.receives {
                            if let SlotState::Assigned { bound: true, .. } = slot.state {
                                self.outputs.push_back(Output::Unbind { peer, mid: section.mid.clone() });
                            }
                            slot.state = SlotState::Closed;
                        } else if slot.state == SlotState::Draining {
                            slot.state = SlotState::Clearing;
                        } else if slot.state == SlotState::Closed {
                            slot.state = SlotState::Free;
                        }
                    }
                    None if section.receives => participant.slots.push(Slot {
                        mid: Some(section.mid.clone()),
                        kind: section.kind,
                        state: SlotState::Free,
                        settled: true,
                        unread: false,
                        stream: None,
                    }),
                    None => {}
                }
            }
            self.assign_free_slots(peer);
        }
        let mut plans = Vec::with_capacity(offered.len());
        for section in offered {
            let up = self.up_plan(peer, &section.mid);
            let track = self.participants.get(&peer).filter(|participant| !participant.dual).and_then(|participant| {
                participant.slots.iter().find(|slot| slot.mid.as_deref() == Some(section.mid.as_str()))?.track()
            });
            let down = track.and_then(|track| self.down_plan(peer, track));
            plans.push(SectionPlan { mid: section.mid.clone(), up, down });
        }
        plans
    }

    /// Puts waiting tracks on free sections, the longest waiting first.
    fn assign_free_slots(&mut self, peer: PeerKey) {
        let waiting = self.waiting(peer);
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let (audios, videos) = participant.negotiation.described.room_for(1, 1);
        for waiting in waiting {
            let more = if waiting.kind == Kind::Audio { audios } else { videos };
            if let Some(slot) = waiting.slot(&mut participant.slots, more == 0) {
                waiting.take(slot);
            }
        }
    }

    /// Subscribed tracks without a section.
    fn waiting(&self, peer: PeerKey) -> Vec<Waiting> {
        let Some(participant) = self.participants.get(&peer) else { return Vec::new() };
        let waits = |track| {
            let known = self.tracks.get(&track)?;
            let stream = self.common_stream(participant, known);
            Some(Waiting { track, kind: known.kind, stream })
        };
        participant.waiting().filter_map(waits).collect()
    }

    /// The stream in which somebody gets a track together with others of its publisher, if they are to be played in step
    /// (`sync_streams`). Firefox names tracks after themselves, so it gets each in a stream of its own.
    fn common_stream(&self, receiver: &Participant, track: &Track) -> Option<String> {
        if !self.control.sync_streams || receiver.is_firefox {
            return None;
        }
        let owner = self.participants.get(&track.owner)?;
        let is_plain = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // Whoever publishes says it, and not all that may be said can be written here.
        let name = Some(track.info.stream.as_str()).filter(is_plain).unwrap_or("unknown");
        Some(format!("{}|{name}", owner.sid()))
    }

    fn down_plan(&self, receiver: PeerKey, track: TrackKey) -> Option<DownPlan> {
        let track = self.tracks.get(&track)?;
        let owner = self.participants.get(&track.owner)?;
        let common = self.common_stream(self.participants.get(&receiver)?, track);
        Some(DownPlan {
            stream: common.unwrap_or_else(|| format!("{}|{}", owner.sid(), track.sid())),
            track: track.sid().to_owned(),
            cname: owner.sid().to_owned(),
            stereo: track.stereo(),
        })
    }

    fn mid_to_track_id(&self, peer: PeerKey) -> HashMap<String, String> {
        let Some(participant) = self.participants.get(&peer) else { return HashMap::new() };
        participant
            .slots
            .iter()
            .filter_map(|slot| Some((slot.mid.clone()?, self.tracks.get(&slot.track()?)?.sid().to_owned())))
            .collect()
    }

    /// The answer to the client's offer is made; `None`: it could not be.
    pub fn answered(&mut self, peer: PeerKey, sdp: Option<String>, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let Some(id) = participant.negotiation.answering.take() else { return };
        let Some(sdp) = sdp else {
            self.session_failed(peer, now);
            return;
        };
        let dual = participant.dual;
        let mid_to_track_id = if dual { HashMap::new() } else { self.mid_to_track_id(peer) };
        let answer = lk::SessionDescription { r#type: "answer".to_owned(), sdp, id, mid_to_track_id };
        self.send(peer, Response::Answer(answer));
        if !dual {
            if let Some(participant) = self.participants.get_mut(&peer) {
                let cleared = participant.slots.iter_mut().filter(|slot| slot.state == SlotState::Clearing);
                cleared.for_each(|slot| slot.unread = true);
            }
            self.bind_assigned(peer);
        }
        self.match_and_publish(peer, now);
        if !dual {
            self.negotiation_round(peer, now);
        }
    }

    /// The description that names the assigned sections is out: packets may follow.
    fn bind_assigned(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        for slot in &mut participant.slots {
            match &mut slot.state {
                SlotState::Assigned { track, bound } if !*bound => {
                    let (Some(mid), Some(settings)) = (slot.mid.clone(), participant.subscriptions.get(track)) else {
                        continue;
                    };
                    *bound = true;
                    // It begins anew, and so does what the client believes of it.
                    participant.paused.remove(track);
                    self.outputs.push_back(Output::Bind { peer, mid, track: *track, settings: *settings });
                }
                SlotState::Clearing => slot.state = SlotState::Free,
                _ => {}
            }
        }
    }

    /// Something changed that may need another round: look soon.
    pub(crate) fn want_round(&mut self, peer: PeerKey, now: Now) {
        let waiting = !self.waiting(peer).is_empty();
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let draining = participant.slots.iter().any(|slot| slot.state == SlotState::Draining);
        let delay = match (waiting, draining) {
            (true, _) if !participant.was_active => FIRST_DEBOUNCE,
            (true, _) => DEBOUNCE,
            (false, true) => DRAIN_DEBOUNCE,
            (false, false) => return,
        };
        let due = now.at + delay;
        let negotiation = &mut participant.negotiation;
        negotiation.round_due = Some(negotiation.round_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Asks for a round if one is needed and none is under way.
    pub(crate) fn negotiation_round(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        // As long as it is not clear which offer the client knows, one is outstanding.
        if !participant.linked || participant.negotiation.outstanding {
            return;
        }
        let negotiation = &mut participant.negotiation;
        if let Some(rested) = negotiation.rests_until.filter(|rested| *rested > now.at && !negotiation.restart) {
            negotiation.round_due = Some(negotiation.round_due.map_or(rested, |due| due.max(rested)));
            return;
        }
        if participant.dual { self.make_offer(peer, now) } else { self.require_sections(peer, now) }
    }

    fn require_sections(&mut self, peer: PeerKey, now: Now) {
        let waiting = self.waiting(peer);
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        if participant.negotiation.answering.is_some() || !participant.negotiation.begun {
            return;
        }
        let draining = participant.slots.iter().any(|slot| slot.state == SlotState::Draining);
        let [(audios, usable_audios), (videos, usable_videos)] = [Kind::Audio, Kind::Video].map(|kind| {
            let is_usable =
                |slot: &&Slot| matches!(slot.state, SlotState::Free | SlotState::Draining | SlotState::Clearing);
            Waiting::shared(&waiting, kind, participant.slots.iter().filter(is_usable))
        });
        // What does not fit waits until a section is free.
        let (audios, videos) = participant.negotiation.described.room_for(audios, videos);
        if !draining && audios + videos + usable_audios + usable_videos == 0 {
            return;
        }
        let [num_audios, num_videos] = [audios, videos].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let negotiation = &mut participant.negotiation;
        negotiation.outstanding = true;
        negotiation.repeat_due = Some(now.at + REPEAT_INTERVAL);
        negotiation.answer_due.get_or_insert(now.at + ANSWER_TIMEOUT);
        self.send(peer, Response::MediaSectionsRequirement(lk::MediaSectionsRequirement { num_audios, num_videos }));
    }

    /// The sections were asked for and the offer has not come.
    pub(crate) fn repeat_requirement(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.repeat_due = None;
        participant.negotiation.outstanding = false;
        self.negotiation_round(peer, now);
        // Nothing is needed any more: then nothing is waited for either.
        if let Some(participant) = self.participants.get_mut(&peer)
            && !participant.negotiation.outstanding
        {
            participant.negotiation.answer_due = None;
        }
    }

    fn make_offer(&mut self, peer: PeerKey, now: Now) {
        let waiting = self.waiting(peer);
        let mut changes = Vec::new();
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let first = participant.negotiation.offer_id == 0;
        let restart = participant.negotiation.restart && !first;
        for slot in &mut participant.slots {
            if slot.state == SlotState::Draining
                && let Some(mid) = slot.mid.clone()
            {
                slot.state = SlotState::Clearing;
                changes.push(OfferChange::Deactivate { mid });
            }
        }
        let [audios, videos] = [Kind::Audio, Kind::Video].map(|kind| {
            Waiting::shared(&waiting, kind, participant.slots.iter().filter(|slot| slot.state == SlotState::Free)).0
        });
        // The answer will be as long as the last one and the new sections.
        let (mut audios, mut videos) = participant.negotiation.described.room_for(audios, videos);
        for waiting in waiting {
            let (track, kind) = (waiting.track, waiting.kind);
            let Some(down) = self.down_plan(peer, track) else { continue };
            let Some(participant) = self.participants.get_mut(&peer) else { return };
            let room = if kind == Kind::Audio { &mut audios } else { &mut videos };
            let mid = match waiting.slot(&mut participant.slots, *room == 0) {
                Some(slot) => {
                    waiting.take(slot);
                    slot.mid.clone()
                }
                None => {
                    let Some(left) = room.checked_sub(1) else { continue };
                    *room = left;
                    let (state, stream) = (SlotState::Assigned { track, bound: false }, waiting.stream.clone());
                    participant.slots.push(Slot { mid: None, kind, state, settled: false, unread: false, stream });
                    None
                }
            };
            changes.push(OfferChange::Activate { mid, kind, down });
        }
        if changes.is_empty() && !first && !restart {
            return;
        }
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.outstanding = true;
        participant.negotiation.restart = false;
        participant.negotiation.answer_due = Some(now.at + ANSWER_TIMEOUT);
        self.outputs.push_back(Output::MakeOffer { peer, changes, ice_restart: restart });
    }

    /// Our offer is made, with the mid of each change in order; `None`: it could not be.
    pub fn offered(&mut self, peer: PeerKey, offer: Option<(String, Vec<String>)>, now: Now) {
        let Some((sdp, mids)) = offer else {
            self.session_failed(peer, now);
            return;
        };
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.offer_id += 1;
        let id = participant.negotiation.offer_id;
        let known: Vec<String> = participant.slots.iter().filter_map(|slot| slot.mid.clone()).collect();
        let mut fresh = mids.into_iter().filter(|mid| !known.contains(mid));
        for slot in participant.slots.iter_mut().filter(|slot| slot.mid.is_none()) {
            slot.mid = fresh.next();
        }
        let mid_to_track_id = self.mid_to_track_id(peer);
        let offer = lk::SessionDescription { r#type: "offer".to_owned(), sdp, id, mid_to_track_id };
        self.send(peer, Response::Offer(offer));
    }

    pub(crate) fn client_answer(&mut self, peer: PeerKey, answer: lk::SessionDescription, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let negotiation = &mut participant.negotiation;
        if participant.dual && negotiation.outstanding && (answer.id == 0 || answer.id == negotiation.offer_id) {
            negotiation.sync_due = None;
            negotiation.note_description(&answer.sdp, now);
            self.outputs.push_back(Output::ClientAnswer { peer, sdp: answer.sdp });
        }
    }

    /// What a resumed client tells of the descriptions it has: with them the last offer is answered, or void.
    pub(crate) fn settle_offer(&mut self, peer: PeerKey, state: &lk::SyncState, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        if participant.negotiation.sync_due.take().is_some() {
            let known = state.offer.as_ref().zip(state.answer.as_ref());
            if let Some((_, answer)) = known {
                participant.negotiation.note_description(&answer.sdp, now);
            }
            let known = known.map(|(offer, answer)| (offer.sdp.clone(), answer.sdp.clone()));
            self.outputs.push_back(Output::SettleOffer { peer, known });
        }
    }

    /// A resumed client did not tell what it knows: the last offer is void.
    pub(crate) fn give_up_offer(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.sync_due = None;
        self.outputs.push_back(Output::SettleOffer { peer, known: None });
    }

    /// The offer of [`Output::SettleOffer`] was answered, or is taken back: then what it promised is open again.
    pub fn offer_settled(&mut self, peer: PeerKey, answered: bool, now: Now) {
        if answered {
            self.answer_taken(peer, true, now);
            return;
        }
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.outstanding = false;
        participant.negotiation.answer_due = None;
        participant.slots.retain(|slot| slot.settled);
        for slot in &mut participant.slots {
            slot.state = match slot.state {
                SlotState::Assigned { bound: false, .. } => SlotState::Free,
                SlotState::Clearing => SlotState::Draining,
                state => state,
            };
        }
        self.negotiation_round(peer, now);
    }

    /// The client's answer was taken, or could not be.
    pub fn answer_taken(&mut self, peer: PeerKey, taken: bool, now: Now) {
        if !taken {
            self.session_failed(peer, now);
            return;
        }
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.negotiation.outstanding = false;
        participant.negotiation.answer_due = None;
        participant.negotiation.sync_due = None;
        participant.slots.iter_mut().for_each(|slot| slot.settled = true);
        self.bind_assigned(peer);
        self.negotiation_round(peer, now);
    }
}
