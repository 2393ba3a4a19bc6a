//! Turns the stack's description into ours: directions, names, codec order and format parameters per section.
//!
//! The stack mirrors the directions of an offer. LiveKit's single-connection profile needs more: a receiving half without
//! a track answers `inactive`, one with a track carries its name, and the first payload type of a sending half decides
//! what the client encodes with (media-protocol.md sections 7.4 and 7.6).

use crate::plan::{Codec, Kind, Up};
use crate::sdp::{Description, Section};
use std::fmt::Write;

/// The stream identifiers of a half in which the client receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DownLines {
    pub(crate) stream: String,
    pub(crate) track: String,
    pub(crate) cname: String,
    pub(crate) stereo: bool,
    pub(crate) ssrc: u32,
    pub(crate) rtx: Option<u32>,
}

/// What becomes of one section.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rewrite {
    pub(crate) up: Option<Up>,
    pub(crate) down: Option<DownLines>,
    /// Whether the other side's section has several encodings; otherwise ours must not speak of any.
    pub(crate) simulcast: bool,
}

/// Rewrites a description made by the stack. `rewrite` answers for a mid; `None` keeps nothing but an inactive section.
pub(crate) fn rewrite(text: &str, rewrite: impl Fn(&str) -> Option<Rewrite>) -> String {
    let description = Description::parse(text);
    let mut out = String::with_capacity(text.len() + 512);
    for line in &description.session {
        if line.starts_with("a=msid-semantic") {
            push(&mut out, "a=msid-semantic:WMS *");
        } else {
            push(&mut out, line);
        }
    }
    for section in &description.sections {
        match section.kind() {
            Some(kind) => {
                let plan = section.mid().and_then(&rewrite).unwrap_or_default();
                write_section(&mut out, section, kind, &plan);
            }
            None => section.lines.iter().for_each(|line| push(&mut out, line)),
        }
    }
    out
}

/// The description without its UDP candidates, unless it has no others: then a client could do nothing with it.
pub(crate) fn without_datagrams(text: &str) -> String {
    // a=candidate:foundation component transport priority ... (RFC 8839 section 5.1)
    let transport = |line: &str| line.strip_prefix("a=candidate:")?.split(' ').nth(2).map(str::to_ascii_lowercase);
    if !text.lines().any(|line| transport(line).as_deref() == Some("tcp")) {
        return text.to_owned();
    }
    text.split_inclusive('\n').filter(|line| transport(line).as_deref() != Some("udp")).collect()
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

fn write_section(out: &mut String, section: &Section<'_>, kind: Kind, plan: &Rewrite) {
    let formats = Formats::read(section);
    let keep = formats.choose(plan);
    let direction = match (plan.up.is_some(), plan.down.is_some()) {
        (true, true) => "a=sendrecv",
        (false, true) => "a=sendonly",
        (true, false) => "a=recvonly",
        (false, false) => "a=inactive",
    };
    for line in &section.lines {
        if line.starts_with("m=") {
            let mut head = line.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" ");
            for pt in &keep {
                let _ = write!(head, " {pt}");
            }
            push(out, &head);
            continue;
        }
        let Some(attribute) = line.strip_prefix("a=") else {
            push(out, line);
            continue;
        };
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => push(out, direction),
            "msid" | "ssrc" | "ssrc-group" => {}
            "rid" | "simulcast" if !(plan.simulcast && plan.up.is_some()) => {}
            "rtpmap" | "fmtp" | "rtcp-fb" => {
                let pt = value.split(' ').next().unwrap_or_default();
                if !keep.contains(&pt) || (name == "rtcp-fb" && value.ends_with("goog-remb")) {
                    continue;
                }
                if name == "fmtp" && kind == Kind::Audio && formats.codec(pt) == Some("OPUS") {
                    push(out, &format!("a=fmtp:{pt} {}", opus_parameters(plan)));
                } else {
                    push(out, line);
                }
            }
            _ => push(out, line),
        }
    }
    if let Some(down) = &plan.down {
        push(out, &format!("a=msid:{} {}", down.stream, down.track));
        if let Some(rtx) = down.rtx {
            push(out, &format!("a=ssrc-group:FID {} {rtx}", down.ssrc));
        }
        for ssrc in [Some(down.ssrc), down.rtx].into_iter().flatten() {
            push(out, &format!("a=ssrc:{ssrc} cname:{}", down.cname));
            push(out, &format!("a=ssrc:{ssrc} msid:{} {}", down.stream, down.track));
        }
    }
}

