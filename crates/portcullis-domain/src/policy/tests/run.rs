//! Runs between two storages.

use super::*;
use crate::{RESERVED_PREFIX, RunPass, RunSide};

/// From `in/` of the storage 5 to all of the storage 6.
fn pass() -> RunPass {
    let side = |storage, prefix, permission| RunSide {
        storage: StorageId::from_u128(storage),
        prefix: KeyPrefix::parse(prefix).unwrap(),
        permission,
    };
    let sides = [side(5, "in/", Permission::ReadWrite), side(6, "", Permission::Read)];
    RunPass { run: "r".to_owned(), site: site(), sides }
}

fn remote() -> Storage {
    let connection = Connection { provider: Provider::S3, ..storage().connection };
    Storage { connection, ..storage() }
}

fn asked(pass: &RunPass, channel: Channel, action: Action, target: Target<'_>) -> Result<(), DenyReason> {
    decide(&Request {
        subject: Subject::Run(pass),
        channel,
        peer: "203.0.113.7".parse().unwrap(),
        now: NOW,
        action,
        target,
    })
}

/// One line per situation, one column per action.
#[test]
fn runs_as_a_table() {
    type Change = fn(&mut RunPass, &mut Storage, &mut Channel, &mut String);
    let situations: &[(&str, Change)] = &[
        ("own storage, own prefix", |_, _, _, _| {}),
        ("own prefix, read-only side", |p, _, _, _| p.sides[0].permission = Permission::Read),
        ("own prefix, write-only side", |p, _, _, _| p.sides[0].permission = Permission::Write),
        ("own prefix, side with full", |p, _, _, _| p.sides[0].permission = Permission::Full),
        ("own prefix, side with none", |p, _, _, _| p.sides[0].permission = Permission::None),
        ("another prefix", |_, _, _, at| *at = "out/side/".to_owned()),
        ("the prefix above", |_, _, _, at| *at = "i".to_owned()),
        ("the other side, read-only", |_, s, _, at| {
            s.id = StorageId::from_u128(6);
            *at = "anywhere/".to_owned();
        }),
        ("both sides of one storage, second", |p, _, _, at| {
            p.sides[1].storage = p.sides[0].storage;
            *at = "out/side/".to_owned();
        }),
        ("both sides of one storage, first", |p, _, _, _| p.sides[1].storage = p.sides[0].storage),
        ("another storage", |_, s, _, _| s.id = StorageId::from_u128(7)),
        ("another site", |_, s, _, _| s.site = SiteId::from_u128(2)),
        ("pass of another site", |p, _, _, _| p.site = SiteId::from_u128(2)),
        ("reserved, of a remote storage", |_, s, _, at| {
            *s = remote();
            RESERVED_PREFIX.clone_into(at);
        }),
        ("reserved, remote, read-only side", |p, s, _, at| {
            *s = remote();
            p.sides[0].permission = Permission::Read;
            RESERVED_PREFIX.clone_into(at);
        }),
        ("reserved name, builtin storage", |_, _, _, at| RESERVED_PREFIX.clone_into(at)),
        ("nearly reserved, remote", |_, s, _, at| {
            *s = remote();
            *at = ".portcullis".to_owned();
        }),
        ("storage read, elsewhere, paused", |_, s, _, _| {
            s.permission = Permission::Read;
            s.networks = networks(&["198.51.100.0/24"]);
            s.paused_until = Some(Timestamp::from_seconds(NOW.seconds() + 1));
            s.s3_access = false;
        }),
        ("storage detached", |_, s, _, _| s.state = StorageState::Detached),
        ("storage deleted", |_, s, _, _| s.state = StorageState::Deleted),
        ("over S3", |_, _, c, _| *c = Channel::S3),
        ("over HTTP", |_, _, c, _| *c = Channel::Http),
    ];
    let mut table = format!("{:<36}", "");
    for action in Action::ALL {
        write!(table, "{:<18}", action.as_str()).unwrap();
    }
    for (name, change) in situations {
        let (mut pass, mut storage, mut channel) = (pass(), storage(), Channel::Rest);
        let mut at = "in/side/".to_owned();
        change(&mut pass, &mut storage, &mut channel, &mut at);
        let (prefix, object) = (KeyPrefix::parse(&at).unwrap(), object(&format!("{at}file")));
        write!(table, "\n{name:<36}").unwrap();
        for action in Action::ALL {
            let target = match action {
                Action::Enter => Target::Storage(&storage),
                Action::List => Target::Prefix(&storage, &prefix),
                Action::Get | Action::Put | Action::Delete => Target::Object(&storage, &object),
                Action::Administer => Target::Site(storage.site),
            };
            let verdict = asked(&pass, channel, *action, target);
            write!(table, "{:<18}", verdict.map_or_else(DenyReason::as_str, |()| "ALLOW")).unwrap();
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!("runs", table);
}

prop_compose! {
    fn any_side()(
        storage in 5u128..8, prefix in "(in/|out/|i|\\.portcullis/|)",
        permission in prop::sample::select(Permission::ALL),
    ) -> RunSide {
        RunSide {
            storage: StorageId::from_u128(storage), prefix: KeyPrefix::parse(&prefix).unwrap(), permission,
        }
    }
}

proptest! {
    /// Whatever a run is allowed lies in a place of its pass, or is reserved in one of its storages, and its permission there
    /// includes it; it administers nothing, and an inactive storage is closed to it.
    #[test]
    fn a_run_reaches_its_places_alone(
        sides in [any_side(), any_side()], site_of_pass in 1u128..3, site_of_storage in 1u128..3,
        id in 5u128..8, remote_storage: bool, state in prop::sample::select(StorageState::ALL),
        channel in prop::sample::select(Channel::ALL), action in prop::sample::select(Action::ALL),
        key in "(in/|out/|\\.portcullis/|\\.portcullis|)[a-b]{1,2}", whole: bool,
        order in Just((0..RULES.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let pass = RunPass { run: "r".to_owned(), site: SiteId::from_u128(site_of_pass), sides };
        let mut storage = if remote_storage { remote() } else { storage() };
        (storage.id, storage.site, storage.state) =
            (StorageId::from_u128(id), SiteId::from_u128(site_of_storage), state);
        let (object, prefix) = (object(&key), KeyPrefix::parse(&key).unwrap());
        let target = if whole { Target::Prefix(&storage, &prefix) } else { Target::Object(&storage, &object) };
        let reserved = remote_storage && key.starts_with(RESERVED_PREFIX);
        let fits = |side: &RunSide| side.storage == storage.id
            && (reserved || key.starts_with(side.prefix.as_str()))
            && side.permission.permits(action);
        let may = site_of_pass == site_of_storage
            && channel == Channel::Rest
            && state == StorageState::Active
            && action != Action::Administer
            && pass.sides.iter().any(fits);
        prop_assert_eq!(asked(&pass, channel, action, target).is_ok(), may);
        let request = Request {
            subject: Subject::Run(&pass), channel, peer: "203.0.113.7".parse().unwrap(), now: NOW, action, target,
        };
        let shuffled = order.iter().find_map(|at| RULES[*at](&request));
        prop_assert_eq!(shuffled.is_none(), may);
        prop_assert_eq!(trial(&request), None, "nothing that is tried out speaks of a run");
    }
}
