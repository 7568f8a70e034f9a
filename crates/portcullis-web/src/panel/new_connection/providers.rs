//! The providers that can be chosen: each is a card. One that cannot be connected is not in the list.

use portcullis_domain::Provider;

use super::super::{labels, words};

/// One provider as a card shows it.
#[derive(Debug)]
pub(super) struct ProviderCard {
    pub(super) provider: Provider,
    /// The name of its symbol.
    pub(super) icon: &'static str,
    detail: fn() -> &'static str,
}

impl ProviderCard {
    pub(super) fn title(&self) -> &'static str {
        labels::provider(self.provider)
    }

    pub(super) fn detail(&self) -> &'static str {
        (self.detail)()
    }
}

/// All of them.
pub(super) static PROVIDERS: &[ProviderCard] = &[
    ProviderCard {
        provider: Provider::Builtin,
        icon: "hard-drive",
        detail: || words::text("new.provider.builtin.detail"),
    },
    ProviderCard { provider: Provider::Aws, icon: "cloud", detail: || words::text("provider.aws.detail") },
    ProviderCard {
        provider: Provider::CloudflareR2,
        icon: "globe",
        detail: || words::text("provider.cloudflare_r2.detail"),
    },
    ProviderCard { provider: Provider::S3, icon: "server", detail: || words::text("provider.s3.detail") },
];

/// The one with this word.
pub(super) fn find(word: &str) -> Option<&'static ProviderCard> {
    PROVIDERS.iter().find(|card| card.provider.as_str() == word)
}
