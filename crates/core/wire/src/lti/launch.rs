//! What a launch says about who comes, into which room, and how that room should be.

use model::UserId;

use super::{Form, LtiParameters, clean, sha1_hex};
use crate::validate::MAX_TITLE;

/// The title of a room whose platform names no course. Rooms must have one.
pub(super) const TITLE: &str = "Meeting";

/// A launch that is signed and understood, whatever the version of the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// User id, fit for a room.
    pub user_id: String,
    /// Display name.
    pub name: String,
    /// Whether they teach here.
    pub is_admin: bool,
    /// Room id.
    pub room_id: String,
    /// Title of the room.
    pub room_title: String,
    /// What the platform sets about the room.
    pub parameters: LtiParameters,
}

impl Launch {
    /// Reads an LTI 1.0 or 1.1 launch whose signature was checked.
    pub fn from_form(form: &Form) -> Self {
        let room = ["tool_consumer_instance_guid", "context_id", "resource_link_id"].map(|name| form.text(name));
        let user_id = form
            .get("user_id")
            .map(|id| user_id(&id))
            .or_else(|| form.get("lis_person_contact_email_primary").map(|email| sha1_hex(email.as_bytes())))
            // Somebody the platform keeps to itself: a stranger every time.
            .unwrap_or_else(|| {
                sha1_hex(format!("{}_{}", form.text("oauth_timestamp"), form.text("oauth_nonce")).as_bytes())
            });
        let titles = ["context_label", "context_title", "resource_link_title"].map(|name| form.text(name));
        Self {
            name: name(&form.text("lis_person_name_full"), &user_id),
            user_id,
            is_admin: form.text("roles").contains("Instructor"),
            room_id: sha1_hex(room.join("_").as_bytes()),
            room_title: title(titles.iter().map(AsRef::as_ref)),
            parameters: LtiParameters::read(|name| {
                form.get(&format!("custom_{name}")).map(std::borrow::Cow::into_owned)
            }),
        }
    }
}

/// A platform's id for a person, hashed if a room would not take it.
pub(super) fn user_id(id: &str) -> String {
    let is_reserved = ["ingres_", "pnm_agent-", "pnm_tts_agent-", "sip_", "user_"].iter().any(|p| id.starts_with(p))
        || id.contains("-FIELD_")
        || id.ends_with("-native")
        || matches!(id, "RECORDER_BOT" | "RTMP_BOT");
    if is_reserved || UserId::try_from(id).is_err() { sha1_hex(id.as_bytes()) } else { id.to_owned() }
}

pub(super) fn name(full: &str, user_id: &str) -> String {
    let name = clean(full, MAX_TITLE);
    // The recorder's name opens doors that are not for people.
    if name.is_empty() || name == "PLUGNMEET_RECORDER_AUTH" { format!("User_{user_id}") } else { name }
}

pub(super) fn title<'t>(candidates: impl IntoIterator<Item = &'t str>) -> String {
    let mut candidates = candidates.into_iter().map(|text| clean(text, MAX_TITLE));
    candidates.find(|title| !title.is_empty()).unwrap_or_else(|| TITLE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(body: &str) -> Launch {
        Launch::from_form(&Form::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_launch_names_person_and_room_as_the_reference_does() {
        let launch = launch(
            "resource_link_id=res1&context_id=ctx1&context_label=Course+101&tool_consumer_instance_guid=lms.example.com\
             &user_id=42&roles=Instructor&lis_person_name_full=Ada+L&custom_allow_polls=false\
             &custom_primary_color=%23aa0000",
        );
        assert_eq!(launch.room_id, "428b8c6e32b252ee2befb73382c8bb2be65a6421");
        assert_eq!((launch.user_id.as_str(), launch.name.as_str()), ("42", "Ada L"));
        assert_eq!((launch.room_title.as_str(), launch.is_admin), ("Course 101", true));
        assert_eq!(launch.parameters.allow_polls, Some(false));
        assert_eq!(launch.parameters.lti_custom_design.unwrap().primary_color.unwrap(), "#aa0000");
    }

    #[test]
    fn what_is_missing_is_made_up() {
        let launch = launch("lis_person_contact_email_primary=a%40b.c&roles=urn:lti:role:ims/lis/Learner");
        assert_eq!(launch.user_id, sha1_hex(b"a@b.c"));
        assert_eq!(launch.name, format!("User_{}", launch.user_id));
        assert_eq!((launch.room_title.as_str(), launch.is_admin), ("Meeting", false));
        assert_eq!(launch.room_id, sha1_hex(b"__"));
    }

    #[test]
    fn strangers_are_not_the_same_person() {
        let (one, other) = (launch("oauth_nonce=a&oauth_timestamp=1"), launch("oauth_nonce=b&oauth_timestamp=1"));
        assert_ne!(one.user_id, other.user_id);
    }

    #[test]
    fn ids_a_room_would_refuse_are_hashed() {
        for odd in ["a b", "ü", "sip_1", "x-native", "user_1", "RECORDER_BOT", &"x".repeat(65)] {
            assert_eq!(user_id(odd), sha1_hex(odd.as_bytes()), "{odd}");
        }
        assert_eq!(user_id("b7-x_9"), "b7-x_9");
        assert_eq!(name("PLUGNMEET_RECORDER_AUTH", "7"), "User_7");
        assert_eq!(name(" A\u{7}da ", "7"), "Ada");
    }
}
