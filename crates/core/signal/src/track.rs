//! A publication, from the request to add it until it is gone.

use crate::ids::Ids;
use crate::mute::MuteOrder;
use crate::types::{Codec, Kind, Layer, Now, PeerKey, TrackKey, UpPlan};
use model::media::Source;
use wire::lk;

/// A track that is published or waits for its section.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) key: TrackKey,
    pub(crate) owner: PeerKey,
    pub(crate) kind: Kind,
    /// The codecs it comes in: the first is the one it was published with. There are as many in `info`.
    pub(crate) encodings: Vec<Encoding>,
    /// The longer side of the source when the layers were announced last.
    pub(crate) side: u32,
    /// What the publisher would add for those who do not take the first.
    pub(crate) backup: Option<Codec>,
    /// Somebody needs that.
    pub(crate) backup_wanted: bool,
    /// All who can shall get the backup (section 8.6).
    pub(crate) regressed: bool,
    /// As shown to clients.
    pub(crate) info: lk::TrackInfo,
    /// Whether the publisher was told of its first subscriber.
    pub(crate) subscribed: bool,
    /// Somebody else muted it, and its owner's client has not said that it is.
    pub(crate) mute_order: Option<MuteOrder>,
}

/// A track in one codec.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) codec: Codec,
    /// Ids under which the section may name it.
    pub(crate) cids: Vec<String>,
    /// The layers as the client last announced them.
    pub(crate) announced: Vec<lk::VideoLayer>,
    /// The best quality anybody wants, as last told to the publisher.
    pub(crate) wanted: Option<Option<u8>>,
    /// Its section, once there.
    pub(crate) mid: Option<String>,
}

impl Encoding {
    pub(crate) fn new(codec: Codec, cids: Vec<String>, announced: Vec<lk::VideoLayer>) -> Self {
        Self { codec, cids, announced, wanted: None, mid: None }
    }
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
        let codec = match kind {
            Kind::Audio => Codec::Opus,
            Kind::Video => primary.and_then(|codec| Codec::of_pictures(&codec.codec)).unwrap_or(Codec::Vp8),
        };
        let mime = codec.mime();
        let encrypted = request.encryption != i32::from(lk::encryption::Type::None);
        let others = request.simulcast_codecs.iter().skip(1).filter(|_| kind == Kind::Video && !encrypted);
        let backup = others.filter_map(|other| Codec::of_pictures(&other.codec)).find(|other| *other != codec);
        let layers = match primary {
            Some(primary) if !primary.layers.is_empty() => primary.layers.clone(),
            _ => request.layers.clone(),
        };
        let mut cids = vec![request.cid.clone()];
        cids.extend(primary.map(|primary| primary.cid.clone()).filter(|cid| !cid.is_empty() && *cid != request.cid));
        let sid = ids.id(sid_prefix(kind, request.source));
        let mode = if kind == Kind::Video {
            layer_mode(codec, primary.map_or(0, |primary| primary.video_layer_mode))
        } else {
            lk::video_layer::Mode::Unused.into()
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
                video_layer_mode: mode,
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
        let (announced, side) = (info.layers.clone(), info.width.max(info.height));
        Some(Self {
            key,
            owner,
            kind,
            encodings: vec![Encoding::new(codec, cids, announced)],
            side,
            backup,
            backup_wanted: false,
            regressed: false,
            info,
            subscribed: false,
            mute_order: None,
        })
    }

    /// Adds a codec; the index of it.
    pub(crate) fn add_encoding(&mut self, codec: Codec, request: &lk::AddTrackRequest) -> usize {
        let described = request.simulcast_codecs.first();
        let layers = match described {
            Some(described) if !described.layers.is_empty() => described.layers.clone(),
            _ => request.layers.clone(),
        };
        self.info.codecs.push(lk::SimulcastCodecInfo {
            mime_type: codec.mime().to_owned(),
            cid: request.cid.clone(),
            layers: layers.clone(),
            video_layer_mode: layer_mode(codec, described.map_or(0, |described| described.video_layer_mode)),
            ..lk::SimulcastCodecInfo::default()
        });
        self.encodings.push(Encoding::new(codec, vec![request.cid.clone()], layers));
        self.encodings.len() - 1
    }

