//! How many sections a client may be asked for: each makes its descriptions longer, and they never become shorter again
//! (media-protocol.md sections 7.4 and 25, H6 and H7).

use crate::types::Kind;
use std::time::Duration;

/// A description grows that far for what the client receives. Refused is what has more than 512 KiB, 20,000 lines or 500
/// sections; the difference is for what the client publishes: a camera and a screen in two codecs each, and their sound, have
/// 24 KB and 800 lines.
const MOST: Extent = Extent { bytes: 484 * 1024, lines: 18_800, sections: 480 };

/// Pictures leave room for so many sections of sound: whoever is not seen is still heard.
const SOUNDS: usize = 128;

/// A section of a client of which we have seen none yet: more than those of any browser.
const UNSEEN_AUDIO: Extent = Extent { bytes: 1536, lines: 48, sections: 1 };
const UNSEEN_VIDEO: Extent = Extent { bytes: 6144, lines: 200, sections: 1 };

/// A description longer than this is followed by a pause before the next one is asked for, so that in the long run they stay
/// within half of the bytes that a client may send.
const SHORT: usize = 32 * 1024;
const BYTES_PER_SECOND: usize = 256 * 1024;

/// How long a description, or a part of one, is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    bytes: usize,
    lines: usize,
    sections: usize,
}

impl Extent {
    fn add_line(&mut self, line: &str) {
        self.bytes += line.len() + "\r\n".len();
        self.lines += 1;
    }

    /// What remains without so many parts.
    fn without(self, part: Self, count: usize) -> Self {
        let rest = |all: usize, one: usize| all.saturating_sub(one.saturating_mul(count));
        Self {
            bytes: rest(self.bytes, part.bytes),
            lines: rest(self.lines, part.lines),
            sections: rest(self.sections, part.sections),
        }
    }

    /// How many parts fit.
    fn holds(self, part: Self) -> usize {
        let fit = |all: usize, one: usize| all / one.max(1);
        fit(self.bytes, part.bytes).min(fit(self.lines, part.lines)).min(fit(self.sections, part.sections))
    }

    fn max(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            lines: self.lines.max(other.lines),
            sections: self.sections.max(other.sections),
        }
    }
}

/// What the last description of a client tells of how long its next will be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Described {
    /// Of an insider, who describes nothing: any number of sections will do.
    boundless: bool,
    all: Extent,
    /// Sections of sound, whatever they are for.
    audios: usize,
    /// The longest section in which the client only receives.
    audio: Option<Extent>,
    video: Option<Extent>,
}

impl Described {
    /// Measures a description.
    pub(crate) fn of(text: &str) -> Self {
        let mut described = Self { boundless: text.is_empty(), ..Self::default() };
        let mut current: Option<(Kind, Extent, bool)> = None;
        for line in text.lines() {
            described.all.add_line(line);
            if line.starts_with("m=") {
                described.close(current.take());
                described.all.sections += 1;
                let kind = match () {
                    () if line.starts_with("m=audio ") => Some(Kind::Audio),
                    () if line.starts_with("m=video ") => Some(Kind::Video),
                    () => None,
                };
                described.audios += usize::from(kind == Some(Kind::Audio));
                current = kind.map(|kind| (kind, Extent { sections: 1, ..Extent::default() }, false));
            }
            // Addresses stand in the first section of a bundle only.
            if let Some((_, extent, receives)) = &mut current
                && !line.starts_with("a=candidate:")
            {
                extent.add_line(line);
                *receives |= line == "a=recvonly";
            }
        }
        described.close(current);
        described
    }

