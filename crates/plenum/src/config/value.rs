//! Texts to values: numbers, durations, sizes, addresses. Every function answers with what it expected instead, so that
//! a mistake can be reported next to its key.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What a text should have been.
pub(super) type Expected = String;

/// Longest text of any value, in bytes.
const MAX_TEXT_LENGTH: usize = 4096;

/// Longest duration: ten years.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Any text up to 4096 bytes.
pub(super) fn text(value: &str) -> Result<String, Expected> {
    if value.len() <= MAX_TEXT_LENGTH {
        Ok(value.to_owned())
    } else {
        Err(format!("a text of at most {MAX_TEXT_LENGTH} bytes"))
    }
}

/// A path, not empty.
pub(super) fn path(value: &str) -> Result<PathBuf, Expected> {
    if value.is_empty() || value.contains('\0') { Err("a path".to_owned()) } else { text(value).map(PathBuf::from) }
}

/// The spellings of YAML 1.1, which the reference server accepts.
pub(super) fn boolean(value: &str) -> Result<bool, Expected> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("`true` or `false`".to_owned()),
    }
}

/// A whole number of a range.
pub(super) fn number<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, Expected> {
    move |value| match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("a whole number from {} to {}", range.start(), range.end())),
    }
}

/// An IP address.
pub(super) fn address(value: &str) -> Result<IpAddr, Expected> {
    value.parse().map_err(|_| "an IP address".to_owned())
}

/// An `http://` or `https://` address without blanks.
pub(super) fn web_address(value: &str) -> Result<String, Expected> {
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let usable = host.is_some_and(|host| {
        !host.is_empty() && !host.starts_with('/') && !host.chars().any(|c| c.is_whitespace() || c.is_control())
    });
    if usable { text(value) } else { Err("an address that begins with `https://` or `http://`".to_owned()) }
}

/// Scheme, host and perhaps port of a page, as browsers write it in `Origin`.
pub(super) fn web_origin(value: &str) -> Result<String, Expected> {
    let expected = || "an origin like `https://www.example.org`, without a path".to_owned();
    let origin = web_address(value).map_err(|_| expected())?.to_ascii_lowercase();
    let (_, host) = origin.split_once("://").ok_or_else(expected)?;
    if host.contains(['/', '?', '#', '@']) { Err(expected()) } else { Ok(origin) }
}

/// A duration such as `10m`, `1h30m`, `250ms` or `0`; not negative.
pub(super) fn duration(value: &str) -> Result<Duration, Expected> {
    parse_duration(value).ok_or_else(|| "a duration like `30s`, `10m` or `72h`".to_owned())
}

fn parse_duration(value: &str) -> Option<Duration> {
    if value == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = value;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (amount, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len()));
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(amount.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (!value.is_empty() && total <= MAX_DURATION).then_some(total)
}

/// A size in bytes such as `5mb` or `512k`, in powers of 1024.
pub(super) fn size(value: &str) -> Result<u64, Expected> {
    parse_size(value).ok_or_else(|| "a size like `500k`, `5mb` or `1gb`".to_owned())
}

fn parse_size(value: &str) -> Option<u64> {
    let value = value.trim().to_ascii_lowercase();
    let (amount, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let shift = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    amount.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A network: an address and how many of its leading bits count. A bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address lies inside. An IPv4 address inside an IPv6 one (`::ffff:10.0.0.1`) counts as IPv4, and whoever calls from
    /// `::1` calls from 127.0.0.1: a proxy on this machine that asks for `localhost` takes either.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = u32::from(own) ^ u32::from(other);
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(Ipv6Addr::LOCALHOST)) => self.contains(Ipv4Addr::LOCALHOST.into()),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for Network {
    /// The network that is just this address.
    fn from(address: IpAddr) -> Self {
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

/// A network such as `10.0.0.0/8` or `fd00::1`.
pub(super) fn network(value: &str) -> Result<Network, Expected> {
    let parse = || {
        let (address, bits) = match value.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (value, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = Network::from(address);
        let bits = bits.unwrap_or(whole.bits);
        (bits <= whole.bits).then_some(Network { bits, ..whole })
    };
    parse().ok_or_else(|| "a network like `10.0.0.0/8` or a single address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_amounts_with_units() {
        for (value, millis) in [
            ("0", 0),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("250ms", 250),
            ("72h", 259_200_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(duration(value), Ok(Duration::from_millis(millis)), "{value}");
        }
        for bad in ["", "10", "m", "-5m", "10x", "5m3", "1..2s", "99999999999h", "inf s", "١m", "1e3s", " 5m"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        for (value, bytes) in
            [("0", 0), ("10b", 10), ("5mb", 5 << 20), ("5 MB", 5 << 20), ("1k", 1024), ("2t", 2 << 40)]
        {
            assert_eq!(size(value), Ok(bytes), "{value}");
        }
        for bad in ["", "mb", "-1", "1.5mb", "5mib", "99999999999999tb", "5m b"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_network_holds_the_addresses_that_share_its_leading_bits() {
        let inside = |text: &str, address: &str| network(text).unwrap().contains(address.parse().unwrap());

        assert!(inside("10.0.0.0/8", "10.255.1.2"));
        assert!(!inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(inside("192.168.1.7", "192.168.1.7"));
        assert!(!inside("192.168.1.7", "192.168.1.6"));
        assert!(inside("fd00::/16", "fd00:1::1"));
        assert!(inside("0.0.0.0/0", "8.8.8.8"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("127.0.0.1", "::1") && inside("127.0.0.0/8", "::1"));
        assert!(!inside("10.0.0.0/8", "::1") && !inside("127.0.0.1", "::2"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "fd00::/129", "host"] {
            assert!(network(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_web_address_has_a_scheme_and_a_host() {
        assert!(web_address("https://meet.example.org:3000/x").is_ok());
        for bad in ["", "meet.example.org", "ftp://x", "https://", "http:///x", "https://a b"] {
            assert!(web_address(bad).is_err(), "{bad:?}");
        }
    }
}
