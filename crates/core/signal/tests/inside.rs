//! What participants without a peer connection are told.

use prost::Message;
use signal::inside::{Told, told};
use wire::lk;
use wire::lk::signal_response::Message as Response;

fn say(message: Response) -> Vec<Told> {
    told(&lk::SignalResponse { message: Some(message) }.encode_to_vec().into())
}

#[test]
fn of_each_track_it_is_told_whether_anybody_could_read_it() {
    let track = |sid: &str, encryption: lk::encryption::Type| lk::TrackInfo {
        sid: sid.to_owned(),
        encryption: encryption.into(),
        ..lk::TrackInfo::default()
    };
    let tracks = vec![track("plain", lk::encryption::Type::None), track("sealed", lk::encryption::Type::Gcm)];
    let ann = lk::ParticipantInfo { identity: "ann".into(), tracks, ..lk::ParticipantInfo::default() };

    let said = say(Response::Update(lk::ParticipantUpdate { participants: vec![ann] }));

    let [Told::Participant { tracks, .. }] = &said[..] else { panic!("{said:?}") };
    let encrypted: Vec<_> = tracks.iter().map(|track| (track.sid.as_str(), track.encrypted)).collect();
    assert_eq!(encrypted, [("plain", false), ("sealed", true)]);
}
