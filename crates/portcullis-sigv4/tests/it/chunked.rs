//! `aws-chunked` bodies: decoded the same however they are cut, and refused when they are not whole.

use portcullis_sigv4::aws_chunked::{
    ChunkMode, ChunkedError, Decoder, Event, MAX_CHUNK_HEADER, MAX_TRAILERS, Trailer, canonical_trailers,
    encode_end, encode_header,
};
use portcullis_sigv4::{ChunkSigner, ChunkVerifier, Payload, Seed};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use sha2::{Digest as _, Sha256};

use crate::support::{Request, signer};

/// All that a decoder says about a body; adjacent data joined, so that cuts do not show.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    data: Vec<u8>,
    chunks: Vec<(u64, Option<String>)>,
    trailers: Option<(Vec<Trailer>, Option<String>)>,
}

fn decode(mode: ChunkMode, declared: u64, pieces: &[&[u8]]) -> Result<Seen, ChunkedError> {
    let mut decoder = Decoder::new(mode, declared);
    let mut seen = Seen::default();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let step = decoder.step(rest)?;
            match step.event {
                Some(Event::Data(range)) => seen.data.extend_from_slice(&rest[range]),
                Some(Event::ChunkEnd { size, signature }) => {
                    seen.chunks.push((size, signature.map(|signature| signature.to_hex())));
                }
                Some(Event::Trailers { trailers, signature }) => {
                    assert!(seen.trailers.is_none());
                    seen.trailers = Some((trailers, signature.map(|signature| signature.to_hex())));
                }
                None => {
                    assert_eq!(step.consumed, rest.len());
                    break;
                }
            }
            rest = &rest[step.consumed..];
        }
    }
    assert_eq!(decoder.finish()?, declared);
    Ok(seen)
}

/// Decodes in one piece, in pieces of every length up to 40, and cut in two at every position near an end.
#[track_caller]
fn decode_all_ways(mode: ChunkMode, declared: u64, body: &[u8]) -> Result<Seen, ChunkedError> {
    let whole = decode(mode, declared, &[body]);
    for size in 1..=40 {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        assert_eq!(decode(mode, declared, &pieces), whole, "pieces of {size}");
    }
    for cut in (0..=body.len()).filter(|cut| *cut < 300 || body.len() - cut < 300) {
        let (head, tail) = body.split_at(cut);
        assert_eq!(decode(mode, declared, &[head, b"", tail]), whole, "cut at {cut}");
    }
    whole
}

fn seed() -> Seed {
    Request::new("PUT", "/b/k", None, &[("host", "h")]).signed(Payload::StreamingSigned).verified()
}

fn crc() -> Trailer {
    Trailer { name: "x-amz-checksum-crc32c".to_owned(), value: "sOO8/Q==".to_owned() }
}

