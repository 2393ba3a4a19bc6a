//! What a platform may set about the room it launches into: `custom_*` of LTI 1.1, the custom claim of LTI 1.3.

use serde::{Deserialize, Serialize};

use super::clean;
use crate::pnm;
use crate::validate::MAX_URL;

/// Longest colour that is kept.
const MAX_COLOUR: usize = 64;

/// What is different from the server's defaults. It travels inside the LTI token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LtiParameters {
    /// Minutes; 0 is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_duration: Option<u64>,
    /// `Some(false)` or nothing, as the next ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_polls: Option<bool>,
    /// Shared notepad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_shared_note_pad: Option<bool>,
    /// Breakout rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_breakout_room: Option<bool>,
    /// Recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_recording: Option<bool>,
    /// Broadcasting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_rtmp: Option<bool>,
    /// Whether people without rights see each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_view_other_webcams: Option<bool>,
    /// Whether people without rights see the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_view_other_users_list: Option<bool>,
    /// `Some(true)` or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute_on_start: Option<bool>,
    /// Colours and logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lti_custom_design: Option<LtiDesign>,
}

/// How the platform wants the page to look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LtiDesign {
    /// Of buttons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_color: Option<String>,
    /// Of the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_color: Option<String>,
    /// Behind everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_color: Option<String>,
    /// Address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_logo: Option<String>,
}

impl LtiParameters {
    /// Reads them by the names they have in the custom claim, e.g. `allow_polls`. What cannot be read is left out.
    pub(super) fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let forbidden = |name| value(name).and_then(|text| boolean(&text)).filter(|allowed| !allowed);
        let text = |name, most| value(name).map(|text| clean(&text, most)).filter(|text| !text.is_empty());
        let design = LtiDesign {
            primary_color: text("primary_color", MAX_COLOUR),
            secondary_color: text("secondary_color", MAX_COLOUR),
            background_color: text("background_color", MAX_COLOUR),
            custom_logo: text("custom_logo", MAX_URL),
        };
        Self {
            room_duration: value("room_duration").and_then(|minutes| minutes.trim().parse().ok()).filter(|m| *m > 0),
            allow_polls: forbidden("allow_polls"),
            allow_shared_note_pad: forbidden("allow_shared_note_pad"),
            allow_breakout_room: forbidden("allow_breakout_room"),
            allow_recording: forbidden("allow_recording"),
            allow_rtmp: forbidden("allow_rtmp"),
            allow_view_other_webcams: forbidden("allow_view_other_webcams"),
            allow_view_other_users_list: forbidden("allow_view_other_users_list"),
            mute_on_start: value("mute_on_start").and_then(|text| boolean(&text)).filter(|mute| *mute),
            lti_custom_design: (design != LtiDesign::default()).then_some(design),
        }
    }

    /// Applies them to features that already hold the defaults, which they win over (D-13). `create::settle` afterwards
    /// switches off what depends on something that is off.
    pub fn apply(&self, features: &mut pnm::RoomCreateFeatures) {
        if self.room_duration.is_some() {
            features.room_duration = self.room_duration;
        }
        if self.allow_polls == Some(false) {
            features.polls_features.get_or_insert_default().is_allow = false;
        }
        if self.allow_shared_note_pad == Some(false) {
            features.shared_note_pad_features.get_or_insert_default().is_allow = false;
        }
        if self.allow_breakout_room == Some(false) {
            features.breakout_room_features.get_or_insert_default().is_allow = false;
        }
        if self.allow_recording == Some(false) {
            features.recording_features.get_or_insert_default().is_allow = false;
        }
        if self.allow_rtmp == Some(false) {
            features.allow_rtmp = Some(false);
        }
        features.allow_view_other_webcams &= self.allow_view_other_webcams.unwrap_or(true);
        features.allow_view_other_users_list &= self.allow_view_other_users_list.unwrap_or(true);
        features.mute_on_start |= self.mute_on_start.unwrap_or(false);
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create::{CreateRules, settle};

    fn read(pairs: &[(&str, &str)]) -> LtiParameters {
        LtiParameters::read(|name| pairs.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn flags_are_kept_only_where_they_differ_from_the_default() {
        assert_eq!(read(&[("allow_polls", "true"), ("mute_on_start", "0"), ("room_duration", "0")]), read(&[]));
        assert_eq!(read(&[("allow_rtmp", "yes"), ("room_duration", "-1"), ("primary_color", " ")]), read(&[]));
        let set = read(&[("allow_polls", "F"), ("mute_on_start", "True"), ("room_duration", "45")]);
        assert_eq!((set.allow_polls, set.mute_on_start, set.room_duration), (Some(false), Some(true), Some(45)));
        assert_eq!(serde_json::to_string(&read(&[])).unwrap(), "{}");
    }

    #[test]
    fn what_a_platform_forbids_stays_forbidden_when_the_room_is_made() {
        let off = [
            "allow_polls",
            "allow_shared_note_pad",
            "allow_breakout_room",
            "allow_recording",
            "allow_rtmp",
            "allow_view_other_webcams",
            "allow_view_other_users_list",
        ];
        let mut pairs: Vec<_> = off.iter().map(|name| (*name, "false")).collect();
        pairs.push(("mute_on_start", "1"));
        let rules = CreateRules::default();
        let mut features = rules.defaults.features.clone();
        read(&pairs).apply(&mut features);
        let metadata = pnm::RoomMetadata { room_features: Some(features), ..Default::default() };
        let mut request = pnm::CreateRoomReq { metadata: Some(metadata), ..Default::default() };

        settle(&mut request, &rules, 1, &mut |_: &mut [u8]| {});

        let features = request.metadata.unwrap().room_features.unwrap();
        let recording = features.recording_features.unwrap();
        assert!(!recording.is_allow && !recording.is_allow_cloud && !recording.is_allow_local);
        assert!(!features.polls_features.unwrap().is_allow && !features.shared_note_pad_features.unwrap().is_allow);
        assert!(!features.breakout_room_features.unwrap().is_allow);
        assert!(!features.external_broadcasting_features.unwrap().is_allow);
        assert!(!features.allow_view_other_webcams && !features.allow_view_other_users_list);
        assert!(features.mute_on_start && features.allow_webcams);
    }
}
