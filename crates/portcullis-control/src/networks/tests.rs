use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_domain::{Network, NetworkEntry, Networks};
use proptest::prelude::*;

use super::*;

fn net(text: &str) -> Network {
    Network::parse(text).unwrap()
}

fn list(texts: &[&str]) -> Networks {
    Networks::new(texts.iter().map(|text| NetworkEntry::parse(text, "").unwrap()).collect()).unwrap()
}

/// The only entry of a text, in words.
fn told(text: &str) -> String {
    let entry = read_one(text, "");
    match entry.outcome {
        Outcome::Accepted { network, .. } => {
            let mut words = vec![format!("= {network}")];
            words.extend(entry.messages());
            words.join("; ")
        }
        Outcome::Refused(ref refusal) => {
            assert_eq!(entry.messages(), [refusal.to_string()]);
            format!("no: {refusal}")
        }
    }
}

#[test]
fn what_is_accepted_and_what_is_said_of_it() {
    for (text, wanted) in [
        ("203.0.113.7", "= 203.0.113.7"),
        (" \"203.0.113.7\". ", "= 203.0.113.7"),
        ("2001:DB8:0::/32", "= 2001:db8::/32"),
        ("203.0.113.10-203.0.113.20", "= 203.0.113.10-203.0.113.20"),
        ("203.0.113.0/24", "= 203.0.113.0/24"),
        ("203.0.113.7/24", "= 203.0.113.0/24; 203.0.113.7/24 means 203.0.113.0/24"),
        ("2001:db8::1/64", "= 2001:db8::/64; 2001:db8::1/64 means 2001:db8::/64"),
        (
            "::ffff:203.0.113.7",
            "= 203.0.113.7; ::ffff:203.0.113.7 is the IPv4 form 203.0.113.7 written inside IPv6",
        ),
        (
            "192.168.1.20",
            "= 192.168.1.20; 192.168.1.20 is private: it only lets in who reaches the server from inside the same local \
             network",
        ),
        ("127.0.0.1", "= 127.0.0.1; 127.0.0.1 only lets in programs on the server's own machine"),
        ("100.128.0.1", "= 100.128.0.1"),
        ("[2001:db8::1]", "= 2001:db8::1"),
    ] {
        assert_eq!(told(text), wanted, "{text}");
    }
    for private in ["10.0.0.0/8", "172.31.0.1", "169.254.1.1", "100.64.0.0/10", "fe80::1", "fd00::/8"] {
        assert!(told(private).contains("is private"), "{private}");
    }
}

