//! What the environment says: the only place that reads it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use engine::crypto::MasterKey;
use nodes::clients::http::Network;

use crate::app::QUIET_LOG;
use crate::failure::Failure;
use crate::words::Language;

/// Where `copro serve` listens when nobody says: this machine only.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The settings of one process.
#[derive(Debug)]
pub struct Config {
    /// The database, if one is given; else a private one is run.
    pub database: Option<GivenDatabase>,
    /// Where the private database, the master key and files live.
    pub data: PathBuf,
    /// Folder of the PostgreSQL programs, instead of looking for them.
    pub postgres_programs: Option<PathBuf>,
    /// Networks that steps may reach beside the public internet.
    pub http_allowed: Vec<Network>,
    /// Where `copro serve` listens.
    pub listen: SocketAddr,
    /// Under what address browsers come; the one that is listened at when not said.
    pub public_url: Option<String>,
    /// Proxies that tell the caller's address.
    pub proxies: Vec<Network>,
    /// What is logged, in the syntax of `RUST_LOG`.
    pub log: String,
    master_key: KeySource,
}

/// A database that somebody else runs.
#[derive(Debug, Clone)]
pub struct GivenDatabase {
    /// What requests and steps use; a pooler may stand before it.
    pub url: String,
    /// A direct connection, to migrate and to listen.
    pub direct_url: String,
}

#[derive(Debug)]
enum KeySource {
    Given(String),
    File(PathBuf),
    /// Made at the first start, in the data folder.
    Kept,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When there is no place for data: neither `COPRO_DATA` nor a home folder;
    /// when `COPRO_HTTP_ALLOW` or `COPRO_PROXIES` is no list of networks.
    pub fn load() -> Result<Self, Failure> {
        let database = text("DATABASE_URL").map(|url| GivenDatabase {
            direct_url: text("DATABASE_DIRECT_URL").unwrap_or_else(|| url.clone()),
            url,
        });
        let master_key = match (text("COPRO_MASTER_KEY"), path("COPRO_MASTER_KEY_FILE")) {
            (Some(key), _) => KeySource::Given(key),
            (None, Some(file)) => KeySource::File(file),
            (None, None) => KeySource::Kept,
        };
        Ok(Self {
            database,
            data: data_folder()?,
            postgres_programs: path("COPRO_POSTGRES_BIN"),
            http_allowed: networks(text("COPRO_HTTP_ALLOW").as_deref())?,
            public_url: text("COPRO_PUBLIC_URL"),
            proxies: networks(text("COPRO_PROXIES").as_deref())?,
            listen: listen_address()?,
            log: text("COPRO_LOG").unwrap_or_else(|| QUIET_LOG.to_owned()),
            master_key,
        })
    }

    /// Whether browsers come by https.
    #[must_use]
    pub fn https(&self) -> bool {
        let url = self.public_url.as_deref();
        url.is_some_and(|url| url.to_ascii_lowercase().starts_with("https://"))
    }

    /// The key that seals the tenants' keys; made once when none is given.
    ///
    /// # Errors
    /// When the key, or the file it should be in, cannot be used.
    pub fn master_key(&self) -> Result<MasterKey, Failure> {
        let refused = |place: &str| {
            let place = place.to_owned();
            move |error: engine::crypto::CryptoError| {
                Failure::new("bad_master_key")
                    .with("place", place)
                    .caused_by(error)
            }
        };
        match &self.master_key {
            KeySource::Given(key) => MasterKey::from_hex(key).map_err(refused("COPRO_MASTER_KEY")),
            KeySource::File(file) => {
                let key =
                    fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
                MasterKey::from_hex(&key).map_err(refused(&file.display().to_string()))
            }
            KeySource::Kept => {
                let file = self.data.join("master.key");
                let key = kept_key(&self.data, &file)
                    .map_err(|error| Failure::io("write", &file, error))?;
                MasterKey::from_hex(&key).map_err(refused(&file.display().to_string()))
            }
        }
    }
}

/// The language that the environment asks for; French when it does not say English.
pub fn language() -> Language {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(text)
        .map_or(Language::French, |locale| Language::of_locale(&locale))
}

/// Whether colours are unwelcome (see no-color.org).
pub fn no_color() -> bool {
    text("NO_COLOR").is_some() || text("TERM").as_deref() == Some("dumb")
}

/// The key in `file`, made when there is none; two processes at once agree on one.
fn kept_key(data: &Path, file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    fs::create_dir_all(data)?;
    // Whole before it has its name: nobody reads half a key.
    let draft = data.join(format!(".master.key.{}", std::process::id()));
    let mut new = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    new.write_all(MasterKey::generate().to_hex().as_bytes())?;
    new.sync_all()?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(file),
    }
}

/// `10.1.0.0/16, 127.0.0.1`.
fn networks(list: Option<&str>) -> Result<Vec<Network>, Failure> {
    let named = list.unwrap_or_default().split(',').map(str::trim);
    named
        .filter(|network| !network.is_empty())
        .map(|network| {
            let parsed = network.parse();
            parsed.map_err(|_| Failure::new("bad_network").with("found", network))
        })
        .collect()
}

fn listen_address() -> Result<SocketAddr, Failure> {
    text("COPRO_LISTEN").map_or(Ok(LISTEN), |given| {
        given.parse().map_err(|error: std::net::AddrParseError| {
            Failure::new("cannot_listen")
                .with("address", &given)
                .caused_by(error)
        })
    })
}

fn data_folder() -> Result<PathBuf, Failure> {
    let user = || {
        path("XDG_STATE_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(path("HOME")?.join(".local/state")))
            .map(|folder| folder.join("copro"))
    };
    let system = || {
        nix::unistd::Uid::effective()
            .is_root()
            .then(|| PathBuf::from("/var/lib/copro"))
    };
    path("COPRO_DATA")
        .or_else(system)
        .or_else(user)
        .ok_or_else(|| Failure::new("no_data_folder"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value: &OsString| !value.is_empty())
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn allowed_networks_are_a_list_and_nonsense_is_refused() {
        assert_eq!(networks(Some("10.1.0.0/16, 127.0.0.1")).unwrap().len(), 2);
        assert!(networks(None).unwrap().is_empty());
        assert_eq!(
            networks(Some("10.1.0.0/99")).unwrap_err().code(),
            "bad_network"
        );
    }

    #[test]
    fn the_master_key_is_made_once_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let first = kept_key(folder.path(), &file).unwrap();
        assert_eq!(kept_key(folder.path(), &file).unwrap(), first);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
