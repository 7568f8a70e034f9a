//! Much of everything.

use super::{Share, hrefs, text};

#[tokio::test]
async fn a_large_folder_comes_page_by_page_and_whole() {
    let share = Share::new().await;
    let mut wanted = vec!["/dav/".to_owned()];
    for n in 0..1203 {
        let path = format!("/dav/f{n:04}");
        share.put(&path, "x").await;
        wanted.push(path);
    }
    for n in 0..5 {
        share.put(&format!("/dav/._f{n:04}"), "x").await;
    }
    assert_eq!(share.list("/dav/", &[]).await, wanted);
    assert_eq!(share.list("/dav/", &[("x-litter", "show")]).await.len(), wanted.len() + 5);
    share.expect(204, "DELETE", "/dav/f0700", &[], "").await;
    assert_eq!(share.list("/dav", &[]).await.len(), wanted.len() - 1);
}

#[tokio::test]
async fn a_key_holds_only_so_many_locks() {
    let share = Share::new().await;
    for n in 0..256 {
        share.lock(&format!("/dav/f{n}"), "0").await;
    }
    let answer = share.expect(507, "LOCK", "/dav/more", &[("depth", "0")], super::EXCLUSIVE).await;
    assert!(text(&answer).contains("locks"), "{answer:?}");
    share.expect(404, "GET", "/dav/more", &[], "").await;
    // Another key's are its own.
    let other = share.another_key("read_write").await;
    let answer = share.send_as(&other, "LOCK", "/dav/more", &[("depth", "0")], super::EXCLUSIVE).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = share.expect(207, "PROPFIND", "/dav/", &[("depth", "1")], "").await;
    assert_eq!((hrefs(&answer).len(), text(&answer).matches("<D:activelock>").count()), (258, 257));
}
