//! Several nodes on one PostgreSQL, their bytes with a provider behind them.

use std::process::Command;

use serde_json::json;

use crate::world::{Access, World, ok};

/// Connections from one address: here all nodes have the same.
const MANY: [&str; 2] = ["--max-connections-per-address", "4000"];

/// Nodes, the provider behind them and the database that they share; all end with the test.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<World>,
    /// Where the bytes are: a server of our own with an embedded store.
    pub(crate) provider: World,
    server: String,
    database: String,
}

impl Cluster {
    /// So many nodes; none, and said so, where no PostgreSQL is given.
    pub(crate) fn start(name: &str, nodes: usize) -> Option<Self> {
        Self::start_through(name, nodes, |_, url| url)
    }

    /// The same, where `route` says by which URL a node (the first is 0) reaches the database.
    pub(crate) fn start_through(
        name: &str,
        nodes: usize,
        route: impl Fn(usize, String) -> String,
    ) -> Option<Self> {
        let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
            println!("PORTCULLIS_TEST_POSTGRES is not set: {name} did not run");
            return None;
        };
        let database = format!("portcullis_{name}_{}", std::process::id());
        let mut provider = World::start_with(&MANY);
        provider.keep_ports();
        let cluster = Self { nodes: Vec::new(), provider, server, database };
        cluster.psql(&format!("CREATE DATABASE {}", cluster.database));
        let (base, _) = cluster.server.rsplit_once('/').unwrap();
        let url = format!("{base}/{}", cluster.database);
        let mut cluster = cluster;
        for node in 0..nodes {
            let route = route(node, url.clone());
            let master = cluster.nodes.first().map(|first| first.data_dir().join("master.key"));
            let mut flags = vec!["--database", &route, "--allow-private-endpoints", "127.0.0.0/8"];
            flags.extend(MANY);
            if let Some(master) = &master {
                flags.extend(["--master-key-file", master.to_str().unwrap()]);
            }
            let started = World::start_with(&flags);
            cluster.nodes.push(started);
        }
        Some(cluster)
    }

    pub(crate) fn psql(&self, sql: &str) -> String {
        ok(Command::new("psql").arg(&self.server).args(["-q", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]))
    }

    /// A storage of the nodes in a bucket of its own at the provider; its id.
    pub(crate) fn storage(&self, name: &str) -> String {
        let (bucket, _) = self.provider.storage(name);
        let key = self.provider.key(&bucket, "read_write");
        let form = json!({
            "name": name, "provider": "s3", "preset": "other", "endpoint": self.provider.s3, "bucket": key.bucket,
            "access_key_id": key.access_key, "secret_access_key": key.secret,
        });
        self.nodes[0].admin("POST", "/storages", Some(&form))["id"].as_str().unwrap().to_owned()
    }

    /// A key, known to every node before it is used.
    pub(crate) fn key(&self, storage: &str, name: &str) -> Access {
        self.nodes[0].key_with(storage, &json!({"permission": "read_write", "name": name}))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(World::kill);
        if !std::thread::panicking() {
            self.psql(&format!("DROP DATABASE IF EXISTS {}", self.database));
        }
    }
}
