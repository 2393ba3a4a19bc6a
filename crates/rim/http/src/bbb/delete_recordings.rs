//! `deleteRecordings`: one id, or several with commas between them.

use super::get_recordings::failed;
use super::{Answer, Call, Fault, xml};
use crate::App;

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let mut any = false;
    for id in call.params.list("recordID") {
        any |= app.deps.shelf.delete_recording(id).await.map_err(failed)?;
    }
    if !any {
        return Err(Fault::error("not found"));
    }
    Ok(xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text("deleted", true);
    }))
}
