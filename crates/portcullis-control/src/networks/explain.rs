//! One entry: what it is or, if it is nothing, what it was probably meant to be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_domain::{InvalidNetwork, Network};

use super::{Refusal, Remark, ipv4};

const NO_NAMES: &str = "names can't be used, only addresses; a note can go after #";
const ANY: &str = "that is any address; choose any address instead of listing it";

/// The network that a text stands for, with what should be known of it.
pub(super) fn understand(text: &str) -> Result<(Network, Vec<Remark>), Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(no("an address, a network or a range is missing"));
    }
    if text.len() > 100 {
        return Err(no("too long to be an address"));
    }
    if matches!(
        text.to_ascii_lowercase().as_str(),
        "any" | "all" | "*" | "anywhere" | "everyone" | "everybody"
    ) {
        return Err(no(ANY));
    }
    if !text.is_ascii() {
        return Err(foreign(text));
    }
    match Network::parse(text) {
        Ok(network) if is_any(&network) => Err(no(ANY)),
        Ok(network) if is_nobody(&network) => Err(no(nobody(&network))),
        Ok(network) => Ok((network, remarks(text, &network))),
        Err(error) => Err(explain(text, &error)),
    }
}

/// Refuses, in the words for a program, a network that is no limit: all addresses of a family, or the one that nobody has.
pub(crate) fn require_some(network: &Network) -> Result<(), String> {
    if is_any(network) {
        return Err(format!("{network} is any address; to let everybody in, leave the list empty"));
    }
    if is_nobody(network) { Err(nobody(network)) } else { Ok(()) }
}

fn nobody(network: &Network) -> String {
    format!("{network} is nobody's address; for everybody, choose any address")
}

/// The network of this text, if it is accepted.
pub(super) fn plainly_right(text: &str) -> Option<Network> {
    Network::parse(text).ok().filter(|network| !is_any(network) && !is_nobody(network))
}

