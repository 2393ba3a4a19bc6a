//! The messages of LTI 1.3: what an `id_token` says once its signature is checked, what goes back after a room was
//! chosen, and how a tool introduces itself (LTI Core 1.3, Security Framework 1.0, Deep Linking 2.0, Dynamic
//! Registration 1.0).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::launch::{Launch, name, title, user_id};
use super::{LtiParameters, sha1_hex};
use crate::token::LEEWAY;

/// Longest life of a message, in seconds: one that ends later is still refused when it is this old.
const MAX_AGE: i64 = 3600;
/// Most audiences and roles that are looked at.
const MAX_ENTRIES: usize = 64;
/// The custom parameter in which a link carries its own room.
const ROOM: &str = "plenum_room";
/// Longest value of it.
const MAX_ROOM: usize = 64;

/// The claims we understand; the rest is left alone.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct IdToken {
    /// The platform.
    pub iss: String,
    /// For whom it is.
    pub aud: Audience,
    azp: Option<String>,
    exp: Option<f64>,
    iat: Option<f64>,
    /// Ties it to the login it answers.
    #[serde(default)]
    pub nonce: String,
    sub: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/message_type", default)]
    message_type: String,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/version", default)]
    version: String,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/deployment_id", default)]
    deployment_id: String,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/roles", default)]
    roles: Vec<String>,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/context")]
    context: Option<Context>,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/resource_link")]
    resource_link: Option<ResourceLink>,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti/claim/custom")]
    custom: Option<BTreeMap<String, Value>>,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings")]
    deep_linking: Option<DeepLinkingSettings>,
}

/// One or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Context {
    id: String,
    label: Option<String>,
    title: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ResourceLink {
    id: String,
    title: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct DeepLinkingSettings {
    deep_link_return_url: String,
    accept_types: Vec<String>,
    data: Option<String>,
}

/// What must be true of a token.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The platform's name.
    pub issuer: &'a str,
    /// Our name there.
    pub client_id: &'a str,
    /// Where it may be installed; empty is everywhere on that platform.
    pub deployments: &'a [String],
    /// Of the login this answers.
    pub nonce: &'a str,
    /// Unix seconds.
    pub now: i64,
}

/// Why a token is refused. The texts are the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Another platform.
    #[error("the id_token comes from another issuer")]
    Issuer,
    /// For another tool.
    #[error("the id_token is meant for another client")]
    Audience,
    /// Too old.
    #[error("the id_token is expired")]
    Expired,
    /// Not yet valid, or without times.
    #[error("the id_token has no valid time")]
    Time,
    /// Answers another login.
    #[error("the id_token answers another login")]
    Nonce,
    /// From a place that is not registered.
    #[error("the deployment is not registered")]
    Deployment,
    /// Not LTI 1.3.
    #[error("the LTI version is not 1.3.0")]
    Version,
    /// A message we do not take.
    #[error("the message type is not supported")]
    Type,
    /// No resource link, or no return address.
    #[error("the message is incomplete")]
    Incomplete,
    /// The platform takes no links back.
    #[error("the platform does not accept links to resources")]
    NoLinks,
    /// A learner wants to choose.
    #[error("only teachers can choose a room")]
    NotTeacher,
}

/// What a platform wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Somebody opens a link.
    Launch(Launch),
    /// A teacher is about to make one.
    DeepLinking(DeepLinking),
}

/// What is needed to answer with a link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeepLinking {
    /// Where it was asked for.
    pub deployment_id: String,
    /// Where the answer goes, by the browser.
    pub return_url: String,
    /// Given back as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Title of the course.
    pub course: String,
}

