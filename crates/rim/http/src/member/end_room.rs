//! `endRoom` for moderators (http-api.md section 4.3).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use prost::Message;
use wire::pnm;

use crate::{App, answers, bearer};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    if !asked.access.is_admin {
        return answers::refused_protobuf("only admin can perform this task");
    }
    let wish = match pnm::RoomEndReq::decode(asked.body) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
    };
    if wish.room_id != asked.access.room.as_str() {
        return answers::refused_protobuf("requested roomId & token roomId mismatched");
    }
    match app.deps.meetings.end_as(&asked.access).await {
        Ok(()) => answers::protobuf(&pnm::RoomEndRes { status: true, msg: "success".into(), ..Default::default() }),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
