//! The sites that somebody may act in, as every page offers them.

use portcullis_access::{Principal, SiteAdmin};
use portcullis_control::ControlError;

use crate::app::App;

/// As many sites are in the menu; the page of all sites has the others.
const OFFERED: usize = 12;

/// The site of somebody who acts in another.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) id: String,
    /// None where it cannot be told.
    pub(super) name: Option<String>,
}

/// The other sites that somebody may act in.
#[derive(Clone, Debug, Default)]
pub(super) struct Switcher {
    /// Whether the site is one of several, so that it matters in which a key is made.
    pub(super) many: bool,
    /// Id and name of those to switch to; their own comes first.
    pub(super) choices: Vec<(String, String)>,
    /// Their own site, if they act in another.
    pub(super) home: Option<Home>,
}

impl Switcher {
    /// What this admin may switch to.
    pub(super) async fn of(app: &App, admin: &SiteAdmin) -> Result<Self, ControlError> {
        let sites = app.control.site_tree(admin).await?;
        let named =
            |view: &portcullis_control::SiteView| (view.site.id.to_string(), view.site.name.to_string());
        Ok(Self {
            many: sites.len() > 1 || sites.iter().any(|view| view.above.is_some()),
            choices: sites.iter().filter(|view| !view.current).take(OFFERED).map(named).collect(),
            home: sites
                .iter()
                .find(|view| view.home && !view.current)
                .map(|view| Home { id: view.site.id.to_string(), name: Some(view.site.name.to_string()) }),
        })
    }

    /// Only the way back, for somebody of whom the site that they act in asks for a second factor first.
    pub(super) fn back(app: &App, who: &Principal) -> Self {
        let home = app.access.home_site(who).filter(|home| *home != who.site());
        Self { home: home.map(|id| Home { id: id.to_string(), name: None }), ..Self::default() }
    }
}
