//! From what a person calls something to its record.

use anyhow::bail;
use serde_json::Value;

use super::api::{Api, Refusal, encode};
use super::render::text;

/// A kind of record that has names.
struct Kind {
    /// Its list.
    path: &'static str,
    /// One of them, in a sentence.
    one: &'static str,
    /// Several of them, in a sentence.
    several: &'static str,
    /// The command that lists them.
    list: &'static str,
    /// The fields by which it is found and of which no two are the same.
    unique: &'static [&'static str],
    /// Whether it is found by its name too, which several may have.
    named: bool,
    /// What else than the id makes one known.
    otherwise: &'static str,
}

const STORAGE: Kind = Kind {
    path: "/storages",
    one: "storage",
    several: "storages",
    list: "portcullis storage list",
    unique: &["bucket_name"],
    named: true,
    otherwise: "bucket name",
};
const KEY: Kind = Kind {
    path: "/keys",
    one: "key",
    several: "keys",
    list: "portcullis key list",
    unique: &["access_key"],
    named: true,
    otherwise: "access key",
};
const SITE: Kind = Kind {
    path: "/sites",
    one: "site",
    several: "sites",
    list: "portcullis site list --json",
    unique: &[],
    named: true,
    otherwise: "id",
};
const USER: Kind = Kind {
    path: "/users",
    one: "user",
    several: "users",
    list: "portcullis user list",
    unique: &["username"],
    named: false,
    otherwise: "id",
};
const GROUP: Kind = Kind {
    path: "/groups",
    one: "group",
    several: "groups",
    list: "portcullis group list",
    unique: &[],
    named: true,
    otherwise: "id",
};
const LINK: Kind = Kind {
    path: "/share-links",
    one: "link",
    several: "links",
    list: "portcullis link list --json",
    unique: &[],
    named: true,
    otherwise: "id",
};

impl Api {
    /// The one storage with this id, bucket name or name.
    pub(super) fn find_storage(&self, wanted: &str) -> anyhow::Result<Value> {
        self.find(&STORAGE, wanted)
    }

    /// The one key with this id, access key or name.
    pub(super) fn find_key(&self, wanted: &str) -> anyhow::Result<Value> {
        self.find(&KEY, wanted)
    }

    /// The one site with this id or name.
    pub(super) fn find_site(&self, wanted: &str) -> anyhow::Result<Value> {
        self.find(&SITE, wanted)
    }

    /// The user with this id or name.
    pub(super) fn find_user(&self, wanted: &str) -> anyhow::Result<Value> {
        self.find(&USER, wanted)
    }

    /// The group with this id or name.
    pub(super) fn find_group(&self, wanted: &str) -> anyhow::Result<Value> {
        self.find(&GROUP, wanted)
    }

    /// The one link with this id or name.
    pub(super) fn find_link(&self, wanted: &str) -> anyhow::Result<Value> {
        self.find(&LINK, wanted)
    }

    fn find(&self, kind: &Kind, wanted: &str) -> anyhow::Result<Value> {
        let none = format!("no {} \"{wanted}\"; `{}` shows them", kind.one, kind.list);
        if is_id(wanted) {
            let found = self.get(&format!("{}/{wanted}", kind.path));
            return match found {
                Err(error) if error.downcast_ref::<Refusal>().is_some_and(|no| no.status == 404) => {
                    bail!(none)
                }
                other => other,
            };
        }
        let items = self.all(kind.path, &[("search", wanted)])?;
        let is = |item: &&Value, field: &str| item.get(field).and_then(Value::as_str) == Some(wanted);
        if let Some(item) = items.iter().find(|item| kind.unique.iter().any(|field| is(item, field))) {
            return Ok(item.clone());
        }
        // Keys have user names too, of which two channels may have the same.
        let mut named = items.iter().filter(|item| kind.named && (is(item, "name") || is(item, "login")));
        match (named.next(), named.next()) {
            (Some(item), None) => Ok(item.clone()),
            (Some(_), Some(_)) => {
                let or = if kind.otherwise == "id" {
                    String::new()
                } else {
                    format!(" or the {}", kind.otherwise)
                };
                bail!("several {} are called \"{wanted}\"; use the id{or}", kind.several)
            }
            (None, _) => bail!(none),
        }
    }

    /// The one job with this id or name.
    pub(super) fn find_sync_job(&self, wanted: &str) -> anyhow::Result<Value> {
        if is_id(wanted) {
            return self.get(&format!("/sync-jobs/{wanted}"));
        }
        let jobs = self.all("/sync-jobs", &[])?;
        let mut named = jobs.iter().filter(|job| text(job, "name") == wanted);
        match (named.next(), named.next()) {
            (Some(job), None) => Ok(job.clone()),
            (Some(_), Some(_)) => bail!("several jobs are called \"{wanted}\"; use the id"),
            (None, _) => bail!("no job \"{wanted}\"; `portcullis sync job list` shows them"),
        }
    }

    /// The storage that somebody without the right to administer may enter, with this id, bucket name or name.
    pub(super) fn find_own_storage(&self, wanted: &str) -> anyhow::Result<Value> {
        let items = self.all("/me/storages", &[])?;
        let is =
            |item: &&Value| ["id", "bucket_name", "name"].iter().any(|field| text(item, field) == wanted);
        let mut found = items.iter().filter(is);
        match (found.next(), found.next()) {
            (Some(item), None) => Ok(item.clone()),
            (Some(_), Some(_)) => {
                bail!("several storages are called \"{wanted}\"; use the id or the bucket name")
            }
            (None, _) => bail!("no storage \"{wanted}\"; `portcullis me storages` shows them"),
        }
    }

    /// All items of a paged list.
    pub(super) fn all(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut pairs = vec![("limit", "1000")];
            pairs.extend_from_slice(query);
            if let Some(cursor) = &cursor {
                pairs.push(("cursor", cursor));
            }
            let mut page = self.get(&format!("{path}?{}", encode(&pairs)))?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }
}

/// Whether a text is an id: 36 hexadecimal digits and hyphens. No name of a person or bucket is.
fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
