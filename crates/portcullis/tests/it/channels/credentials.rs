//! One key for one channel, and every way in which a credential can be wrong.

use std::thread;
use std::time::{Duration, Instant};

use portcullis_web::SoapOperation;
use serde_json::{Value, json};

use super::raw_ftp::Ftp;
use super::raw_sftp::Sftp;
use super::raw_smtp::Smtp;
use super::raw_soap::{self, Way, outcome, parameter};
use super::rig::Secure;
use super::{raw_http, rig};
use crate::http::Signed;
use crate::world::{Access, World};

/// A door, and who it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    S3,
    Rest,
    Http,
    Dav,
    Ftp,
    Sftp,
    Soap,
    SoapDigest,
    Smtp,
}

impl Door {
    pub(crate) const ALL: [Self; 9] = [
        Self::S3,
        Self::Rest,
        Self::Http,
        Self::Dav,
        Self::Ftp,
        Self::Sftp,
        Self::Soap,
        Self::SoapDigest,
        Self::Smtp,
    ];

    /// Those that this server has and these clients speak: mail within TLS, FTP outside of it.
    fn of(world: &World) -> impl Iterator<Item = Self> {
        let secret = world.certificate().is_some();
        Self::ALL.into_iter().filter(move |door| match door {
            Self::Ftp => !secret,
            Self::Smtp => secret,
            _ => true,
        })
    }

    /// The channel whose keys it opens for.
    pub(crate) const fn channel(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Rest => "rest",
            Self::Http | Self::Dav => "http",
            Self::Ftp | Self::Sftp => "ftp",
            Self::Soap | Self::SoapDigest => "web-service",
            Self::Smtp => "email",
        }
    }

    /// Whether it opens; where it does not, what is told is the same for everybody.
    pub(crate) fn opens(self, world: &World, key: &Access) -> bool {
        match self {
            Self::S3 => {
                Signed::new(world, key).call("GET", &format!("/{}", key.bucket), "", &[], b"").status == 200
            }
            Self::Rest => {
                let bearer = format!("{}.{}", key.access_key, key.secret);
                world.rest("GET", "/storages", Some(&bearer), None).0 == 200
            }
            Self::Http => {
                let path = format!("/files/{}/", key.bucket);
                let answer = raw_http::call(world, Some(key), "GET", &path, &[], b"");
                assert!(matches!(answer.status, 200 | 401), "{}", answer.text());
                answer.status == 200
            }
            Self::Dav => {
                let answer = raw_http::call(world, Some(key), "PROPFIND", "/dav/", &[("depth", "1")], b"");
                assert!(matches!(answer.status, 207 | 401), "{}", answer.text());
                assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401);
                answer.status == 207
            }
            Self::Ftp => {
                let (code, text) = Ftp::connect(world.ftp.as_deref().unwrap()).enter(key);
                assert!(matches!(code, 230 | 530), "{text}");
                assert!(code == 230 || text.lines().count() == 1, "{text}");
                code == 230
            }
            Self::Sftp => Sftp::start(world, key).is_some(),
            Self::Soap | Self::SoapDigest => {
                let way = if self == Self::Soap { Way::Basic } else { Way::Digest };
                let list = (SoapOperation::ListFolder, parameter("path", "/"));
                let told = outcome(&raw_soap::call_by(world, key, way, list.0, &list.1));
                assert!(matches!(told.as_str(), "200" | "401 AuthenticationFailed"), "{told}");
                told == "200"
            }
            Self::Smtp => {
                let (code, text) = Smtp::secure(world).enter(key);
                assert!(matches!(code, 235 | 535) && text.lines().count() == 1, "{text}");
                code == 235
            }
        }
    }
}

/// The doors that open for this key.
fn opened(world: &World, key: &Access) -> Vec<Door> {
    Door::of(world).filter(|door| door.opens(world, key)).collect()
}

fn rest_key(world: &World, bucket: &str) -> Access {
    let given = json!({"name": "rest", "channel": "rest", "scope": "site", "permission": "full"});
    let made = world.admin("POST", "/keys", Some(&given));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Access {
        key_id: text(&made["key"]["id"]),
        access_key: text(&made["key"]["access_key"]),
        secret: text(&made["secret"]),
        bucket: bucket.to_owned(),
        session_token: None,
    }
}

fn change(world: &World, key: &Access, given: &Value) -> Value {
    world.admin("PATCH", &format!("/keys/{}", key.key_id), Some(given))
}

#[test]
fn a_key_opens_the_doors_of_its_channel_and_no_others() {
    let (plain, secure) = (rig::plain(), Secure::start());
    for world in [&plain, &secure.world] {
        let (storage, bucket) = world.storage("Channels");
        for channel in ["s3", "http", "ftp", "rest", "web-service", "email"] {
            let key = match channel {
                "rest" => rest_key(world, &bucket),
                channel => rig::key(world, &storage, channel, "read_write"),
            };
            let expected: Vec<_> = Door::of(world).filter(|door| door.channel() == channel).collect();
            assert_eq!(opened(world, &key), expected, "{channel}");
        }
    }
}

