//! Leftovers of imports that did not finish.

use std::time::{Duration, Instant};

use mintery::admin::{self, AdminError};
use mintery::model::client::ClientId;
use mintery::model::event::Actor;
use mintery::store::client_batch::Statements;
use mintery::store::{client, client_import};

use crate::support::app::{TestApp, new_client};

const ID: &str = "staged";

async fn create(app: &TestApp) -> Result<(), AdminError> {
    let mut new = new_client("read");
    new.id = Some(ClientId::parse(ID).unwrap());
    Box::pin(admin::client::create(&app.admin, new)).await.map(drop)
}

#[actix_web::test]
async fn the_ids_in_an_import_that_was_given_up_are_free_again() {
    let app = TestApp::spawn().await;
    let database = app.admin.store.database();
    let pattern = ClientId::parse(&app.client("read").await.id).unwrap();
    let (mut staged, _) = client::by_id(database, &pattern).await.unwrap().unwrap();
    staged.id = ClientId::parse(ID).unwrap();
    client_import::begin(database, "dead", &Actor::System, app.admin.clock.now()).await.unwrap();
    let statements = Statements::new(database.engine());
    assert!(
        client_import::stage(database, &statements, "dead", &[(staged, Vec::new())]).await.unwrap()
    );
    client_import::abandon(database, "dead", None).await.unwrap();
    assert!(matches!(create(&app).await, Err(AdminError::Exists(_))));

    app.clock.let_pass(Duration::from_hours(1));
    let begun = Instant::now();
    while !client_import::unfinished(database).await.unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(5), "nobody took away what was left");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    create(&app).await.unwrap();
}
