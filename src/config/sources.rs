//! Reads the values of settings from flags, the environment and the file. A later source replaces
//! an earlier one.

use std::path::Path;

use super::table::{nearest, row};
use super::value::{Overrides, Source, Value, Values};
use super::{ConfigError, DEFAULT_FILE};
use crate::secret::Secret;

const PREFIX: &str = "MINTERY_";

/// Collects the values of all sources, the strongest last.
pub fn collect(
    overrides: &Overrides,
    environment: impl IntoIterator<Item = (String, String)>,
    file: Option<&Path>,
) -> Result<Values, ConfigError> {
    let mut values = Values::new();
    match file {
        Some(path) => read_file(path, &mut values)?,
        None if Path::new(DEFAULT_FILE).exists() => {
            read_file(Path::new(DEFAULT_FILE), &mut values)?;
        }
        None => {}
    }
    read_environment(environment, &mut values)?;
    for (key, flag, text) in overrides {
        values.insert(key, Value { text: Secret::new(text.clone()), source: Source::Flag(flag) });
    }
    Ok(values)
}

fn read_file(path: &Path, values: &mut Values) -> Result<(), ConfigError> {
    let failed = |reason: String| ConfigError::File { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error| failed(fault(&text, &error)))?;
    let source = Source::File(path.display().to_string());
    read_table("", &table, &source, values)
}

/// The line of a syntax error and its reason. The parser's own message repeats the line, which may
/// hold a secret.
fn fault(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message().replace('\n', ", "))
}

