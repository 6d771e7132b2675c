//! Rows of `clients` and `client_secrets`. Each column is declared once, in the lists below; the
//! condition that hides staged clients stands here too. All statements are built from these. To add
//! a column for a field of [`ClientTerms`]: a migration, a line in `term_columns`, its value in
//! `From`, and its field in `terms`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::connection::AnyQuery;
use super::{StoreError, duration, millis};
use crate::clock::Timestamp;
use crate::model::client::{
    AuthMethod, Client, ClientId, ClientSecret, ClientTerms, GrantType, SecretId,
};
use crate::model::event::EventNumber;
use crate::model::name::DisplayName;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::secret::digest::SecretDigest;
use crate::secret::hash::SecretHash;

/// The columns of `clients` that no update of the terms changes, with their types.
macro_rules! own_columns {
    ($then:ident $($argument:tt)+) => {
        $crate::store::client_row::$then! { $($argument)+;
            id: &'a str,
            token_endpoint_auth_method: &'static str,
            cut_off: i64,
            granted_as_of: i64,
            created_at: i64,
            disabled_at: Option<i64>,
            import_id: Option<&'a str>,
        }
    };
}

/// The columns of `clients` that hold [`ClientTerms`], with their types.
macro_rules! term_columns {
    ($then:ident $($argument:tt)+) => {
        $crate::store::client_row::$then! { $($argument)+;
            name: &'a str,
            scopes: &'a str,
            grant_types: String,
            default_scopes: Option<&'a str>,
            resources: String,
            token_alg: Option<&'static str>,
            token_ttl: Option<i64>,
            max_tokens_per_hour: Option<i64>,
            stands_for: Option<String>,
            introspection_alg: Option<&'static str>,
        }
    };
}

/// The columns of `client_secrets`, with their types.
macro_rules! secret_columns {
    ($then:ident $($argument:tt)+) => {
        $crate::store::client_row::$then! { $($argument)+;
            id: &'a str,
            client_id: &'a str,
            hint: &'a str,
            label: Option<&'a str>,
            digest: String,
            hash: &'a str,
            created_at: i64,
            expires_at: Option<i64>,
        }
    };
}

/// Defines a struct of the values of columns, with their `NAMES`, and with `bind`, which binds them
/// in the same order.
macro_rules! define {
    ($struct:ident; $($column:ident: $type:ty,)+) => {
        struct $struct<'a> { $($column: $type,)+ }

        impl<'a> $struct<'a> {
            const NAMES: &'static [&'static str] = &[$(stringify!($column)),+];

            fn bind(self, query: AnyQuery<'a>) -> AnyQuery<'a> {
                query$(.bind(self.$column))+
            }
        }
    };
}

/// Lists columns as a literal, each after a prefix.
macro_rules! list {
    ($prefix:literal; $first:ident: $first_type:ty, $($column:ident: $type:ty,)+) => {
        concat!($prefix, stringify!($first), $(", ", $prefix, stringify!($column)),+)
    };
}

use define;
pub(super) use {list, own_columns, term_columns};

own_columns!(define OwnColumns);
term_columns!(define TermColumns);
secret_columns!(define SecretColumns);

/// All columns of `clients`, as a literal, each after a prefix.
macro_rules! client_columns {
    ($prefix:literal) => {
        concat!(
            $crate::store::client_row::own_columns!(list $prefix),
            ", ",
            $crate::store::client_row::term_columns!(list $prefix)
        )
    };
}
pub(super) use client_columns;

/// The condition for clients that no unfinished import has staged, as a literal. It holds for
/// `clients` under the name that the prefix says.
macro_rules! not_staged {
    ($prefix:literal) => {
        concat!(
            "(",
            $prefix,
            "import_id IS NULL OR ",
            $prefix,
            "import_id NOT IN (SELECT id FROM client_imports))"
        )
    };
}
pub(super) use not_staged;

/// The columns that [`with_secrets`] reads, of `clients c` joined with `client_secrets s`.
macro_rules! joined_columns {
    () => {
        concat!(
            $crate::store::client_row::client_columns!("c."),
            ", s.id AS secret_id, s.hint, s.label, s.digest, s.hash, \
             s.created_at AS secret_created_at, s.expires_at"
        )
    };
}
pub(super) use joined_columns;

