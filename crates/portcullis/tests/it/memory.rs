//! Memory stays flat however large the object.

use crate::http::{Signed, request};
use crate::world::World;

/// The largest resident size the process has had, in bytes.
pub(crate) fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_large_object_passes_in_constant_memory() {
    const SIZE: u64 = 1 << 30;
    let world = World::start();
    let (id, _) = world.storage("Large");
    let key = world.key(&id, "read_write");
    let before = peak(world.pid());
    let put = Signed::new(&world, &key).zeroes("large.bin", SIZE);
    assert_eq!(put.status, 200, "{}", put.text());
    let get = Signed::new(&world, &key).drain("large.bin");
    assert_eq!(get, SIZE);
    let grown = peak(world.pid()) - before;
    println!("1 GiB in and out: the peak of resident memory grew by {} KiB", grown / 1024);
    assert!(grown < 64 << 20, "grew by {grown} bytes");
    assert_eq!(request(&world, "GET", "/", &[], b"").status, 403);
}
