//! Lists of storages, against a second opinion: what a plain loop over the same records gives.

use portcullis_domain::{
    Channel, Health, Key, NetworkEntry, Networks, Permission, Provider, Role, Scope, Storage, StorageId,
    StorageState, Timestamp, Usage, User, UserState,
};
use portcullis_metadata::{
    ListOrder, ListQuery, Measurement, Metadata, NewStorage, NewUser, OpenedByAdmins, Openness, StorageUse,
    StoredSecret,
};

use crate::world::{World, at, key_for, new_storage, new_user, set_state, site};

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}

/// The same numbers at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(number(of.len()))).unwrap()]
    }
}

struct Known {
    storage: Storage,
    usage: Usage,
    health: Option<Health>,
    used: Option<Timestamp>,
    keys: Vec<Key>,
}

/// When everything is asked.
pub(crate) const NOW: i64 = 1_000;

fn works(key: &Key) -> bool {
    key.channel == Channel::S3
        && key.permission != Permission::None
        && key.expires.is_none_or(|end| end > at(NOW))
}

fn reads(permission: Permission) -> bool {
    matches!(permission, Permission::Read | Permission::ReadWrite)
}

fn writes(permission: Permission) -> bool {
    matches!(permission, Permission::Write | Permission::ReadWrite)
}

fn overlap(key: Permission, storage: Permission) -> bool {
    (reads(key) && reads(storage)) || (writes(key) && writes(storage))
}

impl Known {
    fn opened(&self, admins: OpenedByAdmins, anywhere: bool) -> bool {
        let from = |networks: &Networks| !anywhere || networks.is_anywhere();
        let permission = self.storage.permission;
        let own = |key: &Key| works(key) && from(&key.networks) && overlap(key.permission, permission);
        self.storage.s3_access
            && from(&self.storage.networks)
            && permission != Permission::None
            && (self.keys.iter().any(own)
                || (admins.read && reads(permission))
                || (admins.write && writes(permission)))
    }

    fn openness(&self, admins: OpenedByAdmins) -> Openness {
        if self.health == Some(Health::Unreachable) {
            Openness::Unreachable
        } else if self.opened(admins, false) {
            Openness::Open
        } else {
            Openness::Closed
        }
    }

    fn is_found(&self, list: &ListQuery) -> bool {
        let folded = |text: &str| text.to_lowercase();
        let searched = list.search.as_deref().is_none_or(|search| {
            let Storage { name, label, bucket, .. } = &self.storage;
            let texts = [name.as_str(), label.as_str(), bucket.as_str()];
            texts.iter().any(|text| folded(text).contains(&folded(search.trim())))
        });
        searched
            && list.provider.is_none_or(|provider| provider == self.storage.connection.provider)
            && list.health.is_none_or(|health| self.health == Some(health))
            && list.openness.is_none_or(|openness| openness == self.openness(list.admins))
    }
}

fn sorted(mut found: Vec<&Known>, list: &ListQuery) -> Vec<StorageId> {
    // Not by the crate's own folded text: the name alone, then what it puts behind it.
    let name = |known: &&Known| {
        let Storage { name, label, bucket, id, .. } = &known.storage;
        (name.as_str().to_lowercase(), label.to_string(), bucket.to_string(), *id)
    };
    let id = |known: &&Known| known.storage.id;
    match list.order {
        ListOrder::Name => found.sort_by_key(name),
        ListOrder::Bytes => found.sort_by_key(|known| (known.usage.bytes, id(known))),
        ListOrder::Files => found.sort_by_key(|known| (known.usage.files, id(known))),
        ListOrder::Created => found.sort_by_key(|known| (known.storage.created, id(known))),
        ListOrder::LastUsed => found.sort_by_key(|known| (known.used, id(known))),
    }
    let mut ids: Vec<StorageId> = found.iter().map(id).collect();
    if list.descending {
        ids.reverse();
    }
    ids
}

