//! `delete`: the row and its file, for the kinds that have one (D-41).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm;

use super::refused;
use crate::rooms::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::DeleteArtifactReq = read(&body)?;
    Ok(delete(&app, &request.artifact_id).await)
}

/// Also what the deprecated `/auth/analytics/delete` does.
pub(crate) async fn delete(app: &App, id: &str) -> Response {
    app.deps.shelf.delete_artifact(id).await.map_or_else(|refusal| refused(&refusal), |()| answers::success())
}
