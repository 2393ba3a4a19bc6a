//! The room of whoever asks, as it runs at this moment.

use axum::response::Response;
use meeting::{AuthorizeRefusal, NotShown};
use wire::pnm;

use crate::bearer::Asked;
use crate::{App, answers};

/// What is told of the room.
pub(super) async fn running(app: &App, asked: &Asked) -> Result<pnm::ActiveRoomInfo, Response> {
    let found = app.deps.meetings.active_room(asked.access.room.as_str()).await.map_err(|why| match why {
        NotShown::NotFound | NotShown::NotActive => answers::refused_protobuf(AuthorizeRefusal::NotActive),
        NotShown::Unavailable(unavailable) => answers::refused_protobuf(unavailable),
    })?;
    Ok(found.room.room_info.unwrap_or_default())
}

/// What the room allows.
pub(super) async fn features(app: &App, asked: &Asked) -> Result<pnm::RoomCreateFeatures, Response> {
    let room = running(app, asked).await?;
    let metadata: pnm::RoomMetadata = wire::json::decode(room.metadata.as_bytes()).unwrap_or_default();
    Ok(metadata.room_features.unwrap_or_default())
}
