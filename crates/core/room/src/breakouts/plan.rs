//! From a moderator's wish to rooms that can be created: what a breakout room takes over from its main room, and what not.

use std::collections::BTreeSet;

use model::policy::Capability;
use model::{RoomId, UserId};
use wire::pnm;

use super::{Breakout, BreakoutRefusal};
use crate::output::Moment;
use crate::rules;
use crate::state::Room;

/// Longest title, in characters; one of a room may have 255.
const MAX_TITLE: usize = 255;
/// Longest welcome message, in characters.
const MAX_WELCOME: usize = 4000;
/// Most people on all lists together.
const MAX_USERS: usize = 2000;
/// Longest id of a room in records and tokens (D-38).
const MAX_ROOM_ID: usize = 64;
/// What an unset `allowed_number_rooms` means, and the most there can be (http-api.md section 2.1, D-03).
const DEFAULT_ROOMS: u32 = 6;
const MOST_ROOMS: u32 = 16;

/// A breakout room that does not exist yet.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakoutPlan {
    /// Its id: the main room's and the given one.
    pub room: RoomId,
    /// What it starts with; complete once `wire::create::settle` has been over it.
    pub metadata: pnm::RoomMetadata,
    duration: u64,
    is_self_select: bool,
    users: Vec<(UserId, String)>,
}

impl BreakoutPlan {
    pub(super) fn into_entry(self, now: Moment) -> Breakout {
        Breakout {
            room: self.room,
            title: self.metadata.room_title,
            duration: self.duration,
            created: u64::try_from(now.unix_ms / 1000).unwrap_or_default(),
            is_self_select: self.is_self_select,
            users: self.users,
            help: None,
        }
    }
}

impl Room {
    /// What a moderator's wish comes to. Rooms whose id is none, or is in use here, are left out; so are people who are not
    /// on this room's list, and everybody's second place.
    ///
    /// # Errors
    /// Why there are to be no such rooms.
    pub fn plan_breakouts(
        &self,
        now: Moment,
        by: &UserId,
        wish: &pnm::CreateBreakoutRoomsReq,
    ) -> Result<Vec<BreakoutPlan>, BreakoutRefusal> {
        self.may_now(by, Capability::ManageBreakouts)?;
        if let Some(left) = self.remaining_minutes(now)
            && wish.duration > left
        {
            return Err(BreakoutRefusal::TooLong { wanted: wish.duration, left });
        }
        self.check_breakout_limit(wish.rooms.len())?;
        let mut taken: BTreeSet<RoomId> = self.breakout_rooms().into_iter().collect();
        let mut placed: BTreeSet<UserId> = BTreeSet::new();
        let mut plans = Vec::new();
        for asked in &wish.rooms {
            let id = format!("{}-{}", self.id, asked.id);
            let room = RoomId::try_from(id.as_str()).ok().filter(|_| !asked.id.is_empty() && id.len() <= MAX_ROOM_ID);
            let Some(room) = room.filter(|room| taken.insert(room.clone())) else { continue };
            let users = self.listed(&asked.users, &mut placed);
            let metadata = self.breakout_metadata(asked, wish);
            let (duration, is_self_select) = (wish.duration, wish.self_select);
            plans.push(BreakoutPlan { room, metadata, duration, is_self_select, users });
        }
        Ok(plans)
    }

    pub(super) fn check_breakout_limit(&self, more: usize) -> Result<(), BreakoutRefusal> {
        let features = self.metadata.room_features.as_ref().and_then(|f| f.breakout_room_features.as_ref());
        let most = match features.map_or(0, |features| features.allowed_number_rooms) {
            0 => DEFAULT_ROOMS,
            most => most.min(MOST_ROOMS),
        };
        let wanted = self.breakouts.len().saturating_add(more);
        if usize::try_from(most).is_ok_and(|most| wanted > most) {
            return Err(BreakoutRefusal::TooMany(most));
        }
        Ok(())
    }

