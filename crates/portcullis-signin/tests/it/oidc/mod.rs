//! The client against a provider that does as it is told.

mod provider;

use std::time::Duration;

use portcullis_domain::{Secret, Timestamp};
use portcullis_signin::oidc::{Answer, Flow, OidcError, OidcErrorKind, Provider, Settings, VerifiedIdentity};
use serde_json::json;

use provider::{CLIENT_ID, CLIENT_SECRET, FakeProvider, Signer};

const CALLBACK: &str = "https://gate.example.org/sign-in/oidc/callback";

fn now() -> Timestamp {
    "2027-01-31T18:00:00Z".parse().unwrap()
}

fn settings(fake: &FakeProvider) -> Settings {
    Settings {
        issuer: fake.issuer(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::foreign(CLIENT_SECRET.to_owned())),
        redirect_uri: CALLBACK.to_owned(),
        scopes: vec!["groups".to_owned(), "email".to_owned()],
        groups_claim: Some("groups".to_owned()),
        username_claim: "preferred_username".to_owned(),
        trust_second_factor: true,
        second_factor_acr: vec!["urn:gold".to_owned()],
        extra_roots_pem: None,
    }
}

/// A client and its provider.
struct Pair {
    fake: FakeProvider,
    client: Provider,
}

impl Pair {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let fake = FakeProvider::start(now());
        let mut settings = settings(&fake);
        change(&mut settings);
        Self { client: Provider::new(settings).unwrap(), fake }
    }

    fn flow(&self, fresh: bool) -> Flow {
        let count = u8::try_from(self.fake.sent().len()).unwrap();
        Flow::new(&[[count; 32], [100 + count; 32], [200; 32]], now(), fresh)
    }

    /// What the browser brings back for a flow.
    async fn answer(&self, flow: &Flow) -> Answer {
        let address = self.client.start(flow, now()).await.unwrap();
        let back = self.fake.visit(&address);
        Answer::parse(back.strip_prefix(&format!("{CALLBACK}?")).unwrap()).unwrap()
    }

    async fn sign_in(&self) -> Result<VerifiedIdentity, OidcError> {
        let flow = self.flow(false);
        let answer = self.answer(&flow).await;
        self.client.finish(&flow, &answer, now()).await
    }

    /// Signing in fails, for this reason.
    async fn refused(&self, kind: OidcErrorKind, word: &str) {
        let error = self.sign_in().await.expect_err(word);
        assert_eq!(error.kind, kind, "{word}: {error}");
        assert!(error.to_string().contains(word), "{word} is not in: {error}");
    }
}

#[tokio::test]
async fn signing_in() {
    let pair = Pair::new();
    pair.fake.script().claims = json!({"groups": ["staff", "admins", "staff"], "amr": ["pwd", "otp"]});
    let who = pair.sign_in().await.unwrap();
    assert_eq!(who.external_id(), format!("{}\nada-1", pair.fake.issuer()));
    assert_eq!((who.username(), who.email()), (Some("ada"), Some("ada@example.com")));
    assert_eq!(who.groups(), ["admins", "staff"]);
    assert!(who.second_factor());
    let sent = &pair.fake.sent()[0];
    assert_eq!(sent["scope"], "openid profile email groups");
    assert_eq!((sent["response_type"].as_str(), sent.get("prompt")), ("code", None));
    let paths = ["/.well-known/openid-configuration", "/authorize", "/token", "/keys"];
    assert_eq!(pair.fake.asked(), paths);
    // What the provider said of itself is known now.
    pair.sign_in().await.unwrap();
    assert_eq!(pair.fake.asked()[4..], ["/authorize", "/token"]);
}

