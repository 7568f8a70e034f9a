//! What a client does with files and folders.

use portcullis_domain::{KeyPrefix, Permission};

use crate::sftp_client::{
    APPEND, BAD_MESSAGE, CREATE, DENIED, EOF, EXCLUSIVE, FAILURE, NO_SUCH_FILE, OK, PUT, READ, Sftp,
    TRUNCATE, UNSUPPORTED, WRITE, door, login, pattern, text, wide,
};
use crate::world::World;

async fn all_rights(world: &World) -> (crate::sftp_client::Ssh, Sftp) {
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    Sftp::of(door(world, |_| ()).await, &who).await
}

#[tokio::test]
async fn a_file_is_there_when_it_was_closed_and_not_before() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let address = door(&world, |_| ()).await;
    let (_ssh, mut sftp) = Sftp::of(address, &who).await;
    let (_other, mut other) = Sftp::of(address, &who).await;
    let bytes = pattern(300_000);
    sftp.put("/a.bin", b"before").await;
    let handle = sftp.file("/a.bin", PUT).await;
    for (number, piece) in bytes.chunks(50_000).enumerate() {
        assert_eq!(sftp.write(&handle, wide(number * 50_000), piece).await, OK);
    }
    assert_eq!(sftp.stat("/a.bin").await.unwrap().0, 300_000, "to its writer it has that size");
    assert_eq!(other.get("/a.bin").await.unwrap(), b"before");
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(other.get("/a.bin").await.unwrap(), bytes);
    assert_eq!(other.stat("/a.bin").await.unwrap().0, 300_000);
    // A channel that ends is no close.
    let lost_ssh = login(address, &who).await;
    let mut lost = Sftp::open(&lost_ssh).await;
    let handle = lost.file("/a.bin", PUT).await;
    assert_eq!(lost.write(&handle, 0, b"half").await, OK);
    lost.channel.eof().await.unwrap();
    assert!(lost.try_receive().await.is_none());
    assert_eq!(other.get("/a.bin").await.unwrap(), bytes);
}

#[tokio::test]
async fn reads_are_where_the_client_says() {
    let world = World::on_disk().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    let bytes = pattern(1_000_000);
    sftp.put("/a", &bytes).await;
    let handle = sftp.file("/a", READ).await;
    for (offset, length) in [(0, 10), (999_990, 100), (500_000, 70_000), (570_000, 70_000), (3, 1)] {
        let end = (offset + length).min(bytes.len());
        let read = sftp.read(&handle, wide(offset), u32::try_from(length).unwrap()).await.unwrap();
        assert_eq!(read, &bytes[offset..end], "{offset}");
    }
    assert_eq!(sftp.read(&handle, 1_000_000, 1).await, Err(EOF));
    assert_eq!(sftp.read(&handle, u64::MAX, 1).await, Err(EOF));
    assert_eq!(sftp.write(&handle, 0, b"x").await, DENIED);
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.read(&handle, 0, 1).await, Err(FAILURE), "it is closed");
    assert_eq!(sftp.try_open("/none", READ).await, Err(NO_SUCH_FILE));
    assert_eq!(sftp.try_open("/", READ).await, Err(FAILURE));
}

#[tokio::test]
async fn a_file_is_written_as_a_whole_or_gone_on_with() {
    let world = World::start().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    sftp.put("/a", b"0123456789").await;
    // In the middle, or over what is there: refused, and the file is as it was.
    for (flags, offset) in [(WRITE, 0), (WRITE, 5), (WRITE | CREATE, 0), (WRITE, 11), (READ | WRITE, 3)] {
        let handle = sftp.file("/a", flags).await;
        assert_eq!(sftp.write(&handle, offset, b"XX").await, UNSUPPORTED, "{flags} {offset}");
        assert_eq!(sftp.close(&handle).await, UNSUPPORTED);
        assert_eq!(sftp.get("/a").await.unwrap(), b"0123456789");
    }
    let handle = sftp.file("/a", READ | WRITE).await;
    assert_eq!(sftp.read(&handle, 2, 3).await.unwrap(), b"234");
    assert_eq!(sftp.close(&handle).await, OK);
    // At its end, with and without the flag for it.
    for (flags, offset) in [(WRITE, 10), (WRITE | APPEND, 12), (WRITE | CREATE | APPEND, 0)] {
        let handle = sftp.file("/a", flags).await;
        assert_eq!(sftp.write(&handle, offset, b"++").await, OK, "{flags} {offset}");
        assert_eq!(sftp.close(&handle).await, OK);
    }
    assert_eq!(sftp.get("/a").await.unwrap(), b"0123456789++++++");
    assert_eq!(sftp.try_open("/a", PUT | EXCLUSIVE).await, Err(FAILURE));
    assert_eq!(sftp.try_open("/b", WRITE).await, Err(NO_SUCH_FILE));
    assert_eq!(sftp.try_open("/b", WRITE | TRUNCATE).await, Err(NO_SUCH_FILE));
    assert_eq!(sftp.try_open("/b", CREATE).await, Err(BAD_MESSAGE));
    let handle = sftp.file("/b", WRITE | CREATE | EXCLUSIVE).await;
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.get("/b").await.unwrap(), b"");
    let handle = sftp.file("/c", WRITE | CREATE).await;
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.get("/c").await.unwrap(), b"", "opened, and nothing written");
    assert_eq!(sftp.try_open("/none/c", PUT).await, Err(NO_SUCH_FILE), "there is no such folder");
}