    fn close(&mut self, section: Option<(Kind, Extent, bool)>) {
        let Some((kind, extent, true)) = section else { return };
        let longest = match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        };
        *longest = Some(longest.map_or(extent, |longest| longest.max(extent)));
    }

    /// How many of the missing sections, of sound and of pictures, the next description has room for.
    pub(crate) fn room_for(&self, audios: usize, videos: usize) -> (usize, usize) {
        if self.boundless {
            return (audios, videos);
        }
        let (audio, video) = (self.audio.unwrap_or(UNSEEN_AUDIO), self.video.unwrap_or(UNSEEN_VIDEO));
        let free = MOST.without(self.all, 1);
        let audios = audios.min(free.holds(audio));
        let kept = audios.max(SOUNDS.saturating_sub(self.audios));
        (audios, videos.min(free.without(audio, kept).holds(video)))
    }

    /// How long not to ask for another such description.
    pub(crate) fn pause(&self) -> Duration {
        let millis = self.all.bytes.saturating_sub(SHORT).saturating_mul(1000) / BYTES_PER_SECOND;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section as long as Chromium's.
    fn section(kind: &str, direction: &str) -> String {
        let (bytes, lines) = if kind == "audio" { (937, 28) } else { (5075, 167) };
        let mut text = format!("m={kind} 9 UDP/TLS/RTP/SAVPF 111\r\na={direction}\r\n");
        for left in (1..=lines - 2).rev() {
            let length = (bytes - text.len()) / left;
            text += &format!("{}\r\n", "x".repeat(length - 2));
        }
        assert_eq!((text.len(), text.lines().count()), (bytes, lines));
        text
    }

    fn offer(audios: usize, videos: usize) -> Described {
        let audio = section("audio", "recvonly").repeat(audios);
        Described::of(&format!("v=0\r\n{audio}{}", section("video", "recvonly").repeat(videos)))
    }

    #[test]
    fn a_description_is_measured_by_its_receiving_sections_without_addresses() {
        let sending = section("video", "sendonly").replace("xx", "yyyyyyyyyy");
        let first = section("audio", "recvonly") + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n";
        let text = format!("v=0\r\n{first}{sending}m=application 9 DTLS/SCTP 5000\r\n{}", section("video", "recvonly"));
        let described = Described::of(&text);
        let whole = Extent { bytes: text.len(), lines: text.lines().count(), sections: 4 };
        assert_eq!((described.all, described.audios), (whole, 1));
        assert_eq!(described.audio, Some(Extent { bytes: 937, lines: 28, sections: 1 }));
        assert_eq!(described.video, Some(Extent { bytes: 5075, lines: 167, sections: 1 }));
    }

    #[test]
    fn what_is_asked_for_fits_and_leaves_room_for_sound() {
        let first = offer(3, 3);
        assert_eq!(first.room_for(5, 10), (5, 10), "nothing is cut in a small room");
        let (audios, videos) = first.room_for(0, 400);
        assert_eq!((audios, videos), (0, 71));
        let full = offer(3, 3 + videos);
        assert_eq!(full.room_for(0, 1), (0, 0));
        assert_eq!(full.room_for(400, 1), (125, 0), "somebody is not seen rather than not heard");
        assert_eq!(offer(131, 3 + videos).room_for(400, 400), (0, 0));
        // Of short sections there are many, within the most of a description.
        let short = Described::of("m=audio 9\r\na=recvonly\r\nm=video 9\r\na=recvonly\r\n");
        assert_eq!(short.room_for(400, 400), (400, 78));
        assert_eq!(short.room_for(0, 400), (0, 351));
    }

    #[test]
    fn who_was_not_seen_yet_is_taken_for_the_longest_and_insiders_for_nothing() {
        assert_eq!(Described::of("v=0\r\n").room_for(400, 400), (322, 0));
        assert_eq!(Described::of("v=0\r\n").room_for(0, 400), (0, 48));
        assert_eq!(Described::default().room_for(0, 400), (0, 48));
        assert_eq!(Described::of("").room_for(400, 400), (400, 400));
    }

    #[test]
    fn long_descriptions_keep_within_the_bytes_a_client_may_send() {
        assert_eq!(offer(3, 3).pause(), Duration::ZERO);
        // Even asked for at once after the pause or the usual wait, and answered in no time.
        for videos in 1..95 {
            let described = offer(3, videos);
            let wait = described.pause().max(Duration::from_millis(150)).as_secs_f64();
            let (bytes, _) = (described.all.bytes, described.all.lines);
            assert!(f64::from(u32::try_from(bytes).unwrap()) / wait < 512.0 * 1024.0, "{bytes} bytes");
        }
    }
}
