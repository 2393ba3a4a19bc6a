//! `plenum/*`: what people can do beyond the reference (docs/api.md "In-meeting extensions").

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use meeting::{Device, Moderation, ModerationRefusal};
use model::UserId;
use prost::Message;
use wire::plenum;

use super::moderated::{admit, admit_anyone, answer};
use crate::{App, answers};

const NOT_VALID: &str = "not valid request";
const TOO_MANY: &str = "too many users in the spotlight";
/// More ids than this are not looked at.
const MAX_IDS: usize = 9;

/// A route for each of them; nested below `/api/plenum`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/blocked", post(blocked))
        .route("/unblock", post(unblock))
        .route("/spotlight", post(spotlight))
        .route("/selfunmute", post(self_unmute))
        .route("/ask", post(ask))
        .route("/stop", post(stop))
        .route("/muteall", post(mute_all))
        .route("/lobby", post(lobby))
        .route("/panic", post(panic))
        .route("/note", post(note))
}

async fn blocked(State(app): State<App>, request: Request) -> Response {
    let asked = match admit::<plenum::BlockedReq>(&app, request).await {
        Ok((asked, _)) => asked,
        Err(refused) => return refused,
    };
    let shown = |person: meeting::BlockedPerson| plenum::BlockedPerson {
        user_id: person.id.to_string(),
        name: person.name,
        blocked_at: person.since.at_ms,
        blocked_by: person.since.by,
    };
    match app.deps.meetings.blocked(&asked.access).await {
        Ok(people) => answers::protobuf(&plenum::BlockedRes {
            status: true,
            msg: "success".into(),
            people: people.into_iter().map(shown).collect(),
        }),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}

async fn unblock(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::UnblockReq| {
        Ok(Moderation::Unblock { user: user(&wish.user_id, ModerationRefusal::NotBlocked)? })
    })
    .await
}

async fn spotlight(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::SpotlightReq| {
        if wish.user_ids.len() > MAX_IDS {
            return Err(TOO_MANY.into());
        }
        let users = wish.user_ids.iter().map(|id| user(id, ModerationRefusal::NotActive));
        Ok(Moderation::Spotlight(users.collect::<Result<_, _>>()?))
    })
    .await
}

async fn self_unmute(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::SelfUnmuteReq| Ok(Moderation::AllowSelfUnmute(wish.is_allowed))).await
}

async fn ask(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::AskReq| {
        let device = device(wish.device()).ok_or(NOT_VALID)?;
        Ok(Moderation::Ask { user: user(&wish.user_id, ModerationRefusal::NotActive)?, device })
    })
    .await
}

async fn stop(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::StopReq| {
        let device = device(wish.device()).filter(|device| *device != Device::Microphone).ok_or(NOT_VALID)?;
        Ok(Moderation::Stop { user: user(&wish.user_id, ModerationRefusal::NotActive)?, device })
    })
    .await
}

async fn mute_all(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::MuteAllReq| {
        Ok(Moderation::MuteAll { including_moderators: wish.including_moderators })
    })
    .await
}

async fn lobby(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::LobbyReq| Ok(Moderation::Lobby(wish.is_on))).await
}

async fn panic(State(app): State<App>, request: Request) -> Response {
    moderate(&app, request, |wish: plenum::PanicReq| Ok(Moderation::Rest(wish.is_on))).await
}

async fn note(State(app): State<App>, request: Request) -> Response {
    match admit_anyone::<plenum::NoteReq>(&app, request).await {
        Ok((asked, wish)) => answer(app.deps.meetings.leave_note(&asked.access, wish.text).await),
        Err(refused) => refused,
    }
}

async fn moderate<M: Message + Default>(
    app: &App,
    request: Request,
    what: impl FnOnce(M) -> Result<Moderation, String>,
) -> Response {
    let (asked, wish) = match admit::<M>(app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    match what(wish) {
        Ok(what) => answer(app.deps.meetings.moderate(&asked.access, what).await),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}

/// What is no id is nobody's.
fn user(id: &str, unknown: ModerationRefusal) -> Result<UserId, String> {
    UserId::try_from(id).map_err(|_| unknown.to_string())
}

const fn device(device: plenum::Device) -> Option<Device> {
    match device {
        plenum::Device::Unspecified => None,
        plenum::Device::Microphone => Some(Device::Microphone),
        plenum::Device::Camera => Some(Device::Camera),
        plenum::Device::ScreenShare => Some(Device::ScreenShare),
    }
}
