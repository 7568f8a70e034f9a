//! The doors: bound before anything is opened or written, so that a port in use changes nothing.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tracing::field::display;

use crate::config::Config;

/// What listens, and is not served yet.
pub(crate) struct Doors {
    pub(crate) web: TcpListener,
    pub(crate) s3: TcpListener,
    pub(crate) ftp: Option<TcpListener>,
    pub(crate) ftps: Option<TcpListener>,
    pub(crate) sftp: Option<TcpListener>,
    pub(crate) smtp: Option<TcpListener>,
    pub(crate) smtps: Option<TcpListener>,
}

impl Doors {
    /// # Errors
    /// Names the door that cannot be opened, and the flag by which it is put elsewhere.
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            web: bind("web", config.web).await?,
            s3: bind("s3", config.s3).await?,
            ftp: bind_if("ftp", config.line.ftp).await?,
            ftps: bind_if("ftps", config.line.ftps).await?,
            sftp: bind_if("sftp", config.line.sftp).await?,
            smtp: bind_if("smtp", config.mail.smtp).await?,
            smtps: bind_if("smtps", config.mail.smtps).await?,
        })
    }
}

async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "{name}: cannot listen on {address}; is another program there? choose another with --{name} ADDR"
        )
    })
}

async fn bind_if(name: &str, address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    match address {
        Some(address) => Ok(Some(bind(name, address).await?)),
        None => Ok(None),
    }
}

/// Where people and their tools reach the doors.
pub(crate) struct Addresses {
    pub(crate) s3: String,
    pub(crate) web: String,
    pub(crate) ftp: Option<String>,
    pub(crate) ftps: Option<String>,
    pub(crate) sftp: Option<String>,
    pub(crate) smtp: Option<String>,
    pub(crate) smtps: Option<String>,
}

/// Where the doors really are.
pub(crate) struct Endpoints {
    scheme: &'static str,
    web: SocketAddr,
    s3: SocketAddr,
    ftp: Option<SocketAddr>,
    ftps: Option<SocketAddr>,
    sftp: Option<SocketAddr>,
    smtp: Option<SocketAddr>,
    smtps: Option<SocketAddr>,
}

impl Endpoints {
    pub(crate) fn of(doors: &Doors, tls: bool) -> std::io::Result<Self> {
        let of = |door: &Option<TcpListener>| door.as_ref().map(TcpListener::local_addr).transpose();
        Ok(Self {
            scheme: if tls { "https" } else { "http" },
            web: doors.web.local_addr()?,
            s3: doors.s3.local_addr()?,
            ftp: of(&doors.ftp)?,
            ftps: of(&doors.ftps)?,
            sftp: of(&doors.sftp)?,
            smtp: of(&doors.smtp)?,
            smtps: of(&doors.smtps)?,
        })
    }

    /// What people are shown: the addresses that the operator names, and the sockets' own without.
    pub(crate) fn shown(&self, config: &Config) -> Addresses {
        let own = |socket: SocketAddr| format!("{}://{socket}", self.scheme);
        let line = |scheme: &str, socket: Option<SocketAddr>| {
            socket.map(|socket| format!("{scheme}://{}", reached(config, scheme, socket)))
        };
        Addresses {
            s3: config.s3_url.clone().unwrap_or_else(|| own(self.s3)),
            web: config.web_url.clone().unwrap_or_else(|| own(self.web)),
            ftp: line("ftp", self.ftp),
            ftps: line("ftps", self.ftps),
            sftp: line("sftp", self.sftp),
            smtp: line("smtp", self.smtp),
            smtps: line("smtps", self.smtps),
        }
    }

    /// Writes `endpoints.json` as a whole or not at all, and logs one line.
    pub(crate) fn announce(&self, data_dir: &Path) -> anyhow::Result<()> {
        let Self { scheme, web, s3, ftp, ftps, sftp, smtp, smtps } = self;
        let doors = [
            ("web", *scheme, Some(web)),
            ("s3", *scheme, Some(s3)),
            ("ftp", "ftp", ftp.as_ref()),
            ("ftps", "ftps", ftps.as_ref()),
            ("sftp", "sftp", sftp.as_ref()),
            ("smtp", "smtp", smtp.as_ref()),
            ("smtps", "smtps", smtps.as_ref()),
        ];
        let text: Map<String, Value> = doors
            .into_iter()
            .filter_map(|(name, scheme, socket)| {
                Some((name.to_owned(), format!("{scheme}://{}", socket?).into()))
            })
            .collect();
        let text = Value::Object(text).to_string();
        let (draft, path) = (data_dir.join(".endpoints.json.new"), data_dir.join("endpoints.json"));
        fs::File::create(&draft)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&draft, &path))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        let [ftp, ftps, sftp, smtp, smtps] = [ftp, ftps, sftp, smtp, smtps].map(|door| door.map(display));
        tracing::info!(%web, %s3, ftp, ftps, sftp, smtp, smtps, version = env!("CARGO_PKG_VERSION"), "ready");
        Ok(())
    }
}

/// Host and port at which a line protocol is reached: on the host of the panel's address if the operator named one, since
/// certificate and name are the same; at the address told to FTP clients; where the socket is.
fn reached(config: &Config, scheme: &str, socket: SocketAddr) -> String {
    let port = socket.port();
    if let Some(host) = config.web_url.as_deref().and_then(host_of) {
        return format!("{host}:{port}");
    }
    let public: Option<IpAddr> = config.line.public_address.filter(|_| scheme.starts_with("ftp"));
    public.map_or(socket, |address| SocketAddr::new(address, port)).to_string()
}

/// The host in an address such as `https://gate.example.com:8443`; brackets around IPv6 stay.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = match rest.split_once(']') {
        Some((host, _)) => rest.get(..host.len() + 1)?,
        None => rest.split([':', '/']).next()?,
    };
    Some(host).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address() {
        assert_eq!(host_of("https://gate.example.com:8443"), Some("gate.example.com"));
        assert_eq!(host_of("http://gate.example.com"), Some("gate.example.com"));
        assert_eq!(host_of("https://[2001:db8::1]:8443"), Some("[2001:db8::1]"));
        assert_eq!(host_of("gate.example.com"), None);
    }
}