#[tokio::test]
async fn bytes_may_overtake_each_other_and_gaps_are_no_file() {
    let world = World::start().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    let bytes = pattern(200_000);
    let handle = sftp.file("/a", PUT).await;
    for start in [50_000_usize, 150_000, 0, 100_000] {
        assert_eq!(sftp.write(&handle, wide(start), &bytes[start..start + 50_000]).await, OK);
    }
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.get("/a").await.unwrap(), bytes);
    let handle = sftp.file("/a", PUT).await;
    assert_eq!(sftp.write(&handle, 0, b"begin").await, OK);
    assert_eq!(sftp.write(&handle, 10, b"end").await, OK);
    assert_eq!(sftp.close(&handle).await, FAILURE);
    let handle = sftp.file("/a", PUT).await;
    assert_eq!(sftp.write(&handle, 0, b"begin").await, OK);
    assert_eq!(sftp.write(&handle, 2, b"again").await, UNSUPPORTED);
    assert_eq!(sftp.close(&handle).await, UNSUPPORTED);
    let handle = sftp.file("/a", PUT).await;
    let mut code = OK;
    for number in 1..40 {
        code = sftp.write(&handle, number * 200_000, &bytes).await;
        if code != OK {
            break;
        }
    }
    assert_eq!(code, UNSUPPORTED, "what overtakes is kept in memory, and that has a bound");
    assert_eq!(sftp.get("/a").await.unwrap(), bytes, "the file is as it was");
}

#[tokio::test]
async fn an_upload_that_broke_off_is_gone_on_with() {
    let world = World::on_disk().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let address = door(&world, |_| ()).await;
    let bytes = pattern(30 << 20);
    let (ssh, mut sftp) = Sftp::of(address, &who).await;
    let handle = sftp.file("/big", PUT).await;
    for (number, piece) in bytes[..25 << 20].chunks(200_000).enumerate() {
        assert_eq!(sftp.write(&handle, wide(number * 200_000), piece).await, OK);
    }
    drop((sftp, ssh));
    let (_ssh, mut sftp) = Sftp::of(address, &who).await;
    let kept = loop {
        // The server hears of the end a moment later.
        if let Ok((kept, folder, _)) = sftp.stat("/big").await {
            assert!(!folder);
            break kept;
        }
    };
    assert!((8 << 20..=25 << 20).contains(&kept), "{kept}");
    assert_eq!(sftp.get("/big").await, Err(NO_SUCH_FILE), "what is kept is no file");
    assert!(sftp.list("/").await.unwrap().0.is_empty());
    // As `reput` of OpenSSH does it.
    let handle = sftp.file("/big", WRITE | CREATE | APPEND).await;
    let start = usize::try_from(kept).unwrap();
    for (number, piece) in bytes[start..].chunks(200_000).enumerate() {
        assert_eq!(sftp.write(&handle, kept + wide(number * 200_000), piece).await, OK);
    }
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.stat("/big").await.unwrap().0, wide(bytes.len()));
    assert!(sftp.get("/big").await.unwrap() == bytes);
}