fn opus_parameters(plan: &Rewrite) -> String {
    let mut text = String::from("minptime=10;useinbandfec=1");
    let stereo = match (&plan.up, &plan.down) {
        (Some(up), _) => {
            if up.dtx {
                text.push_str(";usedtx=1");
            }
            if up.stereo {
                text.push_str(";maxaveragebitrate=510000");
            }
            up.stereo
        }
        (None, Some(down)) => down.stereo,
        (None, None) => false,
    };
    if stereo {
        text.push_str(";stereo=1;sprop-stereo=1");
    }
    text
}

/// The payload types of a section in its order, with what they mean.
struct Formats<'a> {
    list: Vec<Format<'a>>,
}

struct Format<'a> {
    pt: &'a str,
    /// Upper case encoding name.
    codec: String,
    parameters: &'a str,
}

impl<'a> Formats<'a> {
    fn read(section: &Section<'a>) -> Self {
        let order = section.lines.first().map(|line| line.split(' ').skip(3)).into_iter().flatten();
        let list = order
            .map(|pt| {
                let of = |name: &'static str| {
                    section.attributes(name).find_map(|value| value.strip_prefix(pt)?.strip_prefix(' '))
                };
                let codec = of("rtpmap").and_then(|map| map.split('/').next()).unwrap_or_default();
                Format { pt, codec: codec.to_ascii_uppercase(), parameters: of("fmtp").unwrap_or_default() }
            })
            .collect();
        Self { list }
    }

    fn codec(&self, pt: &str) -> Option<&str> {
        self.list.iter().find(|format| format.pt == pt).map(|format| format.codec.as_str())
    }

    /// The payload types to answer with, best first. A half in which only the client sends gets the wanted codec and its
    /// retransmission alone; with a receiving half the others follow behind.
    fn choose(&self, plan: &Rewrite) -> Vec<&'a str> {
        let all = || self.list.iter().map(|format| format.pt).collect::<Vec<_>>();
        let Some(up) = plan.up else { return all() };
        let mut wanted: Vec<&Format<'a>> = self.list.iter().filter(|format| format.codec == up.codec.name()).collect();
        if up.codec == Codec::H264 {
            wanted.retain(|format| format.parameters.contains("packetization-mode=1"));
            wanted.sort_by_key(|format| h264_rank(format.parameters));
        }
        // Ten bits a colour and more are nothing that every receiver of these codecs reads.
        if matches!(up.codec, Codec::Vp9 | Codec::Av1) {
            wanted.retain(|format| format.is_main_profile());
        }
        if wanted.is_empty() {
            return all();
        }
        let mut keep: Vec<&'a str> = Vec::with_capacity(self.list.len());
        // Redundancy is used if it stands first (section 7.6).
        if up.red {
            let red = self.list.iter().filter(|format| format.codec == Codec::Red.name());
            keep.extend(red.map(|format| format.pt));
        }
        for format in wanted {
            keep.push(format.pt);
            keep.extend(self.list.iter().filter(|rtx| rtx.repairs(format.pt)).map(|rtx| rtx.pt));
        }
        if plan.down.is_some() {
            let rest: Vec<_> = all().into_iter().filter(|pt| !keep.contains(pt)).collect();
            keep.extend(rest);
        }
        keep
    }
}

impl Format<'_> {
    /// `profile-id` of VP9 and `profile` of AV1, which are 0 if absent.
    fn is_main_profile(&self) -> bool {
        let mut profiles = self.parameters.split(';').filter_map(|part| {
            let part = part.trim();
            part.strip_prefix("profile-id=").or_else(|| part.strip_prefix("profile="))
        });
        profiles.all(|profile| profile == "0")
    }

    fn repairs(&self, pt: &str) -> bool {
        self.codec == "RTX" && self.parameters.split(';').any(|part| part.trim().strip_prefix("apt=") == Some(pt))
    }
}

/// Constrained baseline before baseline before the rest: what every browser encodes in hardware and software.
fn h264_rank(parameters: &str) -> u8 {
    let profile = parameters.split(';').find_map(|part| part.trim().strip_prefix("profile-level-id="));
    match profile.map(str::to_ascii_lowercase) {
        Some(id) if id.starts_with("42e0") => 0,
        Some(id) if id.starts_with("4200") => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_candidates_are_left_out_if_others_remain() {
        let udp = "a=candidate:1 1 udp 2130706175 192.0.2.1 8080 typ host\r\n";
        let tcp = "a=candidate:2 1 tcp 1671430143 192.0.2.1 8080 typ host tcptype passive\r\n";
        let around = |candidates: &str| format!("m=audio 9 X\r\n{candidates}a=mid:0\r\n");

        assert_eq!(without_datagrams(&around(&[udp, tcp].concat())), around(tcp));
        assert_eq!(without_datagrams(&around(udp)), around(udp));
    }
}
