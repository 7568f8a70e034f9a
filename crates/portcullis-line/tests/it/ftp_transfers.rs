//! Bytes: whole, in parts, given up, cut off.

use std::time::Duration;

use portcullis_domain::Permission;
use portcullis_line::ftp::{FtpConfig, FtpTimes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ftp_client::{Ftp, plain, short};
use crate::world::{Credentials, World};

const MIB: usize = 1024 * 1024;

async fn somebody() -> (World, Credentials, Ftp) {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    (world, key, ftp)
}

/// Bytes that tell where they are from.
fn bytes(many: usize) -> Vec<u8> {
    (0..many.div_ceil(8))
        .flat_map(|at| u64::try_from(at).unwrap().wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes())
        .take(many)
        .collect()
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_as_it_is() {
    let (_world, _, mut ftp) = somebody().await;
    let large = bytes(20 * MIB + 3);
    for (name, content) in [("empty", b"".as_slice()), ("lines", b"a\r\nb\n\0c\r"), ("large", &large)] {
        for kind in ["I", "A"] {
            ftp.expect(200, &format!("TYPE {kind}")).await;
            assert_eq!(ftp.put(&format!("STOR {name}"), content).await.code, 226);
            let (found, told) = ftp.get(&format!("RETR {name}")).await;
            assert_eq!(told.code, 226);
            assert!(found == content, "{name}: {} bytes", found.len());
        }
    }
    let (_, told) = ftp.get("RETR none").await;
    assert_eq!(told.text, "550 No such file or folder.");
    ftp.expect(257, "MKD f").await;
    assert_eq!(ftp.get("RETR f").await.1.code, 550);
    assert_eq!(ftp.put("STOR f/", b"x").await.code, 550);
    assert_eq!(ftp.put("STOR none/a", b"x").await.code, 550);
}

#[tokio::test]
async fn rest_is_for_the_next_transfer_alone() {
    let (_world, _, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR a", b"0123456789").await.code, 226);
    ftp.expect(350, "REST 4").await;
    assert_eq!(ftp.get("RETR a").await.0, b"456789");
    assert_eq!(ftp.get("RETR a").await.0, b"0123456789");
    ftp.expect(350, "REST 10").await;
    assert_eq!(ftp.get("RETR a").await.0, b"");
    ftp.expect(350, "REST 11").await;
    assert_eq!(ftp.get("RETR a").await.1.code, 554);
    // Defect 3: it is used up by a transfer that fails, and a file never begins with what nobody sent.
    ftp.expect(350, "REST 100").await;
    assert_eq!(ftp.get("RETR none").await.1.code, 550);
    assert_eq!(ftp.put("STOR b", b"five.").await.code, 226);
    assert_eq!(ftp.get("RETR b").await.0, b"five.");
    ftp.expect(350, "REST 4").await;
    ftp.text("NLST").await;
    assert_eq!(ftp.get("RETR a").await.0, b"0123456789");
    ftp.expect(350, "REST 4").await;
    ftp.expect(250, "CWD /").await;
    assert_eq!(ftp.get("RETR a").await.0, b"0123456789");
}

#[tokio::test]
async fn files_are_gone_on_with_where_they_end() {
    let (_world, _, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR a", b"01234").await.code, 226);
    ftp.expect(350, "REST 5").await;
    assert_eq!(ftp.put("STOR a", b"56").await.code, 226);
    assert_eq!(ftp.put("APPE a", b"789").await.code, 226);
    assert_eq!(ftp.get("RETR a").await.0, b"0123456789");
    // Nowhere else.
    for offset in [3, 11] {
        ftp.expect(350, &format!("REST {offset}")).await;
        assert_eq!(ftp.put("STOR a", b"x").await.code, 554);
        ftp.expect(350, &format!("REST {offset}")).await;
        assert_eq!(ftp.put("APPE a", b"x").await.code, 554);
    }
    ftp.expect(350, "REST 5").await;
    assert_eq!(ftp.put("STOR none", b"x").await.code, 554);
    assert_eq!(ftp.put("APPE new", b"x").await.code, 226);
    assert_eq!(ftp.get("RETR new").await.0, b"x");
    assert_eq!(ftp.get("RETR a").await.0, b"0123456789");
}

#[tokio::test]
async fn a_name_is_found_for_who_has_none() {
    let (_world, _, mut ftp) = somebody().await;
    let mut names = Vec::new();
    for command in ["STOU", "STOU", "STOU a.txt"] {
        let stream = ftp.open().await;
        let told = ftp.expect(150, command).await;
        names.push(told.text.strip_prefix("150 FILE: /").unwrap().to_owned());
        let mut data = ftp.data(stream).await;
        data.write_all(b"x").await.unwrap();
        drop(data);
        ftp.hear_code(226).await;
    }
    assert!(names[2].starts_with("a.txt.") && names[0] != names[1], "{names:?}");
    names.sort();
    assert_eq!(ftp.text("NLST").await.lines().collect::<Vec<_>>(), names);
}

/// The end of a connection in clear may be any end; a length that was told must have come.
#[tokio::test]
async fn fewer_bytes_than_were_announced_are_not_stored() {
    let (_world, _, mut ftp) = somebody().await;
    ftp.expect(200, "ALLO 10").await;
    assert_eq!(ftp.put("STOR a", b"0123").await.code, 426);
    ftp.expect(550, "SIZE a").await;
    ftp.expect(200, "ALLO 4").await;
    assert_eq!(ftp.put("STOR a", b"0123").await.code, 226);
    assert_eq!(ftp.put("STOR a", b"01").await.code, 226);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_what_was_there() {
    let (_world, _, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR a", b"before").await.code, 226);
    let mut stream = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    stream.write_all(&bytes(3 * MIB)).await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    ftp.hear_code(426).await;
    assert_eq!(ftp.get("RETR a").await.0, b"before");
}

/// What broke off is kept in whole parts, and gone on with from there.
#[tokio::test]
async fn what_broke_off_is_gone_on_with() {
    let (world, key, mut ftp) = somebody().await;
    let whole = bytes(40 * MIB);
    let mut stream = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    stream.write_all(&whole[..30 * MIB]).await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    ftp.hear_code(426).await;
    assert_eq!(ftp.text("NLST").await, "");
    let mut again = Ftp::login(world.ftp(plain()).await, &key).await;
    for command in ["STOR", "APPE"] {
        let kept: usize = loop {
            // What has come is put away behind the reply.
            let told = again.say("SIZE a").await;
            if told.code == 213 {
                break told.text.get(4..).unwrap().parse().unwrap();
            }
            assert_eq!(told.code, 550);
        };
        assert!((8 * MIB..=30 * MIB).contains(&kept), "{kept}");
        if command == "STOR" {
            again.expect(350, &format!("REST {kept}")).await;
            let mut stream = again.open().await;
            again.expect(150, "STOR a").await;
            stream.write_all(&whole[kept..kept + 10]).await.unwrap();
            stream.set_zero_linger().unwrap();
            drop(stream);
            again.hear_code(426).await;
            continue;
        }
        assert_eq!(again.put("APPE a", &whole[kept..]).await.code, 226);
    }
    assert!(again.get("RETR a").await.0 == whole);
}

/// An appending client that knows of nothing kept begins anew.
#[tokio::test]
async fn appe_does_not_go_on_with_what_it_did_not_ask_for() {
    let (world, key, mut ftp) = somebody().await;
    let mut stream = ftp.open().await;
    ftp.expect(150, "STOR log").await;
    stream.write_all(&bytes(20 * MIB)).await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    ftp.hear_code(426).await;
    let mut other = Ftp::login(world.ftp(plain()).await, &key).await;
    assert_eq!(other.put("APPE log", b"first line\n").await.code, 226);
    assert_eq!(other.get("RETR log").await.0, b"first line\n");
}

/// Defect 8.
#[tokio::test]
async fn abor_ends_a_transfer_either_way() {
    let (_world, _, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR large", &bytes(30 * MIB)).await.code, 226);
    let mut down = ftp.open().await;
    ftp.expect(150, "RETR large").await;
    down.read_exact(&mut [0; 1000]).await.unwrap();
    ftp.send_raw(b"\xff\xf4\xff\xf2ABOR\r\n").await;
    ftp.hear_code(426).await;
    ftp.hear_code(226).await;
    let mut rest = Vec::new();
    down.read_to_end(&mut rest).await.unwrap_err();
    assert!(rest.len() < 29 * MIB);
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR new").await;
    up.write_all(b"some").await.unwrap();
    let status = ftp.expect(211, "STAT").await;
    assert!(status.text.contains("under way"), "{status:?}");
    ftp.expect(426, "ABOR").await;
    ftp.hear_code(226).await;
    ftp.expect(550, "SIZE new").await;
    // Also before there is a data connection.
    ftp.epsv().await;
    ftp.send_raw(b"STOR new\r\nABOR\r\n").await;
    ftp.hear_code(426).await;
    ftp.hear_code(226).await;
    ftp.expect(200, "NOOP").await;
}

/// What is said while a transfer is under way is answered after it, in order.
#[tokio::test]
async fn pipelined_commands_wait() {
    let (_world, _, mut ftp) = somebody().await;
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    let many = "NOOP\r\n".repeat(40) + "SIZE a\r\nQUIT\r\n";
    ftp.send_raw(many.as_bytes()).await;
    up.write_all(b"four").await.unwrap();
    drop(up);
    ftp.hear_code(226).await;
    for _ in 0..40 {
        ftp.hear_code(200).await;
    }
    assert_eq!(ftp.hear_code(213).await.text, "213 4");
    ftp.hear_code(221).await;
    ftp.ended().await;
}

/// Defect 9: nothing is stored for a client that is gone.
#[tokio::test]
async fn an_upload_ends_with_its_control_connection() {
    let (world, key, mut ftp) = somebody().await;
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    up.write_all(b"some").await.unwrap();
    ftp.pipe = None;
    // The data connection is reset.
    up.read(&mut [0]).await.unwrap_err();
    let mut other = Ftp::login(world.ftp(plain()).await, &key).await;
    assert_eq!(other.text("NLST").await, "");
}

/// In clear, the end of a client that died looks like the end of its file; but its control connection ended too.
#[tokio::test]
async fn a_client_that_dies_leaves_no_part() {
    let (mut world, key, mut ftp) = somebody().await;
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    up.write_all(b"half").await.unwrap();
    // As the system closes what a process had open.
    drop(ftp.pipe.take());
    drop(up);
    world.shutdown.cancel();
    world.tasks.close();
    world.tasks.wait().await;
    world.shutdown = CancellationToken::new();
    world.tasks = TaskTracker::new();
    let mut other = Ftp::login(world.ftp(plain()).await, &key).await;
    assert_eq!(other.text("NLST").await, "");
}

#[tokio::test]
async fn who_stops_sending_is_told() {
    let (world, key, _) = somebody().await;
    let times = FtpTimes { stall: short().stall, ..FtpTimes::default() };
    let mut ftp = Ftp::login(world.ftp(FtpConfig { times, ..plain() }).await, &key).await;
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    up.write_all(b"some").await.unwrap();
    ftp.hear_code(426).await;
    ftp.expect(550, "SIZE a").await;
}

#[tokio::test]
async fn who_does_not_read_is_given_up() {
    let (world, key, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR large", &bytes(40 * MIB)).await.code, 226);
    let limits =
        portcullis_listener::Limits { write_stall: Duration::from_millis(400), ..Default::default() };
    let mut ftp = Ftp::login(world.ftp(FtpConfig { limits, ..plain() }).await, &key).await;
    let down = ftp.open().await;
    ftp.expect(150, "RETR large").await;
    ftp.hear_code(426).await;
    drop(down);
    ftp.expect(200, "NOOP").await;
}

/// The key goes while bytes go either way: both connections are reset, or the upload is refused and the session ends.
#[tokio::test]
async fn a_transfer_is_cut_off_with_its_key() {
    let (world, key, mut ftp) = somebody().await;
    assert_eq!(ftp.put("STOR large", &bytes(60 * MIB)).await.code, 226);
    let mut down = ftp.open().await;
    ftp.expect(150, "RETR large").await;
    down.read_exact(&mut [0; 1000]).await.unwrap();
    let mut other = Ftp::login(world.ftp(plain()).await, &key).await;
    let mut up = other.open().await;
    other.expect(150, "STOR new").await;
    up.write_all(&bytes(9 * MIB)).await.unwrap();
    world.delete_key(&key).await;
    let mut rest = Vec::new();
    down.read_to_end(&mut rest).await.unwrap_err();
    assert!(rest.len() < 55 * MIB, "{}", rest.len());
    ftp.ended().await;
    while up.write_all(&[0; 65_536]).await.is_ok() {}
    if let Some(told) = other.heard().await {
        assert_eq!(told.code, 421);
        other.ended().await;
    }
}

/// A right is narrowed while it is used: the transfer ends, the session does not.
#[tokio::test]
async fn a_transfer_is_cut_off_when_its_right_is() {
    let (world, key, mut ftp) = somebody().await;
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    up.write_all(&bytes(9 * MIB)).await.unwrap();
    world.change_key(&key, |key| key.permission = Permission::Read).await;
    drop(up);
    if let Some(told) = ftp.heard().await {
        assert_eq!(told.code, 550, "{told:?}");
    }
    let mut reader = Ftp::login(world.ftp(plain()).await, &key).await;
    assert_eq!(reader.text("NLST").await, "");
}

#[tokio::test]
async fn a_transfer_under_way_may_end_when_the_service_does() {
    let (world, _, mut ftp) = somebody().await;
    let mut up = ftp.open().await;
    ftp.expect(150, "STOR a").await;
    world.shutdown.cancel();
    up.write_all(b"all").await.unwrap();
    drop(up);
    ftp.hear_code(226).await;
    ftp.hear_code(421).await;
    ftp.ended().await;
}

#[tokio::test]
async fn a_full_storage_says_so() {
    let world = World::on_disk().await;
    let storage = world.storage_with("small", |new| new.quota_bytes = Some(1000)).await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let mut ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    assert_eq!(ftp.put("STOR a", &bytes(2000)).await.code, 552);
    assert_eq!(ftp.put("STOR a", &bytes(500)).await.code, 226);
}