#[tokio::test]
async fn folders_are_made_listed_in_pages_and_removed_when_they_are_empty() {
    let world = World::start().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    assert_eq!(sftp.code(14, &[&text("/d"), &[0; 4]]).await, OK);
    assert_eq!(sftp.code(14, &[&text("/d"), &[0; 4]]).await, FAILURE);
    assert_eq!(sftp.code(14, &[&text("/none/d"), &[0; 4]]).await, NO_SUCH_FILE);
    let mut expected = Vec::new();
    for number in 0..300 {
        let name = format!("file-{number:03}");
        sftp.put(&format!("/d/{name}"), b"x").await;
        expected.push(name);
    }
    sftp.put("/other", b"x").await;
    let (names, answers) = sftp.list("/d").await.unwrap();
    assert_eq!(names, expected);
    assert!(answers >= 3, "{answers}");
    assert_eq!(sftp.list("/").await.unwrap().0, ["d", "other"]);
    assert_eq!(sftp.list("/none").await, Err(NO_SUCH_FILE));
    assert_eq!(sftp.list("/other").await, Err(FAILURE));
    assert_eq!(sftp.code(15, &[&text("/d")]).await, FAILURE, "not empty");
    assert_eq!(sftp.code(13, &[&text("/d")]).await, FAILURE, "no file");
    for name in &expected {
        assert_eq!(sftp.code(13, &[&text(format!("/d/{name}"))]).await, OK);
    }
    assert!(sftp.stat("/d").await.unwrap().1, "the folder stays");
    assert_eq!(sftp.code(15, &[&text("/d")]).await, OK);
    assert_eq!(sftp.stat("/d").await, Err(NO_SUCH_FILE));
    assert_eq!(sftp.code(13, &[&text("/d")]).await, NO_SUCH_FILE);
}

#[tokio::test]
async fn a_rename_replaces_only_if_that_is_asked_for() {
    let world = World::start().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    sftp.put("/a", b"a").await;
    sftp.put("/b", b"b").await;
    assert_eq!(sftp.rename("/a", "/b").await, FAILURE);
    assert_eq!(sftp.get("/b").await.unwrap(), b"b");
    assert_eq!(sftp.rename("/a", "/c").await, OK);
    assert_eq!(sftp.get("/a").await, Err(NO_SUCH_FILE));
    let posix = text("posix-rename@openssh.com");
    assert_eq!(sftp.code(200, &[&posix, &text("/c"), &text("/b")]).await, OK);
    assert_eq!(sftp.get("/b").await.unwrap(), b"a");
    assert_eq!(sftp.rename("/none", "/x").await, NO_SUCH_FILE);
    assert_eq!(sftp.list("/").await.unwrap().0, ["b"]);
}

#[tokio::test]
async fn times_are_kept_and_modes_are_not() {
    let world = World::start().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    let times = |seconds: u32| [8_u32.to_be_bytes(), seconds.to_be_bytes(), seconds.to_be_bytes()].concat();
    let handle = sftp.file("/a", PUT).await;
    assert_eq!(sftp.write(&handle, 0, b"bytes").await, OK);
    assert_eq!(sftp.code(10, &[&text(&handle), &times(1_000_000_000)]).await, OK);
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.stat("/a").await.unwrap(), (5, false, Some(1_000_000_000)));
    assert_eq!(sftp.code(9, &[&text("/a"), &times(1_100_000_000)]).await, OK);
    assert_eq!(sftp.stat("/a").await.unwrap().2, Some(1_100_000_000));
    assert_eq!(sftp.get("/a").await.unwrap(), b"bytes");
    let mode = [4_u32.to_be_bytes(), 0o600_u32.to_be_bytes()].concat();
    assert_eq!(sftp.code(9, &[&text("/a"), &mode]).await, OK);
    let size = |size: u64| [&1_u32.to_be_bytes()[..], &size.to_be_bytes()].concat();
    assert_eq!(sftp.code(9, &[&text("/a"), &size(3)]).await, UNSUPPORTED);
    assert_eq!(sftp.code(9, &[&text("/a"), &size(5)]).await, OK);
    assert_eq!(sftp.get("/a").await.unwrap(), b"bytes");
    assert_eq!(sftp.code(9, &[&text("/a"), &size(0)]).await, OK);
    assert_eq!(sftp.get("/a").await.unwrap(), b"");
    // As a mounted folder writes a file anew: cut, opened as it is, written from its beginning.
    let handle = sftp.file("/a", WRITE).await;
    assert_eq!(sftp.write(&handle, 0, b"new").await, OK);
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.get("/a").await.unwrap(), b"new");
    let handle = sftp.file("/a", WRITE).await;
    assert_eq!(sftp.code(10, &[&text(&handle), &size(0)]).await, OK);
    assert_eq!(sftp.write(&handle, 0, b"newer").await, OK);
    assert_eq!(sftp.code(10, &[&text(&handle), &size(9)]).await, UNSUPPORTED);
    assert_eq!(sftp.close(&handle).await, OK);
    assert_eq!(sftp.get("/a").await.unwrap(), b"newer");
}

