//! Making a room consistent: groups filled, limits kept, nothing on that depends on something off
//! (http-api.md section 2.1, steps 4 to 8).

use super::defaults::BREAKOUT_ROOMS;
use super::{CopyrightPolicy, CreateRules, Entropy, MAX_BREAKOUT_ROOMS, RoomLimits, ServerAbilities};
use crate::pnm;

/// Length of a key the server makes (step 7).
const KEY_LENGTH: usize = 32;
/// What such a key consists of.
const KEY_ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn settle(request: &mut pnm::CreateRoomReq, rules: &CreateRules, now: u64, random: Entropy<'_>) {
    let most = rules.limits.max_participants;
    if most > 0 {
        request.max_participants = Some(request.max_participants.filter(|wanted| *wanted <= most).unwrap_or(most));
    }
    let metadata = request.metadata.get_or_insert_default();
    metadata.started_at = now;
    locks(metadata.default_lock_settings.get_or_insert_default(), &rules.defaults.lock_settings);
    copyright(&mut metadata.copyright_conf, &rules.copyright);
    let is_breakout = metadata.is_breakout_room;
    let features = metadata.room_features.get_or_insert_with(|| rules.defaults.features.clone());
    fill(features, &rules.defaults.features);
    switches(features);
    limits(features, &rules.limits);
    encryption(features, random);
    insights(features, &rules.abilities);
    if !rules.abilities.sip {
        features.sip_dial_in_features.get_or_insert_default().is_allow = false;
    }
    if is_breakout {
        features.enable_analytics = false;
    }
}

fn locks(locks: &mut pnm::LockSettings, default: &pnm::LockSettings) {
    let or = |lock: &mut Option<bool>, default: Option<bool>| *lock = lock.or(default);
    or(&mut locks.lock_microphone, default.lock_microphone);
    or(&mut locks.lock_webcam, default.lock_webcam);
    or(&mut locks.lock_screen_sharing, default.lock_screen_sharing);
    or(&mut locks.lock_chat, default.lock_chat);
    or(&mut locks.lock_chat_send_message, default.lock_chat_send_message);
    or(&mut locks.lock_chat_file_share, default.lock_chat_file_share);
    or(&mut locks.lock_private_chat, default.lock_private_chat);
    or(&mut locks.lock_whiteboard, default.lock_whiteboard);
    or(&mut locks.lock_shared_notepad, default.lock_shared_notepad);
    or(&mut locks.lock_reactions, default.lock_reactions);
}

/// A room's own line counts only where the server lets it; without one the server's is shown (D-04).
fn copyright(copyright: &mut Option<pnm::CopyrightConf>, policy: &CopyrightPolicy) {
    if copyright.is_none() || !policy.allow_override {
        *copyright = Some(pnm::CopyrightConf { display: policy.display, text: policy.text.clone() });
    }
}

/// Absent groups and absent fields with explicit presence take their defaults.
fn fill(features: &mut pnm::RoomCreateFeatures, default: &pnm::RoomCreateFeatures) {
    fn or<T: Clone>(field: &mut Option<T>, default: &Option<T>) {
        if field.is_none() {
            field.clone_from(default);
        }
    }
    or(&mut features.allow_rtmp, &default.allow_rtmp);
    or(&mut features.room_duration, &default.room_duration);
    or(&mut features.allow_virtual_bg, &default.allow_virtual_bg);
    or(&mut features.allow_raise_hand, &default.allow_raise_hand);
    or(&mut features.allow_reactions, &default.allow_reactions);
    or(&mut features.auto_gen_user_id, &default.auto_gen_user_id);
    or(&mut features.recording_features, &default.recording_features);
    or(&mut features.chat_features, &default.chat_features);
    or(&mut features.shared_note_pad_features, &default.shared_note_pad_features);
    or(&mut features.whiteboard_features, &default.whiteboard_features);
    or(&mut features.external_media_player_features, &default.external_media_player_features);
    or(&mut features.waiting_room_features, &default.waiting_room_features);
    or(&mut features.breakout_room_features, &default.breakout_room_features);
    or(&mut features.display_external_link_features, &default.display_external_link_features);
    or(&mut features.ingress_features, &default.ingress_features);
    or(&mut features.end_to_end_encryption_features, &default.end_to_end_encryption_features);
    or(&mut features.polls_features, &default.polls_features);
    or(&mut features.insights_features, &default.insights_features);
    or(&mut features.sip_dial_in_features, &default.sip_dial_in_features);
    or(&mut features.external_broadcasting_features, &default.external_broadcasting_features);
    let (Some(insights), Some(default)) = (&mut features.insights_features, &default.insights_features) else {
        return;
    };
    or(&mut insights.transcription_features, &default.transcription_features);
    or(&mut insights.chat_translation_features, &default.chat_translation_features);
    or(&mut insights.ai_features, &default.ai_features);
    if let (Some(ai), Some(default)) = (&mut insights.ai_features, &default.ai_features) {
        or(&mut ai.ai_text_chat_features, &default.ai_text_chat_features);
        or(&mut ai.meeting_summarization_features, &default.meeting_summarization_features);
    }
}

