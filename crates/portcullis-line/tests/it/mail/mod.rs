//! Messages as clients send them, and what becomes of them.

mod delivered;
mod other;
mod rules;
mod shapes;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;

use futures_util::{StreamExt as _, TryStreamExt as _};
use portcullis_access::{Origin, Principal};
use portcullis_domain::{Channel, MailRules, Permission, Scope};
use portcullis_files::{Kind, OpenOptions, Top, Tree, TreeConfig, TreePath};
use portcullis_line::mail::{Context, Delivered, Envelope, MailFault, Spooled, deliver, folder_of_tag};
use sha2::{Digest as _, Sha256};

use crate::world::{Credentials, World};

/// A mail key of a storage, and what it reaches.
pub(super) struct Inbox {
    pub(super) world: World,
    pub(super) holder: Credentials,
    pub(super) tree: Tree,
    /// Who sees what is there.
    pub(super) reader: Tree,
    pub(super) rules: MailRules,
}

impl Inbox {
    pub(super) async fn open(permission: Permission) -> Self {
        Self::within(World::start().await, permission).await
    }

    pub(super) async fn within(world: World, permission: Permission) -> Self {
        let storage = world.storage("mail").await;
        let scope = Scope::Storage(storage.id);
        let holder = world.key_of(Channel::Email, scope, |key| key.permission = permission).await;
        let reader = world.key_of(Channel::Ftp, scope, |_| {}).await;
        let tree = tree(&world, &holder).await;
        let reader = tree_of(&world, who(&world, &reader).await);
        Self { world, holder, tree, reader, rules: MailRules::default() }
    }

    /// Sends a message to these tags; none is an address without one.
    pub(super) async fn send(&self, message: &[u8], tags: &[Option<&str>]) -> Result<Delivered, MailFault> {
        let folder = |tag: &Option<&str>| tag.map(|tag| folder_of_tag(tag).unwrap());
        let envelope = Envelope { folders: tags.iter().map(folder).collect() };
        let context = Context { tree: self.tree.clone(), rules: self.rules.clone() };
        deliver(spooled(message), envelope, &context).await
    }

    /// All files by path.
    pub(super) async fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let (mut found, mut open) = (BTreeMap::new(), vec![TreePath::top()]);
        while let Some(folder) = open.pop() {
            let entries: Vec<_> = self.reader.list(&folder).try_collect().await.unwrap();
            for entry in entries {
                let path = folder.child(&entry.name);
                if entry.is_folder() {
                    open.push(path);
                } else {
                    found.insert(path.to_string(), self.read(&path).await);
                }
            }
        }
        found
    }

    async fn read(&self, path: &TreePath) -> Vec<u8> {
        let file = self.reader.open(path, OpenOptions::default()).await.unwrap();
        let pieces: Vec<_> = file.stream(0, None).await.unwrap().map(Result::unwrap).collect().await;
        pieces.concat()
    }

    pub(super) async fn content_type(&self, path: &str) -> Option<String> {
        let path = TreePath::top().join(path.as_bytes()).unwrap();
        match self.reader.stat(&path).await.unwrap().kind {
            Kind::File { content_type, .. } => content_type,
            Kind::Folder => None,
        }
    }
}

async fn who(world: &World, holder: &Credentials) -> Principal {
    let origin = Origin {
        channel: holder.key.channel,
        peer: IpAddr::from([127, 0, 0, 1]),
        request_id: "MAIL1",
        tool: "test",
        line: None,
    };
    world.access.authenticate_password(origin, &holder.id, &holder.secret).await.unwrap()
}

fn tree_of(world: &World, who: Principal) -> Tree {
    Tree::new(world.access.clone(), who, TreeConfig { top: Top::Home, tasks: world.tasks.clone() })
}

pub(super) async fn tree(world: &World, holder: &Credentials) -> Tree {
    tree_of(world, who(world, holder).await)
}

/// A message as the door for mail hands it over.
pub(super) fn spooled(message: &[u8]) -> Spooled {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(message).unwrap();
    let length = u64::try_from(message.len()).unwrap();
    Spooled { file, length, sha256: Sha256::digest(message).into() }
}

/// A text with the line ends of mail.
pub(super) fn mail(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}