impl IdToken {
    /// Checks a token whose signature is good, and says what it wants.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(self, expected: Expected<'_>) -> Result<Message, MessageError> {
        self.check(expected)?;
        match self.message_type.as_str() {
            "LtiResourceLinkRequest" => self.launch(expected).map(Message::Launch),
            "LtiDeepLinkingRequest" => self.deep_linking().map(Message::DeepLinking),
            _ => Err(MessageError::Type),
        }
    }

    fn check(&self, expected: Expected<'_>) -> Result<(), MessageError> {
        if self.iss != expected.issuer {
            return Err(MessageError::Issuer);
        }
        let is_for_us = match &self.aud {
            Audience::One(only) => only == expected.client_id,
            // With several, the one the token was made for is named (OpenID Connect Core section 3.1.3.7).
            Audience::Several(all) => {
                all.iter().take(MAX_ENTRIES).any(|one| one == expected.client_id)
                    && (all.len() == 1 || self.azp.is_some())
            }
        };
        if !is_for_us || self.azp.as_deref().is_some_and(|party| party != expected.client_id) {
            return Err(MessageError::Audience);
        }
        self.check_times(expected.now)?;
        if self.nonce.is_empty() || self.nonce != expected.nonce {
            return Err(MessageError::Nonce);
        }
        if self.version != "1.3.0" {
            return Err(MessageError::Version);
        }
        let is_known = expected.deployments.is_empty() || expected.deployments.contains(&self.deployment_id);
        if self.deployment_id.is_empty() || !is_known {
            return Err(MessageError::Deployment);
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "unix seconds are far below 2^53")]
    fn check_times(&self, now: i64) -> Result<(), MessageError> {
        let (Some(exp), Some(iat)) = (self.exp, self.iat) else { return Err(MessageError::Time) };
        if iat > now.saturating_add(LEEWAY) as f64 {
            return Err(MessageError::Time);
        }
        let is_fresh = exp >= now.saturating_sub(LEEWAY) as f64 && iat >= now.saturating_sub(MAX_AGE + LEEWAY) as f64;
        if is_fresh { Ok(()) } else { Err(MessageError::Expired) }
    }

    fn launch(self, expected: Expected<'_>) -> Result<Launch, MessageError> {
        let is_admin = self.is_teacher();
        let context = self.context.unwrap_or_default();
        let link = self.resource_link.filter(|link| !link.id.is_empty()).ok_or(MessageError::Incomplete)?;
        let custom = |name: &str| match self.custom.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let own_room = custom(ROOM).filter(|room| !room.is_empty() && room.len() <= MAX_ROOM);
        // Lists in JSON, so that no two different lists become the same text. A room that was chosen is the platform's;
        // otherwise every link has one of its own.
        let place = match &own_room {
            Some(room) if room == "course" => json!([expected.issuer, expected.client_id, "course", context.id]),
            Some(room) => json!([expected.issuer, expected.client_id, "room", room]),
            None => json!([expected.issuer, expected.client_id, "link", self.deployment_id, context.id, link.id]),
        };
        let user_id = match self.sub.as_deref().filter(|sub| !sub.is_empty()) {
            Some(sub) => user_id(sub),
            // Somebody the platform keeps to itself: a stranger every time.
            None => sha1_hex(self.nonce.as_bytes()),
        };
        let parts = [self.given_name.as_deref(), self.family_name.as_deref()].map(Option::unwrap_or_default).join(" ");
        let titles = match own_room.as_deref() {
            Some("course") => [context.title, context.label, None],
            _ => [link.title, context.title, context.label],
        };
        Ok(Launch {
            name: name(self.name.as_deref().unwrap_or(&parts), &user_id),
            user_id,
            is_admin,
            room_id: sha1_hex(place.to_string().as_bytes()),
            room_title: title(titles.iter().flatten().map(String::as_str)),
            parameters: LtiParameters::read(custom),
        })
    }

    fn deep_linking(self) -> Result<DeepLinking, MessageError> {
        if !self.is_teacher() {
            return Err(MessageError::NotTeacher);
        }
        let settings = self.deep_linking.ok_or(MessageError::Incomplete)?;
        if !settings.accept_types.iter().any(|kind| kind == "ltiResourceLink") {
            return Err(MessageError::NoLinks);
        }
        let context = self.context.unwrap_or_default();
        Ok(DeepLinking {
            deployment_id: self.deployment_id,
            return_url: settings.deep_link_return_url,
            data: settings.data,
            course: title([context.title, context.label].iter().flatten().map(String::as_str)),
        })
    }

    /// Whether somebody teaches in this course. What they are elsewhere on the platform does not count: a lecturer may
    /// be a learner here.
    fn is_teacher(&self) -> bool {
        const MEMBERSHIP: &str = "http://purl.imsglobal.org/vocab/lis/v2/membership";
        self.roles.iter().take(MAX_ENTRIES).any(|role| {
            let role = role.strip_prefix(MEMBERSHIP).unwrap_or(role);
            matches!(role, "#Instructor" | "#Administrator" | "Instructor" | "Administrator")
                || role.starts_with("/Instructor#")
                || role.starts_with("/Administrator#")
        })
    }
}