#[test]
fn chosen_words_for_web_services_and_mail() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Channels");
    let [soap, mail] = ["web-service", "email"].map(|channel| {
        let secret = format!("fifteen geese by {channel}");
        let more = json!({"user_name": "scanner.five", "secret": secret});
        let key = rig::key_with_chosen(world, &storage, channel, "read_write", &more);
        Access { access_key: "Scanner.Five".into(), secret, ..key }
    });
    // Of a secret that somebody chose no digest can be checked.
    assert_eq!(opened(world, &soap), [Door::Soap]);
    assert_eq!(opened(world, &mail), [Door::Smtp]);
    let rotate = |key: &Access, given: Value| {
        world.admin("POST", &format!("/keys/{}/rotate", key.key_id), Some(&given))
    };
    for (key, doors) in [(&soap, vec![Door::Soap, Door::SoapDigest]), (&mail, vec![Door::Smtp])] {
        let made = rotate(key, json!({"overlap_seconds": 3600}));
        let fresh = Access { secret: made["secret"].as_str().unwrap().to_owned(), ..key.clone() };
        assert_eq!(opened(world, &fresh), doors, "the name stays, with a secret that was made for it");
        assert_eq!(opened(world, key), doors[..1], "and the chosen one goes on for a while");
        world.admin("DELETE", &format!("/keys/{}/overlap", key.key_id), None);
        assert_eq!(opened(world, key), []);
        change(world, key, &json!({"permission": "none"}));
        assert_eq!(opened(world, &fresh), []);
    }
    assert!(!world.log().contains("geese"));
}

#[test]
fn a_digest_that_was_seen_is_worth_nothing() {
    let world = rig::plain();
    let (storage, _) = world.storage("Replayed");
    let key = rig::key(&world, &storage, "web-service", "read");
    let say = |moment: jiff::Timestamp| {
        let token = raw_soap::token(&key, Way::Digest, moment);
        let whole = raw_soap::envelope(&token, SoapOperation::ListFolder, &parameter("path", "/"));
        let kind = [("content-type", "text/xml; charset=utf-8")];
        outcome(&raw_http::call(&world, None, "POST", "/soap", &kind, whole.as_bytes()))
    };
    let now = jiff::Timestamp::now();
    assert_eq!(say(now), "200");
    assert_eq!(say(now), "401 AuthenticationFailed", "once");
    for minutes in [-10, 10] {
        let then = now + jiff::SignedDuration::from_mins(minutes);
        assert_eq!(say(then), "401 AuthenticationFailed", "{minutes} minutes off");
    }
    let trail = world.admin("GET", "/audit-events?limit=50", None).to_string();
    assert!(
        trail.contains("replayed") && trail.contains("skew_seconds=-6") && trail.contains("time_skew"),
        "{trail}"
    );
}

#[test]
fn the_same_words_on_two_channels_are_two_keys() {
    let world = rig::plain();
    let (storage, _) = world.storage("Channels");
    let words = |channel: &str, secret: &str, permission: &str| {
        let more = json!({"user_name": "scanner.two", "secret": secret});
        let key = rig::key_with_chosen(&world, &storage, channel, permission, &more);
        Access { access_key: "scanner.two".into(), secret: secret.into(), ..key }
    };
    let http = words("http", "eleven geese over the mill", "read");
    let ftp = words("ftp", "twelve geese over the mill", "read_write");
    assert_eq!(opened(&world, &http), [Door::Http, Door::Dav]);
    assert_eq!(opened(&world, &ftp), [Door::Ftp, Door::Sftp]);
    // The chosen secret is nowhere to be read again.
    let told = world.admin("GET", &format!("/keys/{}", ftp.key_id), None).to_string();
    assert!(!told.contains("twelve geese") && told.contains("scanner.two"), "{told}");
    assert!(!world.log().contains("geese"));
    change(&world, &ftp, &json!({"permission": "none"}));
    assert_eq!(opened(&world, &ftp), []);
    assert_eq!(opened(&world, &http), [Door::Http, Door::Dav]);
    // Weak, taken, or on a channel that cannot have one: told by field, and nothing is made.
    for (channel, login, secret, field) in [
        ("ftp", "other", "brief0", "credentials.secret"),
        ("ftp", "other", "password1234", "credentials.secret"),
        ("ftp", "scanner.two", "thirteen geese over it", "credentials"),
        ("s3", "other", "thirteen geese over it", "credentials"),
    ] {
        let given = json!({
            "name": "no", "channel": channel, "scope": {"storage": storage}, "networks": [],
            "permission": "read", "credentials": {"user_name": login, "secret": secret}
        });
        let (status, told) = world.rest("POST", "/keys", Some(world.token()), Some(&given));
        assert_eq!(status, 422, "{channel} {login}: {told}");
        assert!(told.to_string().contains(field), "{channel} {login}: {told}");
        assert!(!told.to_string().contains(secret), "{told}");
    }
}

