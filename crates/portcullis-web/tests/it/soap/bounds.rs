//! What nobody sends, and nobody may.

use super::{Service, V11, code, envelope, put_file, value};

impl Service {
    async fn sent(&self, body: impl Into<axum::body::Body>) -> String {
        let ask = self.world.ask("POST", "/soap").header("content-type", "text/xml");
        let answer = ask.header("authorization", &self.basic()).body(body).send().await;
        code(&answer)
    }
}

#[tokio::test]
async fn no_document_types_and_no_entities() {
    let service = Service::new().await;
    let stat = |path: &str| envelope(V11, "", &format!("<Stat><path>{path}</path></Stat>"));
    let body = |doctype: &str, path: &str| stat(path).replacen("?>\n", &format!("?>\n{doctype}"), 1);
    for (doctype, path) in [
        ("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>", "&e;"),
        ("<!DOCTYPE x SYSTEM \"http://127.0.0.1:9/x\">", "/"),
        ("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]>", "&b;"),
        ("<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:9/x\"> %p;]>", "/"),
        ("<?xml-stylesheet href=\"http://127.0.0.1:9/x\"?>", "/"),
        ("", "&unknown;"),
        ("", "&#0;"),
        ("", "&#1;"),
        ("", "&#xFFFFFFFF;"),
        ("", "\u{1}"),
    ] {
        assert_eq!(service.sent(body(doctype, path)).await, "InvalidRequest", "{doctype} {path}");
    }
}

#[tokio::test]
async fn what_is_not_well_formed() {
    let service = Service::new().await;
    let good = envelope(V11, "", "<Stat><path>/</path></Stat>");
    for (from, to) in [
        ("</e:Body>", ""),
        ("</Stat>", "</stat>"),
        ("<e:Body>", "<x:Body>"),
        ("<path>", "<path a=\"1\" a=\"2\">"),
        ("<path>", "<path xmlns:p=\"urn:p\" xmlns:q=\"urn:p\" p:a=\"1\" q:a=\"2\">"),
        ("<path>", "<path a=1>"),
        ("</e:Envelope>", "</e:Envelope>text"),
        ("</e:Envelope>", "</e:Envelope><e:Envelope/>"),
        ("</e:Envelope>", "<e:Body/></e:Envelope>"),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<?xml version=\"1.0\" encoding=\"UTF-16\"?>"),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "text"),
        ("<e:Body>", "text<e:Body>"),
        ("<e:Body>", "<other/><e:Body>"),
        ("<e:Body>", "<e:Header/><e:Header/><e:Body>"),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good, "{from}");
        assert_eq!(service.sent(wrong).await, "InvalidRequest", "{from} -> {to}");
    }
    // Everything that ends too early.
    for end in 0..good.len() {
        let told = service.sent(good.as_bytes()[..end].to_vec()).await;
        assert!(["Broken", "InvalidRequest"].contains(&told.as_str()), "{end}: {told}");
    }
    assert_eq!(service.sent("").await, "Broken");
    assert_eq!(service.sent(b"\xff\xfe<\0".to_vec()).await, "InvalidRequest");
    let mut latin = good.clone().into_bytes();
    let at = good.find("<path>/").unwrap() + 7;
    latin.insert(at, 0xe4);
    assert_eq!(service.sent(latin).await, "InvalidRequest");
}

#[tokio::test]
async fn nothing_is_too_deep_too_wide_or_too_long() {
    let service = Service::new().await;
    let stat = |header: &str| envelope(V11, header, "<Stat><path>/</path></Stat>");
    let deep = |levels: usize| {
        stat(&format!("{}{}", "<x:a xmlns:x='urn:x'>".repeat(levels), "</x:a>".repeat(levels)))
    };
    let wide = |count: usize| {
        let attributes: String = (0..count).map(|at| format!(" a{at}='x'")).collect();
        stat(&format!("<x:a xmlns:x='urn:x'{attributes}/>"))
    };
    let spaces = |count: usize| {
        let spaces: String = (0..count).map(|at| format!(" xmlns:a{at}='urn:x'")).collect();
        stat(&format!("<x:a xmlns:x='urn:x'{spaces}/>"))
    };
    let long = |length: usize| stat(&format!("<x:a xmlns:x='urn:x'>{}</x:a>", "y".repeat(length)));
    for (fits, wrong) in
        [(deep(30), deep(31)), (wide(60), wide(65)), (spaces(50), spaces(70)), (long(60_000), long(65_536))]
    {
        let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
        let answer = ask.header("authorization", &service.basic()).body(fits).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = service.sent(wrong).await;
        assert!(["RequestTooLarge", "InvalidRequest"].contains(&told.as_str()), "{told}");
    }
    // Markup without an end is no exception.
    for endless in ["<", "<a b='", "<!--", "<![CDATA[", "&", "</"] {
        let body = format!("<e:Envelope xmlns:e=\"{V11}\"><e:Header>{endless}{}", "z".repeat(200_000));
        assert_eq!(service.sent(body).await, "RequestTooLarge", "{endless}");
    }
    // What comes after the content is bounded as what comes before it.
    let after =
        put_file("a", "", b"x").replace("</PutFile>", &format!("<!--{}--></PutFile>", "z".repeat(70_000)));
    assert_eq!(service.fault(&after).await, "RequestTooLarge");
    assert_eq!(service.content("a").await, None);
}

#[tokio::test]
async fn strangers_send_no_more_than_a_head() {
    let service = Service::new().await;
    let body = put_file("a", "", &vec![b'x'; 4_000_000]);
    // By its header nobody is let in, and nothing of the body is looked at.
    let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
    let refused = ask.header("authorization", "Basic eDp5").body(never()).send().await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (401, "AuthenticationFailed"));
    // Without one the envelope is, up to its body.
    let ask = service.world.ask("POST", "/soap").header("content-type", "text/xml");
    let answer = ask.body(envelope(V11, "", &body)).send().await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (401, "AuthenticationFailed"));
    assert_eq!(value(&answer, "message"), value(&refused, "message"));
}

/// A body of which nothing ever comes.
fn never() -> axum::body::Body {
    axum::body::Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>())
}
