//! The records that a refusal was about, as they are now, and what the policy says of the same request today.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_domain::{
    Action, BucketName, DenyReason, Key, KeyPrefix, KeyState, Link, LinkId, ObjectKey, Person, Reach,
    Request, Scope, SecondFactorRule, SignIn, SiteId, Storage, StorageState, Subject, Target, Timestamp,
    User, UserId, decide,
};
use portcullis_metadata::{AuditEvent, PageRequest, StorageFilter};

use super::Now;
use super::reason::{Reason, policy_of};
use super::seen::{action_of, detail};
use crate::{Control, Result};

/// Who was refused, what they asked for, and the storages of the site.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) key: Option<Key>,
    pub(super) link: Option<Link>,
    /// Who signed in, or to whom the key belongs.
    pub(super) person: Option<(User, Vec<Reach>)>,
    /// The storage that was asked for; of a bucket that was not there then, the one that has its name now.
    pub(super) storage: Option<Storage>,
    /// The bucket that was asked for.
    pub(super) bucket: Option<String>,
    /// Those of the site, if it matters which there are.
    pub(super) storages: Vec<Storage>,
    second_factor: SecondFactorRule,
    pub(super) site: SiteId,
    above: Vec<SiteId>,
}

impl Control {
    /// Reads what an event of the admin's site is about.
    pub(super) async fn scene(&self, admin: &SiteAdmin, event: &AuditEvent) -> Result<Scene> {
        let site = admin.site();
        let key = match event.key {
            // What was refused to a person about a key of theirs has that key in it: it did not act.
            Some(id) if event.actor == format!("key:{id}") => self.metadata.key(id).await?,
            Some(_) | None => None,
        };
        let link = match actor::<LinkId>(event, "link:") {
            Some(id) => self.metadata.link(id).await?,
            None => None,
        };
        let owner = key.as_ref().and_then(|key| match key.scope {
            Scope::User(id) => Some(id),
            Scope::Storage(_) | Scope::Site => None,
        });
        let person = match owner.or_else(|| actor::<UserId>(event, "user:")) {
            Some(id) => match self.metadata.user(id).await? {
                Some(user) => Some((user, self.metadata.reach_of(id).await?)),
                None => None,
            },
            None => None,
        };
        let mut scene = Scene {
            key: key.filter(|key| key.site == site),
            link: link.filter(|link| link.site == site),
            person,
            storage: None,
            bucket: None,
            storages: Vec::new(),
            second_factor: self.effective_rules(site).await?.second_factor,
            site,
            above: self.sites_above(site).await?,
        };
        self.find_place(&mut scene, event).await?;
        Ok(scene)
    }

    async fn find_place(&self, scene: &mut Scene, event: &AuditEvent) -> Result<()> {
        let asked = detail(event, "bucket");
        let own = match &scene.key {
            // Where nothing says what was asked for, a key for one storage was certainly to open that one.
            Some(Key { scope: Scope::Storage(id), .. }) if asked.is_none() => Some(*id),
            Some(_) | None => scene.link.as_ref().map(|link| link.storage),
        };
        if let Some(id) = event.storage.or(own) {
            let found = self.metadata.storage(id).await?;
            scene.storage = found.filter(|storage| storage.site == scene.site);
        }
        scene.bucket = asked.map(str::to_owned);
        let misses = matches!(
            policy_of(Reason::read(&event.reason)),
            Some(DenyReason::OutOfScope | DenyReason::OtherSite | DenyReason::NotGranted)
        );
        if scene.key.is_some() && misses {
            if scene.bucket.is_none() {
                scene.bucket = scene.storage.as_ref().map(|storage| storage.bucket.to_string());
            }
            scene.storages = self.all_storages_of(scene.site).await?;
        }
        if scene.storage.is_none()
            && let Some(bucket) = asked.and_then(|text| BucketName::parse(text).ok())
        {
            scene.storage = scene.storages.iter().find(|storage| storage.bucket == bucket).cloned();
        }
        Ok(())
    }

    async fn all_storages_of(&self, site: SiteId) -> Result<Vec<Storage>> {
        let filter = StorageFilter { state: Some(StorageState::Active), ..StorageFilter::of(site) };
        let (mut all, mut page) = (Vec::new(), PageRequest::first(PageRequest::MAX));
        loop {
            let found = self.metadata.storages(&filter, &page).await?;
            all.extend(found.items);
            page.after = found.next;
            if page.after.is_none() {
                return Ok(all);
            }
        }
    }

    async fn sites_above(&self, site: SiteId) -> Result<Vec<SiteId>> {
        let (mut above, mut next) =
            (Vec::new(), self.metadata.site(site).await?.and_then(|site| site.parent));
        while let Some(id) = next.filter(|id| !above.contains(id)) {
            above.push(id);
            next = self.metadata.site(id).await?.and_then(|site| site.parent);
        }
        Ok(above)
    }
}

fn actor<T: std::str::FromStr>(event: &AuditEvent, kind: &str) -> Option<T> {
    event.actor.strip_prefix(kind)?.parse().ok()
}

/// What was asked for, in the storage that is known.
enum Part {
    Whole,
    Prefix(KeyPrefix),
    Object(ObjectKey),
}