const ANY: &str = "no: that is any address; choose any address instead of listing it";
const NAMES: &str = "no: names can't be used, only addresses; a note can go after #";
/// What is typed, and what is said.
const REFUSED: &[(&str, &str)] = &[
    ("203.0.113", "no: an IPv4 address has four parts; did you mean 203.0.113.0/24?"),
    ("203.0.113.", "no: an IPv4 address has four parts; did you mean 203.0.113.0/24?"),
    ("10.1", "no: an IPv4 address has four parts; did you mean 10.1.0.0/16?"),
    ("10.1/12", "no: an IPv4 address has four parts; did you mean 10.0.0.0/12?"),
    ("2027", "no: not an address: one of IPv4 has four parts, such as 203.0.113.7"),
    ("1.2.3.4.5", "no: an IPv4 address has four parts, this has 5"),
    ("203..113.7", "no: an IPv4 address has four numbers with dots between them"),
    ("203.0.113.300", "no: 300 is more than 255, the most that a part of an IPv4 address can be"),
    ("203.0.113.07", "no: an IPv4 address is written without leading zeros; did you mean 203.0.113.7?"),
    ("10.0.0.1-5", "no: a range has a whole address at each end; did you mean 10.0.0.1-10.0.0.5?"),
    ("10.0.0.1-1.5", "no: a range has a whole address at each end; did you mean 10.0.0.1-10.0.1.5?"),
    ("10.0.0.9-5", "no: a range has a whole address at each end; did you mean 10.0.0.5-10.0.0.9?"),
    (
        "10.0.0.9-10.0.0.1",
        "no: a range goes from the lower address to the higher; did you mean 10.0.0.1-10.0.0.9?",
    ),
    (
        "10.0.0.0/24-10.0.1.0/24",
        "no: a range has an address at each end, not a network; did you mean 10.0.0.0-10.0.1.255?",
    ),
    ("10.0.0.1-::1", "no: a range is of IPv4 or of IPv6 addresses, not of both"),
    ("10.0.0.1-10.0.0.256", "no: 256 is more than 255, the most that a part of an IPv4 address can be"),
    ("10.0.0.1-", "no: the last address of the range is missing"),
    ("203.0.113.7:8080", "no: leave the port out; did you mean 203.0.113.7?"),
    ("[2001:db8::1]:443", "no: leave the port out; did you mean 2001:db8::1?"),
    ("[2001:db8::]/32", "no: leave the brackets out; did you mean 2001:db8::/32?"),
    ("http://203.0.113.7/panel", "no: only the address, without http:// and path; did you mean 203.0.113.7?"),
    (
        "https://[2001:db8::1]:8443/",
        "no: only the address, without http:// and path; did you mean 2001:db8::1?",
    ),
    ("http://example.org/", NAMES),
    ("example.org", NAMES),
    ("my-host.example", NAMES),
    ("somebody@example.org", NAMES),
    ("münchen.example", NAMES),
    ("localhost", NAMES),
    ("2001:db8::/129", "no: the number after the slash is at most 128 here"),
    ("203.0.113.0/33", "no: the number after the slash is at most 32 here"),
    ("203.0.113.0/", "no: the number after the slash is missing"),
    ("203.0.113.0/x", "no: after the slash comes a number of bits, such as 24"),
    ("203.0.113.0/255.255.255.0", "no: write the mask as a number of bits; did you mean 203.0.113.0/24?"),
    ("203.0.113.0/0.0.0.255", "no: write the mask as a number of bits; did you mean 203.0.113.0/24?"),
    ("203.0.113.0/255.0.255.0", "no: 255.0.255.0 is not a network mask"),
    ("203.0.113.*", "no: write a network with the number of its bits; did you mean 203.0.113.0/24?"),
    ("203.0.*.*", "no: write a network with the number of its bits; did you mean 203.0.0.0/16?"),
    ("203.*.113.*", "no: a star can only stand for the last parts of an IPv4 address"),
    (
        "２０３．０．１１３．７",
        "no: write it with the plain digits 0-9 and the plain dot; did you mean 203.0.113.7?",
    ),
    ("203。0。113", "no: write it with the plain digits 0-9 and the plain dot; did you mean 203.0.113.0/24?"),
    ("٢٠٣.٠.١١٣.٧", "no: not an address"),
    (
        "fe80::1%eth0",
        "no: a zone, the part from % on, is only known on its own machine; leave it out; did you mean fe80::1?",
    ),
    ("00:1b:44:11:3a:b7", "no: that is a hardware address (MAC); only IP addresses can be used"),
    (
        "2001:db8:1",
        "no: an IPv6 address has eight groups, or :: for those that are zero; did you mean 2001:db8:1::/48?",
    ),
    ("2001::db8::1", "no: an IPv6 address has :: at most once"),
    ("2001:db8::12345", "no: 12345 has more than the four digits that a group of an IPv6 address can have"),
    ("1.1.1.1, 2.2.2.2", "no: one address, network or range at a time"),
    ("", "no: an address, a network or a range is missing"),
    ("0.0.0.0/0", ANY),
    ("::/0", ANY),
    ("::ffff:0:0/96", ANY),
    ("0.0.0.0-255.255.255.255", ANY),
    ("*", ANY),
    ("Any", ANY),
    ("0.0.0.0", "no: 0.0.0.0 is nobody's address; for everybody, choose any address"),
];

#[test]
fn what_is_refused_and_what_was_meant() {
    for (text, wanted) in REFUSED {
        assert_eq!(told(text), *wanted, "{text}");
    }
    assert_eq!(told(&"1".repeat(101)), "no: too long to be an address");
}

#[test]
fn entries_are_compared() {
    let reading = read(
        "203.0.113.0/24 # office\n203.0.113.7\n203.0.113.9/24 # again\n203.0.113.250-203.0.114.5\n198.51.100.1\n\
         198.51.100.0/30\nnobody",
    );
    let remarks: Vec<Vec<Remark>> = reading
        .entries
        .iter()
        .map(|entry| match &entry.outcome {
            Outcome::Accepted { remarks, .. } => remarks.clone(),
            Outcome::Refused(_) => Vec::new(),
        })
        .collect();
    let office = net("203.0.113.0/24");
    assert_eq!(
        remarks,
        [
            vec![],
            vec![Remark::CoveredBy(office)],
            vec![Remark::HostBits, Remark::DuplicateOf(office)],
            vec![Remark::Overlaps(office)],
            vec![Remark::CoveredBy(net("198.51.100.0/30"))],
            vec![],
            vec![],
        ]
    );
    assert!(!reading.is_clean());
    let kept = reading.networks();
    assert_eq!((kept.entries().len(), kept.entries()[0].note.as_str()), (5, "office"));
    assert_eq!(
        reading.drafts()[0],
        NetworkDraft { network: "203.0.113.0/24".to_owned(), note: "office".to_owned() }
    );
    assert_eq!(
        reading.entries[3].messages(),
        ["203.0.113.0/24 lets in a part of 203.0.113.250-203.0.114.5 already"]
    );
}