/// The number of values that [`bind_client`] binds.
pub(super) const CLIENT_VALUES: usize = OwnColumns::NAMES.len() + TermColumns::NAMES.len();

/// The beginning of a statement that inserts clients; lists of values follow.
pub(super) const INSERT_CLIENTS: &str =
    concat!("INSERT INTO clients (", client_columns!(""), ") VALUES ");

/// The number of values that [`bind_secret`] binds.
pub(super) const SECRET_VALUES: usize = SecretColumns::NAMES.len();

/// The beginning of a statement that inserts secrets; lists of values follow.
pub(super) const INSERT_SECRETS: &str =
    concat!("INSERT INTO client_secrets (", secret_columns!(list ""), ") VALUES ");

/// `($1, $2, …)`.
pub(super) fn numbered_values(count: usize) -> String {
    let values: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!("({})", values.join(", "))
}

/// Binds a client for [`INSERT_CLIENTS`], with this cut-off and the import that stages it.
pub(super) fn bind_client<'q>(
    query: AnyQuery<'q>,
    client: &'q Client,
    cut_off: EventNumber,
    import_id: Option<&'q str>,
) -> AnyQuery<'q> {
    let Client { id, terms, auth_method, cut_off: _, granted_as_of: _, created_at, disabled_at } =
        client;
    let own = OwnColumns {
        id: id.as_str(),
        token_endpoint_auth_method: auth_method.name(),
        cut_off: cut_off.get(),
        // What is created is granted what there is.
        granted_as_of: cut_off.get(),
        created_at: created_at.as_millis(),
        disabled_at: disabled_at.map(Timestamp::as_millis),
        import_id,
    };
    TermColumns::from(terms).bind(own.bind(query))
}

/// The statement that [`bind_update`] binds the values of.
pub(super) fn update_sql() -> String {
    let set =
        TermColumns::NAMES.iter().zip(1..).map(|(name, number)| format!("{name} = ${number}"));
    let set: Vec<String> = set.collect();
    format!("UPDATE clients SET {} WHERE id = ${}", set.join(", "), TermColumns::NAMES.len() + 1)
}

/// Binds the terms of a client, and its id.
pub(super) fn bind_update<'q>(query: AnyQuery<'q>, client: &'q Client) -> AnyQuery<'q> {
    TermColumns::from(&client.terms).bind(query).bind(client.id.as_str())
}

impl<'a> From<&'a ClientTerms> for TermColumns<'a> {
    fn from(terms: &'a ClientTerms) -> Self {
        let ClientTerms {
            name,
            scopes,
            grants,
            resources,
            stands_for,
            default_scopes,
            token_alg,
            introspection_alg,
            token_ttl,
            max_tokens_per_hour,
        } = terms;
        let grants: Vec<&str> = grants.iter().map(|grant| grant.name()).collect();
        Self {
            name: name.as_str(),
            scopes: scopes.as_str(),
            grant_types: grants.join(" "),
            default_scopes: default_scopes.as_ref().map(ScopeSet::as_str),
            resources: uris_text(resources),
            token_alg: token_alg.map(SigningAlgorithm::name),
            token_ttl: token_ttl.map(millis),
            max_tokens_per_hour: max_tokens_per_hour
                .map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)),
            stands_for: (!stands_for.is_empty()).then(|| uris_text(stands_for)),
            introspection_alg: introspection_alg.map(SigningAlgorithm::name),
        }
    }
}

/// Binds a secret for [`INSERT_SECRETS`].
pub(super) fn bind_secret<'q>(
    query: AnyQuery<'q>,
    client: &'q ClientId,
    secret: &'q ClientSecret,
) -> AnyQuery<'q> {
    let ClientSecret { id, hint, label, digest: _, hash, created_at, expires_at } = secret;
    let columns = SecretColumns {
        id: id.as_str(),
        client_id: client.as_str(),
        hint,
        label: label.as_deref(),
        digest: digest_text(secret),
        hash: hash.as_str(),
        created_at: created_at.as_millis(),
        expires_at: expires_at.map(Timestamp::as_millis),
    };
    columns.bind(query)
}

/// The digest of a secret as its column holds it.
pub(super) fn digest_text(secret: &ClientSecret) -> String {
    secret.digest.as_ref().map_or_else(|| SecretDigest::NONE.to_owned(), SecretDigest::to_text)
}

