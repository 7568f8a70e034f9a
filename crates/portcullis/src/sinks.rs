//! The places to which the audit trail is sent on, from the configuration.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use portcullis_control::{AuditSink, SinkSetting};
use portcullis_domain::trail::ChainedEvent;
use portcullis_forward::{Forwarder, Kind, Settings};
use rustix::system::uname;

use crate::config::SinkConfig;

/// [`AuditSink`] by a way that leads out of the process.
#[derive(Debug)]
struct Outside(Forwarder);

#[async_trait]
impl AuditSink for Outside {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn target(&self) -> String {
        self.0.target()
    }

    async fn send(&self, entries: &[(i64, ChainedEvent)]) -> Result<usize, String> {
        self.0.send(entries).await.map_err(|error| error.to_string())
    }
}

/// The places, none of which is asked yet.
///
/// # Errors
/// Names the place and the setting that cannot be used.
pub(crate) fn open(configured: &[SinkConfig]) -> anyhow::Result<Vec<SinkSetting>> {
    let open = |sink: &SinkConfig| {
        let SinkConfig { name, kind, ca_file, host_name, sites } = sink.clone();
        let ca_pem = ca_file.as_ref().map(std::fs::read).transpose();
        let ca_pem = ca_pem.with_context(|| format!("audit_sink \"{name}\": ca_file cannot be read"))?;
        warn_of_plain_secrets(&name, &kind);
        let host_name = host_name.unwrap_or_else(node_name);
        let settings = Settings { name: name.clone(), kind, ca_pem, host_name };
        let forwarder = Forwarder::new(settings)
            .map_err(|invalid| anyhow::anyhow!("audit_sink \"{name}\": {invalid}"))?;
        tracing::info!(sink = name, to = forwarder.target(), "the audit trail is sent on");
        Ok(SinkSetting { name, sites, sink: Arc::new(Outside(forwarder)) })
    };
    configured.iter().map(open).collect()
}

fn warn_of_plain_secrets(name: &str, kind: &Kind) {
    if let Kind::Webhook { url, token_file: Some(_), .. } = kind
        && url.starts_with("http://")
    {
        tracing::warn!(sink = name, "the token goes over plain http: whoever is on the way can read it");
    }
}

fn node_name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// What tells this server from others on the same database, and is the same after a restart: only one server runs on a directory.
pub(crate) fn holder(data_dir: &Path) -> String {
    let dir = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_path_buf());
    format!("{} {}", node_name(), dir.display())
}