#[tokio::test]
async fn every_kind_of_key_that_is_taken() {
    for signer in [Signer::es256(), Signer::eddsa(), Signer::rs256()] {
        let (pair, algorithm) = (Pair::new(), signer.algorithm());
        {
            let mut script = pair.fake.script();
            script.keys = vec![Signer::es256().jwk("other"), signer.jwk("mine")];
            (script.kid, script.signer) = (json!("mine"), signer);
        }
        assert!(pair.sign_in().await.is_ok(), "{algorithm}");
        pair.fake.script().header = json!({"kid": null});
        let several = matches!(algorithm, "ES256");
        assert_eq!(
            pair.sign_in().await.is_err(),
            several,
            "{algorithm}: a key without a name has to be the only one"
        );
    }
}

#[tokio::test]
async fn tokens_that_nobody_signed_or_somebody_else_did() {
    let pair = Pair::new();
    // What an attacker has: the published key.
    let published = pair.fake.script().keys[0].to_string().into_bytes();
    pair.fake.script().signer = Signer::None;
    pair.refused(OidcErrorKind::Untrusted, "none").await;
    pair.fake.script().signer = Signer::Hs256(published);
    pair.refused(OidcErrorKind::Untrusted, "HS256").await;
    // The header may lie about it.
    pair.fake.script().header = json!({"alg": "ES256"});
    pair.refused(OidcErrorKind::Untrusted, "signature").await;
    pair.fake.script().header = json!({});
    pair.fake.script().signer = Signer::es256();
    pair.refused(OidcErrorKind::Untrusted, "signature").await;
    // An RSA signature under the name of the other key.
    pair.fake.script().signer = Signer::rs256();
    pair.refused(OidcErrorKind::Untrusted, "no such key").await;
    // A token that brings its own key along.
    let own = Signer::es256();
    pair.fake.script().header = json!({"jwk": own.jwk("own"), "kid": "own"});
    pair.fake.script().signer = own;
    pair.refused(OidcErrorKind::Untrusted, "no such key").await;
}

#[tokio::test]
async fn claims_that_do_not_fit() {
    let pair = Pair::new();
    let seconds = now().seconds();
    for (claims, word) in [
        (json!({"nonce": "another"}), "nonce"),
        (json!({"nonce": null}), "nonce"),
        (json!({"aud": "another"}), "aud"),
        (json!({"aud": [CLIENT_ID, "another"]}), "azp"),
        (json!({"exp": seconds - 61}), "exp"),
        (json!({"iat": seconds - 3_600}), "older"),
        (json!({"iss": "https://evil.example"}), "issuer"),
        (json!({"sub": null}), "sub"),
        (json!({"at_hash": "AAAA"}), "at_hash"),
    ] {
        pair.fake.script().claims = claims;
        pair.refused(OidcErrorKind::Untrusted, word).await;
    }
}

#[tokio::test]
async fn a_key_that_is_new_is_fetched_once() {
    let pair = Pair::new();
    pair.sign_in().await.unwrap();
    let next = Signer::eddsa();
    {
        let mut script = pair.fake.script();
        script.keys = vec![next.jwk("second")];
        (script.kid, script.signer) = (json!("second"), next);
    }
    pair.sign_in().await.unwrap();
    let fetched = |pair: &Pair| pair.fake.asked().iter().filter(|path| *path == "/keys").count();
    assert_eq!(fetched(&pair), 2);
    pair.fake.script().kid = json!("third");
    pair.refused(OidcErrorKind::Untrusted, "no such key").await;
    assert_eq!(fetched(&pair), 3, "once for the token, not again");
}

#[tokio::test]
async fn what_is_known_of_the_provider_is_forgotten_after_minutes() {
    let pair = Pair::new();
    pair.sign_in().await.unwrap();
    let later = now().after(Duration::from_secs(601));
    pair.client.start(&pair.flow(false), later).await.unwrap();
    let asked = pair.fake.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("/.well-known")).count(), 2);
}