#[tokio::test]
async fn extensions_links_and_odd_requests() {
    let world = World::start().await;
    let (_ssh, mut sftp) = all_rights(&world).await;
    sftp.put("/a", b"bytes").await;
    for path in ["", ".", "/", "/..", "//"] {
        let answer = sftp.ask(16, &[&text(path)]).await;
        assert_eq!((answer.kind, &answer.rest[4..9]), (104, &b"\0\0\0\x01/"[..]), "{path}");
    }
    let limits = sftp.ask(200, &[&text("limits@openssh.com")]).await;
    assert_eq!((limits.kind, limits.rest.len()), (201, 32));
    let room = sftp.ask(200, &[&text("statvfs@openssh.com"), &text("/")]).await;
    assert_eq!((room.kind, room.rest.len()), (201, 88));
    for (kind, parts) in [
        (19, vec![text("/a")]),
        (20, vec![text("/a"), text("/b")]),
        (200, vec![text("hardlink@openssh.com"), text("/a"), text("/b")]),
        (200, vec![text("fsync@openssh.com"), text("12345678")]),
        (200, vec![text("copy-data"), text("x")]),
        (99, vec![]),
    ] {
        assert_eq!(sftp.code(kind, &[&parts.concat()]).await, UNSUPPORTED, "{kind}");
    }
    // Names that are no text are answered under their own number, and others go on.
    for kind in [7, 11, 13, 14, 15, 16, 17] {
        assert_eq!(sftp.code(kind, &[&text(b"/caf\xe9"), &[0; 4]]).await, FAILURE, "{kind}");
    }
    assert_eq!(sftp.code(17, &[&text("/a\0b")]).await, FAILURE);
    assert_eq!(sftp.code(17, &[&[0xff; 4]]).await, BAD_MESSAGE);
    assert_eq!(sftp.code(4, &[&text("nothing")]).await, FAILURE);
    assert_eq!(sftp.code(12, &[&text([0; 8])]).await, FAILURE);
    let mut handles = Vec::new();
    let refused = loop {
        match sftp.try_open("/a", READ).await {
            Ok(handle) => handles.push(handle),
            Err(code) => break code,
        }
        assert!(handles.len() <= 128);
    };
    assert_eq!((refused, handles.len()), (FAILURE, 128));
    assert_eq!(sftp.close(&handles[0]).await, OK);
    sftp.file("/a", READ).await;
    // Longer than any packet: the channel ends.
    sftp.channel.data_bytes(bytes::Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 5])).await.unwrap();
    assert!(sftp.try_receive().await.is_none());
}

#[tokio::test]
async fn who_may_only_read_writes_nothing_and_who_may_only_write_learns_nothing() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let address = door(&world, |_| ()).await;
    let owner = world.key(&storage, Permission::ReadWrite).await;
    let (_ssh, mut sftp) = Sftp::of(address, &owner).await;
    sftp.put("/a", b"bytes").await;
    let reader = world.key(&storage, Permission::Read).await;
    let (_ssh, mut reader) = Sftp::of(address, &reader).await;
    assert_eq!(reader.get("/a").await.unwrap(), b"bytes");
    assert_eq!(reader.try_open("/a", PUT).await, Err(DENIED));
    assert_eq!(reader.code(13, &[&text("/a")]).await, DENIED);
    assert_eq!(reader.rename("/a", "/b").await, DENIED);
    assert_eq!(reader.code(14, &[&text("/d"), &[0; 4]]).await, DENIED);
    let writer = world.key(&storage, Permission::Write).await;
    let (_ssh, mut writer) = Sftp::of(address, &writer).await;
    assert_eq!(writer.list("/").await.unwrap().0, Vec::<String>::new());
    assert_eq!(writer.stat("/a").await, Err(NO_SUCH_FILE));
    let (there, not_there) = (writer.get("/a").await, writer.get("/none").await);
    assert_eq!(there, not_there);
    assert_eq!(writer.code(13, &[&text("/a")]).await, writer.code(13, &[&text("/none")]).await);
    writer.put("/mine", b"bytes").await;
    assert_eq!(sftp.get("/mine").await.unwrap(), b"bytes");
    let folder = world.key_with(&storage, |key| key.prefix = KeyPrefix::parse("d/").unwrap()).await;
    let (_ssh, mut inner) = Sftp::of(address, &folder).await;
    inner.put("/x", b"inner").await;
    assert_eq!(inner.list("/").await.unwrap().0, ["x"]);
    assert_eq!(inner.get("/../a").await, Err(NO_SUCH_FILE));
    assert_eq!(sftp.get("/d/x").await.unwrap(), b"inner");
}
