//! The keys by which clients know this server.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_domain::SshPublicKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::rand_core::UnwrapErr;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey};
use zeroize::Zeroizing;

/// Each with the file that it is in. RSA is left out, see [`SshPublicKey`].
const KINDS: [(Algorithm, &str); 2] = [
    (Algorithm::Ed25519, "ssh_host_ed25519_key"),
    (Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }, "ssh_host_ecdsa_key"),
];
/// The longest file that is read: such a key has a few hundred bytes.
const LONGEST: u64 = 16 * 1024;

/// The server's own keys: one of Ed25519 and one of ECDSA with P-256. Cheap to clone.
#[derive(Clone)]
pub struct HostKeys(Arc<[PrivateKey]>);

impl std::fmt::Debug for HostKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fingerprints()).finish()
    }
}

/// Why there are no host keys. Nothing of what is in the files is told.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// A file or its folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may read it.
    #[error("{} can be read by others: make it private with chmod 600", .0.display())]
    Open(PathBuf),
    /// It holds no such key. It is not made anew: clients would take the server for another one.
    #[error("{} holds no private key of its kind in the form of OpenSSH, without a password; put the right one back, or remove the file to have a new key made, which every client has to accept anew", .0.display())]
    NoKey(PathBuf),
    /// The system gave no random numbers, or the library failed.
    #[error("no host key can be made: {0}")]
    Make(String),
}

impl HostKeys {
    /// Reads the keys in a folder, and makes those that are not there. Only the owner may read their files. Blocks.
    ///
    /// # Errors
    /// [`HostKeyError`] names the file and what is wrong with it.
    pub fn open(folder: &Path) -> Result<Self, HostKeyError> {
        let in_folder = |source| HostKeyError::File { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(in_folder)?;
        let mut keys = Vec::with_capacity(KINDS.len());
        for (kind, name) in KINDS {
            let path = folder.join(name);
            let key = match read(&path, &kind)? {
                Some(key) => key,
                None => make(folder, &path, &kind)?,
            };
            tracing::info!(kind = key.algorithm().as_str(), fingerprint = %key.fingerprint(HashAlg::Sha256), "SSH host key");
            keys.push(key);
        }
        Ok(Self(keys.into()))
    }

    /// The public halves, to be told to clients.
    #[must_use]
    pub fn public_keys(&self) -> Vec<SshPublicKey> {
        let blobs = self.0.iter().filter_map(|key| key.public_key().to_bytes().ok());
        blobs.filter_map(|blob| SshPublicKey::from_blob(&blob)).collect()
    }

    /// Kind and fingerprint (`SHA256:…`) of each, as clients show them at the first connection.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<(String, String)> {
        let told = |key: &PrivateKey| {
            (key.algorithm().as_str().to_owned(), key.fingerprint(HashAlg::Sha256).to_string())
        };
        self.0.iter().map(told).collect()
    }

    pub(super) fn keys(&self) -> Vec<PrivateKey> {
        self.0.to_vec()
    }
}

/// The key in a file; none if there is no such file.
fn read(path: &Path, kind: &Algorithm) -> Result<Option<PrivateKey>, HostKeyError> {
    let in_file = |source| HostKeyError::File { path: path.to_owned(), source };
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(in_file(error)),
    };
    if found.mode() & 0o077 != 0 {
        return Err(HostKeyError::Open(path.to_owned()));
    }
    let no_key = || HostKeyError::NoKey(path.to_owned());
    if found.len() > LONGEST {
        return Err(no_key());
    }
    let text = Zeroizing::new(fs::read(path).map_err(in_file)?);
    let key = PrivateKey::from_openssh(&*text).map_err(|_| no_key())?;
    if key.is_encrypted() || key.algorithm() != *kind {
        return Err(no_key());
    }
    Ok(Some(key))
}

/// Makes a key. Its file is there whole or not at all, and of two processes that do this at once both have the same.
fn make(folder: &Path, path: &Path, kind: &Algorithm) -> Result<PrivateKey, HostKeyError> {
    let failed = |error: russh::keys::ssh_key::Error| HostKeyError::Make(error.to_string());
    let in_file = |source| HostKeyError::File { path: path.to_owned(), source };
    // An empty draw tells whether there is any chance, before the library takes it for granted.
    getrandom::fill(&mut [0; 32]).map_err(|error| HostKeyError::Make(error.to_string()))?;
    let mut key = PrivateKey::random(&mut UnwrapErr(getrandom::SysRng), kind.clone()).map_err(failed)?;
    key.set_comment("portcullis");
    let text = key.to_openssh(LineEnding::LF).map_err(failed)?;
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|error| HostKeyError::Make(error.to_string()))?;
    let draft = folder.join(format!(".new-{:016x}", u64::from_ne_bytes(number)));
    let written = write(&draft, text.as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match written {
        Ok(()) => removed.map_err(in_file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return read(path, kind)?.ok_or_else(|| in_file(error));
        }
        Err(error) => return Err(in_file(error)),
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(in_file)?;
    Ok(key)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("ssh");
        let first = HostKeys::open(&at).unwrap();
        let kinds: Vec<_> = first.public_keys().iter().map(SshPublicKey::kind).collect();
        assert_eq!(kinds, ["ssh-ed25519", "ecdsa-sha2-nistp256"]);
        assert!(first.fingerprints().iter().all(|(_, print)| print.starts_with("SHA256:")));
        assert_eq!(HostKeys::open(&at).unwrap().fingerprints(), first.fingerprints());
        let mut files: Vec<_> = fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files, [at.join("ssh_host_ecdsa_key"), at.join("ssh_host_ed25519_key")]);
        for file in files {
            assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&at).unwrap().mode() & 0o777, 0o700);
        let shown = format!("{first:?}");
        assert!(shown.contains("SHA256:") && !shown.contains("PRIVATE"), "{shown}");
    }

    #[test]
    fn what_is_there_is_used_or_refused_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(HostKeys::open(folder.path()).unwrap());
        let (ed25519, ecdsa) =
            (folder.path().join("ssh_host_ed25519_key"), folder.path().join("ssh_host_ecdsa_key"));
        let good = fs::read(&ed25519).unwrap();
        for wrong in [b"".to_vec(), b"nonsense".to_vec(), fs::read(&ecdsa).unwrap(), vec![b'x'; 20_000]] {
            fs::write(&ed25519, &wrong).unwrap();
            assert!(matches!(HostKeys::open(folder.path()), Err(HostKeyError::NoKey(_))));
            assert_eq!(fs::read(&ed25519).unwrap(), wrong);
        }
        fs::write(&ed25519, good).unwrap();
        fs::set_permissions(&ed25519, fs::Permissions::from_mode(0o640)).unwrap();
        let error = HostKeys::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}
