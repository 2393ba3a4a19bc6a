//! What the calls of moderators share: who may come this far, and how the answer looks (http-api.md sections 4.3 and 4.4).

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use meeting::ModerateError;
use prost::Message;
use wire::pnm;

use crate::bearer::Asked;
use crate::{App, answers, bearer};

pub(crate) const NOT_ALLOWED: &str = "only admin can perform this task";
const MISMATCH: &str = "requested roomId & token roomId mismatched";

/// Lets moderators through with what they ask for. The room asks the policy table once more.
pub(crate) async fn admit<M: Message + Default>(app: &App, request: Request) -> Result<(Asked, M), Response> {
    decode(admit_moderator(app, request).await?)
}

/// The same for what is asked for without a body.
pub(crate) async fn admit_moderator(app: &App, request: Request) -> Result<Asked, Response> {
    let asked = bearer::admit(app, request).await.map_err(IntoResponse::into_response)?;
    if asked.access.is_admin { Ok(asked) } else { Err(answers::refused_protobuf(NOT_ALLOWED)) }
}

/// Lets everybody through: the room alone decides.
pub(crate) async fn admit_anyone<M: Message + Default>(app: &App, request: Request) -> Result<(Asked, M), Response> {
    decode(bearer::admit(app, request).await.map_err(IntoResponse::into_response)?)
}

fn decode<M: Message + Default>(asked: Asked) -> Result<(Asked, M), Response> {
    match M::decode(asked.body.clone()) {
        Ok(wish) => Ok((asked, wish)),
        Err(error) => Err(answers::refused_protobuf(error)),
    }
}

/// Refuses what names another room than the token.
pub(crate) fn same_room(asked: &Asked, room_id: &str) -> Result<(), Response> {
    if room_id == asked.access.room.as_str() { Ok(()) } else { Err(answers::refused_protobuf(MISMATCH)) }
}

/// Refuses what names another session than the one that runs.
pub(crate) fn same_session(asked: &Asked, sid: &str) -> Result<(), Response> {
    if sid == asked.access.session.as_str() { Ok(()) } else { Err(answers::refused_protobuf(ModerateError::NoRoom)) }
}

/// `success`, or why not.
pub(crate) fn answer(done: Result<(), impl ToString>) -> Response {
    match done {
        Ok(()) => answers::protobuf(&pnm::CommonResponse { status: true, msg: "success".into(), ..Default::default() }),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