fn some_storage(admin: &User, numbers: &mut Numbers, number: u64) -> NewStorage {
    let office = Networks::new(vec![NetworkEntry::parse("203.0.113.0/24", "office").unwrap()]).unwrap();
    let names =
        ["Büro", "БЮРО", "büro", "写真", "100% wool", "100 percent wool", "a_b", "axb", "a!b", "back\\slash"];
    let permissions = [Permission::None, Permission::Read, Permission::Write, Permission::ReadWrite];
    NewStorage {
        provider: numbers.pick(&[Provider::Builtin, Provider::Aws, Provider::S3]),
        permission: numbers.pick(&permissions),
        networks: if numbers.below(2) == 0 { Networks::anywhere() } else { office },
        s3_access: numbers.below(4) > 0,
        created: at(i64::try_from(numbers.below(5)).unwrap()),
        ..new_storage(admin, &format!("{} {}", numbers.pick(&names), number % 3))
    }
}

fn some_key(storage: &Storage, numbers: &mut Numbers) -> Key {
    let office = Networks::new(vec![NetworkEntry::parse("203.0.113.0/24", "").unwrap()]).unwrap();
    let permissions = [Permission::None, Permission::Read, Permission::Write, Permission::ReadWrite];
    Key {
        channel: numbers.pick(&[Channel::S3, Channel::S3, Channel::Rest]),
        permission: numbers.pick(&permissions),
        networks: if numbers.below(2) == 0 { Networks::anywhere() } else { office },
        expires: numbers.pick(&[None, None, Some(at(NOW - 1)), Some(at(NOW)), Some(at(NOW + 1))]),
        ..key_for(storage, "key")
    }
}

async fn some_storages(metadata: &Metadata, admin: &User, count: u64) -> Vec<Known> {
    let mut numbers = Numbers(1);
    let mut known = Vec::new();
    for number in 0..count {
        let storage = metadata.create_storage(some_storage(admin, &mut numbers, number)).await.unwrap();
        let mut one = Known { storage, usage: Usage::default(), health: None, used: None, keys: Vec::new() };
        if numbers.below(6) > 0 {
            let health = numbers.pick(Health::ALL);
            one.health = Some(health);
            one.usage = Usage { bytes: numbers.below(4), files: numbers.below(4), ..Usage::default() };
            let measurement = Measurement {
                storage: one.storage.id,
                site: one.storage.site,
                at: at(1),
                usage: Some((one.usage, None)),
                health,
                due: at(2),
            };
            metadata.record_measurements(&[measurement]).await.unwrap();
        }
        if numbers.below(2) == 0 {
            let at = at(i64::try_from(numbers.below(3)).unwrap());
            one.used = Some(at);
            let used = StorageUse { storage: one.storage.id, site: one.storage.site, at };
            metadata.record_storage_use(&[used]).await.unwrap();
        }
        for _ in 0..numbers.below(3) {
            let key = some_key(&one.storage, &mut numbers);
            metadata.create_key(&key, &StoredSecret::None).await.unwrap();
            if numbers.below(5) == 0 {
                metadata.delete_key(key.id, at(4)).await.unwrap();
            } else {
                one.keys.push(key);
            }
        }
        known.push(one);
    }
    known
}

/// Another site, full of what must never be seen.
pub(crate) async fn neighbours(metadata: &Metadata) {
    let other = site("other");
    metadata.create_site(&other).await.unwrap();
    let admin = metadata.create_user(new_user(other.id, "theirs")).await.unwrap();
    drop(some_storages(metadata, &admin, 12).await);
}

fn choices(list: &ListQuery) -> Vec<ListQuery> {
    let with = |change: &dyn Fn(&mut ListQuery)| {
        let mut list = list.clone();
        change(&mut list);
        list
    };
    let mut all = vec![list.clone()];
    let searches = [
        "büro", "БЮРО", "写", "100%", "%", "_", "!", "\\", "a_b", "axb", "itm-0000", " ", "nothing", "'",
        "wool 1",
    ];
    all.extend(searches.map(|search| with(&|list| list.search = Some(search.to_owned()))));
    for openness in [Openness::Open, Openness::Closed, Openness::Unreachable] {
        all.push(with(&|list| list.openness = Some(openness)));
        for (read, write) in [(true, false), (false, true), (true, true)] {
            all.push(with(&|list| {
                list.openness = Some(openness);
                list.admins = OpenedByAdmins { read, write };
            }));
        }
        all.push(with(&|list| {
            list.openness = Some(openness);
            list.search = Some("b".to_owned());
            list.provider = Some(Provider::Aws);
        }));
    }
    all.extend(Health::ALL.iter().map(|health| with(&|list| list.health = Some(*health))));
    all.extend(Provider::ALL.iter().map(|provider| with(&|list| list.provider = Some(*provider))));
    all
}