/// Frames and signs a body.
fn signed_body(chunks: &[&[u8]], trailers: Option<&[Trailer]>) -> Vec<u8> {
    let mut signing = ChunkSigner::new(signer().key().clone(), seed());
    let mut body = Vec::new();
    for chunk in chunks.iter().chain([&b"".as_slice()]) {
        let signature = signing.sign_chunk(&Sha256::digest(chunk).into());
        body.extend_from_slice(encode_header(chunk.len().try_into().unwrap(), Some(&signature)).as_bytes());
        if !chunk.is_empty() {
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
    }
    let signature = trailers.map(|trailers| signing.sign_trailer(&canonical_trailers(trailers)));
    body.extend_from_slice(encode_end(trailers.unwrap_or_default(), signature.as_ref()).as_bytes());
    body
}

#[test]
fn a_signed_body_decodes_and_its_signatures_verify() {
    let (first, last) = (vec![b'a'; 8_192], b"tail".as_slice());
    let body = signed_body(&[&first, last], Some(&[crc()]));
    let seen = decode_all_ways(ChunkMode::SignedTrailer, 8_196, &body).unwrap();
    assert_eq!(seen.data, [&first, last].concat());
    let sizes: Vec<u64> = seen.chunks.iter().map(|(size, _)| *size).collect();
    assert_eq!(sizes, [8_192, 4, 0]);

    let read = |text: &Option<String>| {
        portcullis_sigv4::Signature::from_hex(text.as_ref().unwrap().as_bytes()).unwrap()
    };
    let mut verifying = ChunkVerifier::new(signer().key().clone(), seed());
    for ((_, signature), data) in seen.chunks.iter().zip([first.as_slice(), last, b""]) {
        assert_eq!(verifying.verify_chunk(&Sha256::digest(data).into(), &read(signature)), Ok(()));
    }
    let (trailers, signature) = seen.trailers.unwrap();
    assert_eq!(trailers, [crc()]);
    assert_eq!(verifying.verify_trailer(&canonical_trailers(&trailers), &read(&signature)), Ok(()));
}

#[test]
fn chunks_changed_left_out_or_swapped_do_not_verify() {
    let hash = |data: &[u8]| -> [u8; 32] { Sha256::digest(data).into() };
    let mut signing = ChunkSigner::new(signer().key().clone(), seed());
    let (one, two) = (signing.sign_chunk(&hash(b"one")), signing.sign_chunk(&hash(b"two")));
    let fresh = || ChunkVerifier::new(signer().key().clone(), seed());
    assert!(fresh().verify_chunk(&hash(b"onE"), &one).is_err());
    assert!(fresh().verify_chunk(&hash(b"two"), &two).is_err());
    let mut again = fresh();
    assert!(again.verify_chunk(&hash(b"one"), &one).is_ok());
    assert!(again.clone().verify_chunk(&hash(b"one"), &one).is_err());
    assert!(again.verify_chunk(&hash(b"two"), &two).is_ok());
}

#[test]
fn ends_as_clients_write_them() {
    let signature = "0".repeat(64);
    let trailer = Some((vec![crc()], None));
    let signed = Some((vec![crc()], Some(signature.clone())));
    let line = "x-amz-checksum-crc32c:sOO8/Q==";
    let zero = format!("0;chunk-signature={signature}\r\n");
    let end = format!("x-amz-trailer-signature:{signature}\r\n");
    for (mode, body, expected) in [
        (ChunkMode::Unsigned, "0\r\n\r\n".to_owned(), Some((vec![], None))),
        (ChunkMode::Unsigned, "0;ignored=1\r\n\r\n".to_owned(), Some((vec![], None))),
        (ChunkMode::Unsigned, format!("0\r\n{line}\r\n\r\n"), trailer.clone()),
        (ChunkMode::Unsigned, format!("0\r\n{line}\n\r\n\r\n"), trailer),
        (ChunkMode::Signed, format!("{zero}\r\n"), None),
        (ChunkMode::SignedTrailer, format!("{zero}{line}\r\n{end}\r\n"), signed.clone()),
        (ChunkMode::SignedTrailer, format!("{zero}{line}\r\n{end}"), signed.clone()),
        (ChunkMode::SignedTrailer, format!("{zero}{line}\n\r\n{end}\r\n"), signed.clone()),
        (ChunkMode::SignedTrailer, format!("{zero}\r\n{line}\n\r\n{end}\r\n\r\n"), signed),
    ] {
        let seen = decode_all_ways(mode, 0, body.as_bytes());
        assert_eq!(seen.map(|seen| seen.trailers), Ok(expected), "{body:?}");
    }
}

#[test]
fn unsigned_bodies_that_are_refused() {
    let long_header = format!("{}\r\n", "0".repeat(MAX_CHUNK_HEADER));
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(MAX_CHUNK_HEADER));
    let long_trailer = format!("5\r\nhello\r\n0\r\na:{}\r\n\r\n", "x".repeat(MAX_TRAILERS));
    let many: String = (0..17).map(|index| format!("a{index}:v\r\n")).collect();
    let many_trailers = format!("5\r\nhello\r\n0\r\n{many}\r\n");
    for (body, expected) in [
        ("", ChunkedError::Truncated),
        ("5\r\nhel", ChunkedError::Truncated),
        ("5\r\nhello", ChunkedError::Truncated),
        ("5\r\nhello\r\n", ChunkedError::Truncated),
        ("5\r\nhello\r\n0", ChunkedError::Truncated),
        ("5\r\nhello\r\n0\r\n", ChunkedError::Truncated),
        ("5\r\nhello\r\n0\r\na:b\r\n", ChunkedError::Truncated),
        ("5\r\nhello\r\n0\r\n\r\n\r", ChunkedError::Truncated),
        ("4\r\nhell\r\n0\r\n\r\n", ChunkedError::Length),
        ("0\r\n\r\n", ChunkedError::Length),
        ("6\r\nhello!\r\n0\r\n\r\n", ChunkedError::Length),
        ("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", ChunkedError::Length),
        ("ffffffffffffffff\r\n", ChunkedError::Length),
        ("5\r\nhello!\r\n0\r\n\r\n", ChunkedError::Malformed),
        ("5\r\nhello\n0\r\n\r\n", ChunkedError::Malformed),
        ("5\nhello\r\n0\r\n\r\n", ChunkedError::Malformed),
        ("\r\n", ChunkedError::Malformed),
        ("+5\r\nhello\r\n", ChunkedError::Malformed),
        ("-1\r\n", ChunkedError::Malformed),
        ("0x5\r\nhello\r\n", ChunkedError::Malformed),
        (" 5\r\nhello\r\n", ChunkedError::Malformed),
        ("00000000000000005\r\nhello\r\n0\r\n\r\n", ChunkedError::Malformed),
        (&long_header, ChunkedError::Malformed),
        (&long_extension, ChunkedError::Malformed),
        ("5\r\nhello\r\n0\r\nnonsense\r\n\r\n", ChunkedError::Trailer),
        ("5\r\nhello\r\n0\r\na:b\r\nA:c\r\n\r\n", ChunkedError::Trailer),
        ("5\r\nhello\r\n0\r\nx-amz-trailer-signature:00\r\n\r\n", ChunkedError::Trailer),
        (&long_trailer, ChunkedError::Trailer),
        (&many_trailers, ChunkedError::Trailer),
        ("5\r\nhello\r\n0\r\n\r\n\r\n\r\n", ChunkedError::TrailingBytes),
        ("5\r\nhello\r\n0\r\n\r\nmore", ChunkedError::TrailingBytes),
    ] {
        let outcome = decode_all_ways(ChunkMode::Unsigned, 5, body.as_bytes());
        assert_eq!(outcome, Err(expected), "{:?}", body.get(..80).unwrap_or(body));
    }
}

