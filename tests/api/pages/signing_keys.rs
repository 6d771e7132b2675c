//! Pages of signing keys.

use mintery::model::user::Role;

use super::Pages;
use crate::support::app::TestApp;

#[actix_web::test]
async fn signing_keys_are_rotated_and_revoked() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    assert!(pages.page("/dashboard/signing-keys").await.contains("Signs"));
    let rotated = pages.press("/dashboard/signing-keys/rotate").await;
    assert_eq!(rotated.header("location"), "/dashboard/signing-keys?done=rotated", "{rotated:?}");
    let page = pages.page("/dashboard/signing-keys").await;
    assert!(page.contains(">Next<"), "{page}");
    assert_eq!(pages.press("/dashboard/signing-keys/rotate").await.status, 409);
    let kid = page.split("/dashboard/signing-keys/").nth(2).unwrap();
    let kid = kid.split('"').next().unwrap();
    assert!(
        pages.page(&format!("/dashboard/signing-keys/{kid}")).await.contains("BEGIN PUBLIC KEY")
    );
    let retired = pages.press(&format!("/dashboard/signing-keys/{kid}/retire")).await;
    assert_eq!(retired.header("location"), "/dashboard/signing-keys?done=retired", "{retired:?}");
    assert!(pages.page("/dashboard/signing-keys").await.contains("Revoked"));
}
