//! What a key's rules make of a message: the folder, and what is kept of the body.

use portcullis_domain::{MailFolder, Permission};
use portcullis_line::mail::MailFault;

use super::shapes::shape;
use super::{Inbox, mail};

fn invoice(subject: &str) -> Vec<u8> {
    let head = "Content-Type: multipart/mixed; boundary=b";
    let text = "--b\nContent-Type: text/plain; charset=utf-8\n\nfor you";
    let file = "--b\nContent-Type: text/csv; name=a.csv\n\n1;2";
    mail(&format!("Subject: {subject}\n{head}\n\n{text}\n{file}\n--b--\n"))
}

async fn paths(inbox: &Inbox) -> Vec<String> {
    inbox.files().await.into_keys().collect()
}

#[tokio::test]
async fn a_subject_names_the_folder() {
    let mut inbox = Inbox::open(Permission::Write).await;
    inbox.rules.folder = MailFolder::Subject;
    inbox.rules.keep_text = true;
    inbox.send(&invoice("Re: Invoices/=?utf-8?Q?M=C3=A4rz?="), &[None]).await.unwrap();
    // The tag goes before the subject, which then names the text.
    inbox.send(&invoice("hello"), &[Some("tagged")]).await.unwrap();
    inbox.send(&invoice("../../etc"), &[None]).await.unwrap();
    inbox.send(&invoice(""), &[None]).await.unwrap();
    assert_eq!(
        paths(&inbox).await,
        [
            "/Invoices/März/a.csv",
            "/Invoices/März/message.txt",
            "/a.csv",
            "/etc/a.csv",
            "/etc/message.txt",
            "/message.txt",
            "/tagged/a.csv",
            "/tagged/hello.txt",
        ]
    );
    let refused = inbox.send(&invoice(&"a/".repeat(100)), &[None]).await;
    assert!(matches!(refused, Err(MailFault::Folder(_))), "{refused:?}");
}

#[tokio::test]
async fn only_what_is_asked_for_is_kept() {
    for (text, html, message, expected) in [
        (false, false, false, &["/hello.txt"][..0]),
        (true, false, false, &["/hello.txt"]),
        (false, true, false, &[]),
        (false, false, true, &["/hello.eml"]),
        (true, true, true, &["/hello.eml", "/hello.txt"]),
    ] {
        let mut inbox = Inbox::open(Permission::Write).await;
        (inbox.rules.keep_text, inbox.rules.keep_html, inbox.rules.keep_message) = (text, html, message);
        let sent = inbox.send(&shape("text_only"), &[None]).await;
        assert_eq!(matches!(sent, Err(MailFault::Empty)), expected.is_empty(), "{sent:?}");
        assert_eq!(paths(&inbox).await, expected);
    }
}

/// A body in which there is nothing to read is no file, and alone no message.
#[tokio::test]
async fn empty_bodies_are_left_out() {
    let mut inbox = Inbox::open(Permission::Write).await;
    inbox.rules.keep_text = true;
    inbox.rules.keep_html = true;
    for body in ["", " \n\n\t\n"] {
        let message = mail(&format!("Subject: nothing\n\n{body}"));
        assert!(matches!(inbox.send(&message, &[None]).await, Err(MailFault::Empty)), "{body:?}");
    }
    let head = "Subject: x\nContent-Type: multipart/mixed; boundary=b";
    let message =
        format!("{head}\n\n--b\nContent-Type: text/html\n\n \n--b\nContent-Type: a/b; name=c\n\n1\n--b--\n");
    inbox.send(&mail(&message), &[None]).await.unwrap();
    assert_eq!(paths(&inbox).await, ["/c"]);
}

/// Damage of what nobody keeps hurts nobody.
#[tokio::test]
async fn a_body_that_is_not_kept_may_be_damaged() {
    let mut inbox = Inbox::open(Permission::Write).await;
    let text = "--b\nContent-Transfer-Encoding: base64\n\n!!!";
    let file = "--b\nContent-Type: a/b; name=c\n\n1";
    let message = mail(&format!("Content-Type: multipart/mixed; boundary=b\n\n{text}\n{file}\n--b--\n"));
    inbox.rules.keep_text = true;
    assert!(matches!(inbox.send(&message, &[None]).await, Err(MailFault::Damaged(_))));
    inbox.rules.keep_text = false;
    inbox.send(&message, &[None]).await.unwrap();
    assert_eq!(paths(&inbox).await, ["/c"]);
}
