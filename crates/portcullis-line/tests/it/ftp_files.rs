//! Folders and files without their bytes.

use portcullis_domain::Permission;

use crate::ftp_client::{Ftp, plain};
use crate::world::World;

async fn somebody() -> (World, Ftp) {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    (world, ftp)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[tokio::test]
async fn folders_are_made_entered_and_removed() {
    let (_world, mut ftp) = somebody().await;
    assert_eq!(ftp.expect(257, "PWD").await.text, "257 \"/\" is the folder.");
    let made = ftp.expect(257, "MKD a \"b\"").await;
    assert!(made.text.starts_with("257 \"/a \"\"b\"\"\""), "{made:?}");
    ftp.expect(550, "MKD a \"b\"").await;
    ftp.expect(550, "MKD none/below").await;
    ftp.expect(250, "CWD a \"b\"").await;
    ftp.expect(257, "XMKD c").await;
    ftp.expect(250, "CWD c").await;
    assert!(ftp.expect(257, "XPWD").await.text.contains("/c\""));
    ftp.expect(250, "CDUP").await;
    ftp.expect(550, "CWD none").await;
    ftp.expect(250, "CWD ../..").await;
    ftp.expect(250, "XCUP").await;
    assert_eq!(ftp.expect(257, "PWD").await.text, "257 \"/\" is the folder.");
    ftp.expect(550, "RMD a \"b\"").await;
    ftp.expect(250, "RMD /a \"b\"/c").await;
    ftp.expect(250, "RMD a \"b\"").await;
    ftp.expect(550, "RMD a \"b\"").await;
    ftp.expect(501, "MKD").await;
    ftp.expect(501, "CWD").await;
}

#[tokio::test]
async fn listings_of_each_kind() {
    let (_world, mut ftp) = somebody().await;
    ftp.expect(257, "MKD folder").await;
    assert_eq!(ftp.put("STOR folder/in.txt", b"in").await.code, 226);
    assert_eq!(ftp.put("STOR a b.txt", b"seven..").await.code, 226);
    assert_eq!(ftp.put("STOR c.bin", b"").await.code, 226);
    let facts = ftp.text("MLSD").await;
    assert_eq!(
        lines(&facts),
        [
            "type=file;size=7;modify=20270115080000; a b.txt",
            "type=file;size=0;modify=20270115080000; c.bin",
            "type=dir; folder"
        ],
    );
    assert!(facts.ends_with("\r\n"));
    let long = ftp.text("LIST -la").await;
    assert!(
        lines(&long)[0].starts_with("-rw-rw-rw-") && lines(&long)[0].ends_with(" 7 Jan 15 08:00 a b.txt"),
        "{long}"
    );
    assert!(lines(&long)[2].starts_with("drwxrwxrwx") && lines(&long)[2].ends_with(" folder"), "{long}");
    assert_eq!(lines(&ftp.text("NLST").await), ["a b.txt", "c.bin", "folder"]);
    assert_eq!(lines(&ftp.text("NLST folder").await), ["folder/in.txt"]);
    assert_eq!(lines(&ftp.text("NLST *.txt").await), ["a b.txt"]);
    assert_eq!(lines(&ftp.text("NLST folder/*").await), ["folder/in.txt"]);
    assert_eq!(lines(&ftp.text("LIST folder").await).len(), 1);
    assert_eq!(lines(&ftp.text("LIST c.bin").await).len(), 1);
    for missing in ["MLSD none", "LIST none", "NLST none", "LIST none/*"] {
        assert_eq!(ftp.get(missing).await.1.code, 550, "{missing}");
    }
    assert_eq!(ftp.get("MLSD c.bin").await.1.code, 501);
    let one = ftp.expect(250, "MLST c.bin").await;
    assert!(one.text.contains("\n type=file;size=0;modify=20270115080000; /c.bin\n"), "{one:?}");
    assert!(ftp.expect(250, "MLST").await.text.contains("\n type=dir; /\n"));
    ftp.expect(550, "MLST none").await;
    let told = ftp.expect(213, "STAT folder").await;
    assert!(told.text.contains(" in.txt\n213 "), "{told:?}");
    ftp.expect(550, "STAT none").await;
    ftp.expect(200, "OPTS MLST size;").await;
    assert_eq!(lines(&ftp.text("MLSD").await)[0], "size=7; a b.txt");
    assert!(ftp.expect(211, "FEAT").await.text.contains("\n MLST type;size*;modify;\n"));
}

#[tokio::test]
async fn sizes_and_times() {
    let (_world, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR a", b"seven..").await.code, 226);
    ftp.expect(257, "MKD f").await;
    assert_eq!(ftp.expect(213, "SIZE a").await.text, "213 7");
    ftp.expect(550, "SIZE f").await;
    ftp.expect(550, "SIZE none").await;
    assert_eq!(ftp.expect(213, "MDTM a").await.text, "213 20270115080000");
    ftp.expect(213, "MFMT 20010203040506 a").await;
    assert_eq!(ftp.expect(213, "MDTM a").await.text, "213 20010203040506");
    ftp.expect(213, "MDTM 20020304050607 a").await;
    assert_eq!(ftp.expect(213, "MDTM a").await.text, "213 20020304050607");
    assert!(ftp.text("MLSD").await.starts_with("type=file;size=7;modify=20020304050607; a\r\n"));
    ftp.expect(501, "MFMT 20010230000000 a").await;
    ftp.expect(550, "MFMT 20010203040506 none").await;
    ftp.expect(550, "MDTM none").await;
}

#[tokio::test]
async fn files_are_renamed_and_removed() {
    let (_world, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR a", b"1").await.code, 226);
    ftp.expect(503, "RNTO b").await;
    ftp.expect(550, "RNFR none").await;
    ftp.expect(350, "RNFR a").await;
    ftp.expect(250, "RNTO b c").await;
    ftp.expect(550, "SIZE a").await;
    ftp.expect(213, "SIZE b c").await;
    // What is between forgets it.
    ftp.expect(350, "RNFR b c").await;
    ftp.expect(200, "NOOP").await;
    ftp.expect(503, "RNTO d").await;
    ftp.expect(250, "DELE b c").await;
    ftp.expect(550, "DELE b c").await;
    assert_eq!(ftp.text("NLST").await, "");
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let (_world, mut ftp) = somebody().await;
    let stream = ftp.open().await;
    ftp.send_raw(b"STOR a\xffb\r\n").await;
    ftp.hear_code(553).await;
    drop(stream);
    ftp.send_raw(b"MKD a\0b\r\n").await;
    ftp.hear_code(500).await;
    ftp.send_raw(b"MKD a\rDELE b\r\n").await;
    ftp.hear_code(500).await;
    // An escape stands for a key that no path can name; nothing new is made under one.
    assert_eq!(ftp.put("STOR a%0Ab", b"x").await.code, 553);
    assert_eq!(ftp.text("NLST").await, "");
}

#[tokio::test]
async fn what_is_set_and_told() {
    let (_world, mut ftp) = somebody().await;
    for (code, line) in [
        (200, "TYPE A"),
        (200, "TYPE A N"),
        (200, "TYPE L 8"),
        (200, "TYPE I"),
        (504, "TYPE E"),
        (200, "MODE S"),
        (504, "MODE Z"),
        (504, "MODE B"),
        (200, "STRU F"),
        (504, "STRU R"),
        (200, "OPTS UTF8 ON"),
        (504, "OPTS UTF8 OFF"),
        (501, "OPTS WHAT"),
        (215, "SYST"),
        (214, "HELP"),
        (214, "SITE HELP"),
        (504, "SITE CHMOD 600 a"),
        (504, "SITE EXEC id"),
        (202, "ACCT a"),
        (200, "ALLO 7"),
        (501, "ALLO many"),
        (200, "CLNT test"),
        (226, "ABOR"),
        (211, "STAT"),
        (500, "SMNT a"),
        (502, "AUTH TLS"),
        (534, "CCC"),
        (503, "PBSZ 0"),
        (503, "PROT P"),
        (501, "REST -1"),
        (501, "REST a"),
    ] {
        ftp.expect(code, line).await;
    }
    let features = ftp.expect(211, "FEAT").await.text;
    assert!(features.contains("\n UTF8\n") && !features.contains("AUTH"), "{features}");
}

/// The names of keys that S3 alone can make, seen from here.
#[tokio::test]
async fn no_name_ends_a_line() {
    use portcullis_access::{Body, Put, PutOptions};
    use portcullis_domain::ObjectKey;
    let (world, mut ftp) = somebody().await;
    let who = world.admin.principal();
    let storage = world.access.visible_storages(who).unwrap().remove(0);
    let at = world.access.storage_by_id(who, storage.id).await.unwrap();
    for key in ["a\r\n226 done\r\nb", "..", "x//y"] {
        let grant = at.grant::<Put>(ObjectKey::parse(key).unwrap()).unwrap();
        grant.put(Body::Full("x".into()), PutOptions::default()).await.unwrap();
    }
    let names = ftp.text("NLST").await;
    assert_eq!(lines(&names).len(), 3, "{names}");
    let odd = lines(&names).into_iter().find(|name| name.contains("226")).unwrap();
    assert_eq!(odd, "a%0D%0A226 done%0D%0Ab");
    let told = ftp.expect(250, &format!("MLST {odd}")).await;
    assert_eq!(lines(&told.text).len(), 3, "{told:?}");
    assert_eq!(ftp.get(&format!("RETR {odd}")).await.0, b"x");
    ftp.expect(250, &format!("DELE {odd}")).await;
}

#[tokio::test]
async fn who_may_only_read_or_only_write() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let address = world.ftp(plain()).await;
    let owner = world.key(&storage, Permission::ReadWrite).await;
    let mut owner = Ftp::login(address, &owner).await;
    assert_eq!(owner.put("STOR theirs", b"1").await.code, 226);
    let reader = world.key(&storage, Permission::Read).await;
    let mut reader = Ftp::login(address, &reader).await;
    for (code, line) in
        [(213, "SIZE theirs"), (550, "DELE theirs"), (550, "MKD f"), (550, "MFMT 20010101000000 theirs")]
    {
        reader.expect(code, line).await;
    }
    assert_eq!(reader.put("STOR mine", b"1").await.code, 550);
    assert_eq!(reader.put("APPE theirs", b"1").await.code, 550);
    assert_eq!(reader.get("RETR theirs").await.0, b"1");
    let writer = world.key(&storage, Permission::Write).await;
    let mut writer = Ftp::login(address, &writer).await;
    assert_eq!(writer.text("LIST").await, "");
    for name in ["theirs", "none"] {
        for line in
            [format!("SIZE {name}"), format!("MDTM {name}"), format!("MLST {name}"), format!("RNFR {name}")]
        {
            assert_eq!(writer.say(&line).await.text, "550 No such file or folder.", "{line}");
        }
    }
    assert_eq!(writer.get("RETR theirs").await.1.code, 550);
    assert_eq!(writer.put("STOR mine.part", b"12").await.code, 226);
    assert_eq!(writer.expect(213, "SIZE mine.part").await.text, "213 2");
    assert!(writer.expect(250, "MLST mine.part").await.text.contains(" /mine.part\n"));
    writer.expect(213, "MFMT 20010101000000 mine.part").await;
    assert_eq!(writer.text("MLSD").await, "");
    writer.expect(350, "RNFR mine.part").await;
    writer.expect(250, "RNTO mine").await;
    assert_eq!(owner.get("RETR mine").await.0, b"12");
    assert_eq!(owner.get("RETR theirs").await.0, b"1");
}
