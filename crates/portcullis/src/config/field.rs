//! The table of settings: what flags, environment and file have in common.

/// One setting.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// The placeholder in `--help`.
    pub(crate) value: &'static str,
    /// What it is, for `--help` and the reference page.
    pub(crate) help: &'static str,
}

impl Field {
    /// Whether it is a yes or a no: a flag without a value then means yes.
    pub(crate) fn is_switch(&self) -> bool {
        self.value == SWITCH
    }

    /// Its name as a flag, without the dashes.
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Its name in the environment.
    pub(crate) fn env(&self) -> String {
        format!("PORTCULLIS_{}", self.name.to_ascii_uppercase())
    }
}

/// The placeholder of what is a yes or a no.
const SWITCH: &str = "true|false";

const fn field(name: &'static str, value: &'static str, help: &'static str) -> Field {
    Field { name, value, help }
}

/// Every setting of `serve`.
pub(crate) const FIELDS: &[Field] = &[
    field("data_dir", "DIR", "Where state and the embedded store live [default: portcullis-data]"),
    field("web", "ADDR", "Control panel, REST API and health [default: 127.0.0.1:8080]"),
    field("s3", "ADDR", "S3 protocol [default: 127.0.0.1:9000]"),
    field(
        "ftp",
        "ADDR",
        "FTP with TLS on demand (explicit), e.g. 0.0.0.0:21; needs tls_cert [default: closed]",
    ),
    field("ftps", "ADDR", "FTP inside TLS (implicit), e.g. 0.0.0.0:990; needs tls_cert [default: closed]"),
    field("sftp", "ADDR", "SFTP, e.g. 0.0.0.0:2022 [default: closed]"),
    field(
        "ftp_passive_ports",
        "FIRST-LAST",
        "Ports for FTP's data connections, e.g. 50000-50100 [default: any free one]",
    ),
    field(
        "ftp_public_address",
        "IP",
        "Address that FTP clients are told for data connections [default: the one they reached]",
    ),
    field(
        "allow_plaintext_ftp",
        SWITCH,
        "Serve FTP to clients that do not ask for TLS: everybody on the way can read it [default: false]",
    ),
    field(
        "smtp",
        "ADDR",
        "Mail submission with STARTTLS, e.g. 0.0.0.0:587; needs tls_cert [default: closed]",
    ),
    field(
        "smtps",
        "ADDR",
        "Mail submission inside TLS (implicit), e.g. 0.0.0.0:465; needs tls_cert [default: closed]",
    ),
    field(
        "smtp_domains",
        "DOMAIN[,DOMAIN]",
        "Domains whose mail addresses name folders, anything+folder@DOMAIN [default: the host of web_url, else localhost]",
    ),
    field("smtp_max_message", "SIZE", "The largest message, attachments encoded, e.g. 64M [default: 256M]"),
    field("smtp_spool", "SIZE", "What messages on their way may take on the disk in all [default: 4G]"),
    field(
        "database",
        "URL",
        "postgres://… for administration; the default is a SQLite file in the data directory",
    ),
    field(
        "s3_domain",
        "DOMAIN[,DOMAIN]",
        "Domains below which bucket names are host names (virtual-host style)",
    ),
    field(
        "s3_url",
        "URL",
        "The S3 address that people are shown, e.g. https://s3.example.com behind a proxy",
    ),
    field(
        "web_url",
        "URL",
        "The address at which browsers reach the panel, e.g. https://gate.example.com behind a proxy",
    ),
    field(
        "tls_cert",
        "FILE",
        "PEM file with the server's certificate and its chain; every door speaks TLS then",
    ),
    field("tls_key", "FILE", "PEM file with its private key; both are read again when they change"),
    field(
        "allow_private_endpoints",
        "NETWORK[,NETWORK]",
        "Networks that are not public and where storage providers may be all the same, e.g. 10.20.0.0/16",
    ),
    field(
        "trusted_proxies",
        "NETWORK[,NETWORK]",
        "Proxies whose word on the client's address counts, e.g. 10.0.0.5; nobody else's does",
    ),
    field(
        "proxy_header",
        "HEADER",
        "How they tell it: x-forwarded-for, forwarded or proxy-protocol [default: x-forwarded-for]",
    ),
    field("max_connections", "N", "Connections that each door serves at once [default: 4096]"),
    field(
        "max_connections_per_address",
        "N",
        "Of those, from one address; more where many clients come through one [default: 512]",
    ),
    field(
        "provider_ca_file",
        "FILE",
        "PEM file with further certificate authorities that vouch for storage providers",
    ),
    field(
        "master_key_file",
        "FILE",
        "File with the master key, mode 0600 [default: DATA_DIR/master.key, made at first start]",
    ),
    field("master_key_command", "COMMAND", "Command that prints the master key, e.g. from a password store"),
    field(
        "audit_retention_days",
        "DAYS",
        "After how many days entries of the audit trail go, leaving a signed note [default: never]",
    ),
    field(
        "retired_secret_days",
        "DAYS",
        "For how many days secrets that were replaced are kept, sealed, to tell who still uses them [default: 90]",
    ),
    field("log", "FILTER", "Which messages to log, e.g. portcullis=debug [default: portcullis=info,warn]"),
    field("log_format", "text|json", "How to log [default: text]"),
];