    /// Whether a section of that name may be one of this track's.
    pub(crate) fn is_called(&self, cid: &str) -> bool {
        self.encodings.iter().any(|encoding| encoding.cids.iter().any(|known| known == cid))
    }

    /// Whether it, or a codec of it, waits for a section of that name.
    pub(crate) fn waits_for(&self, cid: &str) -> bool {
        let mut waiting = self.encodings.iter().filter(|encoding| encoding.mid.is_none());
        waiting.any(|encoding| encoding.cids.iter().any(|known| known == cid))
    }

    /// A codec has its section now.
    pub(crate) fn place(&mut self, encoding: usize, mid: &str, sdp_cid: &str) {
        if let Some(known) = self.encodings.get_mut(encoding) {
            known.mid = Some(mid.to_owned());
        }
        if let Some(shown) = self.info.codecs.get_mut(encoding) {
            mid.clone_into(&mut shown.mid);
            if shown.cid != sdp_cid {
                sdp_cid.clone_into(&mut shown.sdp_cid);
            }
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.info.encryption != i32::from(lk::encryption::Type::None)
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

    pub(crate) fn up_plan(&self, encoding: usize) -> UpPlan {
        #[allow(deprecated)]
        let no_dtx = self.info.disable_dtx || self.info.audio_features.contains(&lk::AudioTrackFeature::TfNoDtx.into());
        let codec = self.encodings.get(encoding).map_or(Codec::Vp8, |encoding| encoding.codec);
        // What is encrypted end to end is sealed with its repetitions: nobody could take it apart (section 14).
        let red = self.kind == Kind::Audio && !self.info.disable_red && !self.is_encrypted();
        UpPlan { codec, stereo: self.stereo(), dtx: !no_dtx, red }
    }

    fn layers_of(&self, encoding: usize) -> &[lk::VideoLayer] {
        self.info.codecs.get(encoding).map_or(&[], |codec| &codec.layers)
    }

    /// The announced layers of a codec, best numbers we have.
    pub(crate) fn layers(&self, encoding: usize) -> Vec<Layer> {
        self.layers_of(encoding)
            .iter()
            .take(3)
            .map(|layer| Layer {
                quality: u8::try_from(layer.quality.clamp(0, 2)).unwrap_or(0),
                width: layer.width,
                height: layer.height,
                bitrate: layer.bitrate,
            })
            .collect()
    }

    /// The announced meaning of rids. A single encoding is the lowest layer whatever it is called.
    pub(crate) fn rids(&self, encoding: usize) -> Vec<(String, u8)> {
        let announced = self.layers_of(encoding);
        let layers = announced.iter().take(3).filter(|layer| !layer.rid.is_empty() && layer.rid.len() <= 16);
        let rids = layers.map(|layer| (layer.rid.clone(), u8::try_from(layer.quality.clamp(0, 2)).unwrap_or(0)));
        if announced.len() > 1 { rids.collect() } else { Vec::new() }
    }

    pub(crate) fn is_screen(&self) -> bool {
        self.source() == Source::ScreenShare
    }
}

/// How a codec carries layers: as the client says, or as encoders do.
fn layer_mode(codec: Codec, said: i32) -> i32 {
    use lk::video_layer::Mode;
    match Mode::try_from(said) {
        Ok(Mode::Unused) | Err(_) if codec.is_scalable() => Mode::MultipleSpatialLayersPerStream.into(),
        Ok(Mode::Unused) | Err(_) => Mode::OneSpatialLayerPerStream.into(),
        Ok(said) => said.into(),
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
