//! A publication, from the request to add it until it is gone.

use crate::ids::Ids;
use crate::types::{Codec, Kind, Layer, Now, PeerKey, TrackKey, UpPlan};
use model::media::Source;
use wire::lk;

/// A track that is published or waits for its section.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) key: TrackKey,
    pub(crate) owner: PeerKey,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    /// Ids under which the section may name it: of the request, then of its codecs.
    pub(crate) cids: Vec<String>,
    /// The layers as the client last announced them, and the longer side of the source at that moment.
    pub(crate) announced: (Vec<lk::VideoLayer>, u32),
    /// As shown to clients.
    pub(crate) info: lk::TrackInfo,
    /// Whether the publisher was told of its first subscriber.
    pub(crate) subscribed: bool,
    /// The best quality anybody wants, as last told to the publisher.
    pub(crate) wanted: Option<Option<u8>>,
}

impl Track {
    /// Makes a track of a request; `None` if its type is no media.
    pub(crate) fn from_request(
        request: &lk::AddTrackRequest,
        key: TrackKey,
        owner: PeerKey,
        ids: &mut Ids,
        now: Now,
    ) -> Option<Self> {
        let kind = match lk::TrackType::try_from(request.r#type) {
            Ok(lk::TrackType::Audio) => Kind::Audio,
            Ok(lk::TrackType::Video) => Kind::Video,
            _ => return None,
        };
        let primary = request.simulcast_codecs.first();
        let codec = match (kind, primary.map(|codec| codec.codec.to_ascii_lowercase())) {
            (Kind::Audio, _) => Codec::Opus,
            (Kind::Video, Some(name)) if name == "h264" || name == "video/h264" => Codec::H264,
            (Kind::Video, _) => Codec::Vp8,
        };
        let mime = match codec {
            Codec::Opus => "audio/opus",
            Codec::Vp8 => "video/VP8",
            Codec::H264 => "video/H264",
        };
        let layers = match primary {
            Some(primary) if !primary.layers.is_empty() => primary.layers.clone(),
            _ => request.layers.clone(),
        };
        let mut cids = vec![request.cid.clone()];
        cids.extend(primary.map(|primary| primary.cid.clone()).filter(|cid| !cid.is_empty() && *cid != request.cid));
        let sid = ids.id(sid_prefix(kind, request.source));
        let mode = if kind == Kind::Video {
            lk::video_layer::Mode::OneSpatialLayerPerStream
        } else {
            lk::video_layer::Mode::Unused
        };
        #[allow(deprecated)]
        let info = lk::TrackInfo {
            sid,
            r#type: request.r#type,
            name: request.name.clone(),
            muted: request.muted,
            width: request.width,
            height: request.height,
            simulcast: layers.len() > 1,
            disable_dtx: request.disable_dtx,
            source: request.source,
            layers: layers.clone(),
            mime_type: mime.to_owned(),
            codecs: vec![lk::SimulcastCodecInfo {
                mime_type: mime.to_owned(),
                cid: request.cid.clone(),
                layers,
                video_layer_mode: mode.into(),
                ..lk::SimulcastCodecInfo::default()
            }],
            stereo: request.stereo,
            disable_red: request.disable_red,
            encryption: request.encryption,
            stream: stream_name(request),
            version: Some(lk::TimedVersion { unix_micro: i64::try_from(now.unix_micros).unwrap_or(0), ticks: 0 }),
            audio_features: request.audio_features.clone(),
            backup_codec_policy: request.backup_codec_policy,
            packet_trailer_features: request.packet_trailer_features.clone(),
            ..lk::TrackInfo::default()
        };
        #[allow(deprecated)]
        let announced = (info.layers.clone(), info.width.max(info.height));
        Some(Self { key, owner, kind, codec, cids, announced, info, subscribed: false, wanted: None })
    }

    /// Where it comes from; what does not say counts as the usual device of its kind.
    pub(crate) fn source(&self) -> Source {
        source_of(self.kind, self.info.source)
    }

    pub(crate) fn sid(&self) -> &str {
        &self.info.sid
    }

    pub(crate) fn stereo(&self) -> bool {
        #[allow(deprecated)]
        let mirror = self.info.stereo;
        mirror || self.info.audio_features.contains(&lk::AudioTrackFeature::TfStereo.into())
    }

    pub(crate) fn up_plan(&self) -> UpPlan {
        #[allow(deprecated)]
        let no_dtx = self.info.disable_dtx || self.info.audio_features.contains(&lk::AudioTrackFeature::TfNoDtx.into());
        UpPlan { codec: self.codec, stereo: self.stereo(), dtx: !no_dtx }
    }

    /// The announced layers, best numbers we have.
    #[allow(deprecated)]
    pub(crate) fn layers(&self) -> Vec<Layer> {
        self.info
            .layers
            .iter()
            .take(3)
            .map(|layer| Layer {
                quality: u8::try_from(layer.quality.clamp(0, 2)).unwrap_or(0),
                width: layer.width,
                height: layer.height,
            })
            .collect()
    }

    /// The announced meaning of rids. A single encoding is the lowest layer whatever it is called.
    #[allow(deprecated)]
    pub(crate) fn rids(&self) -> Vec<(String, u8)> {
        let layers = self.info.layers.iter().take(3).filter(|layer| !layer.rid.is_empty() && layer.rid.len() <= 16);
        let rids = layers.map(|layer| (layer.rid.clone(), u8::try_from(layer.quality.clamp(0, 2)).unwrap_or(0)));
        if self.info.layers.len() > 1 { rids.collect() } else { Vec::new() }
    }

    pub(crate) fn is_screen(&self) -> bool {
        self.source() == Source::ScreenShare
    }
}

/// The source a request names.
pub(crate) fn source_of(kind: Kind, source: i32) -> Source {
    match (lk::TrackSource::try_from(source), kind) {
        (Ok(lk::TrackSource::Camera), _) => Source::Camera,
        (Ok(lk::TrackSource::Microphone), _) => Source::Microphone,
        (Ok(lk::TrackSource::ScreenShare), _) => Source::ScreenShare,
        (Ok(lk::TrackSource::ScreenShareAudio), _) => Source::ScreenShareAudio,
        (_, Kind::Audio) => Source::Microphone,
        (_, Kind::Video) => Source::Camera,
    }
}

fn sid_prefix(kind: Kind, source: i32) -> &'static str {
    match (kind, lk::TrackSource::try_from(source)) {
        (Kind::Audio, Ok(lk::TrackSource::Microphone)) => "TR_AM",
        (Kind::Audio, Ok(lk::TrackSource::ScreenShareAudio)) => "TR_As",
        (Kind::Audio, _) => "TR_A",
        (Kind::Video, Ok(lk::TrackSource::Camera)) => "TR_VC",
        (Kind::Video, Ok(lk::TrackSource::ScreenShare)) => "TR_VS",
        (Kind::Video, _) => "TR_V",
    }
}

fn stream_name(request: &lk::AddTrackRequest) -> String {
    if !request.stream.is_empty() {
        return request.stream.clone();
    }
    match lk::TrackSource::try_from(request.source) {
        Ok(lk::TrackSource::Camera | lk::TrackSource::Microphone) => "camera",
        Ok(lk::TrackSource::ScreenShare | lk::TrackSource::ScreenShareAudio) => "screen",
        _ => "unknown",
    }
    .to_owned()
}