/// API identifiers as a column holds them.
pub(super) fn uris_text(uris: &[ResourceUri]) -> String {
    uris.iter().map(ResourceUri::as_str).collect::<Vec<_>>().join(" ")
}

/// Reads what [`uris_text`] wrote.
pub(super) fn uris(text: &str) -> Result<Vec<ResourceUri>, StoreError> {
    let uri = |text| ResourceUri::parse(text).map_err(|_| StoreError::Corrupt("resource"));
    text.split_terminator(' ').map(uri).collect()
}

/// Reads a client from its joined rows, one per secret, or one without any.
pub(super) fn with_secrets(
    rows: &[AnyRow],
) -> Result<Option<(Client, Vec<ClientSecret>)>, StoreError> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let secrets =
        rows.iter().filter_map(|row| secret(row).transpose()).collect::<Result<_, _>>()?;
    Ok(Some((client(first)?, secrets)))
}

/// Reads a client.
pub(super) fn client(row: &AnyRow) -> Result<Client, StoreError> {
    Ok(Client {
        id: ClientId::parse(row.try_get("id")?).map_err(|_| StoreError::Corrupt("client id"))?,
        terms: terms(row)?,
        auth_method: row
            .try_get::<&str, _>("token_endpoint_auth_method")?
            .parse::<AuthMethod>()
            .map_err(|_| StoreError::Corrupt("authentication method"))?,
        cut_off: EventNumber::new(row.try_get("cut_off")?),
        granted_as_of: EventNumber::new(row.try_get("granted_as_of")?),
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        disabled_at: row.try_get::<Option<i64>, _>("disabled_at")?.map(Timestamp::from_millis),
    })
}

fn terms(row: &AnyRow) -> Result<ClientTerms, StoreError> {
    let scopes = |text: &str| ScopeSet::parse(text).map_err(|_| StoreError::Corrupt("client"));
    let grant =
        |name| GrantType::parse_registered(name).map_err(|_| StoreError::Corrupt("grant type"));
    let algorithm = |name: &str| name.parse().map_err(|_| StoreError::Corrupt("signing algorithm"));
    let optional = |column| row.try_get::<Option<&str>, _>(column);
    Ok(ClientTerms {
        name: DisplayName::parse(row.try_get("name")?)
            .map_err(|_| StoreError::Corrupt("client name"))?,
        scopes: scopes(row.try_get("scopes")?)?,
        grants: row
            .try_get::<&str, _>("grant_types")?
            .split_terminator(' ')
            .map(grant)
            .collect::<Result<_, _>>()?,
        resources: uris(row.try_get("resources")?)?,
        stands_for: uris(optional("stands_for")?.unwrap_or_default())?,
        default_scopes: optional("default_scopes")?.map(scopes).transpose()?,
        token_alg: optional("token_alg")?.map(algorithm).transpose()?,
        introspection_alg: optional("introspection_alg")?.map(algorithm).transpose()?,
        token_ttl: row.try_get::<Option<i64>, _>("token_ttl")?.map(duration),
        max_tokens_per_hour: row
            .try_get::<Option<i64>, _>("max_tokens_per_hour")?
            .map(|limit| u64::try_from(limit).unwrap_or_default()),
    })
}

fn secret(row: &AnyRow) -> Result<Option<ClientSecret>, StoreError> {
    let Some(id) = row.try_get::<Option<&str>, _>("secret_id")? else {
        return Ok(None);
    };
    let digest: &str = row.try_get("digest")?;
    Ok(Some(ClientSecret {
        id: secret_id(id)?,
        hint: row.try_get("hint")?,
        label: row.try_get("label")?,
        digest: match digest {
            SecretDigest::NONE => None,
            text => {
                Some(SecretDigest::from_text(text).ok_or(StoreError::Corrupt("secret digest"))?)
            }
        },
        hash: SecretHash::from_stored(row.try_get("hash")?),
        created_at: Timestamp::from_millis(row.try_get("secret_created_at")?),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_millis),
    }))
}

/// Reads the id of a secret.
pub(super) fn secret_id(text: &str) -> Result<SecretId, StoreError> {
    SecretId::parse(text).map_err(|_| StoreError::Corrupt("id of a client secret"))
}
