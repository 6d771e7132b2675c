//! Shows the settings. Secrets are masked as the table says.

use super::Settings;
use super::masking::{self, MASK};
use super::table::{Row, ShownAs, TABLE};
use super::value::{Source, Values};

/// An effective setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The name.
    pub name: &'static str,
    /// The meaning, in Markdown.
    pub meaning: &'static str,
    /// The value in the syntax of the file, with secrets masked; `None` if not set.
    pub value: Option<toml::Value>,
    /// True if a part of the value is masked.
    pub is_masked: bool,
    /// The source of the value.
    pub source: Source,
}

/// Lists `settings`, which come from `values`.
pub fn all(settings: &Settings, values: &Values) -> Vec<Setting> {
    let setting = |row: &'static Row| {
        let (value, is_masked) = match row.show {
            ShownAs::Plain(value) => (value(settings), false),
            ShownAs::Secret(secret) => (secret(settings).map(|_| MASK.into()), true),
            ShownAs::SecretInUrl(url) => {
                let (url, masked) =
                    url(settings).map(|url| (url.expose(), masking::url(url.expose()))).unzip();
                let is_masked = masked.as_deref() != url;
                (masked.map(Into::into), is_masked)
            }
        };
        let source = values.get(row.name).map_or(Source::Default, |value| value.source.clone());
        let is_masked = is_masked && value.is_some();
        Setting { name: row.name, meaning: row.meaning, is_masked, value, source }
    };
    TABLE.iter().map(setting).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Settings, Source};

    /// Every shown value can be written to a file and means the same there.
    #[test]
    fn the_output_is_a_valid_file() {
        let other = [
            ("MINTERY_LISTEN", "[::1]:1"),
            ("MINTERY_ISSUER", "https://auth.example.com/a/"),
            (
                "MINTERY_DATABASE_URL",
                "postgres://mintery@db/mintery?sslmode=verify-full&application_name=a%20b",
            ),
            ("MINTERY_MASTER_KEY_FILE", "/run/\"secrets\"/ü.key"),
            ("MINTERY_WORKERS", "7"),
            ("MINTERY_TOKEN__TTL", "61"),
            ("MINTERY_TOKEN__ALG", "EdDSA"),
            ("MINTERY_TOKEN__AUDIENCE", "urn:example:api"),
            ("MINTERY_JWKS__MAX_AGE", "0"),
            ("MINTERY_KEYS__ROTATE_EVERY", "0"),
            ("MINTERY_KEYS__PUBLISH_AHEAD", "1"),
            ("MINTERY_OUTAGE_GRACE", "0"),
            ("MINTERY_METRICS__LISTEN", "0.0.0.0:9090"),
            ("MINTERY_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1"),
            ("MINTERY_API_KEYS__PREFIX", "acme"),
            ("MINTERY_API_KEYS__ENVIRONMENT", "any"),
            ("MINTERY_API_KEYS__HEADER", "X-Acme-Key"),
            ("MINTERY_API_KEYS__MAX_TTL", "86400"),
            ("MINTERY_API__BASE_PATHS", "/v4,/acme/v4"),
            ("MINTERY_CORS__ALLOWED_ORIGINS", "https://app.example.com,http://localhost:3000"),
            ("MINTERY_METADATA__AUTHORIZATION_ENDPOINT", "false"),
            ("MINTERY_METADATA__OPENID_CONFIGURATION", "false"),
            ("MINTERY_LOG", "warn,mintery=debug"),
            ("MINTERY_LOG_FORMAT", "json"),
        ];
        for environment in [&[][..], &other] {
            let environment =
                environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let shown = Settings::load_and_tell(&Vec::new(), environment.clone(), None).unwrap().1;
            let of_file = |setting: &super::Setting| {
                Some(format!("{} = {}\n", setting.name, setting.value.as_ref()?))
            };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("settings.toml");
            std::fs::write(&path, shown.iter().filter_map(of_file).collect::<String>()).unwrap();
            let again = Settings::load_and_tell(&Vec::new(), [], Some(&path)).unwrap().1;
            let values = |settings: &[super::Setting]| {
                settings
                    .iter()
                    .map(|setting| (setting.name, setting.value.clone()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(values(&again), values(&shown));
            for setting in shown {
                let variable =
                    format!("MINTERY_{}", setting.name.to_ascii_uppercase().replace('.', "__"));
                let is_set = environment.clone().any(|(name, _)| name == variable);
                let source = if is_set { Source::Environment(variable) } else { Source::Default };
                assert_eq!(setting.source, source, "{}", setting.name);
            }
        }
    }
}
