//! A fresh database on the PostgreSQL server of the tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use super::runtime;

/// A database on the server of the tests, dropped with its last user.
pub struct PostgresDatabase {
    server: String,
    name: String,
}

impl PostgresDatabase {
    pub fn create() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let server = std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!("TEST_ENGINE=postgres needs TEST_POSTGRES_URL: tests/setup/postgres.sh start gives one")
        });
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database =
            Self { server, name: format!("mintery_cli_{}_{number}", std::process::id()) };
        database.on_server("DROP DATABASE IF EXISTS");
        database.on_server("CREATE DATABASE");
        database
    }

    pub fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server).unwrap();
        url.set_path(&self.name);
        url.to_string()
    }

    fn on_server(&self, statement: &str) {
        let sql = format!("{statement} {}", self.name);
        runtime().block_on(async {
            let mut connection = AnyConnection::connect(&self.server).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        runtime().block_on(async {
            if let Ok(mut connection) = AnyConnection::connect(&self.server).await {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.ok();
            }
        });
    }
}