/// Which room a link will lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChoice {
    /// The one of the course, shared by all links that say so.
    Course,
    /// A new one; the value is unguessable.
    New(String),
}

/// The claims of the answer that hands a link over (Deep Linking 2.0 section 4.4). `launch_url` is ours.
pub fn deep_linking_response(
    request: &DeepLinking,
    expected: Expected<'_>,
    choice: &LinkChoice,
    link_title: &str,
    launch_url: &str,
) -> Value {
    let room = match choice {
        LinkChoice::Course => "course",
        LinkChoice::New(room) => room,
    };
    let mut claims = json!({
        "iss": expected.client_id,
        "aud": [expected.issuer],
        "iat": expected.now,
        "exp": expected.now.saturating_add(300),
        "nonce": expected.nonce,
        "https://purl.imsglobal.org/spec/lti/claim/deployment_id": request.deployment_id,
        "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiDeepLinkingResponse",
        "https://purl.imsglobal.org/spec/lti/claim/version": "1.3.0",
        "https://purl.imsglobal.org/spec/lti-dl/claim/content_items": [{
            "type": "ltiResourceLink",
            "title": title([link_title, &request.course]),
            "url": launch_url,
            "custom": { ROOM: room },
        }],
    });
    if let Some(data) = &request.data {
        claims["https://purl.imsglobal.org/spec/lti-dl/claim/data"] = json!(data);
    }
    claims
}

/// Our addresses, as a platform is told them.
#[derive(Debug, Clone)]
pub struct ToolAddresses {
    /// `https://host`.
    pub origin: String,
    /// The host alone.
    pub domain: String,
}

impl ToolAddresses {
    /// Where a platform sends people first.
    pub fn login(&self) -> String {
        format!("{}/lti/v1p3/login", self.origin)
    }

    /// Where they come in.
    pub fn launch(&self) -> String {
        format!("{}/lti/v1p3/launch", self.origin)
    }

    /// Where our public key is.
    pub fn keys(&self) -> String {
        format!("{}/lti/v1p3/jwks", self.origin)
    }
}

/// What a platform answers to [`dynamic_registration`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Our name there.
    pub client_id: String,
    #[serde(rename = "https://purl.imsglobal.org/spec/lti-tool-configuration")]
    tool: RegisteredTool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct RegisteredTool {
    deployment_id: Option<String>,
}

impl Registration {
    /// Where we are installed already, if the platform did that at once.
    pub fn deployment_id(&self) -> Option<&str> {
        self.tool.deployment_id.as_deref().filter(|id| !id.is_empty())
    }
}

