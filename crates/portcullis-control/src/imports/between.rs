//! What is wrong with accounts beside one another, and beside what is there already.

use std::collections::{HashMap, HashSet};

use portcullis_access::SiteAdmin;
use portcullis_domain::{Channel, LoginName, SiteId, StorageId, Timestamp};
use portcullis_metadata::ImportedAccount;

use super::plan::{Before, Found, New, Plan};
use super::read::{Account, place_of};
use super::{AccountsDraft, MOST_ACCOUNTS, MOST_CHOSEN};
use crate::check::Check;
use crate::keys::KeyRules;
use crate::sites::{DEEPEST, Tree};
use crate::{Control, ControlError, FieldProblem, Result};

/// The most faults that are told at once.
const MOST_FAULTS: usize = 1_000;

/// Where an account stands in what was given.
pub(super) fn place(at: usize) -> String {
    format!("accounts[{at}]")
}

/// Accounts while it is found out what is wrong with them; none in the place of one that cannot be read.
struct Reading {
    check: Check,
    accounts: Vec<Option<Account>>,
    noted: HashMap<String, ImportedAccount>,
    now: Timestamp,
}

impl Control {
    /// Reads the accounts and looks for each. Nothing is changed.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] with all that is wrong, [`ControlError::Metadata`], [`ControlError::Access`].
    pub(super) async fn plan_import(&self, admin: &SiteAdmin, draft: &AccountsDraft) -> Result<Plan> {
        if !(1..=MOST_ACCOUNTS).contains(&draft.accounts.len()) {
            let message =
                format!("1 to {MOST_ACCOUNTS}; master accounts may be imported before their sub-accounts");
            return Err(ControlError::invalid("accounts", message));
        }
        let tree = self.tree(admin).await?;
        let noted = self.metadata.imported_accounts(admin.site()).await?;
        let noted = noted.into_iter().map(|noted| (noted.account.clone(), noted)).collect();
        let mut reading = Reading::of(draft, noted, self.access.now());
        reading.once();
        reading.parents();
        reading.names(&tree, admin.site());
        reading.rules(&KeyRules::at(tree.rules(admin.site()), reading.now));
        reading.depth(tree.level(admin.site()));
        let taken = self.metadata.taken_logins(&reading.logins(), reading.now).await?;
        reading.user_names(&taken);
        reading.compare();
        if reading.chosen_are_few() {
            self.compare_secrets(admin, &mut reading.check, &reading.accounts, &reading.noted).await?;
        }
        reading.finish(admin.site())
    }
}

impl Reading {
    fn of(draft: &AccountsDraft, noted: HashMap<String, ImportedAccount>, now: Timestamp) -> Self {
        let mut check = Check::default();
        let read = draft.accounts.iter().enumerate().map(|(at, draft)| {
            let mut inner = Check::default();
            let account = Account::read(&mut inner, draft, now);
            check.inside(&place(at), inner);
            account
        });
        let accounts = read.collect();
        Self { check, accounts, noted, now }
    }

    /// Every account that could be read, with its place.
    fn all(&self) -> impl Iterator<Item = (usize, &Account)> {
        self.accounts.iter().enumerate().filter_map(|(at, account)| Some((at, account.as_ref()?)))
    }

    /// Those that were not imported before.
    fn new_ones(&self) -> impl Iterator<Item = (usize, &Account)> {
        self.all().filter(|(_, account)| !self.noted.contains_key(&account.id))
    }

    fn fault(&mut self, faults: Vec<(usize, String, String)>) {
        for (at, field, message) in faults {
            self.check.problem(format!("{}.{field}", place(at)), message);
        }
    }

    /// No two have one id.
    fn once(&mut self) {
        let (mut seen, mut faults) = (HashMap::new(), Vec::new());
        for (at, account) in self.all() {
            if let Some(first) = seen.insert(account.id.as_str(), at) {
                faults.push((at, "id".to_owned(), format!("{} has the same id", place(first))));
                seen.insert(account.id.as_str(), first);
            }
        }
        self.fault(faults);
    }

    /// Every sub-account belongs to a master account, of this import or an earlier one.
    fn parents(&mut self) {
        let masters: HashMap<&str, bool> =
            self.all().map(|(_, account)| (account.id.as_str(), account.parent.is_none())).collect();
        // What could not be read may well be the master.
        let all_read = self.accounts.iter().all(Option::is_some);
        let mut faults = Vec::new();
        for (at, account) in self.all() {
            let Some(parent) = account.parent.as_deref() else { continue };
            let noted = || self.noted.get(parent).map(|noted| noted.parent.is_none());
            let why = match masters.get(parent).copied().or_else(noted) {
                Some(true) => continue,
                Some(false) => "is a sub-account itself: sub-accounts belong to master accounts",
                None if all_read => "there is no such account here, and none was imported before",
                None => continue,
            };
            faults.push((at, "parent".to_owned(), why.to_owned()));
        }
        self.fault(faults);
    }

