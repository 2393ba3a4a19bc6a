"""Every method of LiveKit's Python server SDK, once, on a room that somebody is in.

Prints what came of it as one JSON object.
"""

import asyncio
import json
import sys

from livekit import api


async def refused(call: object) -> list[object]:
    """Status and code of an error that must come."""
    try:
        await call  # type: ignore[misc]
    except api.TwirpError as error:
        return [error.status, error.code]
    return []


async def main() -> None:
    url, key, secret, room, who = sys.argv[1:]
    told: dict[str, object] = {}
    async with api.LiveKitAPI(url, key, secret) as livekit:
        service = livekit.room
        created = await service.create_room(api.CreateRoomRequest(name=room, empty_timeout=30))
        told["created"] = created.name
        told["listed"] = [found.name for found in (await service.list_rooms(api.ListRoomsRequest(names=[room]))).rooms]
        people = (await service.list_participants(api.ListParticipantsRequest(room=room))).participants
        told["participants"] = [found.identity for found in people]
        participant = await service.get_participant(api.RoomParticipantIdentity(room=room, identity=who))
        told["participant"] = participant.identity
        track = participant.tracks[0].sid
        mute = api.MuteRoomTrackRequest(room=room, identity=who, track_sid=track, muted=True)
        told["muted"] = (await service.mute_published_track(mute)).track.muted
        update = api.UpdateParticipantRequest(room=room, identity=who, name="Py", metadata="meta", attributes={"a": "1"})
        updated = await service.update_participant(update)
        told["updated"] = [updated.name, updated.metadata, dict(updated.attributes)]
        await service.update_subscriptions(
            api.UpdateSubscriptionsRequest(room=room, identity=who, track_sids=[track], subscribe=False)
        )
        await service.send_data(api.SendDataRequest(room=room, data=b"from the api", kind=0))
        metadata = api.UpdateRoomMetadataRequest(room=room, metadata="from python")
        told["room_metadata"] = (await service.update_room_metadata(metadata)).metadata
        permission = api.ParticipantPermission(can_subscribe=True, can_publish=False)
        limited = api.UpdateParticipantRequest(room=room, identity=who, permission=permission)
        told["permission"] = (await service.update_participant(limited)).permission.can_publish
        told["unknown"] = await refused(
            service.get_participant(api.RoomParticipantIdentity(room=room, identity="nobody"))
        )
        told["unimplemented"] = await refused(
            livekit.ingress.create_ingress(api.CreateIngressRequest(name="x", room_name=room))
        )
        told["lists"] = [
            len((await livekit.ingress.list_ingress(api.ListIngressRequest())).items),
            len((await livekit.egress.list_egress(api.ListEgressRequest())).items),
            len((await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())).items),
        ]
        await service.remove_participant(api.RoomParticipantIdentity(room=room, identity=who))
        await service.delete_room(api.DeleteRoomRequest(room=room))
        told["left"] = len((await service.list_rooms(api.ListRoomsRequest(names=[room]))).rooms)
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
