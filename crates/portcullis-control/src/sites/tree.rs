//! The part of the tree of sites that somebody may know of, and the rules that hold in it.

use std::collections::HashMap;

use portcullis_domain::{Site, SiteId, SiteRules};

/// How deep sites may lie below the first one, itself counted.
pub(crate) const DEEPEST: usize = 32;

/// All sites, of which `top` and those below it are seen.
pub(crate) struct Tree {
    sites: HashMap<SiteId, Site>,
    top: SiteId,
    below_too: bool,
}

impl Tree {
    /// What is seen from `top`: it alone, or what is below it too.
    pub(super) fn new(sites: Vec<Site>, top: SiteId, below_too: bool) -> Self {
        Self { sites: sites.into_iter().map(|site| (site.id, site)).collect(), top, below_too }
    }

    /// A site and those above it, nearest first. Bounded, whatever the records say.
    pub(super) fn upwards(&self, from: SiteId) -> impl Iterator<Item = &Site> {
        let above = |site: &&Site| site.parent.and_then(|parent| self.sites.get(&parent));
        std::iter::successors(self.sites.get(&from), above).take(DEEPEST + 1)
    }

    /// The site, if it may be known of.
    pub(super) fn seen(&self, id: SiteId) -> Option<&Site> {
        let found = self.sites.get(&id)?;
        let seen = id == self.top || (self.below_too && self.upwards(id).any(|above| above.id == self.top));
        seen.then_some(found)
    }

    /// The site above, if that may be known of.
    pub(super) fn parent(&self, site: &Site) -> Option<SiteId> {
        site.parent.filter(|parent| self.seen(*parent).is_some())
    }

    /// Every site that is seen, in the order in which they were made.
    pub(crate) fn all(&self) -> Vec<&Site> {
        let mut all: Vec<_> = self.sites.values().filter(|site| self.seen(site.id).is_some()).collect();
        all.sort_by_key(|site| site.id);
        all
    }

    /// Every site that is seen: those below one right after it, those side by side by name.
    pub(super) fn in_order(&self) -> Vec<&Site> {
        let mut below: HashMap<SiteId, Vec<&Site>> = HashMap::new();
        for site in self.all().into_iter().filter(|site| site.id != self.top) {
            if let Some(parent) = self.parent(site) {
                below.entry(parent).or_default().push(site);
            }
        }
        for siblings in below.values_mut() {
            siblings
                .sort_by_cached_key(|site| std::cmp::Reverse((site.name.as_str().to_lowercase(), site.id)));
        }
        let mut waiting: Vec<&Site> = self.seen(self.top).into_iter().collect();
        let mut ordered = Vec::new();
        while let Some(site) = waiting.pop() {
            ordered.push(site);
            waiting.extend(below.remove(&site.id).unwrap_or_default());
        }
        ordered
    }

    /// How many of the sites above it are seen.
    pub(super) fn depth(&self, id: SiteId) -> u32 {
        let steps = self.upwards(id).take_while(|site| site.id != self.top).count();
        u32::try_from(steps).unwrap_or(u32::MAX)
    }

    /// How many sites there are from the first one to this one, both counted.
    pub(crate) fn level(&self, id: SiteId) -> usize {
        self.upwards(id).count()
    }

    /// Whether a site has sites below it.
    pub(super) fn has_children(&self, id: SiteId) -> bool {
        self.sites.values().any(|site| site.parent == Some(id))
    }

    /// What holds in a site: its own rules below those of all above it.
    pub(crate) fn rules(&self, id: SiteId) -> SiteRules {
        fold(self.upwards(id).map(|site| site.rules))
    }

    /// What the sites above it allow; none for the first site.
    pub(super) fn rules_above(&self, site: &Site) -> Option<SiteRules> {
        site.parent.map(|parent| self.rules(parent))
    }
}

/// What holds where these rules lie above one another. In which order does not matter: of each, the strictest holds.
pub(super) fn fold(rules: impl Iterator<Item = SiteRules>) -> SiteRules {
    rules.fold(SiteRules::OPEN, |above, own| own.below(above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{DisplayName, Timestamp};

    fn site(id: u128, parent: Option<u128>, name: &str, longest_key_days: Option<u16>) -> Site {
        Site {
            id: SiteId::from_u128(id),
            parent: parent.map(SiteId::from_u128),
            name: DisplayName::parse(name).unwrap(),
            rules: SiteRules { longest_key_days, ..SiteRules::OPEN },
            created: Timestamp::default(),
        }
    }

    fn tree(top: u128, below_too: bool) -> Tree {
        let sites = vec![
            site(1, None, "main", Some(90)),
            site(2, Some(1), "north", None),
            site(3, Some(1), "East", Some(365)),
            site(4, Some(2), "harbour", Some(30)),
        ];
        Tree::new(sites, SiteId::from_u128(top), below_too)
    }

    fn names(sites: Vec<&Site>) -> Vec<&str> {
        sites.into_iter().map(|site| site.name.as_str()).collect()
    }

    #[test]
    fn what_is_seen_from_where() {
        assert_eq!(names(tree(1, true).in_order()), ["main", "East", "north", "harbour"]);
        assert_eq!(names(tree(1, true).all()), ["main", "north", "East", "harbour"]);
        assert_eq!(names(tree(2, true).in_order()), ["north", "harbour"]);
        assert_eq!(names(tree(2, false).in_order()), ["north"]);
        assert_eq!(names(tree(9, true).in_order()), [""; 0]);
        let north = tree(2, true);
        assert_eq!(
            north.parent(north.seen(SiteId::from_u128(2)).unwrap()),
            None,
            "what is above is not told"
        );
        assert_eq!((north.depth(SiteId::from_u128(4)), north.level(SiteId::from_u128(4))), (1, 3));
        assert!(north.seen(SiteId::from_u128(1)).is_none() && north.seen(SiteId::from_u128(3)).is_none());
    }

    #[test]
    fn the_strictest_rule_of_all_above_holds() {
        let tree = tree(2, true);
        let days = |id| tree.rules(SiteId::from_u128(id)).longest_key_days;
        assert_eq!([days(1), days(2), days(3), days(4)], [Some(90), Some(90), Some(90), Some(30)]);
        let harbour = tree.seen(SiteId::from_u128(4)).unwrap();
        assert_eq!(tree.rules_above(harbour).and_then(|rules| rules.longest_key_days), Some(90));
    }

    #[test]
    fn a_ring_of_sites_ends() {
        let ring = vec![site(1, Some(2), "a", None), site(2, Some(1), "b", None)];
        let tree = Tree::new(ring, SiteId::from_u128(1), true);
        assert_eq!(tree.level(SiteId::from_u128(1)), DEEPEST + 1);
        assert!(tree.seen(SiteId::from_u128(2)).is_some());
        assert_eq!(tree.in_order().len(), 2);
    }
}
