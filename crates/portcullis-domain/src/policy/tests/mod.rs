mod random;
mod run;
mod time;

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::{
    BucketName, Connection, ConnectionId, CredentialId, DisplayName, KeyId, Label, LinkId, NetworkEntry,
    Networks, OnLeak, Overwrite, Provider, StorageId, UserId, Username,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn site() -> SiteId {
    SiteId::from_u128(1)
}

fn networks(list: &[&str]) -> Networks {
    Networks::new(list.iter().map(|raw| NetworkEntry::parse(raw, "").unwrap()).collect()).unwrap()
}

fn user(role: Role, state: UserState) -> User {
    User {
        id: UserId::from_u128(7),
        site: site(),
        number: 1,
        username: Username::parse("ada").unwrap(),
        role,
        state,
        created: NOW,
    }
}

fn key() -> Key {
    Key {
        id: KeyId::from_u128(3),
        site: site(),
        credential: CredentialId::from_entropy([1; 16]),
        name: DisplayName::parse("backup").unwrap(),
        channel: Channel::S3,
        scope: Scope::Storage(StorageId::from_u128(5)),
        permission: Permission::ReadWrite,
        overwrite: Overwrite::Replace,
        networks: Networks::anywhere(),
        prefix: KeyPrefix::default(),
        expires: None,
        state: KeyState::Active,
        created: NOW,
        generation: 0,
        on_leak: OnLeak::Disable,
        leaked: None,
        trial: None,
        login: None,
        public_keys: Vec::new(),
        mail: crate::MailRules::default(),
    }
}

fn storage() -> Storage {
    let label = Label::parse("files").unwrap();
    Storage {
        id: StorageId::from_u128(5),
        site: site(),
        owner: UserId::from_u128(7),
        number: 1,
        name: DisplayName::parse("Files").unwrap(),
        bucket: BucketName::new(1, 1, &label),
        label,
        connection: Connection {
            id: ConnectionId::from_u128(9),
            provider: Provider::Builtin,
            region: "us-east-1".into(),
            endpoint: None,
            bucket: None,
            path_style: true,
        },
        permission: Permission::ReadWrite,
        networks: Networks::anywhere(),
        s3_access: true,
        quota_bytes: None,
        state: StorageState::Active,
        created: NOW,
        paused_until: None,
        trial: None,
    }
}

fn object(raw: &str) -> ObjectKey {
    ObjectKey::parse(raw).unwrap()
}

fn ask(key: &Key, storage: &Storage, action: Action) -> Result<(), DenyReason> {
    let prefix = KeyPrefix::parse("in/side/").unwrap();
    let object = object("in/side/file");
    let target = match action {
        Action::Enter => Target::Storage(storage),
        Action::List => Target::Prefix(storage, &prefix),
        Action::Get | Action::Put | Action::Delete => Target::Object(storage, &object),
        Action::Administer => Target::Site(storage.site),
    };
    decide(&Request {
        subject: Subject::Key { key, owner: None, narrowing: None, replaced: None },
        channel: Channel::S3,
        peer: "203.0.113.7".parse().unwrap(),
        now: NOW,
        action,
        target,
    })
}

/// One line per situation, one column per action: the policy as a table that anyone can read.
#[test]
fn the_policy_as_a_table() {
    type Change = fn(&mut Key, &mut Storage);
    let situations: &[(&str, Change)] = &[
        ("key read_write", |_, _| {}),
        ("key read", |k, _| k.permission = Permission::Read),
        ("key write", |k, _| k.permission = Permission::Write),
        ("key none", |k, _| k.permission = Permission::None),
        ("key deleted", |k, _| k.state = KeyState::Deleted),
        ("key expired this moment", |k, _| k.expires = Some(NOW)),
        ("key expires in a second", |k, _| k.expires = Some(Timestamp::from_seconds(NOW.seconds() + 1))),
        ("key from its network", |k, _| k.networks = networks(&["203.0.113.0/24"])),
        ("key from another network", |k, _| k.networks = networks(&["198.51.100.0/24", "2001:db8::/32"])),
        ("key of another channel", |k, _| k.channel = Channel::Http),
        ("key of another site", |k, _| k.site = SiteId::from_u128(2)),
        ("key of another storage", |k, _| k.scope = Scope::Storage(StorageId::from_u128(6))),
        ("key of a user who is gone", |k, _| k.scope = Scope::User(UserId::from_u128(7))),
        ("S3 key of the whole site", |k, _| k.scope = Scope::Site),
        ("key with this prefix", |k, _| k.prefix = KeyPrefix::parse("in/").unwrap()),
        ("key with another prefix", |k, _| k.prefix = KeyPrefix::parse("out/").unwrap()),
        ("key full on a storage", |k, _| k.permission = Permission::Full),
        ("storage read", |_, s| s.permission = Permission::Read),
        ("storage write", |_, s| s.permission = Permission::Write),
        ("storage none", |_, s| s.permission = Permission::None),
        ("storage from another network", |_, s| s.networks = networks(&["198.51.100.0/24"])),
        ("storage S3 off", |_, s| s.s3_access = false),
        ("storage detached", |_, s| s.state = StorageState::Detached),
        ("storage deleted", |_, s| s.state = StorageState::Deleted),
        ("storage paused for a second", |_, s| {
            s.paused_until = Some(Timestamp::from_seconds(NOW.seconds() + 1))
        }),
        ("storage paused until now", |_, s| s.paused_until = Some(NOW)),
        ("other networks tried out", |k, s| {
            k.trial = Some(Trial { networks: networks(&["198.51.100.0/24"]), since: NOW });
            s.trial.clone_from(&k.trial);
        }),
        ("key read, storage write", |k, s| {
            k.permission = Permission::Read;
            s.permission = Permission::Write;
        }),
    ];
    let mut table = format!("{:<30}", "");
    for action in Action::ALL {
        write!(table, "{:<20}", action.as_str()).unwrap();
    }
    for (name, change) in situations {
        let (mut key, mut storage) = (key(), storage());
        change(&mut key, &mut storage);
        write!(table, "\n{name:<30}").unwrap();
        for action in Action::ALL {
            let verdict = ask(&key, &storage, *action).map_or_else(DenyReason::as_str, |()| "ALLOW");
            write!(table, "{verdict:<20}").unwrap();
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!("policy", table);
}

#[test]
fn people_and_their_keys() {
    let storage = storage();
    let object = object("a");
    let ask = |user: &User, expires, channel, target, action| {
        let sign_in = SignIn {
            expires,
            site: site(),
            above: &[],
            second_factor: false,
            rule: SecondFactorRule::Optional,
        };
        let subject = Subject::Session { person: Person { user, reach: &[] }, sign_in };
        decide(&Request { subject, channel, peer: "203.0.113.7".parse().unwrap(), now: NOW, action, target })
    };
    let later = Timestamp::from_seconds(NOW.seconds() + 60);
    let admin = user(Role::Admin, UserState::Active);
    let file = Target::Object(&storage, &object);
    assert_eq!(ask(&admin, later, Channel::Rest, file, Action::Put), Ok(()));
    assert_eq!(ask(&admin, later, Channel::Rest, Target::Site(site()), Action::Administer), Ok(()));
    assert_eq!(
        ask(&admin, later, Channel::Rest, Target::Site(site()), Action::Get),
        Err(DenyReason::OutOfScope)
    );
    assert_eq!(ask(&admin, later, Channel::S3, file, Action::Get), Err(DenyReason::WrongChannel));
    assert_eq!(ask(&admin, NOW, Channel::Rest, file, Action::Get), Err(DenyReason::SessionExpired));
    let other = Target::Site(SiteId::from_u128(2));
    assert_eq!(ask(&admin, later, Channel::Rest, other, Action::Administer), Err(DenyReason::OtherSite));
    let disabled = user(Role::Admin, UserState::Disabled);
    assert_eq!(ask(&disabled, later, Channel::Rest, file, Action::Get), Err(DenyReason::UserDisabled));
    let member = user(Role::Member, UserState::Active);
    assert_eq!(ask(&member, later, Channel::Rest, file, Action::Get), Err(DenyReason::NotGranted));
    assert_eq!(
        ask(&member, later, Channel::Rest, Target::Site(site()), Action::Administer),
        Err(DenyReason::NotGranted)
    );
}

fn reach(prefix: &str, permission: Permission) -> Reach {
    Reach { storage: StorageId::from_u128(5), prefix: KeyPrefix::parse(prefix).unwrap(), permission }
}

fn link() -> Link {
    Link {
        id: LinkId::from_u128(11),
        site: site(),
        storage: StorageId::from_u128(5),
        name: DisplayName::parse("For the printer").unwrap(),
        target: LinkTarget::Folder(KeyPrefix::parse("in/").unwrap()),
        permission: Permission::Read,
        networks: Networks::anywhere(),
        expires: None,
        has_password: false,
        max_downloads: None,
        downloads: 0,
        state: LinkState::Active,
        created: NOW,
    }
}

/// What is asked of every storage-bound subject: entering, then everything at `in/side/`.
fn verdicts(subject: Subject<'_>, channel: Channel, storage: &Storage) -> String {
    let (prefix, object) = (KeyPrefix::parse("in/side/").unwrap(), object("in/side/file"));
    let mut line = String::new();
    for action in Action::ALL {
        let target = match action {
            Action::Enter => Target::Storage(storage),
            Action::List => Target::Prefix(storage, &prefix),
            Action::Get | Action::Put | Action::Delete => Target::Object(storage, &object),
            Action::Administer => Target::Site(storage.site),
        };
        let request = Request {
            subject,
            channel,
            peer: "203.0.113.7".parse().unwrap(),
            now: NOW,
            action: *action,
            target,
        };
        write!(line, "{:<22}", decide(&request).map_or_else(DenyReason::as_str, |()| "ALLOW")).unwrap();
    }
    line
}

/// Members by session and by key, temporary credentials and links: one line per situation, one column per action.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of situations, read from top to bottom")]
fn sharing_as_a_table() {
    let mut table = format!("{:<46}", "");
    for action in Action::ALL {
        write!(table, "{:<22}", action.as_str()).unwrap();
    }
    let mut row = |name: &str, line: String| write!(table, "\n{name:<46}{line}").unwrap();
    let storage = storage();
    let later = Timestamp::from_seconds(NOW.seconds() + 60);
    let sign_in = |above: &'static [SiteId]| SignIn {
        expires: later,
        site: site(),
        above,
        second_factor: false,
        rule: SecondFactorRule::Optional,
    };
    let member = user(Role::Member, UserState::Active);
    let elsewhere = Reach { storage: StorageId::from_u128(6), ..reach("", Permission::ReadWrite) };
    let shares = [
        ("nothing", vec![]),
        ("read of all", vec![reach("", Permission::Read)]),
        ("write of in/", vec![reach("in/", Permission::Write)]),
        ("read of all, write of in/", vec![reach("", Permission::Read), reach("in/", Permission::Write)]),
        ("read_write of out/", vec![reach("out/", Permission::ReadWrite)]),
        ("none of all", vec![reach("", Permission::None)]),
        ("read_write of another storage", vec![elsewhere]),
    ];
    for (name, reach) in shares {
        let person = Person { user: &member, reach: &reach };
        let session = Subject::Session { person, sign_in: sign_in(&[]) };
        row(&format!("member, {name}"), verdicts(session, Channel::Rest, &storage));
        let own = Key { scope: Scope::User(member.id), ..key() };
        let by_key = Subject::Key { key: &own, owner: Some(person), narrowing: None, replaced: None };
        row(&format!("S3 key of member, {name}"), verdicts(by_key, Channel::S3, &storage));
    }
    let all = [reach("", Permission::ReadWrite)];
    let bound =
        Storage { permission: Permission::Read, networks: networks(&["198.51.100.0/24"]), ..storage.clone() };
    for role in Role::ALL {
        let who = user(*role, UserState::Active);
        let person = Person { user: &who, reach: &all };
        let session = |sign_in| Subject::Session { person, sign_in };
        row(&format!("{role}, storage elsewhere"), verdicts(session(sign_in(&[])), Channel::Rest, &bound));
        for rule in SecondFactorRule::ALL {
            let one = SignIn { rule: *rule, ..sign_in(&[]) };
            row(&format!("{role}, one factor, {rule}"), verdicts(session(one), Channel::Rest, &storage));
            let two = SignIn { second_factor: true, ..one };
            row(&format!("{role}, two factors, {rule}"), verdicts(session(two), Channel::Rest, &storage));
        }
        let foreign = User { site: SiteId::from_u128(9), ..who.clone() };
        let person = Person { user: &foreign, reach: &all };
        const ABOVE: [SiteId; 2] = [SiteId::from_u128(8), SiteId::from_u128(9)];
        let below = Subject::Session { person, sign_in: sign_in(&ABOVE) };
        row(&format!("{role} of a site above"), verdicts(below, Channel::Rest, &storage));
        const BESIDE: [SiteId; 1] = [SiteId::from_u128(8)];
        let beside = Subject::Session { person, sign_in: sign_in(&BESIDE) };
        row(&format!("{role} of another site"), verdicts(beside, Channel::Rest, &storage));
        let own = Key { scope: Scope::User(foreign.id), ..key() };
        let by_key = Subject::Key { key: &own, owner: Some(person), narrowing: None, replaced: None };
        row(&format!("S3 key for a {role} of a site above"), verdicts(by_key, Channel::S3, &storage));
    }
    let invited = user(Role::Admin, UserState::Invited);
    let session = Subject::Session { person: Person { user: &invited, reach: &all }, sign_in: sign_in(&[]) };
    row("admin who has not come yet", verdicts(session, Channel::Rest, &storage));
    type Change = fn(&mut Narrowing);
    let changes: [(&str, Change); 8] = [
        ("all of the key", |_| {}),
        ("read", |n| n.permission = Permission::Read),
        ("full", |n| n.permission = Permission::Full),
        ("in/", |n| n.prefix = KeyPrefix::parse("in/").unwrap()),
        ("out/", |n| n.prefix = KeyPrefix::parse("out/").unwrap()),
        ("another storage", |n| n.storage = Some(StorageId::from_u128(6))),
        ("another network", |n| n.networks = networks(&["198.51.100.0/24"])),
        ("run out this moment", |n| n.expires = NOW),
    ];
    for (name, change) in changes {
        let mut narrowing = Narrowing {
            storage: None,
            permission: Permission::ReadWrite,
            prefix: KeyPrefix::default(),
            networks: Networks::anywhere(),
            expires: later,
        };
        change(&mut narrowing);
        let key = key();
        let subject = Subject::Key { key: &key, owner: None, narrowing: Some(&narrowing), replaced: None };
        row(&format!("temporary, {name}"), verdicts(subject, Channel::S3, &storage));
    }
    type ChangeLink = fn(&mut Link);
    let changes: [(&str, ChangeLink); 10] = [
        ("to read in/", |_| {}),
        ("to fill in/", |l| l.permission = Permission::Write),
        ("to read out/", |l| l.target = LinkTarget::Folder(KeyPrefix::parse("out/").unwrap())),
        ("to this file", |l| l.target = LinkTarget::File(ObjectKey::parse("in/side/file").unwrap())),
        ("to another file", |l| l.target = LinkTarget::File(ObjectKey::parse("in/side/other").unwrap())),
        ("ended", |l| l.state = LinkState::Ended),
        ("expired this moment", |l| l.expires = Some(NOW)),
        ("from another network", |l| l.networks = networks(&["198.51.100.0/24"])),
        ("of another storage", |l| l.storage = StorageId::from_u128(6)),
        ("of another site", |l| l.site = SiteId::from_u128(2)),
    ];
    for (name, change) in changes {
        let mut link = link();
        change(&mut link);
        row(&format!("link {name}"), verdicts(Subject::Link(&link), Channel::Http, &storage));
    }
    row("link on another channel", verdicts(Subject::Link(&link()), Channel::Rest, &storage));
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!("sharing", table);
}