/// The "forces … off" notes of the feature table.
fn switches(features: &mut pnm::RoomCreateFeatures) {
    let broadcasting = features.external_broadcasting_features.get_or_insert_default();
    if let Some(allowed) = features.allow_rtmp {
        broadcasting.is_allow = allowed;
        broadcasting.is_allow_rtmp = allowed;
    }
    broadcasting.is_allow_rtmp &= broadcasting.is_allow;
    let recording = features.recording_features.get_or_insert_default();
    recording.is_allow_cloud &= recording.is_allow;
    recording.is_allow_local &= recording.is_allow;
    recording.enable_auto_cloud_recording &= recording.is_allow;
    let chat = features.chat_features.get_or_insert_default();
    chat.is_allow_file_upload &= chat.is_allow;
    let encryption = features.end_to_end_encryption_features.get_or_insert_default();
    encryption.included_chat_messages &= encryption.is_enabled;
    encryption.included_whiteboard &= encryption.is_enabled;
    encryption.enabled_self_insert_encryption_key &= encryption.is_enabled;
}

fn limits(features: &mut pnm::RoomCreateFeatures, limits: &RoomLimits) {
    let most = limits.max_duration;
    if most > 0 {
        let wanted = features.room_duration.filter(|wanted| (1..=most).contains(wanted));
        features.room_duration = Some(wanted.unwrap_or(most));
    }
    let breakout = features.breakout_room_features.get_or_insert_default();
    if breakout.is_allow && breakout.allowed_number_rooms == 0 {
        breakout.allowed_number_rooms = BREAKOUT_ROOMS;
    }
    let most = limits.max_breakout_rooms.unwrap_or(MAX_BREAKOUT_ROOMS).min(MAX_BREAKOUT_ROOMS);
    breakout.allowed_number_rooms = breakout.allowed_number_rooms.min(most);
    let chat = features.chat_features.get_or_insert_default();
    if chat.is_allow_file_upload {
        if chat.allowed_file_types.is_empty() {
            chat.allowed_file_types.clone_from(&limits.chat_file_types);
        }
        chat.max_file_size = Some(limits.chat_file_size);
    }
    let board = features.whiteboard_features.get_or_insert_default();
    if board.is_allow {
        board.max_allowed_file_size = Some(limits.whiteboard_file_size);
    }
}

fn encryption(features: &mut pnm::RoomCreateFeatures, random: Entropy<'_>) {
    let encryption = features.end_to_end_encryption_features.get_or_insert_default();
    if !encryption.is_enabled {
        return;
    }
    let own_key = encryption.enabled_self_insert_encryption_key;
    if !own_key {
        encryption.encryption_key = Some(key(random));
    }
    features.sip_dial_in_features.get_or_insert_default().is_allow = false;
    features.ingress_features.get_or_insert_default().is_allow = false;
    if !own_key {
        return;
    }
    features.external_broadcasting_features.get_or_insert_default().is_allow = false;
    let recording = features.recording_features.get_or_insert_default();
    recording.is_allow_cloud = false;
    recording.enable_auto_cloud_recording = false;
    let insights = features.insights_features.get_or_insert_default();
    insights.transcription_features.get_or_insert_default().is_allow = false;
    let ai = insights.ai_features.get_or_insert_default();
    ai.meeting_summarization_features.get_or_insert_default().is_allow = false;
}

/// 64 random bits per character, so that no character is measurably likelier than another.
fn key(random: Entropy<'_>) -> String {
    let mut bits = [[0; 8]; KEY_LENGTH];
    random(bits.as_flattened_mut());
    let letters = u64::try_from(KEY_ALPHABET.len()).expect("62 fits");
    let letter = |bits| {
        let index = u64::from_le_bytes(bits) % letters;
        char::from(KEY_ALPHABET[usize::try_from(index).expect("less than 62")])
    };
    bits.into_iter().map(letter).collect()
}

fn insights(features: &mut pnm::RoomCreateFeatures, abilities: &ServerAbilities) {
    let insights = features.insights_features.get_or_insert_default();
    let transcription = insights.transcription_features.get_or_insert_default();
    let chat = insights.chat_translation_features.get_or_insert_default();
    let ai = insights.ai_features.get_or_insert_default();
    transcription.is_allow &= insights.is_allow;
    chat.is_allow &= insights.is_allow;
    ai.is_allow &= insights.is_allow;
    transcription.is_allow_translation &= transcription.is_allow;
    ai.ai_text_chat_features.get_or_insert_default().is_allow &= ai.is_allow;
    ai.meeting_summarization_features.get_or_insert_default().is_allow &= ai.is_allow;
    match abilities.insights {
        Some(limits) => {
            transcription.max_selected_trans_langs = limits.transcription_languages;
            chat.max_selected_trans_langs = limits.chat_languages;
        }
        // The children stay as they are (D-05): the parent decides.
        None => insights.is_allow = false,
    }
}