/// How we introduce ourselves (Dynamic Registration 1.0 section 3.5.1).
pub fn dynamic_registration(addresses: &ToolAddresses, product: &str) -> Value {
    json!({
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": addresses.login(),
        "redirect_uris": [addresses.launch()],
        "client_name": product,
        "jwks_uri": addresses.keys(),
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": "",
        "https://purl.imsglobal.org/spec/lti-tool-configuration": {
            "domain": addresses.domain,
            "description": "Meetings in the browser",
            "target_link_uri": addresses.launch(),
            "claims": ["iss", "sub", "name", "given_name", "family_name"],
            "messages": [
                { "type": "LtiResourceLinkRequest" },
                { "type": "LtiDeepLinkingRequest", "target_link_uri": addresses.launch(), "label": product },
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;
    const EXPECTED: Expected<'_> =
        Expected { issuer: "https://lms", client_id: "us", deployments: &[], nonce: "n1", now: NOW };

    fn claims() -> Value {
        json!({
            "iss": "https://lms", "aud": "us", "exp": NOW + 60, "iat": NOW, "nonce": "n1", "sub": "42", "name": "Ada L",
            "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiResourceLinkRequest",
            "https://purl.imsglobal.org/spec/lti/claim/version": "1.3.0",
            "https://purl.imsglobal.org/spec/lti/claim/deployment_id": "d1",
            "https://purl.imsglobal.org/spec/lti/claim/roles":
                ["http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"],
            "https://purl.imsglobal.org/spec/lti/claim/context": { "id": "c1", "title": "Course 101" },
            "https://purl.imsglobal.org/spec/lti/claim/resource_link": { "id": "r1", "title": "Weekly" },
            "https://purl.imsglobal.org/spec/lti/claim/custom": { "allow_polls": "false", "mute_on_start": true },
        })
    }

    fn with(changes: &[(&str, Value)]) -> Result<Message, MessageError> {
        let mut claims = claims();
        for (name, value) in changes {
            let name = match *name {
                "deep_linking_settings" => "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings".into(),
                name @ ("iss" | "aud" | "azp" | "exp" | "iat" | "nonce" | "name" | "given_name") => name.to_owned(),
                name => format!("https://purl.imsglobal.org/spec/lti/claim/{name}"),
            };
            claims[name] = value.clone();
        }
        serde_json::from_value::<IdToken>(claims).unwrap().read(EXPECTED)
    }

    fn launch(changes: &[(&str, Value)]) -> Launch {
        match with(changes).unwrap() {
            Message::Launch(launch) => launch,
            Message::DeepLinking(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_launch_names_person_and_room() {
        let launch = launch(&[]);
        assert_eq!((launch.user_id.as_str(), launch.name.as_str()), ("42", "Ada L"));
        assert_eq!((launch.room_title.as_str(), launch.is_admin), ("Weekly", true));
        assert_eq!((launch.parameters.allow_polls, launch.parameters.mute_on_start), (Some(false), Some(true)));
        assert_eq!(launch.room_id.len(), 40);
    }

    #[test]
    fn every_link_has_a_room_of_its_own_unless_one_was_chosen() {
        let own = launch(&[]).room_id;
        assert_ne!(own, launch(&[("resource_link", json!({"id": "r2"}))]).room_id);
        assert_ne!(own, launch(&[("deployment_id", json!("d2"))]).room_id);
        let course = json!({"plenum_room": "course"});
        let shared = launch(&[("custom", course.clone())]);
        assert_eq!(shared.room_title, "Course 101");
        let elsewhere = launch(&[("custom", course.clone()), ("resource_link", json!({"id": "r2"}))]);
        assert_eq!(shared.room_id, elsewhere.room_id);
        let other_course = launch(&[("custom", course), ("context", json!({"id": "c2"}))]);
        assert_ne!(shared.room_id, other_course.room_id);
        let chosen = launch(&[("custom", json!({"plenum_room": "x1"}))]);
        assert!(chosen.room_id != own && chosen.room_id != shared.room_id);
    }

    #[test]
    fn a_token_that_is_not_quite_right_is_refused() {
        for (name, value, error) in [
            ("iss", json!("https://other"), MessageError::Issuer),
            ("aud", json!("them"), MessageError::Audience),
            ("aud", json!([]), MessageError::Audience),
            ("aud", json!(["us", "them"]), MessageError::Audience),
            ("azp", json!("them"), MessageError::Audience),
            ("exp", json!(NOW - 61), MessageError::Expired),
            ("exp", json!(null), MessageError::Time),
            ("iat", json!(NOW - 3661), MessageError::Expired),
            ("iat", json!(NOW + 61), MessageError::Time),
            ("iat", json!(null), MessageError::Time),
            ("nonce", json!("n2"), MessageError::Nonce),
            ("version", json!("1.1"), MessageError::Version),
            ("deployment_id", json!(""), MessageError::Deployment),
            ("message_type", json!("LtiSubmissionReviewRequest"), MessageError::Type),
            ("resource_link", json!({"title": "x"}), MessageError::Incomplete),
        ] {
            assert_eq!(with(&[(name, value.clone())]), Err(error), "{name} {value}");
        }
        assert!(with(&[("aud", json!(["us"]))]).is_ok());
        assert!(with(&[("aud", json!(["us", "them"])), ("azp", json!("us"))]).is_ok());
    }

    #[test]
    fn only_registered_deployments_are_taken() {
        let token = || serde_json::from_value::<IdToken>(claims()).unwrap();
        let at = |deployments: &[String]| token().read(Expected { deployments, ..EXPECTED }).map(|_| ());
        assert_eq!(at(&["d0".into(), "d1".into()]), Ok(()));
        assert_eq!(at(&["d2".into()]), Err(MessageError::Deployment));
    }

    #[test]
    fn teachers_are_those_who_teach_in_this_course() {
        let lis = "http://purl.imsglobal.org/vocab/lis/v2/";
        for (role, teaches) in [
            (format!("{lis}membership#Instructor"), true),
            (format!("{lis}membership/Instructor#TeachingAssistant"), true),
            (format!("{lis}membership#Administrator"), true),
            ("Instructor".into(), true),
            (format!("{lis}membership#Learner"), false),
            (format!("{lis}membership/Learner#Instructor"), false),
            (format!("{lis}institution/person#Instructor"), false),
            (format!("{lis}institution/person#Administrator"), false),
        ] {
            assert_eq!(launch(&[("roles", json!([role]))]).is_admin, teaches, "{role}");
        }
    }

    #[test]
    fn names_are_put_together_and_strangers_stay_strangers() {
        assert_eq!(launch(&[("name", json!(null))]).name, "User_42");
        assert_eq!(launch(&[("name", json!(null)), ("given_name", json!("Ada"))]).name, "Ada");
        let mut claims = claims();
        claims["name"] = json!(null);
        claims["given_name"] = json!("Ada");
        claims["family_name"] = json!("Lovelace");
        claims["sub"] = json!(null);
        match serde_json::from_value::<IdToken>(claims).unwrap().read(EXPECTED).unwrap() {
            Message::Launch(launch) => {
                assert_eq!((launch.name.as_str(), launch.user_id), ("Ada Lovelace", sha1_hex(b"n1")));
            }
            Message::DeepLinking(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_teacher_who_makes_a_link_gets_one_back() {
        let settings = json!({
            "deep_link_return_url": "https://lms/back", "accept_types": ["link", "ltiResourceLink"], "data": "d",
        });
        let kind = ("message_type", json!("LtiDeepLinkingRequest"));
        let Message::DeepLinking(request) = with(&[kind.clone(), ("deep_linking_settings", settings.clone())]).unwrap()
        else {
            panic!("not a launch")
        };
        assert_eq!((request.return_url.as_str(), request.course.as_str()), ("https://lms/back", "Course 101"));

        let choice = LinkChoice::New("x1".into());
        let claims = deep_linking_response(&request, EXPECTED, &choice, " My room ", "https://us/lti/v1p3/launch");

        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("us"), &json!(["https://lms"])));
        assert_eq!(claims["https://purl.imsglobal.org/spec/lti-dl/claim/data"], "d");
        let items = &claims["https://purl.imsglobal.org/spec/lti-dl/claim/content_items"];
        let item = json!({"type": "ltiResourceLink", "title": "My room", "url": "https://us/lti/v1p3/launch",
            "custom": {"plenum_room": "x1"}});
        assert_eq!(items, &json!([item]));

        let learner = json!(["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"]);
        let refused = [kind.clone(), ("deep_linking_settings", settings), ("roles", learner)];
        assert_eq!(with(&refused), Err(MessageError::NotTeacher));
        let files = json!({"deep_link_return_url": "https://lms/back", "accept_types": ["file"]});
        assert_eq!(with(&[kind.clone(), ("deep_linking_settings", files)]), Err(MessageError::NoLinks));
        assert_eq!(with(&[kind]), Err(MessageError::Incomplete));
    }

    #[test]
    fn our_introduction_names_our_addresses_and_the_answer_is_read() {
        let addresses = ToolAddresses { origin: "https://us".into(), domain: "us".into() };
        let said = dynamic_registration(&addresses, "Plenum");
        assert_eq!(said["initiate_login_uri"], "https://us/lti/v1p3/login");
        assert_eq!(said["jwks_uri"], "https://us/lti/v1p3/jwks");
        let answer =
            r#"{"client_id":"c","https://purl.imsglobal.org/spec/lti-tool-configuration":{"deployment_id":"7"}}"#;
        let answer: Registration = serde_json::from_str(answer).unwrap();
        assert_eq!((answer.client_id.as_str(), answer.deployment_id()), ("c", Some("7")));
    }
}