impl Part {
    fn of(event: &AuditEvent) -> Self {
        let text = event.object.as_deref().unwrap_or_default();
        match action_of(event) {
            Action::List => KeyPrefix::parse(text).map_or(Self::Whole, Self::Prefix),
            Action::Get | Action::Put | Action::Delete => {
                ObjectKey::parse(text).map_or(Self::Whole, Self::Object)
            }
            Action::Enter | Action::Administer => Self::Whole,
        }
    }

    const fn at<'a>(&'a self, storage: &'a Storage) -> Target<'a> {
        match self {
            Self::Whole => Target::Storage(storage),
            Self::Prefix(prefix) => Target::Prefix(storage, prefix),
            Self::Object(object) => Target::Object(storage, object),
        }
    }
}

impl Scene {
    /// Whether the same request, made now with the present credentials, would be admitted.
    pub(super) fn now(&self, event: &AuditEvent, now: Timestamp) -> Now {
        if self.key.as_ref().is_some_and(|key| key.state == KeyState::Deleted) {
            return Now::Refused(DenyReason::KeyDeleted);
        }
        let Some(reason) = policy_of(Reason::read(&event.reason)) else { return Now::Unknown };
        // These are about what was shown, not about a record: it is as gone as it was.
        if matches!(
            reason,
            DenyReason::CredentialsReplaced
                | DenyReason::CredentialsExpired
                | DenyReason::SessionExpired
                | DenyReason::KeyDeleted
                | DenyReason::LinkEnded
                | DenyReason::WrongChannel
        ) {
            return Now::Refused(reason);
        }
        match self.decide(event, now) {
            None => Now::Unknown,
            Some(Err(reason)) => Now::Refused(reason),
            Some(Ok(())) => match detail(event, "temporary").and_then(|end| end.parse::<Timestamp>().ok()) {
                Some(end) if end <= now => Now::Refused(DenyReason::CredentialsExpired),
                // The key allows it; what was given out of it may not, and nobody has kept what that was.
                Some(_) => Now::Unknown,
                None => Now::Allowed,
            },
        }
    }

    /// None if too little is known to ask.
    fn decide(&self, event: &AuditEvent, now: Timestamp) -> Option<Result<(), DenyReason>> {
        let peer: IpAddr = event.peer.parse().ok()?;
        let part = Part::of(event);
        let action = action_of(event);
        let ask = |target| {
            let subject = self.subject(event, now)?;
            Some(decide(&Request { subject, channel: event.channel, peer, now, action, target }))
        };
        match &self.storage {
            Some(storage) => ask(part.at(storage)),
            None if detail(event, "bucket").is_some() => {
                // There is no such bucket in the site: what is wrong with the asker comes first.
                let alive = self.asker_alone(event, peer, now)?;
                Some(alive.and(Err(DenyReason::OutOfScope)))
            }
            None if event.storage.is_some() => Some(Err(DenyReason::StorageDetached)),
            None if action == Action::Administer => ask(Target::Site(self.site)),
            None => self.asker_alone(event, peer, now),
        }
    }

    /// What the policy says of the asker, whatever they ask for.
    fn asker_alone(
        &self,
        event: &AuditEvent,
        peer: IpAddr,
        now: Timestamp,
    ) -> Option<Result<(), DenyReason>> {
        let subject = self.subject(event, now)?;
        let (action, target) = (Action::Enter, Target::Site(self.site));
        let said = decide(&Request { subject, channel: event.channel, peer, now, action, target });
        Some(match said {
            Err(
                DenyReason::OtherSite
                | DenyReason::OutOfScope
                | DenyReason::NotGranted
                | DenyReason::KeyPermission
                | DenyReason::LinkPermission,
            ) => Ok(()),
            other => other,
        })
    }

    fn subject(&self, event: &AuditEvent, now: Timestamp) -> Option<Subject<'_>> {
        let person = self.person.as_ref().map(|(user, reach)| Person { user, reach });
        if let Some(key) = &self.key {
            return Some(Subject::Key { key, owner: person, narrowing: None, replaced: None });
        }
        if let Some(link) = &self.link {
            return Some(Subject::Link(link));
        }
        let asks_for_more = event.reason == DenyReason::SecondFactorNeeded.as_str();
        let sign_in = SignIn {
            expires: now.after(Duration::from_secs(1)),
            site: self.site,
            above: &self.above,
            second_factor: !asks_for_more,
            rule: self.second_factor,
        };
        person.map(|person| Subject::Session { person, sign_in })
    }

    /// The storages of the site whose buckets this key may know of.
    pub(super) fn known_to_key<'a>(
        &'a self,
        event: &'a AuditEvent,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Storage> {
        let peer: Option<IpAddr> = event.peer.parse().ok();
        self.storages.iter().filter(move |storage| {
            let (Some(peer), Some(subject)) = (peer, self.subject(event, now)) else { return false };
            let (channel, action, target) = (event.channel, Action::Enter, Target::Storage(storage));
            let said = decide(&Request { subject, channel, peer, now, action, target });
            !matches!(
                said,
                Err(DenyReason::OtherSite
                    | DenyReason::OutOfScope
                    | DenyReason::NotGranted
                    | DenyReason::StorageDetached)
            )
        })
    }
}
