//! Sites: the tree of tenants, their rules, and who sees which of them.
//!
//! A person who administers a site sees it and all below it; a key only ever sees the site that it was made in.

mod change;
mod draft;
mod switch;
mod tree;

use std::collections::HashMap;

use portcullis_access::{AccessError, AuditEntry, Change, Denial, SiteAdmin};
use portcullis_domain::{Site, SiteId, SiteRules};
use portcullis_metadata::{Page, PageRequest, SiteHoldings};

use crate::audit::Deed;
use crate::paging::page_of;
use crate::{Control, ControlError, Result};

pub use draft::{RulesDraft, SiteChange, SiteDraft};
use tree::fold;
pub(crate) use tree::{DEEPEST, Tree};

/// A site with what holds in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteView {
    /// The record, with the site's own rules.
    pub site: Site,
    /// The site above it; none if there is none, or none that may be known of.
    pub parent: Option<SiteId>,
    /// The rules that hold: its own below those of all above it.
    pub effective: SiteRules,
    /// What the sites above it allow; none for the first site.
    pub above: Option<SiteRules>,
    /// How far it lies below the topmost site that is seen, which has 0.
    pub depth: u32,
    /// Whether whoever asks belongs to it.
    pub home: bool,
    /// Whether whoever asks acts in it.
    pub current: bool,
}

impl Control {
    /// The sites that may be known of: for a person their own and all below it, for a key its own.
    pub(crate) async fn tree(&self, admin: &SiteAdmin) -> Result<Tree> {
        let home = self.access.home_site(admin.principal()).filter(|_| admin.key().is_none());
        let sites = self.metadata.sites().await?;
        Ok(Tree::new(sites, home.unwrap_or(admin.site()), home.is_some()))
    }

    /// One page of the sites that may be known of, in the order in which they were made; of a search those whose name contains it, upper
    /// and lower case alike.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn sites(
        &self,
        admin: &SiteAdmin,
        search: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<SiteView>> {
        let tree = self.tree(admin).await?;
        let wanted = search.map(|text| text.trim().to_lowercase()).unwrap_or_default();
        let found = tree.all().into_iter().filter(|site| site.name.as_str().to_lowercase().contains(&wanted));
        let found = page_of(found.collect(), |site| site.id.to_string(), page)?;
        let items = found.items.into_iter().map(|site| view(admin, &tree, site)).collect();
        Ok(Page { items, next: found.next })
    }

    /// All sites that may be known of: those below one right after it, those side by side by name.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn site_tree(&self, admin: &SiteAdmin) -> Result<Vec<SiteView>> {
        let tree = self.tree(admin).await?;
        Ok(tree.in_order().into_iter().map(|site| view(admin, &tree, site)).collect())
    }

    /// How much there is in each site that may be known of, those below it aside. It counts every record: for a page about sites.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn site_holdings(&self, admin: &SiteAdmin) -> Result<HashMap<SiteId, SiteHoldings>> {
        let tree = self.tree(admin).await?;
        let all = self.metadata.site_holdings().await?.into_iter();
        Ok(all.filter(|held| tree.seen(held.site).is_some()).map(|held| (held.site, held)).collect())
    }

    /// A site that may be known of.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn site(&self, admin: &SiteAdmin, id: SiteId) -> Result<SiteView> {
        let tree = self.tree(admin).await?;
        let site = tree.seen(id).ok_or(ControlError::NotFound)?;
        Ok(view(admin, &tree, site))
    }

    /// The rules that hold in a site: its own below those of all above it.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn effective_rules(&self, id: SiteId) -> Result<SiteRules> {
        let (mut rules, mut next) = (Vec::new(), Some(id));
        while let Some(id) = next {
            let site = self.metadata.site(id).await?.ok_or(ControlError::NotFound)?;
            rules.push(site.rules);
            // Also in a database in which two sites lie below each other.
            next = site.parent.filter(|_| rules.len() <= DEEPEST);
        }
        Ok(fold(rules.into_iter()))
    }

    /// Makes a site below one that may be known of. It has no users, no storages and no keys; admins from above act in it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], also for a rule that is looser than what holds above; [`ControlError::Conflict`] if there is one of that
    /// name side by side; [`AccessError::Denied`] for a key; [`ControlError::Metadata`].
    pub async fn create_site(&self, admin: &SiteAdmin, draft: &SiteDraft) -> Result<SiteView> {
        self.refuse_keys(admin, "create_site")?;
        let alone = self.changing.lock().await;
        let tree = self.tree(admin).await?;
        let above = match &draft.parent {
            None => tree.seen(admin.site()),
            Some(text) => text.parse().ok().and_then(|id| tree.seen(id)),
        };
        let no_parent = || ControlError::invalid("parent", "there is no such site that you may know of");
        let parent = above.map(|site| site.id).ok_or_else(no_parent)?;
        let (name, rules) = draft.check(tree.rules(parent))?;
        if tree.level(parent) >= DEEPEST {
            let message = format!("sites lie at most {DEEPEST} deep");
            return Err(ControlError::invalid("parent", message));
        }
        let site =
            Site { id: SiteId::generate(), parent: Some(parent), name, rules, created: self.access.now() };
        let what = format!("{} ({})", site.name, site.id);
        let deed = Deed { action: "create_site", object: Some(&what), ..Deed::default() };
        let trails = trails(admin, parent);
        self.carry_out_in(&trails, admin, deed, self.metadata.create_site(&site)).await?;
        self.access.applied(Change::Site(site.id)).await?;
        drop(alone);
        self.site(admin, site.id).await
    }

    /// A key works in one site: what would reach beyond is for people.
    pub(crate) fn refuse_keys(&self, admin: &SiteAdmin, action: &'static str) -> Result<()> {
        if admin.key().is_none() {
            return Ok(());
        }
        let denial = Denial::WrongCredentialKind;
        let entry = AuditEntry {
            action,
            key: None,
            storage: None,
            object: None,
            allowed: false,
            reason: denial.as_str(),
        };
        self.access.audit(admin, entry);
        Err(AccessError::Denied(denial).into())
    }
}

/// The trails that a deed stands in: that of the site acted in, and that of the site that it concerns.
fn trails(admin: &SiteAdmin, site: SiteId) -> Vec<SiteId> {
    let mut trails = vec![admin.site(), site];
    trails.dedup();
    trails
}

fn view(admin: &SiteAdmin, tree: &Tree, site: &Site) -> SiteView {
    SiteView {
        parent: tree.parent(site),
        effective: tree.rules(site.id),
        above: tree.rules_above(site),
        depth: tree.depth(site.id),
        home: tree.depth(site.id) == 0,
        current: site.id == admin.site(),
        site: site.clone(),
    }
}
