//! Pages of users.

use mintery::model::user::Role;

use super::{Pages, id_in, text_of};
use crate::support::app::TestApp;
use crate::support::people::{Browser, PASSWORD};

#[actix_web::test]
async fn users_are_created_changed_and_disabled() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let fields = [("username", "bob"), ("role", "viewer"), ("password", PASSWORD)];
    for (field, value, problem) in [
        ("username", "b b", "a username must be 1 to 64"),
        ("username", "<b>", "a username must be 1 to 64"),
        ("username", "ann", "user ann already exists"),
        ("role", "king", "a role is admin, member or viewer"),
        ("scope", "mintery:keys:read", "come with the role"),
        ("password", "short", "at least 8 characters"),
        ("password", "password1", "guess"),
    ] {
        let mut wrong: Vec<(&str, &str)> =
            fields.iter().copied().filter(|(name, _)| *name != field).collect();
        wrong.push((field, value));
        let answer = pages.fill("/dashboard/users/new", &wrong).await;
        assert!((400..500).contains(&answer.status), "{field}={value}: {answer:?}");
        let told = text_of(&answer.body, &format!("{field}-problem"));
        assert!(told.to_lowercase().contains(problem), "{field}={value}: {told}");
        assert!(!answer.body.contains(&format!("value=\"{PASSWORD}\"")), "{answer:?}");
    }
    let made = pages.fill("/dashboard/users/new", &fields).await;
    assert_eq!(made.status, 303, "{made:?}");
    let path = format!("/dashboard/users/{}", id_in(&made, "/dashboard/users/"));
    let bob = app.try_log_in("bob", PASSWORD).await;
    let bob = Pages { app: &app, browser: Browser::given(&app, &bob) };
    assert!(pages.page(&path).await.contains("Viewer"));
    assert_eq!(bob.get("/dashboard/users/new").await.status, 403);
    assert!(bob.page("/dashboard/users").await.contains(">ann<"));

    let given = [("username", "bob"), ("role", "member"), ("scope", " orders:read  orders:write ")];
    let edited = pages.fill(&format!("{path}/edit"), &given).await;
    assert_eq!(edited.header("location"), format!("{path}?done=saved"), "{edited:?}");
    assert_eq!(bob.get("/dashboard/users").await.status, 403);
    assert!(pages.page(&path).await.contains("orders:write"));
    assert!(
        pages.page(&format!("{path}/edit")).await.contains("value=\"orders:read orders:write\"")
    );
    assert!(bob.page("/dashboard/keys/new").await.contains("value=\"orders:read\""));
    for (act, done) in [
        ("disable", "user-disabled"),
        ("enable", "user-enabled"),
        ("end-sessions", "user-sessions-ended"),
    ] {
        let answer = pages.press(&format!("{path}/{act}")).await;
        assert_eq!(answer.header("location"), format!("{path}?done={done}"), "{answer:?}");
    }
    assert_eq!(bob.get("/dashboard").await.status, 303);
    let weak = pages.fill(&format!("{path}/password"), &[("password", "password1")]).await;
    assert_eq!(weak.status, 400, "{weak:?}");
    let set =
        pages.fill(&format!("{path}/password"), &[("password", "another-Umbrella-8-plum")]).await;
    assert_eq!(set.header("location"), format!("{path}?done=password-set"), "{set:?}");
    assert_eq!(app.try_log_in("bob", PASSWORD).await.status, 401);
    assert_eq!(app.try_log_in("bob", "another-Umbrella-8-plum").await.status, 200);
    assert_eq!(
        pages.press(&format!("{path}/delete")).await.header("location"),
        "/dashboard/users?done=deleted"
    );
    // The last administrator stays.
    let own = pages.browser.me().await.json()["sub"].as_str().unwrap().to_owned();
    assert_eq!(pages.press(&format!("/dashboard/users/{own}/delete")).await.status, 409);
    let fields = [("username", "ann"), ("role", "viewer")];
    let last = pages.fill(&format!("/dashboard/users/{own}/edit"), &fields).await;
    assert_eq!(last.status, 409, "{last:?}");
    assert!(last.body.contains("last administrator"), "{last:?}");
}
