//! Answers that were not made here: the ES256 vector of Web Authentication Level 3 (section 16.2), and one of an RSA key made with
//! OpenSSL. The first is of an authenticator that did not check its user, which is looked at last.

use super::*;

const ATTESTATION: &str = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8\
    edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3f\
    b63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb2\
    49c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220";
const CREATED: &str = r#"{"type":"webauthn.create","challenge":"AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA","origin":"https://example.org","crossOrigin":false,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: BkQeDjdcTBrXBiAwJTLE5Q"}"#;
const GOT: &str = r#"{"type":"webauthn.get","challenge":"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag","origin":"https://example.org","crossOrigin":false}"#;
const AUTH_DATA: &str = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000";
const SIGNATURE: &str = "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f5\
    75bf11a1dd5d78c6e486013f937295ea13653e331e87";
const CREDENTIAL: &str = "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4";
const RSA_MODULUS: &str = "c420c46fac5cd8fc9074a5d6cb322e1e103972fd7b91df9fdafb4630d855c60ed05db76e7511f0e940151e8d4932679e8a48\
    5b6c2e00f67a76795e6d646095f0c7c9bba799769abd7e00cfd2d971d511a19a751872320b199c4083af53335aa1b6c32ca7\
    8177d8c520a23d6451527fc44f1e98bfc5a87d9fd30ff243bb7fe78c41b6c5f074d798b2d926f97007d95a1ac9296e3e6ca2\
    657f205aec1117c92ccb9d83d46af402f61af70f78b2888645cf3957ec596fb39762f6b003ccb9d79ae7d59db8f612af2783\
    6d665cfc70b74a9f4987da0596b873470cce29e5921635335ca74cace73cbbb8e05fa760cddc25c169a3922fc81ce42bb620\
    4726efb9c0b5";
const RSA_SIGNATURE: &str = "12b0101c14b35d557cfaf2fa2b7dd13cffee3f6c1bc66b75cc1dd39a3fa54411c09e422ee717b351b23c155b69a96bfce513\
    27e1a9a9de4e219b331fa8af8c5544c2a6703de7eb1640b72117c47e8e42fe62a95a18e8d1a169c3880ff14f41ce9c018786\
    1b548ccda7e2fcb1654401a77294b69b7e0d18f6d9bce57dadf7f65007bd2fc5dc3e04f6170f1d440f9147ce1a0728016710\
    197171a3c51dadca86fa1e8314a9b9bc210830399ed1cc3ffce433d1cdb99d19cf95ec31e05cc7b653a18c752dd25ba5d75a\
    3deed3c2dc1aee37f9924ac4dc35740c504037343e58194310bd69c7864d1b56f2a6461d0f3ce2b9e6152eb3cda9f9a57847\
    3c51e7d09321";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn challenge_in(client_data: &str) -> Challenge {
    let json: serde_json::Value = serde_json::from_str(client_data).unwrap();
    URL_SAFE_NO_PAD.decode(json["challenge"].as_str().unwrap()).unwrap().try_into().unwrap()
}

fn example() -> RelyingParty {
    RelyingParty::at("https://example.org").unwrap()
}

#[test]
fn the_registration_of_the_specification() {
    let attestation = bytes(ATTESTATION);
    let answer = CreationAnswer { client_data: CREATED.as_bytes(), attestation: &attestation };
    assert_eq!(register(&example(), &challenge_in(CREATED), &answer), Err(PasskeyError::NotVerified));
    // The same with the flag of a check set: no attestation, so nothing is signed.
    let mut checked = attestation.clone();
    let flags = checked.windows(4).position(|bytes| bytes == [0xb2, 0xe4, 0xb5, 0x59]).unwrap() + 3;
    checked[flags] |= 4;
    let passkey =
        register(&example(), &challenge_in(CREATED), &CreationAnswer { attestation: &checked, ..answer })
            .unwrap();
    assert_eq!(passkey.credential_id(), bytes(CREDENTIAL));
    for length in 0..attestation.len() {
        let cut = CreationAnswer { attestation: &checked[..length], ..answer };
        assert!(register(&example(), &challenge_in(CREATED), &cut).is_err(), "{length}");
    }
}

#[test]
fn the_assertion_of_the_specification() {
    let attestation = authenticator::attestation(&bytes(ATTESTATION)).unwrap();
    let made = AuthenticatorData::parse(&attestation.auth_data).unwrap().made.unwrap();
    let (credential, auth_data, signature) = (bytes(CREDENTIAL), bytes(AUTH_DATA), bytes(SIGNATURE));
    let known = KnownPasskey {
        credential_id: &credential,
        public_key: made.public_key,
        sign_count: 0,
        user_handle: USER,
    };
    let outcome = |auth_data: &[u8], client_data: &[u8], signature: &[u8]| {
        let answer = RequestAnswer {
            credential_id: &credential,
            client_data,
            authenticator_data: auth_data,
            signature,
            user_handle: None,
        };
        verify(&example(), &challenge_in(GOT), &answer, &known)
    };
    // Everything up to the check of the user is right.
    assert_eq!(outcome(&auth_data, GOT.as_bytes(), &signature), Err(PasskeyError::NotVerified));
    for at in 0..signature.len() {
        let mut damaged = signature.clone();
        damaged[at] ^= 1;
        assert_eq!(outcome(&auth_data, GOT.as_bytes(), &damaged), Err(PasskeyError::BadSignature), "{at}");
    }
    // Claiming the check afterwards breaks the signature.
    let mut claimed = auth_data.clone();
    claimed[32] |= 4;
    assert_eq!(outcome(&claimed, GOT.as_bytes(), &signature), Err(PasskeyError::BadSignature));
    let spaced = format!("{GOT} ");
    assert_eq!(outcome(&auth_data, spaced.as_bytes(), &signature), Err(PasskeyError::BadSignature));
}

#[test]
fn a_key_of_openssl() {
    let challenge: Challenge = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let client_data =
        client_data("webauthn.get", &challenge, "https://gate.example.org", r#","crossOrigin":false"#);
    let data = auth_data("gate.example.org", 5, 7, &[]);
    let cose = |modulus: Vec<u8>| {
        encoded(&[(1, 3.into()), (3, (-257).into()), (-1, modulus.into()), (-2, vec![1, 0, 1].into())])
    };
    let outcome = |cose: &[u8], signature: &[u8]| {
        let answer = RequestAnswer {
            credential_id: ID,
            client_data: &client_data,
            authenticator_data: &data,
            signature,
            user_handle: Some(USER),
        };
        let known = KnownPasskey { credential_id: ID, public_key: cose, sign_count: 6, user_handle: USER };
        verify(&party(), &challenge, &answer, &known).map(|verified| verified.sign_count())
    };
    let (modulus, mut signature) = (bytes(RSA_MODULUS), bytes(RSA_SIGNATURE));
    assert_eq!(outcome(&cose(modulus.clone()), &signature), Ok(7));
    assert_eq!(outcome(&cose([vec![0], modulus.clone()].concat()), &signature), Ok(7));
    signature[200] ^= 0x10;
    assert_eq!(outcome(&cose(modulus), &signature), Err(PasskeyError::BadSignature));
}