pub(crate) async fn every_filter_in_every_order(world: &World) {
    let (metadata, main, admin) = world.home().await;
    neighbours(&metadata).await;
    let known = some_storages(&metadata, &admin, 90).await;
    let before = metadata.create_storage(new_storage(&admin, "gone")).await.unwrap();
    let gone = Storage { state: StorageState::Detached, ..before.clone() };
    metadata.update_storage_if_same(&before, &gone).await.unwrap();
    for list in choices(&ListQuery::of(main.id, at(NOW))) {
        let found: Vec<&Known> = known.iter().filter(|known| known.is_found(&list)).collect();
        assert_eq!(metadata.count_listed(&list).await.unwrap(), number(found.len()), "{list:?}");
        for order in
            [ListOrder::Name, ListOrder::Bytes, ListOrder::Files, ListOrder::Created, ListOrder::LastUsed]
        {
            for descending in [false, true] {
                let list = ListQuery { order, descending, ..list.clone() };
                let mut ids = Vec::new();
                // Page by page: what is equal must neither come twice nor be missed.
                for skip in (0..number(found.len()) + 1).step_by(17) {
                    let page = metadata.listed(&list, skip, 17).await.unwrap();
                    ids.extend(page.iter().map(|(storage, _)| storage.id));
                }
                assert_eq!(ids, sorted(found.clone(), &list), "{list:?}");
            }
        }
    }
    let all = metadata.listed(&ListQuery::of(main.id, at(NOW)), 0, 1_000).await.unwrap();
    for (storage, facts) in all {
        let known = known.iter().find(|known| known.storage.id == storage.id).unwrap();
        assert_eq!(storage, known.storage);
        let health = known.health.map(|health| (health, at(1)));
        assert_eq!((facts.health, facts.last_used), (health, known.used));
        assert_eq!(facts.usage, known.health.map(|_| (known.usage, at(1))));
    }
}

pub(crate) async fn an_access_key_id_finds_its_storage(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let files = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let other = metadata.create_storage(new_storage(&admin, "other")).await.unwrap();
    let key = key_for(&files, "backup");
    metadata.create_key(&key, &StoredSecret::Hash([1; 32])).await.unwrap();
    let gone = key_for(&other, "gone");
    metadata.create_key(&gone, &StoredSecret::Hash([2; 32])).await.unwrap();
    metadata.delete_key(gone.id, at(5)).await.unwrap();
    let users = Key { scope: Scope::User(admin.id), ..key_for(&other, "of a user") };
    metadata.create_key(&users, &StoredSecret::Hash([3; 32])).await.unwrap();
    let id = key.credential.as_str();
    let part = |range: std::ops::Range<usize>| id.get(range).unwrap().to_owned();
    let cases = [
        (id.to_owned(), vec![files.id]),
        (format!(" {} ", id.to_lowercase()), vec![files.id]),
        (part(0..10), vec![files.id]),
        (part(9..15), vec![files.id]),
        // Too short: any two letters are in some id.
        (part(9..14), vec![]),
        (format!("{id}A"), vec![]),
        ("______".to_owned(), vec![]),
        ("%%%%%%".to_owned(), vec![]),
        (gone.credential.to_string(), vec![]),
        (users.credential.to_string(), vec![]),
    ];
    for (search, found) in cases {
        let list = ListQuery { search: Some(search.clone()), ..ListQuery::of(main.id, at(NOW)) };
        let listed = metadata.listed(&list, 0, 10).await.unwrap();
        assert_eq!(listed.iter().map(|(storage, _)| storage.id).collect::<Vec<_>>(), found, "{search:?}");
        assert_eq!(metadata.count_listed(&list).await.unwrap(), number(found.len()), "{search:?}");
    }
    let elsewhere = site("elsewhere");
    metadata.create_site(&elsewhere).await.unwrap();
    let list = ListQuery { search: Some(id.to_owned()), ..ListQuery::of(elsewhere.id, at(NOW)) };
    assert_eq!(metadata.count_listed(&list).await.unwrap(), 0);
}