fn is_any(network: &Network) -> bool {
    match network.bounds() {
        (IpAddr::V4(first), IpAddr::V4(last)) => first.to_bits() == 0 && last.to_bits() == u32::MAX,
        (IpAddr::V6(first), IpAddr::V6(last)) => first.to_bits() == 0 && last.to_bits() == u128::MAX,
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn is_nobody(network: &Network) -> bool {
    let (first, last) = network.bounds();
    first == last && first.is_unspecified()
}

fn remarks(text: &str, network: &Network) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let (first, last) = network.bounds();
    let base = text.split_once('/').and_then(|(base, _)| base.trim().parse::<IpAddr>().ok());
    if base.is_some_and(|base| base.to_canonical() != first && base != first) {
        remarks.push(Remark::HostBits);
    }
    if first.is_ipv4() && text.contains(':') {
        remarks.push(Remark::Ipv4InIpv6);
    }
    if first.is_loopback() && last.is_loopback() {
        remarks.push(Remark::ThisMachine);
    } else if is_private(first) && is_private(last) {
        remarks.push(Remark::Private);
    }
    remarks
}

/// Addresses that are not routed: RFC 1918, RFC 3927, RFC 6598, RFC 4193, RFC 4291 section 2.5.6.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let carrier = address.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22;
            address.is_private() || address.is_link_local() || carrier
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

fn no(message: impl Into<String>) -> Refusal {
    Refusal { message: message.into(), suggestion: None }
}

fn meant(message: impl Into<String>, text: &str) -> Refusal {
    Refusal { message: message.into(), suggestion: plainly_right(text) }
}

/// What is written with the digits and dots of another keyboard, such as full-width ones.
fn foreign(text: &str) -> Refusal {
    let plain: String = text.chars().map(ascii).collect();
    if plain.is_ascii() {
        let suggestion = match understand(&plain) {
            Ok((network, _)) => Some(network),
            Err(refusal) => refusal.suggestion,
        };
        return Refusal {
            message: "write it with the plain digits 0-9 and the plain dot".to_owned(),
            suggestion,
        };
    }
    no(if text.chars().any(char::is_alphabetic) { NO_NAMES } else { "not an address" })
}

/// The ASCII character of which this is the full-width form (Unicode block Halfwidth and Fullwidth Forms).
fn ascii(c: char) -> char {
    match c {
        '。' | '｡' => '.',
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        other => other,
    }
}

fn explain(text: &str, error: &InvalidNetwork) -> Refusal {
    if text.contains([',', ';', ' ', '\t']) {
        return no("one address, network or range at a time");
    }
    if let Some((_, rest)) = text.split_once("://") {
        return web_address(rest);
    }
    if text.contains('@') {
        return no(NO_NAMES);
    }
    if let Some((address, rest)) = text.split_once('%') {
        let length = rest.split_once('/').map_or(String::new(), |(_, length)| format!("/{length}"));
        let message = "a zone, the part from % on, is only known on its own machine; leave it out";
        return meant(message, &format!("{address}{length}"));
    }
    if let Some((first, last)) = text.split_once('-') {
        return range(first.trim(), last.trim());
    }
    if let Some((base, length)) = text.split_once('/') {
        return cidr(base.trim(), length.trim(), error);
    }
    address(text)
}

/// A URL: its host, if that is an address.
fn web_address(rest: &str) -> Refusal {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let suggestion = plainly_right(host.trim_matches(['[', ']'])).or_else(|| without_port(host));
    match suggestion {
        Some(_) => Refusal { message: "only the address, without http:// and path".to_owned(), suggestion },
        None => no(NO_NAMES),
    }
}

/// `203.0.113.7:8080` and `[2001:db8::1]:443` without the port.
fn without_port(text: &str) -> Option<Network> {
    let (address, port) = text.rsplit_once(':')?;
    let address = address.trim_start_matches('[');
    let is_right = match address.strip_suffix(']') {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => ipv4::is_address(address),
    };
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    (is_right && is_port).then(|| plainly_right(address.trim_end_matches(']'))).flatten()
}

fn range(first: &str, last: &str) -> Refusal {
    let bounds = |text: &str| Network::parse(text).ok().map(|network| network.bounds());
    if let (Ok(IpAddr::V4(from)), Some(to)) =
        (first.parse(), first.parse().ok().and_then(|from| ipv4::end_of_range(from, last)))
    {
        return meant("a range has a whole address at each end", &ordered(from.into(), to.into()));
    }
    match (bounds(first), bounds(last)) {
        (Some((from, _)), Some((_, to))) if from.is_ipv4() != to.is_ipv4() => {
            no("a range is of IPv4 or of IPv6 addresses, not of both")
        }
        (Some((from, _)), Some((_, to))) if first.contains('/') || last.contains('/') => {
            meant("a range has an address at each end, not a network", &ordered(from, to))
        }
        (Some((from, _)), Some((_, to))) => {
            meant("a range goes from the lower address to the higher", &ordered(from, to))
        }
        (None, _) if first.contains(|c: char| c.is_ascii_digit()) && first.contains(['.', ':']) => {
            no(address(first).message)
        }
        (Some(_), None) if last.contains(|c: char| c.is_ascii_digit()) => no(address(last).message),
        (Some(_), None) if last.is_empty() => no("the last address of the range is missing"),
        (Some(_) | None, _) => no(NO_NAMES),
    }
}

fn ordered(one: IpAddr, other: IpAddr) -> String {
    format!("{}-{}", one.min(other), one.max(other))
}

fn cidr(base: &str, length: &str, error: &InvalidNetwork) -> Refusal {
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    match (base.parse::<IpAddr>(), length.parse::<Ipv4Addr>()) {
        (Ok(IpAddr::V4(_)), Ok(mask)) => match ipv4::mask_length(mask) {
            Some(bits) => meant("write the mask as a number of bits", &format!("{base}/{bits}")),
            None => no(format!("{mask} is not a network mask")),
        },
        (Ok(_), _) if length.is_empty() => no("the number after the slash is missing"),
        (Ok(_), _) if digits => {
            let max = if base.contains(':') { 128 } else { 32 };
            match error {
                InvalidNetwork::PrefixLength { .. } => {
                    no(format!("the number after the slash is at most {max} here"))
                }
                InvalidNetwork::Syntax
                | InvalidNetwork::Zone(_)
                | InvalidNetwork::Range
                | InvalidNetwork::TooMany { .. }
                | InvalidNetwork::Note => no(format!("after the slash comes a number from 1 to {max}")),
            }
        }
        (Ok(_), _) => no("after the slash comes a number of bits, such as 24"),
        (Err(_), _) => {
            let Refusal { message, suggestion } = address(base);
            // Of `203.0.113/24` the length counts, not the one that three parts alone would have meant.
            let with_length = suggestion
                .filter(|_| digits)
                .and_then(|network| plainly_right(&format!("{}/{length}", network.bounds().0)));
            Refusal { message, suggestion: with_length }
        }
    }
}

/// What is wrong with what should have been one address.
fn address(text: &str) -> Refusal {
    if let Some(network) = without_port(text) {
        return Refusal { message: "leave the port out".to_owned(), suggestion: Some(network) };
    }
    if let Some(network) = ipv4::wildcard(text) {
        return Refusal {
            message: "write a network with the number of its bits".to_owned(),
            suggestion: Some(network),
        };
    }
    if text.contains('*') {
        return no("a star can only stand for the last parts of an IPv4 address");
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        let (message, suggestion) = ipv4::wrong(text);
        return Refusal { message, suggestion };
    }
    if text.contains(':') && text.bytes().all(|b| b.is_ascii_hexdigit() || b":.[]".contains(&b)) {
        return ipv6(text.trim_matches(['[', ']']));
    }
    no(NO_NAMES)
}

fn ipv6(text: &str) -> Refusal {
    if text.parse::<Ipv6Addr>().is_ok() {
        return meant("leave the brackets out", text);
    }
    let groups: Vec<&str> = text.split(':').collect();
    let is_hardware = groups.len() == 6 && groups.iter().all(|group| group.len() == 2);
    if is_hardware {
        return no("that is a hardware address (MAC); only IP addresses can be used");
    }
    if let Some(long) = groups.iter().find(|group| group.len() > 4 && !group.contains('.')) {
        return no(format!("{long} has more than the four digits that a group of an IPv6 address can have"));
    }
    let shortened = text.matches("::").count();
    if shortened > 1 || text.contains(":::") {
        return no("an IPv6 address has :: at most once");
    }
    if shortened == 0
        && groups.len() < 8
        && groups.iter().all(|group| !group.is_empty() && !group.contains('.'))
    {
        let bits = 16 * groups.len();
        return meant(
            "an IPv6 address has eight groups, or :: for those that are zero",
            &format!("{text}::/{bits}"),
        );
    }
    no(
        "not an IPv6 address: eight groups of up to four digits with colons between them, :: once for those that are zero",
    )
}
