//! Every operation, in both versions.

use portcullis_web::{SOAP_OPERATIONS, SoapOperation};

use super::{Service, V11, V12, code, envelope, get_file, put_file, text, value, values, well_formed};
use crate::world::World;

#[tokio::test]
async fn the_description_is_for_everybody_and_names_the_configured_address() {
    let world = World::new().await;
    for query in ["wsdl", "WSDL", "Wsdl"] {
        let ask = world.ask("GET", &format!("/soap?{query}")).header("host", "evil.example");
        let answer = ask.send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
        let text = text(&answer);
        well_formed(&text);
        assert_eq!(text.matches("location=\"https://gate.example.org/soap\"").count(), 2);
        assert!(!text.contains("evil.example") && !text.contains("{address}"));
        for operation in SOAP_OPERATIONS {
            assert!(text.contains(&format!("<xsd:element name=\"{}Response\">", operation.name())));
        }
    }
    for (method, path) in
        [("GET", "/soap"), ("GET", "/soap?wsdl=1"), ("PUT", "/soap"), ("DELETE", "/soap?wsdl")]
    {
        let answer = world.ask(method, path).send().await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    }
}

#[tokio::test]
async fn what_went_up_comes_down_in_both_versions() {
    let service = Service::new().await;
    for (version, kind) in [(V11, "text/xml; charset=utf-8"), (V12, "application/soap+xml; charset=utf-8")] {
        let send = async |operation: String| {
            let ask = service.world.ask("POST", "/soap").header("content-type", kind);
            let answer = ask
                .header("authorization", &service.basic())
                .body(envelope(version, "", &operation))
                .send()
                .await;
            assert_eq!(answer.status, 200, "{operation}: {answer:?}");
            assert_eq!(answer.header("content-type"), kind);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(text(&answer).contains(&format!("<s:Envelope xmlns:s=\"{version}\">")));
            well_formed(&text(&answer));
            answer
        };
        let kept = "<contentType>text/plain</contentType><modified>2020-05-06T07:08:09Z</modified>";
        let stored = send(put_file("/new folder/&#252;&amp;.txt", kept, b"hello world")).await;
        for answer in
            [&stored, &send("<Stat><path>new folder/\u{fc}&amp;.txt</path></Stat>".to_owned()).await]
        {
            assert_eq!(value(answer, "name"), "\u{fc}&amp;.txt");
            assert_eq!(value(answer, "path"), "/new folder/\u{fc}&amp;.txt");
            assert_eq!(value(answer, "folder"), "false");
            assert_eq!(value(answer, "size"), "11");
            assert_eq!(value(answer, "etag"), "5eb63bbbe01eeed093cb22bb8f5acdc3");
            assert_eq!(value(answer, "modified"), "2020-05-06T07:08:09Z");
            assert_eq!(value(answer, "contentType"), "text/plain");
        }
        for (more, content, offset, length) in [
            ("", "aGVsbG8gd29ybGQ=", "0", "11"),
            ("<offset>6</offset>", "d29ybGQ=", "6", "5"),
            ("<offset>1</offset><length>3</length>", "ZWxs", "1", "3"),
            ("<offset>11</offset>", "", "11", "0"),
            ("<offset>99</offset><length>1</length>", "", "99", "0"),
            ("<length>0</length>", "", "0", "0"),
            ("<length>99</length>", "aGVsbG8gd29ybGQ=", "0", "11"),
            ("<ifMatch>\"5eb63bbbe01eeed093cb22bb8f5acdc3\"</ifMatch>", "aGVsbG8gd29ybGQ=", "0", "11"),
        ] {
            let answer = send(get_file("/new folder/\u{fc}&amp;.txt", more)).await;
            assert_eq!(value(&answer, "content"), content, "{more}");
            assert_eq!(value(&answer, "offset"), offset);
            assert_eq!(value(&answer, "length"), length);
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        }
    }
}

