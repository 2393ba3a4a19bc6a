"""A LiveKit participant made with the official Python SDK.

Joins with the URL and token given as arguments, publishes a tone and a moving picture, receives what others publish, and
tells the test what happens as one JSON object per line on standard output. Reads commands, one per line, from standard
input: ``data TEXT`` sends a data packet, ``mute`` and ``unmute`` switch the microphone, ``leave`` ends it.
"""

import argparse
import asyncio
import json
import sys

import numpy as np
from livekit import rtc

SAMPLE_RATE = 48_000
CHUNK = SAMPLE_RATE // 100  # 10 ms, as WebRTC wants it
TONE_HZ = 440.0
WIDTH, HEIGHT = 640, 360
FRAME_SECONDS = 1 / 15
REPORT_SECONDS = 0.5


def tell(event: str, **fields: object) -> None:
    """One line for the test."""
    print(json.dumps({"event": event, **fields}), flush=True)


class Ear:
    """What arrived on one remote track."""

    def __init__(self, kind: str, identity: str) -> None:
        self.kind = kind
        self.identity = identity
        self.frames = 0
        self.loudest = 0
        self.size = (0, 0)

    def as_fields(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "identity": self.identity,
            "frames": self.frames,
            "loudest": self.loudest,
            "width": self.size[0],
            "height": self.size[1],
        }


async def listen(track: rtc.Track, ear: Ear) -> None:
    stream = rtc.AudioStream(track)
    async for event in stream:
        samples = np.frombuffer(event.frame.data, dtype=np.int16)
        ear.frames += 1
        if samples.size:
            ear.loudest = max(ear.loudest, int(np.abs(samples.astype(np.int32)).max()))


async def watch(track: rtc.Track, ear: Ear) -> None:
    """Counts what WebRTC decoded. Not what ``rtc.VideoStream`` hands out: that one falls silent for good when the event
    loop is late for a single frame and its queue overflows, while pictures go on being decoded."""
    while True:
        for entry in await track.get_stats():
            if entry.WhichOneof("stats") == "inbound_rtp" and entry.inbound_rtp.stream.kind == "video":
                decoded = entry.inbound_rtp.inbound
                ear.frames = decoded.frames_decoded
                ear.size = (decoded.frame_width, decoded.frame_height)
        await asyncio.sleep(REPORT_SECONDS)


async def hum(source: rtc.AudioSource) -> None:
    """A steady tone, so that silence on the other side is a fault."""
    at = 0
    while True:
        times = (np.arange(CHUNK) + at) / SAMPLE_RATE
        wave = (np.sin(2 * np.pi * TONE_HZ * times) * 12_000).astype(np.int16)
        frame = rtc.AudioFrame(wave.tobytes(), SAMPLE_RATE, 1, CHUNK)
        await source.capture_frame(frame)
        at += CHUNK


async def paint(source: rtc.VideoSource) -> None:
    """A bar that walks over the picture, so that every frame differs from the one before."""
    number = 0
    while True:
        picture = np.full((HEIGHT, WIDTH, 4), 60, dtype=np.uint8)
        left = (number * 16) % WIDTH
        picture[:, left : left + 32] = (40, 200, 120, 255)
        frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, picture.tobytes())
        source.capture_frame(frame)
        number += 1
        await asyncio.sleep(FRAME_SECONDS)


async def commands(room: rtc.Room, microphone: rtc.LocalAudioTrack | None) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        command, _, rest = line.partition(" ")
        if command == "leave":
            return
        if command == "data":
            await room.local_participant.publish_data(rest, topic="compat")
            tell("data-sent")
        elif command == "mute" and microphone:
            microphone.mute()
        elif command == "unmute" and microphone:
            microphone.unmute()
        else:
            tell("unknown-command", command=command)


async def report(ears: list[Ear]) -> None:
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        tell("received", tracks=[ear.as_fields() for ear in ears])


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--two-connections", action="store_true", help="one connection per direction, as older SDKs do")
    parser.add_argument("--listen-only", action="store_true")
    options = parser.parse_args()

    room = rtc.Room()
    ears: list[Ear] = []
    tasks: list[asyncio.Task[None]] = []

    @room.on("track_subscribed")
    def _subscribed(track: rtc.Track, _publication: object, participant: rtc.RemoteParticipant) -> None:
        kind = "audio" if track.kind == rtc.TrackKind.KIND_AUDIO else "video"
        ear = Ear(kind, participant.identity)
        ears.append(ear)
        tasks.append(asyncio.create_task((listen if kind == "audio" else watch)(track, ear)))
        tell("subscribed", kind=kind, identity=participant.identity)

    @room.on("data_received")
    def _data(packet: rtc.DataPacket) -> None:
        sender = packet.participant.identity if packet.participant else None
        tell("data", text=bytes(packet.data).decode(errors="replace"), sender=sender, topic=packet.topic)

    @room.on("participant_connected")
    def _came(participant: rtc.RemoteParticipant) -> None:
        tell("came", identity=participant.identity)

    @room.on("participant_disconnected")
    def _went(participant: rtc.RemoteParticipant) -> None:
        tell("went", identity=participant.identity)

    @room.on("disconnected")
    def _gone(reason: object) -> None:
        tell("disconnected", reason=str(reason))

    await room.connect(
        options.url,
        options.token,
        rtc.RoomOptions(auto_subscribe=True, single_peer_connection=not options.two_connections),
    )
    tell("connected", identity=room.local_participant.identity, others=list(room.remote_participants))

    microphone = None
    if not options.listen_only:
        audio = rtc.AudioSource(SAMPLE_RATE, 1)
        video = rtc.VideoSource(WIDTH, HEIGHT)
        microphone = rtc.LocalAudioTrack.create_audio_track("microphone", audio)
        camera = rtc.LocalVideoTrack.create_video_track("camera", video)
        await room.local_participant.publish_track(
            microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        await room.local_participant.publish_track(
            camera,
            rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_CAMERA, video_codec=rtc.VideoCodec.VP8, simulcast=False
            ),
        )
        tasks += [asyncio.create_task(hum(audio)), asyncio.create_task(paint(video))]
        tell("published")

    tasks.append(asyncio.create_task(report(ears)))
    await commands(room, microphone)
    for task in tasks:
        task.cancel()
    await room.disconnect()
    tell("left")


if __name__ == "__main__":
    asyncio.run(main())
