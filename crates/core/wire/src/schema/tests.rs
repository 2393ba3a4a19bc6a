use super::*;
use crate::pnm;

fn all() -> Map<String, Value> {
    let sent = [
        Sent::of::<pnm::CreateRoomReq>(),
        Sent::of::<pnm::UpdateRecordingMetadataReq>(),
        Sent::of::<pnm::MergeRecordingsReq>(),
    ];
    let answered = [Answered::of::<pnm::CreateRoomRes>(), Answered::of::<pnm::FetchRecordingsRes>()];
    components(&sent, &answered, &RoomDefaults::default())
}

#[test]
fn bounds_are_those_that_requests_are_checked_by() {
    let all = all();
    let room = &all["CreateRoomReq"];
    assert_eq!(room["required"], json!(["room_id", "metadata"]));
    assert_eq!(room["properties"]["room_id"]["pattern"], "^[a-zA-Z0-9_-]+$");
    assert_eq!(room["properties"]["room_id"]["maxLength"], 64);
    assert_eq!(room["properties"]["empty_timeout"]["minimum"], 1);
    let metadata = &all["RoomMetadata"]["properties"];
    assert_eq!(
        (&metadata["webhook_url"]["format"], &metadata["webhook_url"]["maxLength"]),
        (&json!("uri"), &json!(255))
    );
    assert_eq!(
        (&metadata["is_recording"]["const"], &metadata["is_recording"]["readOnly"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(all["MergeRecordingsReq"]["oneOf"], json!([{ "required": ["by_session"] }, { "required": ["by_ids"] }]));
    assert_eq!(all["MergeRecordingsByIds"]["properties"]["recording_ids"]["minItems"], 2);
}

#[test]
fn defaults_are_the_servers() {
    let all = all();
    assert_eq!(all["RoomCreateFeatures"]["properties"]["allow_webcams"]["default"], true);
    assert_eq!(all["RoomCreateFeatures"]["properties"]["room_duration"].get("default"), None);
    assert_eq!(all["BreakoutRoomFeatures"]["properties"]["allowed_number_rooms"]["default"], 6);
    assert_eq!(all["LockSettings"]["properties"]["lock_whiteboard"]["default"], true);
}

#[test]
fn answers_are_exact() {
    let all = all();
    let room = &all["ActiveRoomInfo"];
    assert_eq!(room["additionalProperties"], false);
    assert_eq!(room["required"].as_array().unwrap().len(), 12);
    assert_eq!(room["properties"]["creation_time"]["type"], "string");
    assert_eq!(all["CreateRoomRes"]["properties"]["room_info"]["anyOf"][1]["type"], "null");
    let recording = &all["RecordingInfo"]["required"];
    assert!(!recording.as_array().unwrap().contains(&"metadata".into()), "explicit presence: {recording}");
}

#[test]
fn what_travels_both_ways_has_two_shapes() {
    let all = all();
    assert_eq!(all["RecordingMetadata"]["additionalProperties"], false);
    assert_eq!(all["RecordingMetadataInput"]["properties"]["title"]["maxLength"], 255);
    let input = &all["RecordingMetadataInput"]["properties"]["subtitles"];
    assert_eq!(input["additionalProperties"], reference("RecordingSubtitleInput"));
}
