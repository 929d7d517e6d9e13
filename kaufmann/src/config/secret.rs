//! Secrets: a [`Secret`] is never shown, and names and texts that carry secrets are recognised and blanked.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// What is shown instead of a secret.
pub(crate) const REDACTED: &str = "***";

/// A text that is never shown: its `Debug` and its serialisation are `***`.
///
/// ```
/// use kaufmann::config::Secret;
///
/// let password = Secret::new("hunter2");
/// assert_eq!(format!("{password:?}"), "***");
/// assert_eq!(password.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the client that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// Whether the value of a property with this name must be hidden; the name may be misspelt. Rather hides too much than too little.
pub(crate) fn is_secret(name: &str) -> bool {
    const SIGNS: [&str; 3] = ["pas", "pwd", "key"];
    let (plain, is_harmless) = read(name);
    !is_harmless
        && (carries_secret(name) || (plain != "key" && SIGNS.iter().any(|sign| plain.contains(sign))))
}

/// Whether a value assigned to this name in any text must be hidden. Fewer names than in [`is_secret`], as texts may have any.
fn carries_secret(name: &str) -> bool {
    const SIGNS: [&str; 11] = [
        "password",
        "passwd",
        "secret",
        "token",
        "credential",
        "private",
        "apikey",
        "accesskey",
        "keypem",
        "jaas",
        "oauthbearerconfig",
    ];
    let (plain, is_harmless) = read(name);
    !is_harmless && SIGNS.iter().any(|sign| plain.contains(sign))
}

/// A name in small letters and digits, and whether it names something that is not secret itself: an endpoint, a file's path.
fn read(name: &str) -> (String, bool) {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let last = name
        .rsplit(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    let is_harmless = ["url", "location", "path", "file", "keytab", "timeout", "ms"]
        .iter()
        .any(|end| last.eq_ignore_ascii_case(end));
    (plain, is_harmless)
}

/// A text with possible credentials blanked: user-info as in `scheme://user:password@host` and `user:password@host`, the values
/// of a URL's query, and all that follows `password=` and the like. Rather blanks too much than too little.
pub(crate) fn without_credentials(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        if word.contains("://") {
            return without_user_info_of_urls(word);
        }
        let parts = word.split_inclusive(['"', '\'', ',']);
        parts.map(without_user_info).collect()
    });
    let shown: String = words.collect::<String>();
    let shown: String = shown
        .split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ','))
        .map(without_query)
        .collect();
    without_assigned(shown)
}

/// Blanks the credentials of the URLs in a word, perhaps a list of them. A password may contain their separators, so everything
/// between a scheme and the last `@` before the next scheme is blanked.
fn without_user_info_of_urls(word: &str) -> String {
    let mut parts = word.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    // From here on each part follows a scheme. A part without an `@` of its own may be the beginning of a password with `://`.
    let mut rest: Vec<&str> = parts.collect();
    while !rest.is_empty() {
        let own = rest.iter().position(|part| part.contains('@'));
        let (part, taken) = match own {
            Some(at) if rest[..at].iter().all(|part| !is_whole(part)) => (rest[..=at].join("://"), at + 1),
            _ => (rest[0].to_owned(), 1),
        };
        shown.push_str("://");
        match part.rsplit_once('@') {
            Some((info, host)) => {
                if let Some((user, _)) = info.split_once(':') {
                    shown.push_str(user);
                    shown.push(':');
                }
                shown.push_str(REDACTED);
                shown.push('@');
                shown.push_str(host);
            }
            None => shown.push_str(&part),
        }
        rest.drain(..taken);
    }
    shown
}

/// Whether this part between two schemes is a whole URL and the next one's scheme: `host:1/path,https`.
fn is_whole(part: &str) -> bool {
    let url = part
        .rsplit_once([',', ';', '"', '\''])
        .map_or(part, |(url, _)| url);
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    port.chars().all(|c| c.is_ascii_digit())
}