#[tokio::test]
async fn an_answer_is_for_one_flow_and_good_once() {
    let pair = Pair::new();
    let (mine, other) = (pair.flow(false), Flow::new(&[[9; 32]; 3], now(), false));
    let answer = pair.answer(&mine).await;
    let error = pair.client.finish(&other, &answer, now()).await.unwrap_err();
    assert_eq!(error.kind, OidcErrorKind::Untrusted);
    assert!(!pair.fake.asked().contains(&"/token".to_owned()), "nothing was sent with it");
    assert!(pair.client.finish(&mine, &answer, now()).await.is_ok());
    let error = pair.client.finish(&mine, &answer, now()).await.unwrap_err();
    assert_eq!(error.kind, OidcErrorKind::Expired);
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_the_verifier() {
    let pair = Pair::new();
    let flow = pair.flow(false);
    let answer = pair.answer(&flow).await;
    let line = flow.pack();
    let words: Vec<_> = line.split(' ').collect();
    let thief = Flow::unpack(&[words[0], words[1], &"x".repeat(43), words[3], words[4]].join(" ")).unwrap();
    let error = pair.client.finish(&thief, &answer, now()).await.unwrap_err();
    assert_eq!(error.kind, OidcErrorKind::Expired, "{error}");
}

#[tokio::test]
async fn answers_of_another_issuer() {
    let pair = Pair::new();
    pair.fake.script().answer_issuer = Some("https://evil.example".to_owned());
    pair.refused(OidcErrorKind::Untrusted, "evil.example").await;
    let paths = pair.fake.asked();
    assert!(!paths.contains(&"/token".to_owned()), "the code goes to nobody: {paths:?}");
    pair.fake.script().answer_issuer = Some(pair.fake.issuer());
    assert!(pair.sign_in().await.is_ok());
    // A provider that always says it, and an answer that does not.
    let pair = Pair::new();
    pair.fake.script().discovery = json!({"authorization_response_iss_parameter_supported": true});
    pair.refused(OidcErrorKind::Untrusted, "which issuer").await;
}

#[tokio::test]
async fn a_provider_that_is_another_or_none() {
    let pair = Pair::new();
    pair.fake.script().discovery = json!({"issuer": "https://evil.example"});
    let error = pair.client.start(&pair.flow(false), now()).await.unwrap_err();
    assert_eq!(error.kind, OidcErrorKind::Misconfigured);
    let Pair { fake, client } = Pair::new();
    drop(fake);
    let error = client.start(&Flow::new(&[[1; 32]; 3], now(), false), now()).await.unwrap_err();
    assert!(error.kind == OidcErrorKind::Unreachable && error.is_retryable(), "{error}");
}

#[tokio::test]
async fn what_the_provider_refuses() {
    let pair = Pair::new();
    pair.fake.script().error = Some("access_denied");
    pair.refused(OidcErrorKind::Refused, "access_denied").await;
    pair.fake.script().error = None;
    for (answer, kind) in [
        ((400, json!({"error": "invalid_grant"})), OidcErrorKind::Expired),
        ((401, json!({"error": "invalid_client"})), OidcErrorKind::Misconfigured),
        ((400, json!("what?")), OidcErrorKind::Misconfigured),
        ((200, json!({"access_token": "x"})), OidcErrorKind::Misconfigured),
        ((302, json!({})), OidcErrorKind::Misconfigured),
        ((503, json!({})), OidcErrorKind::Unreachable),
        ((200, json!({"id_token": "x".repeat(300_000)})), OidcErrorKind::Unreachable),
        ((200, json!({"id_token": "a.b.c"})), OidcErrorKind::Untrusted),
    ] {
        let told = answer.1.to_string();
        pair.fake.script().token_answer = Some(answer);
        let error = pair.sign_in().await.unwrap_err();
        assert_eq!(error.kind, kind, "{}", told.get(..60).unwrap_or(&told));
        assert!(!error.to_string().contains(CLIENT_SECRET));
    }
}

#[tokio::test]
async fn how_the_client_proves_itself() {
    let wrong = Pair::with(|settings| settings.client_secret = Some(Secret::foreign("wrong".to_owned())));
    wrong.refused(OidcErrorKind::Misconfigured, "invalid_client").await;
    let public = Pair::with(|settings| settings.client_secret = None);
    public.refused(OidcErrorKind::Misconfigured, "invalid_client").await;
    let posted = Pair::new();
    posted.fake.script().discovery = json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]});
    assert!(posted.sign_in().await.is_ok());
}

