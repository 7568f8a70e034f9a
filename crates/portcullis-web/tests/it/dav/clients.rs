//! What clients send, in their order, as it was seen on the wire.

use super::{EXCLUSIVE, Share, between, hrefs, text};

const WINDOWS: (&str, &str) = ("user-agent", "Microsoft-WebDAV-MiniRedir/10.0.19045");
const MAC: (&str, &str) = ("user-agent", "WebDAVFS/3.0.0 (03008000) Darwin/21.6.0 (x86_64)");

/// The file manager of Windows copies a file into a folder.
#[tokio::test]
async fn windows_copies_a_file() {
    let share = Share::new().await;
    share.expect(200, "OPTIONS", "/", &[WINDOWS], "").await;
    let folder = share.expect(207, "PROPFIND", "/dav", &[WINDOWS, ("depth", "0")], "").await;
    assert_eq!(hrefs(&folder), ["/dav/"]);
    share.expect(404, "PROPFIND", "/dav/New%20Document.txt", &[WINDOWS, ("depth", "0")], "").await;
    share.expect(201, "PUT", "/dav/New%20Document.txt", &[WINDOWS, ("content-length", "0")], "").await;
    let lock = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>\
         </D:locktype><D:owner><D:href>OFFICE\\somebody</D:href></D:owner></D:lockinfo>";
    let locked = share
        .expect(200, "LOCK", "/dav/New%20Document.txt", &[WINDOWS, ("timeout", "Second-3600")], lock)
        .await;
    let token = locked.header("lock-token").to_owned();
    let shown = format!("({token})");
    let mark = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:schemas-microsoft-com:\"><D:set><D:prop>\
         <Z:Win32FileAttributes>00000000</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>";
    share.expect(207, "PROPPATCH", "/dav/New%20Document.txt", &[WINDOWS, ("if", &shown)], mark).await;
    share.expect(204, "PUT", "/dav/New%20Document.txt", &[WINDOWS, ("if", &shown)], "words").await;
    let times = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:schemas-microsoft-com:\"><D:set><D:prop>\
         <Z:Win32CreationTime>Sun, 06 Nov 1994 08:49:37 GMT</Z:Win32CreationTime><Z:Win32LastAccessTime>Sun, 06 Nov 1994 08:49:37 GMT</Z:Win32LastAccessTime>\
         <Z:Win32LastModifiedTime>Sun, 06 Nov 1994 08:49:37 GMT</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>\
         </D:prop></D:set></D:propertyupdate>";
    let told = text(
        &share.expect(207, "PROPPATCH", "/dav/New%20Document.txt", &[WINDOWS, ("if", &shown)], times).await,
    );
    assert!(told.contains("<Z:Win32LastModifiedTime/>") && !told.contains("HTTP/1.1 4"), "{told}");
    share.expect(200, "HEAD", "/dav/New%20Document.txt", &[WINDOWS], "").await;
    share.expect(204, "UNLOCK", "/dav/New%20Document.txt", &[WINDOWS, ("lock-token", &token)], "").await;
    let told =
        text(&share.expect(207, "PROPFIND", "/dav/New%20Document.txt", &[WINDOWS, ("depth", "0")], "").await);
    for (tag, value) in [
        ("<D:getlastmodified>", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("<Z:Win32LastModifiedTime>", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("<Z:Win32CreationTime>", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("<Z:Win32FileAttributes>", "00000020"),
        ("<D:getcontentlength>", "5"),
    ] {
        assert_eq!(between(&told, tag, "<"), Some(value), "{told}");
    }
}

/// A new folder gets a name, and marks of which nothing is kept.
#[tokio::test]
async fn windows_makes_a_folder() {
    let share = Share::new().await;
    share.expect(201, "MKCOL", "/dav/New%20folder", &[WINDOWS], "").await;
    let mark = "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:schemas-microsoft-com:\"><D:set><D:prop><Z:Win32FileAttributes>00000010\
         </Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>";
    assert!(
        text(&share.expect(207, "PROPPATCH", "/dav/New%20folder", &[WINDOWS], mark).await).contains("200 OK")
    );
    let headers = [WINDOWS, ("destination", "http://gate.example.org/dav/Papers"), ("overwrite", "F")];
    share.expect(201, "MOVE", "/dav/New%20folder", &headers, "").await;
    assert_eq!(share.list("/dav/", &[]).await, ["/dav/", "/dav/Papers/"]);
}

/// Office saves under a name of its own and puts that in the place of the document, which it holds a lock on.
#[tokio::test]
async fn office_saves_a_document() {
    let share = Share::new().await;
    share.put("/dav/report.docx", "old").await;
    let token = share.lock("/dav/report.docx", "0").await;
    share.expect(200, "GET", "/dav/report.docx", &[WINDOWS, ("translate", "f")], "").await;
    let bare = format!("<{token}>");
    share.expect(204, "PUT", "/dav/report.docx", &[WINDOWS, ("lock-token", &bare)], "saved").await;
    share.put("/dav/~WRD0001.tmp", "newer").await;
    let own = share.lock("/dav/~WRD0001.tmp", "0").await;
    let headers =
        [WINDOWS, ("destination", "/dav/report.docx"), ("overwrite", "T"), ("if", &format!("(<{own}>)"))];
    // Its own lock does not open the other's.
    share.expect(423, "MOVE", "/dav/~WRD0001.tmp", &headers, "").await;
    let both = format!("</dav/~WRD0001.tmp> (<{own}>) </dav/report.docx> (<{token}>)");
    let headers = [WINDOWS, ("destination", "/dav/report.docx"), ("overwrite", "T"), ("if", &both)];
    share.expect(204, "MOVE", "/dav/~WRD0001.tmp", &headers, "").await;
    assert_eq!(share.content("/dav/report.docx").await.as_deref(), Some("newer"));
    // The document is still the one that is being worked on.
    share.expect(423, "PUT", "/dav/report.docx", &[], "somebody else's").await;
    share.expect(204, "UNLOCK", "/dav/report.docx", &[("lock-token", &bare)], "").await;
}

/// The Mac copies a file: an empty one, a lock, the bytes without a length but with another word for it, and its own notes beside it.
#[tokio::test]
async fn finder_copies_a_file() {
    let share = Share::new().await;
    share.expect(200, "OPTIONS", "/dav/", &[MAC], "").await;
    let quota = "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/>\
         <D:quota/><D:quotaused/></D:prop></D:propfind>";
    share.expect(207, "PROPFIND", "/dav/", &[MAC, ("depth", "0")], quota).await;
    for name in ["/dav/song.mp3", "/dav/._song.mp3"] {
        share.expect(404, "PROPFIND", name, &[MAC, ("depth", "0")], "").await;
        share.expect(201, "PUT", name, &[MAC, ("content-length", "0")], "").await;
        let locked = share
            .expect(200, "LOCK", name, &[MAC, ("depth", "0"), ("timeout", "Second-600")], EXCLUSIVE)
            .await;
        let token = locked.header("lock-token").to_owned();
        let shown = format!("({token})");
        let headers = [
            MAC,
            ("if", shown.as_str()),
            ("transfer-encoding", "chunked"),
            ("x-expected-entity-length", "5"),
        ];
        share.expect(204, "PUT", name, &headers, "bytes").await;
        let refresh = [MAC, ("if", shown.as_str()), ("timeout", "Second-600")];
        assert!(text(&share.expect(200, "LOCK", name, &refresh, "").await).contains("Second-600"));
        share.expect(204, "UNLOCK", name, &[MAC, ("lock-token", &token)], "").await;
    }
    share.put("/dav/.DS_Store", "x").await;
    // To the Mac it is all there. Nobody else is shown what it left, unless they ask.
    let all = ["/dav/", "/dav/.DS_Store", "/dav/._song.mp3", "/dav/song.mp3"];
    assert_eq!(share.list("/dav/", &[MAC]).await, all);
    assert_eq!(share.list("/dav/", &[("x-litter", "show")]).await, all);
    assert_eq!(share.list("/dav/", &[WINDOWS]).await, ["/dav/", "/dav/song.mp3"]);
    assert_eq!(share.content("/dav/._song.mp3").await.as_deref(), Some("bytes"));
    share.expect(207, "PROPFIND", "/dav/._song.mp3", &[("depth", "0")], "").await;
}

/// rclone asks for these, and takes the time of a file from what it is told.
#[tokio::test]
async fn rclone_lists() {
    let share = Share::new().await;
    share.expect(201, "PUT", "/dav/f", &[("x-oc-mtime", "784111777.5")], "12345").await;
    let asked = "<?xml version=\"1.0\"?><d:propfind xmlns:d=\"DAV:\" xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\"><d:prop><d:displayname/>\
         <d:getlastmodified/><d:getcontentlength/><d:resourcetype/><d:getcontenttype/><oc:checksums/><oc:permissions/></d:prop></d:propfind>";
    let told = text(&share.expect(207, "PROPFIND", "/dav/", &[("depth", "1")], asked).await);
    assert!(told.contains("<D:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</D:getlastmodified>"), "{told}");
    assert!(told.contains("<x:checksums xmlns:x=\"http://owncloud.org/ns\"/>"), "{told}");
}

/// davfs2 asks for a property of Apache's at every listing, and sends what it knows of the file when it writes.
#[tokio::test]
async fn davfs2_writes() {
    let share = Share::new().await;
    let asked = "<?xml version=\"1.0\" encoding=\"utf-8\"?><propfind xmlns=\"DAV:\"><prop><getetag xmlns=\"DAV:\"/><getcontentlength xmlns=\"DAV:\"/>\
         <creationdate xmlns=\"DAV:\"/><getlastmodified xmlns=\"DAV:\"/><resourcetype xmlns=\"DAV:\"/><executable xmlns=\"http://apache.org/dav/props/\"/></prop></propfind>";
    assert_eq!(hrefs(&share.expect(207, "PROPFIND", "/dav/", &[("depth", "1")], asked).await), ["/dav/"]);
    let token = share.lock("/dav/f", "0").await;
    let shown = format!("<https://gate.example.org/dav/f> (<{token}>)");
    let put = share.expect(204, "PUT", "/dav/f", &[("if", &shown)], "bytes").await;
    let etag = put.header("etag").to_owned();
    let executable = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><executable xmlns=\"http://apache.org/dav/props/\">T\
         </executable></D:prop></D:set></D:propertyupdate>";
    share.expect(207, "PROPPATCH", "/dav/f", &[("if", &shown)], executable).await;
    share.expect(204, "UNLOCK", "/dav/f", &[("lock-token", &format!("<{token}>"))], "").await;
    assert_eq!(share.expect(200, "HEAD", "/dav/f", &[], "").await.header("etag"), etag);
    let told = text(&share.expect(207, "PROPFIND", "/dav/f", &[("depth", "0")], asked).await);
    assert!(told.contains("<x:executable xmlns:x=\"http://apache.org/dav/props/\">T"), "{told}");
}