#[test]
fn signed_bodies_that_are_refused() {
    let big = vec![b'a'; 8_192];
    let good = signed_body(&[&big, b"tail"], None);
    assert!(decode(ChunkMode::Signed, 8_196, &[&good]).is_ok());
    let small = signed_body(&[&big[1..], b"tail"], None);
    assert_eq!(decode_all_ways(ChunkMode::Signed, 8_195, &small), Err(ChunkedError::ChunkTooSmall));
    let signature = "0".repeat(64);
    for (head, expected) in [
        ("5\r\nhello\r\n".to_owned(), ChunkedError::Malformed),
        ("5;\r\nhello\r\n".to_owned(), ChunkedError::Malformed),
        (format!("5;signature={signature}\r\nhello\r\n"), ChunkedError::Malformed),
        (format!("5;chunk-signature={signature}0\r\nhello\r\n"), ChunkedError::Malformed),
        (format!("5;chunk-signature={signature};a=b\r\nhello\r\n"), ChunkedError::Malformed),
        (format!("1000001;chunk-signature={signature}\r\n"), ChunkedError::ChunkTooLarge),
        (format!("1000000;chunk-signature={signature}\r\n"), ChunkedError::Truncated),
        (format!("0;chunk-signature={signature}\r\n"), ChunkedError::Length),
    ] {
        assert_eq!(decode_all_ways(ChunkMode::Signed, 1 << 30, head.as_bytes()), Err(expected), "{head}");
    }
    let zero = format!("0;chunk-signature={signature}\r\n");
    for (mode, tail, expected) in [
        (ChunkMode::Signed, "", ChunkedError::Truncated),
        (ChunkMode::Signed, "a:b\r\n\r\n", ChunkedError::Malformed),
        (ChunkMode::Signed, "\r\n\r\n", ChunkedError::TrailingBytes),
        (ChunkMode::SignedTrailer, "a:b\r\n\r\n", ChunkedError::Truncated),
        (ChunkMode::SignedTrailer, "\r\n\r\n\r\n", ChunkedError::Trailer),
        (ChunkMode::SignedTrailer, "x-amz-trailer-signature:00\r\n\r\n", ChunkedError::Trailer),
    ] {
        let body = format!("{zero}{tail}");
        assert_eq!(decode_all_ways(mode, 0, body.as_bytes()), Err(expected), "{mode:?} {tail:?}");
    }
}

#[test]
fn an_error_stays() {
    let mut decoder = Decoder::new(ChunkMode::Unsigned, 1);
    assert_eq!(decoder.step(b"x\r\n").unwrap_err(), ChunkedError::Malformed);
    assert_eq!(decoder.step(b"1\r\na\r\n0\r\n\r\n").unwrap_err(), ChunkedError::Malformed);
    assert_eq!(decoder.finish(), Err(ChunkedError::Malformed));
}

proptest! {
    #[test]
    fn any_data_in_any_chunks(chunks in vec(vec(any::<u8>(), 1..50), 0..6), cut in 1..60usize) {
        let data = chunks.concat();
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend_from_slice(encode_header(chunk.len().try_into().unwrap(), None).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(encode_header(0, None).as_bytes());
        body.extend_from_slice(encode_end(&[crc()], None).as_bytes());
        let pieces: Vec<&[u8]> = body.chunks(cut).collect();
        let seen = decode(ChunkMode::Unsigned, data.len().try_into().unwrap(), &pieces).unwrap();
        assert_eq!(seen.data, data);
        assert_eq!(seen.chunks.len(), chunks.len() + 1);
        assert_eq!(seen.trailers, Some((vec![crc()], None)));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_cuts_do_not_matter(
        body in vec(proptest::sample::select(b"0012aAf;:\r\n\r\nx-".to_vec()), 0..60),
        noise in any::<Vec<u8>>(), declared in 0..30u64, cut in 1..10usize,
    ) {
        for mode in [ChunkMode::Signed, ChunkMode::SignedTrailer, ChunkMode::Unsigned] {
            for body in [&body, &noise] {
                let pieces: Vec<&[u8]> = body.chunks(cut).collect();
                assert_eq!(decode(mode, declared, &pieces), decode(mode, declared, &[body]));
            }
        }
    }
}