fn without_user_info(word: &str) -> String {
    let Some(at) = word.rfind('@') else {
        return word.to_owned();
    };
    match word[..at].split_once(':') {
        Some((user, _)) => format!("{user}:{REDACTED}{}", &word[at..]),
        // An address.
        None => word.to_owned(),
    }
}

fn without_query(word: &str) -> String {
    let query = word
        .find("://")
        .and_then(|scheme| Some(scheme + word[scheme..].find(['?', '#'])?));
    let Some(query) = query else {
        return word.to_owned();
    };
    let mut shown = word[..query].to_owned();
    for part in word[query..].split_inclusive(['&', '#']) {
        match part.find('=') {
            Some(sign) => {
                let last = part
                    .chars()
                    .next_back()
                    .filter(|c| !c.is_alphanumeric() && *c != '=');
                shown.push_str(&part[..=sign]);
                shown.push_str(REDACTED);
                shown.extend(last);
            }
            None => shown.push_str(part),
        }
    }
    shown
}

/// Blanks all that follows an assignment to a secret's name: its value may have blanks and commas, so its end is not known.
fn without_assigned(mut text: String) -> String {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let assigned = text.match_indices('=').find(|(sign, _)| {
        let before = text[..*sign].trim_end();
        let name = &before[before.trim_end_matches(is_name).len()..];
        carries_secret(name) || ["pwd", "pass"].contains(&name.to_ascii_lowercase().as_str())
    });
    if let Some((sign, _)) = assigned {
        text.truncate(sign + 1);
        text.push_str(REDACTED);
    }
    text
}

/// A value of the configuration for display: passwords in URLs are blanked.
#[cfg(feature = "cli")]
pub(crate) fn shown(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Null => Value::Null,
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), shown(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::String(text) => Value::from(without_credentials(text)),
        Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_carry_secrets_are_known() {
        for name in [
            "registry.password",
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "app.api_key",
            "API-Token",
            "sasl.pasword",
            "sasl.passwrod",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "ssl.keypass",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "brokers",
            "ssl.ca.location",
            "sasl.username",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.oauthbearer.assertion.private.key.file",
            "sasl.kerberos.keytab",
            "key",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn passwords_in_urls_are_blanked_and_the_rest_is_kept() {
        assert_eq!(without_credentials("http://u:p@h:1/x?y"), "http://u:***@h:1/x?y");
        assert_eq!(without_credentials("http://u:p@s@h"), "http://u:***@h");
        assert_eq!(
            without_credentials("a://u@h, b://x:y@z/"),
            "a://***@h, b://x:***@z/"
        );
        assert_eq!(
            without_credentials("to ada@example.org, at 10:30"),
            "to ada@example.org, at 10:30"
        );
    }

    #[test]
    fn credentials_without_a_scheme_in_queries_and_in_assignments_are_blanked() {
        for (text, shown) in [
            ("u:hunter2@h:9092", "u:***@h:9092"),
            ("http://u:hunter2/hunter2@h", "http://u:***@h"),
            ("http://h/x?a=hunter2&b#c=hunter2", "http://h/x?a=***&b#c=***"),
            ("\"http://h/?a=hunter2\", b", "\"http://h/?a=***\", b"),
            (
                "Server=h;User=u;Password=hunter2;x",
                "Server=h;User=u;Password=***",
            ),
            ("host=h pwd = \"hunter2, hunter2\"", "host=h pwd =***"),
            ("apikey=hunter2", "apikey=***"),
            ("x-token=hunter2", "x-token=***"),
            ("info,a=debug", "info,a=debug"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }

    #[test]
    fn a_password_in_a_url_is_blanked_whatever_is_in_it() {
        for password in ["p,w", "p'w", "p\"w", "a:b", "a@b", "a://b", "w,http"] {
            for text in [
                format!("http://u:{password}@h:1"),
                format!("http://a:1,https://u:{password}@h:1"),
                format!("cannot reach http://u:{password}@h:1"),
            ] {
                let shown = without_credentials(&text);
                assert!(shown.ends_with("***@h:1"), "{text}: {shown}");
                assert!(!shown.contains(password), "{text}: {shown}");
            }
        }
    }
}