#[tokio::test]
async fn claims_from_the_other_place() {
    let pair = Pair::with(|settings| settings.groups_claim = Some("realm.roles".to_owned()));
    pair.fake.script().userinfo = json!({"realm": {"roles": ["staff"]}});
    assert_eq!(pair.sign_in().await.unwrap().groups(), ["staff"]);
    pair.fake.script().userinfo = json!({"sub": "eve-1", "realm": {"roles": ["admins"]}});
    pair.refused(OidcErrorKind::Untrusted, "somebody else").await;
    // What the token says is not asked for again.
    pair.fake.script().claims = json!({"realm": {"roles": []}});
    assert!(pair.sign_in().await.unwrap().groups().is_empty());
}

#[tokio::test]
async fn second_factors_count_if_they_are_trusted() {
    let pair = Pair::new();
    for (claims, saw) in [
        (json!({"amr": ["pwd"]}), false),
        (json!({"amr": ["pwd", "mfa"]}), true),
        (json!({"amr": "hwk"}), true),
        (json!({"acr": "urn:gold"}), true),
        (json!({"acr": "urn:silver"}), false),
        (json!({}), false),
    ] {
        pair.fake.script().claims = claims.clone();
        assert_eq!(pair.sign_in().await.unwrap().second_factor(), saw, "{claims}");
    }
    // Only what is signed is believed.
    pair.fake.script().userinfo = json!({"amr": ["mfa"], "acr": "urn:gold"});
    assert!(!pair.sign_in().await.unwrap().second_factor());
    let wary = Pair::with(|settings| settings.trust_second_factor = false);
    wary.fake.script().claims = json!({"amr": ["mfa"]});
    assert!(!wary.sign_in().await.unwrap().second_factor());
}

#[tokio::test]
async fn who_has_to_prove_it_again_is_asked() {
    let pair = Pair::new();
    let again = async |claims| {
        pair.fake.script().claims = claims;
        let flow = pair.flow(true);
        let answer = pair.answer(&flow).await;
        pair.client.finish(&flow, &answer, now()).await
    };
    assert!(again(json!({})).await.is_ok());
    let sent = pair.fake.sent().pop().unwrap();
    assert_eq!((sent["prompt"].as_str(), sent["max_age"].as_str()), ("login", "0"));
    for stale in [json!({"auth_time": now().seconds() - 3_600}), json!({"auth_time": null})] {
        assert_eq!(again(stale).await.unwrap_err().kind, OidcErrorKind::Untrusted);
    }
}

#[test]
fn settings_that_cannot_be_used() {
    let fake = FakeProvider::start(now());
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(&fake);
        change(&mut settings);
        Provider::new(settings).map(|_| ()).unwrap_err().field
    };
    for issuer in
        ["", "id.example.com", "http://id.example.com", "https://id.example.com/?a=b", "https://a@b"]
    {
        assert_eq!(refused(&|settings| settings.issuer = issuer.to_owned()), "issuer", "{issuer}");
    }
    assert_eq!(refused(&|settings| settings.client_id.clear()), "client_id");
    assert_eq!(refused(&|settings| settings.scopes = vec!["a b".to_owned()]), "scopes");
    assert_eq!(refused(&|settings| settings.groups_claim = Some(String::new())), "groups_claim");
    assert_eq!(refused(&|settings| settings.username_claim.clear()), "username_claim");
    assert_eq!(refused(&|settings| settings.extra_roots_pem = Some(b"no certificate".to_vec())), "ca_file");
    let empty = |settings: &mut Settings| settings.client_secret = Some(Secret::foreign(String::new()));
    assert_eq!(refused(&empty), "client_secret_file");
}