#[tokio::test]
async fn folders() {
    let service = Service::new().await;
    service.done("<MakeFolder><path>/in</path></MakeFolder>").await;
    assert_eq!(service.fault("<MakeFolder><path>/in</path></MakeFolder>").await, "AlreadyExists");
    assert_eq!(service.fault("<MakeFolder><path>/</path></MakeFolder>").await, "AlreadyExists");
    assert_eq!(service.fault("<MakeFolder><path>/not/there</path></MakeFolder>").await, "ParentMissing");
    for name in ["c", "a", "b"] {
        service.put(&format!("/in/{name}"), b"x").await;
    }
    service.done("<MakeFolder><path>/in/d</path></MakeFolder>").await;
    let listed = service.done("<ListFolder><path>/in</path></ListFolder>").await;
    assert_eq!(values(&listed, "path"), ["/in/a", "/in/b", "/in/c", "/in/d"]);
    assert_eq!(values(&listed, "folder"), ["false", "false", "false", "true"]);
    assert!(values(&listed, "nextCursor").is_empty());
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let operation = format!("<ListFolder><path>in</path><limit>3</limit>{cursor}</ListFolder>");
        let page = service.done(&operation).await;
        seen.extend(values(&page, "name"));
        match values(&page, "nextCursor").first() {
            Some(next) => cursor = format!("<cursor>{next}</cursor>"),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d"]);
    let top = service.done("<ListFolder><path>/</path></ListFolder>").await;
    assert_eq!(values(&top, "path"), ["/in"]);
    let top = service.done("<Stat><path></path></Stat>").await;
    assert_eq!((value(&top, "path").as_str(), value(&top, "folder").as_str()), ("/", "true"));
    for (operation, code) in [
        ("<ListFolder><path>/none</path></ListFolder>", "NotFound"),
        ("<ListFolder><path>/in/a</path></ListFolder>", "NotFolder"),
        ("<ListFolder><path>/in</path><limit>0</limit></ListFolder>", "InvalidRequest"),
        ("<ListFolder><path>/in</path><limit>1001</limit></ListFolder>", "InvalidRequest"),
        ("<ListFolder><path>/in</path><cursor>no</cursor></ListFolder>", "InvalidRequest"),
        ("<ListFolder/>", "InvalidRequest"),
        ("<Delete><path>/in</path></Delete>", "NotEmpty"),
        ("<Delete><path>/none</path></Delete>", "NotFound"),
        ("<Delete><path>/</path><recursive>true</recursive></Delete>", "AccessDenied"),
        (
            "<Delete><path>/in</path><recursive>true</recursive><ifMatch>x</ifMatch></Delete>",
            "InvalidRequest",
        ),
        ("<Delete><path>/in/a</path><ifMatch>x</ifMatch></Delete>", "Changed"),
        ("<GetFile><path>/in</path></GetFile>", "IsFolder"),
        ("<GetFile><path>/in/a</path><ifMatch>x</ifMatch></GetFile>", "Changed"),
        ("<GetFile><path>/none</path></GetFile>", "NotFound"),
        ("<Move><path>/none</path><to>/x</to></Move>", "NotFound"),
        ("<Move><path>/in/a</path><to>/in/b</to></Move>", "AlreadyExists"),
        ("<Move><path>/in</path><to>/in/d/in</to></Move>", "Unsupported"),
        ("<Move><path>/</path><to>/x</to></Move>", "AccessDenied"),
        ("<Move><path>/in/a</path><to>/in/d/../../x</to></Move>", "InvalidPath"),
    ] {
        assert_eq!(service.fault(operation).await, code, "{operation}");
    }
    let moved = service.done("<Move><path>/in/a</path><to>/in/b</to><replace>true</replace></Move>").await;
    assert_eq!(value(&moved, "path"), "/in/b");
    service.done("<Move><path>/in</path><to>/out</to></Move>").await;
    let listed = service.done("<ListFolder><path>/out</path></ListFolder>").await;
    assert_eq!(values(&listed, "name"), ["b", "c", "d"]);
    service.done("<Delete><path>/out/d</path></Delete>").await;
    service.done("<Delete><path>/out/b</path></Delete>").await;
    service.done("<Delete><path>/out</path><recursive>1</recursive></Delete>").await;
    assert_eq!(service.fault("<Stat><path>/out</path></Stat>").await, "NotFound");
}

#[tokio::test]
async fn names_that_no_path_can_say() {
    let service = Service::new().await;
    let id = service.storage["id"].as_str().unwrap();
    for key in ["a%01b", "a%0Ab", "a%2F%2Fb", "%20c%20", "d%26%3C%3E%22%27"] {
        let path = format!("/api/v1/storages/{id}/file?key={key}");
        assert_eq!(service.world.admin("PUT", &path).body("x").send().await.status, 200, "{key}");
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let operation = format!("<ListFolder><path>/</path><limit>1</limit>{cursor}</ListFolder>");
        let page = service.done(&operation).await;
        seen.extend(values(&page, "path"));
        match values(&page, "nextCursor").first() {
            Some(next) => cursor = format!("<cursor>{next}</cursor>"),
            None => break,
        }
    }
    assert_eq!(seen, ["/ c ", "/a%01b", "/a%0Ab", "/a", "/d&amp;&lt;&gt;&quot;'"]);
    for path in seen.iter().filter(|path| *path != "/a") {
        assert_eq!(service.content(path).await.unwrap(), b"x", "{path}");
        service.done(&format!("<Delete><path>{path}</path></Delete>")).await;
    }
}

#[tokio::test]
async fn what_is_stored_is_what_was_said() {
    let service = Service::new().await;
    let sha256 = "<sha256>2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824</sha256>";
    service
        .done(&put_file("a", &format!("<createOnly>true</createOnly><length>5</length>{sha256}"), b"hello"))
        .await;
    for (more, content, code) in [
        ("<createOnly>true</createOnly>", "other", "AlreadyExists"),
        ("<ifMatch>other</ifMatch>", "other", "Changed"),
        ("<length>4</length>", "other", "Mismatch"),
        ("<length>6</length>", "other", "Mismatch"),
        (sha256, "other", "Mismatch"),
        ("<sha256>00</sha256>", "other", "InvalidRequest"),
        ("<length>-1</length>", "other", "InvalidRequest"),
        ("<contentType>&#252;</contentType>", "other", "InvalidRequest"),
        ("<modified>yesterday</modified>", "other", "InvalidRequest"),
        ("<createOnly>true</createOnly><ifMatch>x</ifMatch>", "other", "InvalidRequest"),
        ("<unknown/>", "other", "InvalidRequest"),
    ] {
        assert_eq!(service.fault(&put_file("a", more, content.as_bytes())).await, code, "{more}");
        assert_eq!(service.content("a").await.unwrap(), b"hello", "{more}");
    }
    service.done(&put_file("a", "<ifMatch>5d41402abc4b2a76b9719d911017c592</ifMatch>", b"other")).await;
    assert_eq!(service.content("a").await.unwrap(), b"other");
    service.done(&put_file("empty", "", b"")).await;
    assert_eq!(service.content("empty").await.unwrap(), b"");
    service.done("<PutFile><path>nothing</path><content/></PutFile>").await;
    assert_eq!(service.content("nothing").await.unwrap(), b"");
    assert_eq!(service.fault(&put_file("/", "", b"x")).await, "IsFolder");
    assert_eq!(service.fault("<PutFile><path>x</path></PutFile>").await, "InvalidRequest");
    service.done("<MakeFolder><path>folder</path></MakeFolder>").await;
    assert_eq!(service.fault(&put_file("folder", "", b"x")).await, "IsFolder");
    assert_eq!(service.fault(&put_file("x%01", "", b"x")).await, "NameReserved");
}

#[tokio::test]
async fn what_is_no_operation() {
    let service = Service::new().await;
    for (body, wanted) in [
        ("<Unknown/>", "UnknownOperation"),
        ("<Stat xmlns=\"urn:other\"><path>a</path></Stat>", "UnknownOperation"),
        ("<StatResponse/>", "UnknownOperation"),
        ("", "InvalidRequest"),
        ("text", "InvalidRequest"),
        ("<Stat><path>/</path></Stat><Stat><path>/</path></Stat>", "InvalidRequest"),
    ] {
        assert_eq!(service.fault(body).await, wanted, "{body}");
    }
    for operation in SoapOperation::ALL {
        let with = async |action: &str, kind: &str, version: &str| {
            let body = envelope(version, "", &format!("<{}/>", operation.name()));
            let ask = service.world.ask("POST", "/soap").header("authorization", &service.basic());
            let ask = ask.header("content-type", kind);
            let ask = if action.is_empty() { ask } else { ask.header("soapaction", action) };
            code(&ask.body(body).send().await)
        };
        // Each of them needs something that is not there: it was found, and asked for it.
        let own = format!("\"urn:portcullis:files:1#{}\"", operation.name());
        assert_eq!(with(&own, "text/xml", V11).await, "InvalidRequest", "{operation:?}");
        assert_eq!(with("\"\"", "text/xml", V11).await, "InvalidRequest", "{operation:?}");
        let answer = service.world.ask("POST", "/soap").header("authorization", &service.basic());
        let other = if operation == SoapOperation::Stat { "GetFile" } else { "Stat" };
        let answer = answer
            .header("content-type", "text/xml")
            .header("soapaction", &format!("urn:portcullis:files:1#{other}"));
        let answer = answer.body(envelope(V11, "", &format!("<{}/>", operation.name()))).send().await;
        assert!(value(&answer, "message").starts_with("The action of the request"), "{answer:?}");
        assert_eq!(with("", "application/soap+xml", V12).await, "InvalidRequest", "{operation:?}");
    }
}

#[tokio::test]
async fn versions_agree_with_content_types() {
    let service = Service::new().await;
    let stat = "<Stat><path>/</path></Stat>";
    for (kind, version, status) in [
        ("text/xml", V11, 200),
        ("application/soap+xml", V12, 200),
        ("text/xml", V12, 500),
        ("application/soap+xml", V11, 500),
        ("text/xml", "urn:other", 500),
        ("application/soap+xml", "http://www.w3.org/2001/12/soap-envelope", 500),
    ] {
        let ask = service.world.ask("POST", "/soap").header("authorization", &service.basic());
        let answer = ask.header("content-type", kind).body(envelope(version, "", stat)).send().await;
        assert_eq!(answer.status.as_u16(), status, "{kind} {version}");
        if status != 200 {
            assert_eq!(code(&answer), "VersionMismatch");
            assert!(text(&answer).contains("s:VersionMismatch<"));
        }
    }
    for kind in ["application/json", "text/plain", "text/xml; charset=iso-8859-1", "application/xml"] {
        let ask = service.world.ask("POST", "/soap").header("authorization", &service.basic());
        let answer = ask.header("content-type", kind).body(envelope(V11, "", stat)).send().await;
        assert_eq!(answer.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn faults_have_the_form_of_their_version() {
    let service = Service::new().await;
    let stat = "<Stat><path>/none</path></Stat>";
    let old = service.call(stat).await;
    assert_eq!(old.status, 500);
    assert!(text(&old).contains(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>No such file or folder.</faultstring><detail>"
    ));
    let ask = service.world.ask("POST", "/soap").header("authorization", &service.basic());
    let new = ask.header("content-type", "application/soap+xml").body(envelope(V12, "", stat)).send().await;
    assert_eq!(new.status, 400);
    assert_eq!(new.header("content-type"), "application/soap+xml; charset=utf-8");
    assert!(text(&new).contains(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">No such file or folder.</s:Text>"
    ));
    for answer in [old, new] {
        assert_eq!(code(&answer), "NotFound");
    }
}

#[tokio::test]
async fn what_webdav_has_locked_stays() {
    let service = Service::new().await;
    service.put("/a", b"old").await;
    let scope = serde_json::json!({"storage": service.storage["id"]});
    let dav = crate::dav::key(&service.world, &serde_json::json!({"scope": scope})).await;
    let ask =
        service.world.ask("LOCK", "/dav/a").header("authorization", &dav).header("host", "gate.example.org");
    assert_eq!(ask.body(crate::dav::EXCLUSIVE).send().await.status, 200);
    for operation in [
        put_file("/a", "", b"new"),
        "<Delete><path>/a</path></Delete>".to_owned(),
        "<Move><path>/a</path><to>/b</to></Move>".to_owned(),
        "<BeginUpload><path>/a</path><length>3</length></BeginUpload>".to_owned(),
    ] {
        assert_eq!(service.fault(&operation).await, "Locked", "{operation}");
    }
    assert_eq!(service.content("/a").await.unwrap(), b"old");
    service.put("/b", b"new").await;
    // A folder that is locked without what is in it keeps its names.
    service.done("<MakeFolder><path>/in</path></MakeFolder>").await;
    service.put("/in/there", b"old").await;
    let ask = service.world.ask("LOCK", "/dav/in").header("authorization", &dav).header("depth", "0");
    let locked = ask.header("host", "gate.example.org").body(crate::dav::EXCLUSIVE).send().await;
    assert_eq!(locked.status, 200, "{locked:?}");
    service.put("/in/there", b"new").await;
    assert_eq!(service.fault(&put_file("/in/new", "", b"new")).await, "Locked");
    assert_eq!(service.fault("<Delete><path>/in/there</path></Delete>").await, "Locked");
}
