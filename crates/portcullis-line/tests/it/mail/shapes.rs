//! Shapes of messages that clients are known to send, written anew: each lies in `shapes/`, and here stands what becomes of it.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_domain::Permission;
use portcullis_line::mail::{Damage, MailFault};

use super::Inbox;

const PDF: &str = "%PDF-1.7 an invoice, as small as it can be\n";
const PNG: &str = "\u{89}PNG\r\n\u{1a}\n picture";

/// A file: its path, its content with every byte as the character of its number where it is no text, and its media type.
type Kept = (&'static str, &'static str, &'static str);

/// What becomes of a shape if nothing of the body is kept.
const FILES: &[(&str, &[Kept])] = &[
    ("exchange", &[("/image001.png", PNG, "image/png"), ("/Rechnung für März.pdf", PDF, "application/pdf")]),
    (
        "exchange_forward",
        &[
            (
                "/part-2.eml",
                "Subject: Angebot\r\nContent-Type: multipart/mixed; boundary=\"_inner_\"\r\nMIME-Version: 1.0\r\n\r\n--_inner_\r\nContent-Type: application/pdf; name=\"inner.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcgYW4gaW52b2ljZSwgYXMgc21hbGwgYXMgaXQgY2FuIGJlCg==\r\n--_inner_--\r\n",
                "message/rfc822",
            ),
            ("/Rückfrage_ Preis.eml", "Subject: short\r\n\r\ntext\r\n", "message/rfc822"),
        ],
    ),
    ("outlook_rich_text", &[("/winmail.dat", "x\u{9f}>\" everything in one", "application/ms-tnef")]),
    (
        "apple_mail",
        &[("/Müllers Plan.pdf", PDF, "application/pdf"), ("/notes.txt", "one \r\ntwo\r\n", "text/plain")],
    ),
    (
        "apple_double",
        &[
            ("/photo.jpg.applefile", "\0\u{5}\u{16}\u{7}", "application/applefile"),
            ("/photo.jpg", "\u{ff}\u{d8}\u{ff}photo", "image/jpeg"),
        ],
    ),
    (
        "gmail",
        &[
            ("/請求書 2026年11月.pdf", PDF, "application/pdf"),
            ("/image.png", PNG, "image/png"),
            ("/image (2).png", "\u{89}PNG\r\n\u{1a}\n picture two", "image/png"),
        ],
    ),
    (
        "thunderbird",
        &[
            ("/part-3.png", PNG, "image/png"),
            (
                "/Protokoll der Sitzung des Ausschusses für Grünflächen vom 22. November 2026.odt",
                "PK odt",
                "application/vnd.oasis.opendocument.text",
            ),
            (
                "/Re_ Plan.eml",
                "Subject: Re: Plan\r\nMessage-ID: <inner@example.com>\r\n\r\nas said",
                "message/rfc822",
            ),
        ],
    ),
    (
        "signed",
        &[
            ("/contract.pdf", PDF, "application/pdf"),
            ("/smime.p7s", "signature", "application/pkcs7-signature"),
        ],
    ),
    ("sealed", &[("/smime.p7m", "sealed for one reader", "application/pkcs7-mime")]),
    (
        "pgp",
        &[
            ("/part-1.asc", "Version: 1\r\n", "application/pgp-encrypted"),
            (
                "/encrypted.asc",
                "-----BEGIN PGP MESSAGE-----\r\n\r\nabcd\r\n-----END PGP MESSAGE-----\r\n",
                "application/octet-stream",
            ),
        ],
    ),
    ("invitation", &[("/invite.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "application/ics")]),
    ("card", &[("/part-2.vcf", "BEGIN:VCARD\r\nEND:VCARD", "text/x-vcard; charset=utf-8")]),
    ("scanner", &[("/SCAN 0001 (2).pdf", PDF, "application/pdf")]),
    ("fax", &[("/fax 0049.tif", "II*fax", "image/tiff")]),
    ("voicemail", &[("/part-1.wav", "RIFFvoice", "audio/wav")]),
    ("script_inner_open", &[("/attachment.zip", "PK zip", "application/zip")]),
    ("notes", &[("/table.xlsx", "PK xlsx", "application/octet-stream")]),
    (
        "japanese",
        &[
            ("/請求書.pdf", PDF, "application/pdf"),
            ("/見積.pdf", "%PDF-1.7 an invoice, as small as it can be\n2", "application/pdf"),
        ],
    ),
    (
        "unencoded",
        &[
            ("/отчёт.txt", "один", "text/plain; charset=utf-8"),
            ("/Übersicht.csv", "Gr\u{f6}\u{df}e;5", "text/csv; charset=windows-1252"),
        ],
    ),
    (
        "paths",
        &[
            ("/passwd", "0", "application/octet-stream"),
            ("/win.ini", "1", "application/octet-stream"),
            ("/part-3.bin", "2", "application/octet-stream"),
            ("/part-4.bin", "3", "application/octet-stream"),
            ("/_htaccess", "4", "application/octet-stream"),
            ("/_CON.txt", "5", "application/octet-stream"),
            ("/a_b_.txt", "6", "application/octet-stream"),
            ("/invoicefdp.exe", "7", "application/octet-stream"),
            ("/up.txt", "8", "application/octet-stream"),
            ("/a_b  c.txt", "9", "application/octet-stream"),
            ("/_2E_2E", "10", "application/octet-stream"),
            ("/same.txt", "12", "application/octet-stream"),
            ("/same (2).txt", "13", "application/octet-stream"),
            ("/SAME.txt", "14", "application/octet-stream"),
            ("/part-16.bin", "15", "application/octet-stream"),
            ("/trailing", "16", "application/octet-stream"),
        ],
    ),
    ("list", &[("/IMG_0001.JPG", "jpeg", "image/jpeg")]),
    (
        "digest",
        &[
            ("/part-2.eml", "Subject: one\r\n\r\n1", "message/rfc822"),
            ("/part-3.eml", "Subject: two\r\n\r\n2", "message/rfc822"),
        ],
    ),
    (
        "bounce",
        &[
            ("/part-2.txt", "Status: 5.1.1", "message/delivery-status"),
            ("/part-3.txt", "Subject: lost", "text/rfc822-headers"),
        ],
    ),
];

/// What is kept of the bodies of some, if text and HTML are.
const BODIES: &[(&str, &[Kept])] = &[
    (
        "exchange",
        &[
            (
                "/Invoice.txt",
                "Grüße\r\n[cid:image001.png@01DA0000.00000000]\r\n",
                "text/plain; charset=utf-8",
            ),
            (
                "/Invoice.html",
                "\u{feff}<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=iso-8859-1\"></head><body>Grüße <img src=\"cid:image001.png@01DA0000.00000000\"></body></html>\r\n",
                "text/html; charset=utf-8",
            ),
        ],
    ),
    (
        "apple_mail",
        &[
            ("/Plan.txt", "before\r\n\r\nafter\r\n", "text/plain; charset=utf-8"),
            ("/Plan.html", "\u{feff}<html><body>before</body></html>", "text/html; charset=utf-8"),
            ("/Plan (2).html", "\u{feff}<html><body>after</body></html>", "text/html; charset=utf-8"),
        ],
    ),
    (
        "gmail",
        &[
            ("/請求書.txt", "請求書です。\r\n", "text/plain; charset=utf-8"),
            ("/請求書.html", "\u{feff}<div dir=\"ltr\">請求書です。</div>\r\n", "text/html; charset=utf-8"),
        ],
    ),
    ("japanese", &[("/請求書の件.txt", "請求書です。", "text/plain; charset=utf-8")]),
    ("text_only", &[("/hello.txt", "hello\r\n", "text/plain; charset=utf-8")]),
    ("html_only", &[("/Newsletter 3_4.html", "\u{feff}<p>5 €</p>\r\n", "text/html; charset=utf-8")]),
    ("bare", &[("/message.txt", "and this is text\r\n", "text/plain; charset=utf-8")]),
    // What is not in the character set that it says is kept as it came.
    ("wrong_charset", &[("/half.txt", "gr\u{fc}n\r\n", "text/plain; charset=utf-8")]),
];

/// What is refused.
const REFUSED: &[(&str, Damage)] = &[
    ("broken_base64", Damage::Base64 { part: 1 }),
    ("broken_base64_cut", Damage::Base64 { part: 1 }),
    ("broken_base64_footer", Damage::Base64 { part: 1 }),
    ("broken_quoted", Damage::QuotedPrintable { part: 1 }),
    ("broken_unknown", Damage::UnknownEncoding { part: 1 }),
    ("broken_open", Damage::Truncated),
    ("broken_last_open", Damage::Truncated),
    ("broken_boundary", Damage::NoBoundary),
    ("broken_undivided", Damage::NoParts),
];

/// A shape with the line ends of mail.
pub(super) fn shape(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/shapes").join(format!("{name}.eml"));
    let text = std::fs::read(path).unwrap();
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// As text if it is, else each byte as the character of its number.
fn shown(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

async fn kept(files: &Inbox) -> BTreeMap<String, (String, Option<String>)> {
    let mut kept = BTreeMap::new();
    for (path, content) in files.files().await {
        let content_type = files.content_type(&path).await;
        kept.insert(path, (shown(&content), content_type));
    }
    kept
}

fn expected(files: &[Kept]) -> BTreeMap<String, (String, Option<String>)> {
    files
        .iter()
        .map(|(path, content, kind)| ((*path).to_owned(), ((*content).to_owned(), Some((*kind).to_owned()))))
        .collect()
}

#[tokio::test]
async fn attachments_become_files() {
    for (name, files) in FILES {
        let mail = Inbox::open(Permission::Write).await;
        let delivered = mail.send(&shape(name), &[None]).await.unwrap();
        let mut expected = expected(files);
        if *name == "paths" {
            let long = format!("/{}.pdf", "x".repeat(196));
            expected.insert(long, ("11".to_owned(), Some("application/octet-stream".to_owned())));
        }
        assert_eq!(kept(&mail).await, expected, "{name}");
        assert_eq!(usize::try_from(delivered.files).unwrap(), expected.len(), "{name}");
    }
}

#[tokio::test]
async fn bodies_are_kept_where_that_is_set() {
    for (name, bodies) in BODIES {
        let mut mail = Inbox::open(Permission::Write).await;
        mail.rules.keep_text = true;
        mail.rules.keep_html = true;
        mail.send(&shape(name), &[None]).await.unwrap();
        let files = FILES.iter().find(|(of, _)| of == name).map_or(&[][..], |(_, files)| *files);
        assert_eq!(kept(&mail).await, expected(&[*bodies, files].concat()), "{name}");
    }
}

/// The message itself is kept byte for byte.
#[tokio::test]
async fn messages_are_kept_where_that_is_set() {
    for (name, title) in
        [("gmail", "/請求書.eml"), ("html_only", "/Newsletter 3_4.eml"), ("bare", "/message.eml")]
    {
        let mut mail = Inbox::open(Permission::Write).await;
        mail.rules.keep_message = true;
        mail.send(&shape(name), &[None]).await.unwrap();
        assert_eq!(mail.files().await.get(title), Some(&shape(name)), "{name}");
        assert_eq!(mail.content_type(title).await.as_deref(), Some("message/rfc822"));
    }
}

#[tokio::test]
async fn what_is_damaged_is_refused_whole() {
    let mail = Inbox::open(Permission::Write).await;
    for (name, damage) in REFUSED {
        match mail.send(&shape(name), &[None]).await {
            Err(MailFault::Damaged(found)) => assert_eq!(found, *damage, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    for name in ["text_only", "html_only", "bare"] {
        assert!(matches!(mail.send(&shape(name), &[None]).await, Err(MailFault::Empty)), "{name}");
    }
    assert!(mail.files().await.is_empty());
}

/// No shape is without a test of it.
#[test]
fn every_shape_is_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/shapes");
    let known: Vec<&str> =
        FILES.iter().map(|(name, _)| *name).chain(BODIES.iter().map(|(name, _)| *name)).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let refused = REFUSED.iter().any(|(of, _)| *of == name);
        assert!(refused || known.contains(&name.as_str()), "{name}");
    }
}