pub(crate) async fn what_is_open(world: &World) {
    let (metadata, main, admin) = world.home().await;
    neighbours(&metadata).await;
    let known = some_storages(&metadata, &admin, 60).await;
    for (read, write) in [(false, false), (true, false), (false, true), (true, true)] {
        let (all, none) = (OpenedByAdmins { read, write }, OpenedByAdmins::default());
        for anywhere in [none, all] {
            let found = metadata.open_storages(main.id, at(NOW), all, anywhere).await.unwrap();
            let open = known.iter().filter(|known| known.opened(all, false)).count();
            let mut wide: Vec<&Known> = known.iter().filter(|known| known.opened(anywhere, true)).collect();
            wide.sort_by_key(|known| known.storage.name.as_str().to_lowercase());
            assert_eq!((found.total, found.open), (60, number(open)), "{all:?}");
            assert_eq!(found.open_to_anywhere, number(wide.len()), "{anywhere:?}");
            let name = wide[0].storage.name.as_str().to_lowercase();
            assert_eq!(found.example.unwrap().1.as_str().to_lowercase(), name);
        }
    }
    let nowhere = site("empty");
    metadata.create_site(&nowhere).await.unwrap();
    let none = OpenedByAdmins::default();
    let found = metadata.open_storages(nowhere.id, at(NOW), none, none).await.unwrap();
    assert_eq!((found.total, found.open, found.open_to_anywhere, found.example), (0, 0, 0, None));
}

pub(crate) async fn which_keys_open(world: &World) {
    let (metadata, main, admin) = world.home().await;
    neighbours(&metadata).await;
    let known = some_storages(&metadata, &admin, 40).await;
    let ids: Vec<StorageId> = known.iter().map(|known| known.storage.id).collect();
    let groups = metadata.openers_of(&ids, at(NOW)).await.unwrap();
    assert_eq!(metadata.openers_of(&[], at(NOW)).await.unwrap(), []);
    for Known { storage, keys, .. } in &known {
        let working = keys.iter().filter(|key| works(key)).count();
        let own = groups.iter().filter(|group| group.storage == Some(storage.id));
        assert_eq!(own.clone().map(|group| group.keys).sum::<u64>(), number(working));
        for group in own {
            let alike = |key: &&Key| {
                works(key) && key.permission == group.permission && key.networks == group.networks
            };
            let ends = keys.iter().filter(alike).map(|key| key.expires);
            // None, which has no end, is last.
            let last = ends.max_by_key(|end| end.map_or(i64::MAX, Timestamp::micros)).unwrap();
            assert_eq!(group.ends, last);
        }
    }

    let member = NewUser { role: Role::Member, ..new_user(main.id, "member") };
    let member = metadata.create_user(member).await.unwrap();
    let second = metadata.create_user(new_user(main.id, "second")).await.unwrap();
    let of = |user: &User| Key { scope: Scope::User(user.id), ..key_for(&known[0].storage, "key") };
    for key in [of(&admin), of(&admin), of(&member), of(&second)] {
        metadata.create_key(&key, &StoredSecret::None).await.unwrap();
    }
    let rest = Key { channel: Channel::Rest, ..of(&admin) };
    metadata.create_key(&rest, &StoredSecret::None).await.unwrap();
    set_state(&metadata, second.id, UserState::Disabled).await;
    let all = metadata.openers_of_all(main.id, at(NOW)).await.unwrap();
    assert_eq!(all.iter().map(|group| (group.storage, group.keys)).collect::<Vec<_>>(), [(None, 2)]);
}
