//! `deleteRecordings`: one id, or several with commas between them.

use ports::store::StoreError;

use super::get_recordings::failed;
use super::{Answer, Call, Fault, xml};
use crate::App;

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let mut any = false;
    for id in call.params.list("recordID") {
        any |= remove(app, id).await.map_err(failed)?;
    }
    if !any {
        return Err(Fault::error("not found"));
    }
    Ok(xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text("deleted", true);
    }))
}

/// Takes a recording off the shelf. Whether it was there.
async fn remove(app: &App, record_id: &str) -> Result<bool, StoreError> {
    app.deps.archive.remove_recording(record_id).await
}
