//! Clocks that differ, and URLs that are too young or too old.

use portcullis_sigv4::{Payload, PresentedPolicy, TimeError, parse};

use crate::support::{NOW, Request, now, signer};

const HOST: (&str, &str) = ("host", "h");

fn check(request: &Request, at: i64) -> Result<(), TimeError> {
    request.with_raw(|raw| parse(raw).unwrap().unwrap().check_time(at))
}

#[test]
fn fifteen_minutes_either_way() {
    let request = Request::new("GET", "/", None, &[HOST]).signed(Payload::Unsigned);
    for at in [NOW - 900, NOW, NOW + 900] {
        assert_eq!(check(&request, at), Ok(()));
    }
    for at in [NOW - 901, NOW + 901, i64::MIN, i64::MAX] {
        let error = check(&request, at).unwrap_err();
        assert_eq!(error, TimeError::TooSkewed { request: now(), now: at });
        assert_eq!(error.code(), "RequestTimeTooSkewed");
    }
}

#[test]
fn a_presigned_url_lives_as_long_as_it_says() {
    let request = Request::new("GET", "/", None, &[HOST]).presigned(3_600);
    for at in [NOW - 900, NOW, NOW + 901, NOW + 3_600] {
        assert_eq!(check(&request, at), Ok(()));
    }
    for at in [NOW - 901, i64::MIN] {
        assert_eq!(check(&request, at), Err(TimeError::NotYetValid { request: now(), now: at }));
    }
    for at in [NOW + 3_601, i64::MAX] {
        let error = check(&request, at).unwrap_err();
        assert_eq!(error, TimeError::Expired { expires_at: NOW + 3_600, now: at });
        assert_eq!((error.code(), error.to_string().as_str()), ("AccessDenied", "Request has expired"));
    }
}

#[test]
fn a_form_lives_seven_days_at_most() {
    let signature = signer().sign_policy("e30=").to_hex();
    let credential = format!("A/{}", signer().scope());
    let fields = [
        ("policy", "e30="),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", credential.as_str()),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-signature", &signature),
    ];
    let form = PresentedPolicy::parse(&fields).unwrap().unwrap();
    assert_eq!(form.verify(signer().key()), Ok("e30="));
    assert_eq!(form.check_time(NOW - 900), Ok(()));
    assert_eq!(form.check_time(NOW + 604_800), Ok(()));
    assert!(matches!(form.check_time(NOW - 901), Err(TimeError::NotYetValid { .. })));
    assert!(matches!(form.check_time(NOW + 604_801), Err(TimeError::Expired { .. })));
}
