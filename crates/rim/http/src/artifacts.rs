//! `/auth/artifact/*`: one file per endpoint (http-api.md section 3.2).

pub(crate) mod delete;
pub(crate) mod fetch;
pub(crate) mod info;
pub(crate) mod token;

use axum::response::Response;
use meeting::ArtifactRefusal;
use ports::archive::Artifact;
use wire::pnm::{self, RoomArtifactType, StatusCode};

use crate::{answers, lists};

/// An artifact as it travels; `None` if its metadata cannot be read.
fn info_of(artifact: &Artifact) -> Option<pnm::ArtifactInfo> {
    Some(pnm::ArtifactInfo {
        artifact_id: artifact.artifact_id.clone(),
        room_id: artifact.room.to_string(),
        r#type: RoomArtifactType::from_str_name(&artifact.kind).unwrap_or(RoomArtifactType::UnknownArtifact).into(),
        created: lists::rfc_3339(artifact.created_at_ms),
        metadata: Some(meeting::artifact_metadata(artifact)?),
    })
}

/// Why an artifact is not deleted or handed out.
pub(crate) fn refused(refusal: &ArtifactRefusal) -> Response {
    let code = match refusal {
        ArtifactRefusal::NotFound => StatusCode::NotFound,
        ArtifactRefusal::NotDeletable(_) | ArtifactRefusal::NotDownloadable(_) | ArtifactRefusal::NoFile => {
            StatusCode::InternalServerError
        }
        ArtifactRefusal::Failed(failure) => return lists::failed(failure),
    };
    answers::refused(code, refusal)
}