#[test]
fn everything_is_bounded() {
    let reading = read(&" ".repeat(MAX_TEXT + 1));
    assert!(reading.entries.is_empty() && reading.problem.unwrap().contains("64 KiB"));
    let many: String =
        (0..600u32).map(|n| format!("{}\n", Ipv4Addr::from_bits(0xcb00_7100 + 2 * n))).collect();
    let reading = read(&(many.clone() + &many));
    assert_eq!(reading.networks().entries().len(), Networks::MAX);
    let refused = reading.entries.iter().filter(|entry| entry.network().is_none()).count();
    assert_eq!(refused, 200, "those past the five hundredth, both times they come");
    assert!(reading.entries[599].messages()[0].contains("at most 500"));
    let entry = read_one("1.1.1.1", &"n".repeat(201));
    assert_eq!((entry.note.len(), entry.messages().len()), (MAX_NOTE, 1));
    assert_eq!(read_one("1.1.1.1", " a\tb\u{7}c ").note, "a b c");
    // The worst that fits is still quick: no work grows with the square of the text.
    assert!(read(&"1.".repeat(MAX_TEXT / 2)).entries.len() == 1);
}

#[test]
fn who_is_let_in() {
    let office = list(&["203.0.113.0/24", "2001:db8::/48"]);
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert!(includes(&office, ip("::ffff:203.0.113.200")) && !includes(&office, ip("203.0.114.0")));
    assert!(includes(&Networks::anywhere(), ip("203.0.114.0")));
    assert_eq!(holder(&office, ip("2001:db8::7")).unwrap().network, net("2001:db8::/48"));
    assert_eq!(holder(&office, ip("::1")), None);
    for (networks, words) in [
        (&[][..], "any address"),
        (&["203.0.113.7"], "1 IPv4 address"),
        (&["203.0.113.0/24", "203.0.113.128-203.0.114.4"], "261 IPv4 addresses"),
        (&["10.0.0.0/8", "10.1.0.0/16"], "16,777,216 IPv4 addresses"),
        (&["2001:db8::1", "2001:db8::1-2001:db8::3"], "3 IPv6 addresses"),
        (&["203.0.113.7", "2001:db8::/64"], "1 IPv4 address and 1 IPv6 network of /64"),
        (&["2001:db8::/48"], "65,536 IPv6 networks of /64"),
        (&["0.0.0.0/1", "128.0.0.0/1"], "every IPv4 address"),
        (&["::/0", "203.0.113.7"], "1 IPv4 address and every IPv6 address"),
        (&["::/1", "8000::/1", "0.0.0.0/0"], "any address"),
    ] {
        assert_eq!(reach(&list(networks)).to_string(), words, "{networks:?}");
    }
}

/// Texts near to addresses, where mistakes live.
fn nearly() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).to_string()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).to_string()),
        "[0-9a-fA-F.:]{0,12}",
        "[0-9]{1,4}",
        "\\PC{0,4}",
        Just("*".to_owned()),
        Just("x".to_owned()),
        Just("http://".to_owned()),
        Just("255.255.0.0".to_owned()),
    ];
    let glue = prop_oneof![
        "[-/.:%@\\[\\] \\t,;#*]",
        Just(String::new()),
        Just("  ".to_owned()),
        Just("\n".to_owned())
    ];
    prop::collection::vec((part, glue), 0..6)
        .prop_map(|parts| parts.into_iter().map(|(part, glue)| part + &glue).collect())
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_told_holds(text in prop_oneof![nearly(), "\\PC{0,80}"]) {
        for entry in read(&text).entries.iter().chain([&read_one(&text, &text)]) {
            match &entry.outcome {
                Outcome::Accepted { network, .. } => {
                    prop_assert_eq!(read_one(&network.to_string(), "").network(), Some(*network));
                    prop_assert!(NetworkEntry::parse(&network.to_string(), &entry.note).is_ok());
                }
                Outcome::Refused(Refusal { suggestion: Some(network), .. }) => {
                    prop_assert_eq!(read_one(&network.to_string(), "").network(), Some(*network));
                }
                Outcome::Refused(Refusal { suggestion: None, message }) => prop_assert!(!message.is_empty()),
            }
        }
    }

    #[test]
    fn a_list_survives_being_text(entries in prop::collection::vec((any::<u32>(), 1u8..=32, "[^\\pC]{0,40}"), 0..20)) {
        let entries = entries.iter().filter_map(|(bits, length, note)| {
            let network = format!("{}/{length}", Ipv4Addr::from(*bits));
            let entry = NetworkEntry::parse(&network, note).unwrap();
            read_one(&network, "").network().map(|_| entry)
        });
        let list = Networks::new(entries.collect()).unwrap();
        let reading = read(&to_text(&list));
        prop_assert!(reading.is_clean());
        prop_assert_eq!(reading.networks(), list);
    }

    #[test]
    fn counting_agrees_with_asking(networks in prop::collection::vec((0u32..64, 26u8..=32), 1..6)) {
        let texts: Vec<String> =
            networks.iter().map(|(low, length)| format!("{}/{length}", Ipv4Addr::from(0xcb00_7100 + low))).collect();
        let list = list(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let held = (0..256u32).filter(|low| includes(&list, Ipv4Addr::from(0xcb00_7100 + low).into())).count();
        prop_assert_eq!(reach(&list).ipv4, u64::try_from(held).unwrap());
    }
}
