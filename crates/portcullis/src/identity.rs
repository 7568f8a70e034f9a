//! The provider by which people sign in, from the configuration.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use portcullis_control::IdentityRules;
use portcullis_domain::Secret;
use portcullis_signin::oidc::{Provider, Settings};
use zeroize::Zeroizing;

use crate::config::{self, ClientSecretSource, OidcConfig};

/// Where the provider sends browsers back, below the address of the panel.
const CALLBACK: &str = "/sign-in/oidc/callback";

/// The client of the provider, which is not asked yet, and what was decided of the people it vouches for. `web` is the address of the
/// panel as browsers reach it.
///
/// # Errors
/// Names the setting that cannot be used.
pub(crate) fn open(config: &OidcConfig, web: &str) -> anyhow::Result<(Provider, IdentityRules)> {
    let ca = config.ca_file.as_ref().map(fs::read).transpose();
    let redirect_uri = format!("{}{CALLBACK}", web.trim_end_matches('/'));
    tracing::info!(issuer = config.issuer, redirect_uri, "people may sign in by OpenID Connect");
    let settings = Settings {
        issuer: config.issuer.clone(),
        client_id: config.client_id.clone(),
        client_secret: secret(&config.client_secret)?,
        redirect_uri,
        scopes: config.scopes.clone(),
        groups_claim: config.groups_claim.clone(),
        username_claim: config.username_claim.clone(),
        trust_second_factor: config.trust_second_factor,
        second_factor_acr: config.second_factor_acr.clone(),
        extra_roots_pem: ca.context("oidc.ca_file cannot be read")?,
    };
    let provider = Provider::new(settings).map_err(|invalid| anyhow::anyhow!("oidc.{invalid}"))?;
    let rules = IdentityRules {
        name: config.name.clone(),
        site: config.site.clone(),
        create_users: config.create_users,
        admin_group: config.admin_group.clone(),
        member_group: config.member_group.clone(),
        follow_groups: config.follow_groups,
    };
    Ok((provider, rules))
}

fn secret(source: &ClientSecretSource) -> anyhow::Result<Option<Secret>> {
    let text = match source {
        ClientSecretSource::None => return Ok(None),
        ClientSecretSource::Environment => {
            Zeroizing::new(config::env("PORTCULLIS_OIDC_CLIENT_SECRET").unwrap_or_default())
        }
        ClientSecretSource::File(path) => read(path)?,
    };
    Ok(Some(Secret::foreign(text.trim().to_owned())))
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    const MOST: u64 = 4096;
    let mut text = Zeroizing::new(String::new());
    let opened = fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text));
    let read =
        opened.with_context(|| format!("oidc.client_secret_file: {} cannot be read", path.display()))?;
    if u64::try_from(read).is_ok_and(|read| read > MOST) {
        bail!("oidc.client_secret_file: {} is too long; is it the right file?", path.display());
    }
    Ok(text)
}
