//! Somebody inside the process who takes part.

use crate::simulation::film::{Codec, Shot, Sound};
use crate::simulation::world::{World, permission};
use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId, SessionId};
use ports::media::ConnectError;
use ports::media::inside::{
    Format, InsideEnd, InsideItem, InsideJoin, InsideKind, InsideOrder, ItemReceiver, SentFrame, TapFrame, items,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const ROOM: &str = "room";

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An insider and everything it was told.
pub(crate) struct Guest {
    pub(crate) link: u64,
    pub(crate) items: ItemReceiver,
    pub(crate) told: Vec<InsideItem>,
    pub(crate) frame: u32,
    pub(crate) sounds: u32,
}

/// The number under which an insider's packets are recognised.
pub(crate) const NUMBER: u16 = 999;

impl Guest {
    pub(crate) fn enter(
        world: &mut World,
        name: &str,
        kind: InsideKind,
        permission: MediaPermission,
        capacity: usize,
    ) -> Self {
        Self::try_enter(world, "session", name, kind, permission, capacity).unwrap()
    }

    /// Enters with that session of the meeting.
    pub(crate) fn try_enter(
        world: &mut World,
        session: &str,
        name: &str,
        kind: InsideKind,
        permission: MediaPermission,
        capacity: usize,
    ) -> Result<Self, ConnectError> {
        let (sender, items) = items(capacity);
        let join = InsideJoin {
            room: RoomId::try_from(ROOM).unwrap(),
            session: SessionId::try_from(session).unwrap(),
            identity: Identity::try_from(name).unwrap(),
            name: name.to_owned(),
            metadata: String::new(),
            attributes: Default::default(),
            kind,
            permission,
        };
        let link = world.engine.enter(&join, sender, world.now)?;
        world.run(millis(10));
        Ok(Self { link, items, told: Vec::new(), frame: 0, sounds: 0 })
    }

    /// Of the tracks it was told of, whether it receives them.
    pub(crate) fn receiving(&mut self) -> BTreeMap<String, bool> {
        self.read();
        let told = self.told.iter().filter_map(|item| match item {
            InsideItem::Receiving { sid, yes } => Some((sid.clone(), *yes)),
            _ => None,
        });
        told.collect()
    }

    /// Why it was put out, if it was.
    pub(crate) fn end(&mut self) -> Option<InsideEnd> {
        self.read();
        self.told.iter().find_map(|item| if let InsideItem::Left(why) = item { Some(*why) } else { None })
    }

    pub(crate) fn order(&mut self, world: &mut World, order: InsideOrder) {
        world.engine.inside_order(self.link, order, world.now);
        world.run(millis(1));
    }

    pub(crate) fn read(&mut self) {
        self.told.extend(std::iter::from_fn(|| self.items.try_recv()));
    }

    /// Tracks of others it was told of: sid and whether it is sound.
    pub(crate) fn tracks(&mut self) -> Vec<(String, bool)> {
        self.read();
        let tracks = self.told.iter().filter_map(|item| match item {
            InsideItem::Track { sid, audio, .. } => Some((sid.clone(), *audio)),
            _ => None,
        });
        tracks.collect()
    }

    pub(crate) fn subscribe(&mut self, world: &mut World) {
        for (sid, _) in self.tracks() {
            self.order(world, InsideOrder::Subscribe { sid, wanted: true });
        }
        world.run(millis(500));
    }

    pub(crate) fn frames(&mut self, audio: bool) -> Vec<TapFrame> {
        self.read();
        let frames = self.told.iter().filter_map(|item| match item {
            InsideItem::Frame(frame) if frame.format.is_sound() == audio => Some(frame.clone()),
            _ => None,
        });
        frames.collect()
    }

    pub(crate) fn publish(&mut self, world: &mut World) {
        let camera = InsideOrder::Publish {
            name: "cam".into(),
            source: Source::Camera,
            format: Format::Vp8,
            size: (640, 360),
            stereo: false,
        };
        let microphone = InsideOrder::Publish {
            name: "mic".into(),
            source: Source::Microphone,
            format: Format::Opus,
            size: (0, 0),
            stereo: false,
        };
        self.order(world, camera);
        self.order(world, microphone);
        world.run(millis(800));
    }

    /// Speaks and shows pictures; a key frame when asked.
    pub(crate) fn send(&mut self, world: &mut World, frames: u32) {
        for _ in 0..frames {
            let asked = self.is_asked_for_a_key_frame();
            self.frame += 1;
            let shot = Shot {
                codec: Codec::Vp8,
                scalable: false,
                publisher: NUMBER,
                camera: 1,
                layer: 0,
                frame: self.frame,
                first: true,
                last: true,
                key_frame: asked || self.frame == 1,
                temporal: 0,
                id: u16::try_from(self.frame).unwrap(),
                base: u8::try_from(self.frame).unwrap(),
                picture_id: 0,
                base_index: 0,
                marker: true,
            };
            self.send_frame(world, "cam", self.frame * 3600, None, shot.frame(600));
            self.sounds += 1;
            let sound = Sound { publisher: NUMBER, number: self.sounds };
            self.send_frame(world, "mic", self.sounds * 1920, Some(20), sound.payload().to_vec());
            world.run(millis(37));
        }
    }

    pub(crate) fn is_asked_for_a_key_frame(&mut self) -> bool {
        let before = self.told.len();
        self.read();
        self.told[before..].iter().any(|item| matches!(item, InsideItem::KeyFrameWanted { .. }))
    }

    pub(crate) fn send_frame(
        &mut self,
        world: &mut World,
        name: &str,
        timestamp: u32,
        audio_level: Option<u8>,
        data: Vec<u8>,
    ) {
        let frame = SentFrame { timestamp, captured: None, audio_level, data: data.into() };
        self.order(world, InsideOrder::Send { name: name.into(), frame });
    }
}

/// Which pictures they are.
pub(crate) fn numbers(pictures: &[TapFrame]) -> Vec<u32> {
    pictures.iter().map(|picture| Shot::number_in(&picture.data).unwrap()).collect()
}

pub(crate) fn hidden() -> MediaPermission {
    MediaPermission { publish: Sources::NONE, hidden: true, ..permission() }
}
