//! Names inside statements that take no parameters, and inside URLs.

use std::fmt;
use std::fmt::Write;
use std::path::Path;

/// An SQL identifier, quoted when displayed.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A URL that libpq's tools and sqlx both read.
pub(crate) fn socket_url(role: &str, database: &str, socket_dir: &Path, port: u16) -> String {
    let mut url = format!("postgresql://{role}@localhost:{port}/{database}?host=");
    for byte in socket_dir.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                url.push(char::from(*byte));
            }
            _ => write!(url, "%{byte:02X}").expect("a string takes all"),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgConnectOptions;

    use super::*;

    #[test]
    fn a_folder_with_odd_letters_survives_the_url() {
        let folder = Path::new("/home/zoé/le copro & co");
        let url = socket_url("copro", "copro", folder, 5432);
        assert!(url.is_ascii());
        let options: PgConnectOptions = url.parse().unwrap();
        assert_eq!(
            options.get_socket().map(|path| path.as_path()),
            Some(folder)
        );
        assert_eq!(options.get_username(), "copro");
    }

    #[test]
    fn a_quote_inside_a_name_stays_inside() {
        assert_eq!(Name("a\"b").to_string(), "\"a\"\"b\"");
    }
}