fn read_table(
    prefix: &str,
    table: &toml::Table,
    source: &Source,
    values: &mut Values,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let name = format!("{prefix}{name}");
        let text = match value {
            toml::Value::Table(inner) => {
                read_table(&format!("{name}."), inner, source, values)?;
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(several) => {
                let texts = several
                    .iter()
                    .map(|one| one.as_str().map_or_else(|| one.to_string(), ToOwned::to_owned));
                texts.collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        let row = row(&name).ok_or_else(|| ConfigError::Unknown {
            nearest: nearest(&name),
            name: name.clone(),
            source: source.clone(),
        })?;
        values.insert(row.name, Value { text: Secret::new(text), source: source.clone() });
    }
    Ok(())
}

fn read_environment(
    environment: impl IntoIterator<Item = (String, String)>,
    values: &mut Values,
) -> Result<(), ConfigError> {
    let mut rust_log = None;
    for (variable, text) in environment {
        if variable == "RUST_LOG" {
            rust_log = Some(text);
            continue;
        }
        let Some(name) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let name = name.replace("__", ".").to_ascii_lowercase();
        let Some(row) = row(&name) else {
            if is_service_link(&variable) || FOR_COMMANDS.contains(&variable.as_str()) {
                continue;
            }
            let nearest = nearest(&name);
            return Err(ConfigError::Unknown {
                name,
                source: Source::Environment(variable),
                nearest,
            });
        };
        values.insert(
            row.name,
            Value { text: Secret::new(text), source: Source::Environment(variable) },
        );
    }
    if let Some(text) = rust_log
        && !matches!(values.get("log"), Some(Value { source: Source::Environment(_), .. }))
    {
        let source = Source::Environment("RUST_LOG".to_owned());
        values.insert("log", Value { text: Secret::new(text), source });
    }
    Ok(())
}

/// Variables of the commands that act on a server over HTTP. They are not settings.
const FOR_COMMANDS: [&str; 5] = [
    "MINTERY_URL",
    "MINTERY_TOKEN",
    "MINTERY_CLIENT_ID",
    "MINTERY_CLIENT_SECRET",
    "MINTERY_CLI_PROFILE",
];

/// True for the variables that Kubernetes sets in every pod beside a service named `mintery`. They
/// are not settings.
fn is_service_link(variable: &str) -> bool {
    ["MINTERY_PORT", "MINTERY_SERVICE_HOST", "MINTERY_SERVICE_PORT"]
        .iter()
        .any(|link| variable.starts_with(link))
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigError, Settings, Source};
    use crate::model::signing_key::SigningAlgorithm;

    fn load(
        environment: &[(&str, &str)],
        file: &str,
        flags: &[(&'static str, &str)],
    ) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mintery.toml");
        std::fs::write(&path, file).unwrap();
        let flags =
            flags.iter().map(|(key, value)| (*key, "--flag", (*value).to_owned())).collect();
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::load(&flags, environment, Some(&path))
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
        let file = "listen = \"127.0.0.1:1\"\n[token]\nttl = 60\nalg = \"RS256\"\n";
        let settings = load(&[], file, &[]).unwrap();
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.token_ttl.as_secs(), 60);
        assert_eq!(settings.token_alg, SigningAlgorithm::Rs256);
        assert_eq!(settings.jwks_max_age.as_secs(), 3600);
        let environment =
            [("MINTERY_LISTEN", "127.0.0.1:2"), ("MINTERY_TOKEN__TTL", "61"), ("HOME", "/")];
        let settings = load(&environment, file, &[]).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.token_ttl.as_secs(), 61);
        let settings = load(&environment, file, &[("listen", "127.0.0.1:3")]).unwrap();
        assert_eq!(settings.listen.port(), 3);
    }

    #[test]
    fn a_misspelt_setting_is_an_error_that_names_the_nearest() {
        let error = load(&[("MINTERY_TOKEN__TLL", "60")], "", &[]).unwrap_err();
        let source = Source::Environment("MINTERY_TOKEN__TLL".to_owned());
        assert_eq!(
            error,
            ConfigError::Unknown { name: "token.tll".to_owned(), source, nearest: "token.ttl" }
        );
        let error = load(&[], "[token]\nalgo = \"RS256\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("`token.algo`") && error.contains("`token.alg`"), "{error}");
        assert!(
            load(&[("MINTERY_SERVICE_HOST", "10.0.0.1"), ("MINTERY_PORT_80_TCP", "x")], "", &[])
                .is_ok()
        );
        assert!(load(&[("MINTERY_URL", "https://x"), ("MINTERY_TOKEN", "x")], "", &[]).is_ok());
        assert!(load(&[("MINTERY_TOKENS", "x")], "", &[]).is_err());
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_an_error_that_says_what_it_should_be() {
        for (key, value) in [
            ("listen", "8080"),
            ("listen", "localhost"),
            ("issuer", "auth.example.com"),
            ("workers", "0"),
            ("workers", "two"),
            ("token.ttl", "1h"),
            ("token.ttl", "-1"),
            ("token.ttl", "0"),
            ("token.alg", "es256"),
            ("token.alg", "none"),
            ("token.audience", "/api"),
            ("jwks.max_age", ""),
            ("outage_grace", "1.5"),
            ("log_format", "xml"),
            ("metadata.authorization_endpoint", "yes"),
            ("log", "info,,=x=y"),
            ("trusted_proxies", "10.0.0.0/33"),
            ("trusted_proxies", "10.0.0.0/8 10.1.0.0/16"),
            ("trusted_proxies", "0.0.0.0/0"),
            ("api_keys.prefix", "Key_"),
            ("api_keys.environment", "production"),
            ("api_keys.header", "X API Key"),
            ("api_keys.header", "authorization"),
            ("api_keys.max_ttl", "-1"),
            ("leaks.public_keys", ""),
            ("leaks.policy", "ignore"),
            ("api.base_paths", "v4"),
            ("cors.allowed_origins", "app.example.com"),
            ("cors.allowed_origins", "https://app.example.com/"),
        ] {
            let error = load(&[], "", &[(key, value)]);
            assert!(
                matches!(error, Err(ConfigError::Invalid { key: named, .. }) if named == key),
                "{key} = {value}"
            );
        }
        assert!(load(&[], "listen = ", &[]).is_err());
        assert!(load(&[], "listen = 1979-05-27", &[]).is_err());
    }

    #[test]
    fn rust_log_counts_unless_our_own_variable_is_set() {
        assert_eq!(load(&[("RUST_LOG", "debug")], "log = \"warn\"", &[]).unwrap().log, "debug");
        assert_eq!(
            load(&[("RUST_LOG", "debug"), ("MINTERY_LOG", "error")], "", &[]).unwrap().log,
            "error"
        );
    }

    #[test]
    fn serving_needs_an_issuer_that_keeps_secrets_between_two() {
        let issuer = |values: &[(&'static str, &str)], dev| {
            load(&[], "", values).unwrap().serving_issuer(dev)
        };
        assert!(issuer(&[], false).is_err());
        assert!(issuer(&[("issuer", "http://auth.example.com")], false).is_err());
        assert!(issuer(&[("issuer", "https://auth.example.com")], false).is_ok());
        assert_eq!(issuer(&[], true).unwrap().as_str(), "http://127.0.0.1:8080");
        assert!(load(&[], "", &[("listen", "0.0.0.0:8080")]).unwrap().check_listen(true).is_err());
    }
}