    /// Who of these may be on a list, under the name this room has of them.
    fn listed(&self, wanted: &[pnm::BreakoutRoomUser], placed: &mut BTreeSet<UserId>) -> Vec<(UserId, String)> {
        let mut users = Vec::new();
        for wanted in wanted {
            let person = self.people.get(wanted.id.as_str());
            let person = person.filter(|person| !person.is_waiting() && !person.blocked);
            if let Some(person) = person
                && placed.len() < MAX_USERS
                && placed.insert(person.id.clone())
            {
                users.push((person.id.clone(), person.name.clone()));
            }
        }
        users
    }

    fn breakout_metadata(&self, asked: &pnm::BreakoutRoom, wish: &pnm::CreateBreakoutRoomsReq) -> pnm::RoomMetadata {
        let mut metadata = self.metadata.clone();
        let title: String = asked.title.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
        metadata.room_title = match title.trim() {
            "" => asked.id.clone(),
            title => title.to_owned(),
        };
        metadata.welcome_message = wish.welcome_msg.as_ref().map(|text| text.chars().take(MAX_WELCOME).collect());
        metadata.is_breakout_room = true;
        metadata.parent_room_id = self.id.to_string();
        metadata.is_recording = false;
        metadata.is_active_rtmp = false;
        metadata.metadata_id = None;
        metadata.extra_data.retain(|key, _| rules::is_inherited(key));
        if let Some(features) = metadata.room_features.as_mut() {
            features.room_duration = Some(wish.duration);
            restrict(features);
            reset(features);
        }
        metadata
    }
}

/// What breakout rooms do not have (section 8.7).
fn restrict(features: &mut pnm::RoomCreateFeatures) {
    features.enable_analytics = false;
    features.allow_rtmp = Some(false);
    // The list of the main room names people by their ids.
    features.auto_gen_user_id = Some(false);
    features.breakout_room_features = Some(pnm::BreakoutRoomFeatures::default());
    features.waiting_room_features.get_or_insert_default().is_active = false;
    features.recording_features = Some(pnm::RecordingFeatures::default());
    features.external_broadcasting_features = Some(pnm::ExternalBroadcastingFeatures::default());
}

/// What runs in the main room does not run here (D-45).
fn reset(features: &mut pnm::RoomCreateFeatures) {
    if let Some(pad) = features.shared_note_pad_features.as_mut() {
        *pad = pnm::SharedNotePadFeatures { is_allow: pad.is_allow, ..Default::default() };
    }
    if let Some(board) = features.whiteboard_features.as_mut() {
        let max_allowed_file_size = board.max_allowed_file_size;
        *board = pnm::WhiteboardFeatures { is_allow: board.is_allow, max_allowed_file_size, ..Default::default() };
    }
    if let Some(player) = features.external_media_player_features.as_mut() {
        *player = pnm::ExternalMediaPlayerFeatures { is_allow: player.is_allow, ..Default::default() };
    }
    if let Some(link) = features.display_external_link_features.as_mut() {
        *link = pnm::DisplayExternalLinkFeatures { is_allow: link.is_allow, ..Default::default() };
    }
    if let Some(ingress) = features.ingress_features.as_mut() {
        *ingress = pnm::IngressFeatures { is_allow: ingress.is_allow, ..Default::default() };
    }
    if let Some(polls) = features.polls_features.as_mut() {
        polls.is_active = false;
    }
    if let Some(sip) = features.sip_dial_in_features.as_mut() {
        let hide_phone_number = sip.hide_phone_number;
        *sip = pnm::SipDialInFeatures { is_allow: sip.is_allow, hide_phone_number, ..Default::default() };
    }
    // Where the server makes the key, it makes another one.
    if let Some(encryption) = features.end_to_end_encryption_features.as_mut() {
        encryption.encryption_key = None;
    }
    let Some(insights) = features.insights_features.as_mut() else { return };
    if let Some(transcription) = insights.transcription_features.as_mut() {
        transcription.is_enabled = false;
        transcription.is_enabled_translation = false;
        transcription.is_enabled_speech_synthesis = false;
    }
    if let Some(translation) = insights.chat_translation_features.as_mut() {
        translation.is_enabled = false;
    }
    let Some(ai) = insights.ai_features.as_mut() else { return };
    if let Some(chat) = ai.ai_text_chat_features.as_mut() {
        chat.is_enabled = false;
    }
    if let Some(summary) = ai.meeting_summarization_features.as_mut() {
        summary.is_enabled = false;
    }
}
