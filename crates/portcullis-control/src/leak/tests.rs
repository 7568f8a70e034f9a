use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_domain::{CredentialId, Secret};
use proptest::prelude::*;

use super::queue::{LEAK_REPORT_SECRETS, LeakReport};
use super::scan::{Finding, Scanner};

/// Everything in these bytes, which come in pieces of these lengths, over and over.
fn scan(bytes: &[u8], pieces: &[usize]) -> Vec<Finding> {
    let (mut scanner, mut found, mut rest) = (Scanner::default(), Vec::new(), bytes);
    for length in pieces.iter().cycle() {
        let (piece, later) = rest.split_at((*length).clamp(1, rest.len().max(1)).min(rest.len()));
        found.extend(scanner.feed(piece));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    found.extend(scanner.end());
    found
}

fn made(number: u64) -> (CredentialId, Secret) {
    let mut entropy = [7; 32];
    entropy[..8].copy_from_slice(&number.to_be_bytes());
    entropy[20..28].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let id = u128::from(number).wrapping_mul(0x1234_5678_9abc_def0_1357).to_be_bytes();
    (CredentialId::from_entropy(id), Secret::from_entropy(&entropy))
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
        .collect()
}

/// A secret, or a secret with its id, as it may stand in a file; and whether the id is to be found.
fn forms(id: CredentialId, secret: &Secret) -> Vec<(Vec<u8>, bool)> {
    let text = secret.reveal();
    let pair = format!("{id}:{text}");
    let bearer = format!("Authorization: Bearer {id}.{text}\r\n");
    let ini = format!("access_key_id = {id}\nsecret_access_key = {text}\n");
    let json = format!("{{\"secret\": \"{text}\", \"access_key\": \"{id}\"}}");
    let utf32 = bearer.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
    vec![
        (text.as_bytes().to_vec(), false),
        (pair.as_bytes().to_vec(), true),
        (bearer.as_bytes().to_vec(), true),
        (ini.as_bytes().to_vec(), true),
        (json.as_bytes().to_vec(), true),
        (format!("Bearer%20{id}.{text}&x=1").into_bytes(), true),
        (utf16(&ini, true), true),
        (utf16(&bearer, false), true),
        (utf32, true),
        (format!("Basic {}", STANDARD.encode(&pair)).into_bytes(), true),
        (URL_SAFE_NO_PAD.encode(text).into_bytes(), false),
        (STANDARD.encode(format!("x{text}")).into_bytes(), false),
        (STANDARD.encode(format!("yz{text} and more")).into_bytes(), false),
    ]
}

#[test]
fn every_form_is_found_alone_and_at_its_place() {
    let (id, secret) = made(1);
    for (number, (form, with_id)) in forms(id, &secret).into_iter().enumerate() {
        let found = scan(&form, &[form.len()]);
        let [one] = &found[..] else { panic!("form {number}: {} were found", found.len()) };
        assert!(one.secret == secret, "form {number}");
        assert_eq!(one.access_key, with_id.then_some(id), "form {number}");
    }
    let text = format!("one\ntwo\nkey {id} {}\n", secret.reveal());
    let found = scan(text.as_bytes(), &[3]);
    assert_eq!((found[0].line, found[0].offset), (Some(3), 33));
    let binary = [b"\n\n\0", secret.reveal().as_bytes()].concat();
    assert_eq!((scan(&binary, &[1])[0].line, scan(&binary, &[1])[0].offset), (None, 3));
}

#[test]
fn the_nearest_access_key_is_its() {
    let ((first, a), (second, b)) = (made(1), made(2));
    let text = format!("{first} {}\n\n{} {second}\nX{first}", a.reveal(), b.reveal());
    let found = scan(text.as_bytes(), &[text.len()]);
    let keys: Vec<_> = found.iter().map(|one| one.access_key).collect();
    assert_eq!(keys, [Some(first), Some(second)]);
    let far = format!("{first}{}{}", " ".repeat(600), a.reveal());
    assert_eq!(scan(far.as_bytes(), &[64])[0].access_key, None);
}

#[test]
fn a_stream_of_any_length_takes_the_same_memory() {
    let (id, secret) = made(3);
    let mut scanner = Scanner::default();
    let filler = vec![b'p'; 100_000];
    let mut found = Vec::new();
    for _ in 0..200 {
        found.extend(scanner.feed(&filler));
    }
    found.extend(scanner.feed(format!("{id}.{}", secret.reveal()).as_bytes()));
    for _ in 0..20 {
        found.extend(scanner.feed(&filler));
    }
    found.extend(scanner.end());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].offset, 20_000_021);
    assert!(scanner.end().is_empty(), "it begins anew");
}

#[test]
fn a_report_takes_each_secret_once_and_not_too_many() {
    let text: String = (0..300).map(|n| format!("{}\n", made(n % 200).1.reveal())).collect();
    let report = LeakReport::read(text.as_bytes(), "192.0.2.1".parse().unwrap(), "R");
    assert_eq!(report.secrets.len(), LEAK_REPORT_SECRETS);
    assert!(!format!("{report:?}").contains("pcs"));
    let json = format!("{{\"secret\":\"{}\"}}", made(1).1.reveal());
    assert_eq!(LeakReport::read(json.as_bytes(), "192.0.2.1".parse().unwrap(), "R").secrets.len(), 1);
    assert!(LeakReport::read(b"nothing", "192.0.2.1".parse().unwrap(), "R").secrets.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Planted in noise, in any form, however the stream is cut: all of them, in order, and nothing else.
    #[test]
    fn what_is_planted_is_found(
        noise in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3_000), 2..12),
        chosen in proptest::collection::vec((any::<u64>(), 0usize..13), 1..11),
        pieces in proptest::collection::vec(1usize..9_000, 1..6),
    ) {
        let (mut bytes, mut planted) = (Vec::new(), Vec::new());
        for (part, (number, form)) in noise.iter().zip(&chosen) {
            bytes.extend_from_slice(part);
            // What stands directly before Base64 would be taken for more of it.
            bytes.push(b' ');
            let (id, secret) = made(*number);
            let all = forms(id, &secret);
            bytes.extend_from_slice(&all[*form].0);
            bytes.push(b' ');
            planted.push(secret);
        }
        let found = scan(&bytes, &pieces);
        prop_assert_eq!(found.len(), planted.len());
        for (one, secret) in found.iter().zip(&planted) {
            prop_assert!(one.secret == *secret);
        }
    }

    /// Across the ends of the windows that are looked at.
    #[test]
    fn what_lies_between_two_windows_is_found(before in 261_000usize..263_000, form in 0usize..13, piece in 1usize..70_000) {
        let (id, secret) = made(9);
        let mut bytes = vec![b'\n'; before];
        bytes.extend_from_slice(&forms(id, &secret)[form].0);
        bytes.extend(vec![b'\n'; 3_000]);
        let found = scan(&bytes, &[piece]);
        prop_assert_eq!(found.len(), 1);
        prop_assert!(found[0].secret == secret);
    }

    /// One letter changed, and it is no secret any more.
    #[test]
    fn what_is_damaged_is_not(number: u64, at in 0usize..40, letter in "[0-9A-Za-z]", noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (id, secret) = made(number);
        let mut damaged = secret.reveal().to_owned();
        damaged.replace_range(at..=at, &letter);
        prop_assume!(damaged != secret.reveal());
        let text = [&noise[..], format!("{id}.{damaged}").as_bytes(), &noise[..]].concat();
        prop_assert!(scan(&text, &[64]).is_empty());
    }
}