    /// No two sites side by side have one name, letter case aside.
    fn names(&mut self, tree: &Tree, into: SiteId) {
        let mut there: HashSet<(SiteId, String)> = HashSet::new();
        for site in tree.all() {
            there.extend(site.parent.map(|parent| (parent, site.name.as_str().to_lowercase())));
        }
        let (mut faults, mut seen) = (Vec::new(), HashMap::new());
        for (at, account) in self.new_ones() {
            let name = account.name.as_str().to_lowercase();
            let above = match account.parent.as_deref() {
                None => Some(into),
                Some(parent) => self.noted.get(parent).map(|noted| noted.site),
            };
            if above.is_some_and(|above| there.contains(&(above, name.clone()))) {
                faults.push((
                    at,
                    "name".to_owned(),
                    "a site of this name is there already; rename one of them".to_owned(),
                ));
            } else if let Some(first) = seen.insert((account.parent.as_deref(), name.clone()), at) {
                faults.push((
                    at,
                    "name".to_owned(),
                    format!("{} has the same name, in the same place", place(first)),
                ));
                seen.insert((account.parent.as_deref(), name), first);
            }
        }
        self.fault(faults);
    }

    /// What the site asks of keys holds for those that come.
    fn rules(&mut self, rules: &KeyRules) {
        let mut faults = Vec::new();
        for (at, account) in self.new_ones().filter(|(_, account)| !account.keys.is_empty()) {
            if account.expires.is_some_and(|end| end <= self.now) {
                faults.push((at, "expires_at".to_owned(), "has to be in the future".to_owned()));
            }
            for FieldProblem { field, message } in rules.faults_of_new(account.expires, &account.networks) {
                faults.push((at, field, message));
            }
        }
        self.fault(faults);
    }

    fn depth(&mut self, level: usize) {
        let levels = self.new_ones().map(|(_, account)| 1 + usize::from(account.parent.is_some())).max();
        let fits = level.saturating_add(levels.unwrap_or_default()) <= DEEPEST;
        let message = format!("sites lie at most {DEEPEST} deep; act in one further up");
        self.check.require(fits, "accounts", message);
    }

    fn logins(&self) -> Vec<LoginName> {
        let keys = self.new_ones().flat_map(|(_, account)| &account.keys);
        let logins: HashSet<_> = keys.filter_map(|key| key.login.clone()).collect();
        logins.into_iter().collect()
    }

    /// There is one key of a user name on a channel.
    fn user_names(&mut self, taken: &HashSet<(Channel, LoginName)>) {
        let (mut seen, mut faults) = (HashMap::new(), Vec::new());
        for (at, account) in self.new_ones() {
            for key in &account.keys {
                let Some(login) = &key.login else { continue };
                let field = format!("{}.user_name", place_of(key.channel));
                if taken.contains(&(key.channel, login.clone())) {
                    faults.push((at, field, "is taken on this channel; choose another".to_owned()));
                } else if let Some(first) = seen.insert((key.channel, login), at) {
                    faults.push((at, field, format!("{} has the same one on this channel", place(first))));
                    seen.insert((key.channel, login), first);
                }
            }
        }
        self.fault(faults);
    }

    /// What was imported before is the same now.
    fn compare(&mut self) {
        let differ = |(at, account): (usize, &Account)| {
            let noted = self.noted.get(&account.id)?;
            Some(
                super::same::differences(account, noted)
                    .into_iter()
                    .map(move |(field, why)| (at, field, why)),
            )
        };
        let faults = self.all().filter_map(differ).flatten().collect();
        self.fault(faults);
    }

    fn chosen_are_few(&mut self) -> bool {
        let chosen: usize = self.all().map(|(_, account)| account.distinct_secrets().count()).sum();
        let few = chosen <= MOST_CHOSEN;
        let message = format!(
            "{chosen} secrets are brought along, and at most {MOST_CHOSEN} can be at once: import the accounts in parts"
        );
        self.check.require(few, "accounts", message);
        few
    }

    fn finish(self, into: SiteId) -> Result<Plan> {
        let Self { check, accounts, mut noted, .. } = self;
        let read: Option<Vec<Account>> = accounts.into_iter().collect();
        let read = check.finish(read).map_err(few_enough)?;
        let mut sites: HashMap<String, SiteId> =
            noted.values().map(|noted| (noted.account.clone(), noted.site)).collect();
        for account in &read {
            sites.entry(account.id.clone()).or_insert_with(SiteId::generate);
        }
        let found = read.into_iter().map(|account| {
            if let Some(noted) = noted.remove(&account.id) {
                return Ok(Found::Before(Box::new(Before { account, noted })));
            }
            let site_of = |id: &str| sites.get(id).copied().ok_or(ControlError::NotFound);
            Ok(Found::New(Box::new(New {
                site: site_of(&account.id)?,
                storage: StorageId::generate(),
                above: account.parent.as_deref().map_or(Ok(into), site_of)?,
                keys: account.keys.iter().map(|_| portcullis_domain::KeyId::generate()).collect(),
                account,
            })))
        });
        Ok(Plan { accounts: found.collect::<Result<_>>()? })
    }
}

/// The first thousand faults, and how many more there are.
fn few_enough(error: ControlError) -> ControlError {
    let ControlError::Invalid(mut faults) = error else { return error };
    let more = faults.len().saturating_sub(MOST_FAULTS);
    if more > 0 {
        faults.truncate(MOST_FAULTS);
        faults.push(FieldProblem::new("accounts", format!("and {more} more faults")));
    }
    ControlError::Invalid(faults)
}