#[test]
fn wrong_in_every_other_way() {
    let (plain, secure) = (rig::plain(), Secure::start());
    for (world, channels) in [(&plain, &["http", "ftp", "web-service"][..]), (&secure.world, &["email"])] {
        for channel in channels {
            wrong_in_every_way(world, channel);
        }
        let trail = world.admin("GET", "/audit-events?limit=500", None).to_string();
        for reason in ["bad_secret", "key_network", "key_expired", "old_secret"] {
            assert!(trail.contains(reason), "{reason} is not in the trail");
        }
    }
}

fn wrong_in_every_way(world: &World, channel: &str) {
    let doors: Vec<_> = Door::of(world).filter(|door| door.channel() == channel).collect();
    let (storage, _) = world.storage("Channels");
    let make = |more: Value| rig::key_with(world, &storage, channel, "read_write", &more);
    let good = make(json!({}));
    let wrong = Access { secret: make(json!({})).secret, ..good.clone() };
    let unknown = Access { access_key: "PC00000000000000NONE".into(), ..good.clone() };
    let elsewhere = make(json!({"networks": ["203.0.113.0/24", "2001:db8::/32"]}));
    let off = make(json!({}));
    change(world, &off, &json!({"permission": "none"}));
    let deleted = make(json!({}));
    world.admin("DELETE", &format!("/keys/{}", deleted.key_id), None);
    let soon = jiff::Timestamp::now() + Duration::from_secs(6);
    let expiring = make(json!({"expires_at": soon.to_string()}));
    assert_eq!(opened(world, &expiring), doors);
    let rotated = make(json!({}));
    let path = format!("/keys/{}/rotate", rotated.key_id);
    let fresh = |answer: &Value| Access {
        access_key: answer["key"]["access_key"].as_str().unwrap().to_owned(),
        secret: answer["secret"].as_str().unwrap().to_owned(),
        ..rotated.clone()
    };
    let second = fresh(&world.admin("POST", &path, Some(&json!({"overlap_seconds": 3600}))));
    assert_eq!(opened(world, &rotated), doors, "{channel}: the old pair, in the overlap");
    assert_eq!(opened(world, &second), doors, "{channel}: the new pair");
    let third = fresh(&world.admin("POST", &path, Some(&json!({}))));
    for (what, key) in [
        ("wrong secret", &wrong),
        ("unknown", &unknown),
        ("network", &elsewhere),
        ("off", &off),
        ("deleted", &deleted),
        ("rotated", &second),
    ] {
        assert_eq!(opened(world, key), [], "{channel}: {what}");
    }
    assert_eq!(opened(world, &third), doors, "{channel}");
    assert_eq!(opened(world, &good), doors, "{channel}");
    let end = Instant::now() + Duration::from_secs(30);
    while doors.iter().any(|door| door.opens(world, &expiring)) {
        assert!(Instant::now() < end, "{channel}: it never expires");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn nobody_is_attacked_through_ftp() {
    let world = rig::plain();
    let (storage, _) = world.storage("Bounce");
    let key = rig::key(&world, &storage, "ftp", "read_write");
    let door = world.ftp.as_deref().unwrap();
    let mut ftp = Ftp::login(door, &key);
    assert_eq!(ftp.send("STOR file", b"mine").1.0, 226);
    // The server connects nowhere, to nobody's address and no port of this machine.
    let (_, port) = world.s3.rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let victim = format!("PORT 127,0,0,1,{},{}", port >> 8, port & 255);
    for line in
        [victim.as_str(), "PORT 203,0,113,9,0,80", &format!("EPRT |1|127.0.0.1|{port}|"), "EPRT |2|::1|80|"]
    {
        let (code, text) = ftp.say(line);
        assert!((500..=522).contains(&code), "{line}: {text}");
    }
    // A data connection from another address than the control connection's gets nothing.
    let (code, text) = ftp.say("EPSV");
    assert_eq!(code, 229, "{text}");
    let data: u16 = text.split("|||").nth(1).unwrap().split('|').next().unwrap().parse().unwrap();
    let mut thief = crate::http::connect(&format!("127.0.0.1:{data}"));
    let (first, _) = ftp.say("RETR file");
    let mut stolen = Vec::new();
    drop(std::io::Read::read_to_end(&mut thief, &mut stolen));
    assert!(stolen.is_empty(), "{first} {}", String::from_utf8_lossy(&stolen));
    // The session lives, and its own data connection comes through.
    let mut ftp = Ftp::login(door, &key);
    assert_eq!(ftp.fetch("RETR file").2, b"mine");
}

#[test]
fn a_key_that_is_guessed_at_is_slow_for_the_guesser_alone() {
    let world = rig::plain();
    let (storage, _) = world.storage("Guessed");
    let key = rig::key(&world, &storage, "ftp", "read");
    let wrong = Access { secret: "guess".repeat(8), ..key.clone() };
    let mut ftp = Ftp::connect(world.ftp.as_deref().unwrap());
    let codes: Vec<u16> = (0..6).map(|_| ftp.enter(&wrong).0).take_while(|code| *code != 0).collect();
    assert!(codes.len() <= 4 && codes.iter().all(|code| [421, 530].contains(code)), "{codes:?}");
    assert!(Door::Ftp.opens(&world, &key));
}
