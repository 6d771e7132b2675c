//! Responses, and the checks of every response of a kind.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A complete response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// The value of a header; empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The scope that a token was granted.
    #[track_caller]
    pub fn scope(&self) -> String {
        self.json()["scope"].as_str().unwrap_or_default().to_owned()
    }

    /// A member of the body that is text.
    #[track_caller]
    pub fn text(&self, member: &str) -> String {
        let value = &self.json()[member];
        value.as_str().unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    /// Everything that could distinguish two refusals.
    pub fn fingerprint(&self) -> (u16, Vec<(String, String)>, String) {
        let varies = ["x-request-id", "date"];
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !varies.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }

    /// An access token was issued (RFC 6749 §5.1).
    #[track_caller]
    pub fn assert_token(&self, input: &str) {
        assert_eq!(self.status, 200, "{input}: {self:?}");
        self.assert_uncacheable_json(input);
        let body = self.json();
        let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let known = ["access_token", "expires_in", "scope", "token_type"];
        assert!(members.iter().all(|member| known.contains(member)), "{input}: {self:?}");
        assert_eq!(body["token_type"], "Bearer", "{input}: {self:?}");
        assert!(body["expires_in"].is_u64(), "{input}: {self:?}");
        assert_eq!(
            body["access_token"].as_str().unwrap().split('.').count(),
            3,
            "{input}: {self:?}"
        );
    }

    /// A refusal in the shape of RFC 6749 §5.2.
    #[track_caller]
    pub fn assert_oauth_error(&self, status: u16, code: &str, input: &str) {
        assert_eq!(self.status, status, "{input}: {self:?}");
        self.assert_uncacheable_json(input);
        let body = self.json();
        assert_eq!(body["error"], code, "{input}: {self:?}");
        let description = body["error_description"].as_str().unwrap();
        let allowed = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(!description.is_empty() && description.bytes().all(allowed), "{input}: {self:?}");
        assert_eq!(body.as_object().unwrap().len(), 2, "{input}: {self:?}");
        let challenge = self.header("www-authenticate");
        assert_eq!(challenge.starts_with("Basic "), status == 401, "{input}: {self:?}");
    }

    /// Every answer of the OAuth endpoints.
    #[track_caller]
    fn assert_uncacheable_json(&self, input: &str) {
        assert_eq!(self.header("content-type"), "application/json", "{input}: {self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{input}: {self:?}");
        assert_eq!(self.header("pragma"), "no-cache", "{input}: {self:?}");
        self.assert_request_id(input);
    }

    #[track_caller]
    pub fn assert_request_id(&self, input: &str) {
        let id = self.header("x-request-id");
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{input}: {self:?}"
        );
    }

    /// A refusal outside `/oauth/` (RFC 9457, with `code` and `message`).
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str, input: &str) {
        assert_eq!(self.status, status, "{input}: {self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{input}: {self:?}");
        self.assert_request_id(input);
        let body = self.json();
        assert_eq!(body["status"], status, "{input}: {self:?}");
        assert_eq!(body["code"], code, "{input}: {self:?}");
        for member in ["type", "title", "detail", "message"] {
            let text = body[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{input}: {member} is missing: {self:?}");
        }
        // The place that OpenAI clients read.
        assert_eq!(
            (&body["error"]["message"], &body["error"]["code"]),
            (&body["message"], &body["code"])
        );
        let is_challenge = self.header("www-authenticate").starts_with("Bearer ");
        assert_eq!(
            is_challenge || status == 400,
            matches!(status, 400 | 401 | 403),
            "{input}: {self:?}"
        );
    }

    /// The credential was rejected (RFC 6750 §3.1).
    #[track_caller]
    pub fn assert_invalid_token(&self, input: &str) {
        self.assert_problem(401, "err_unauthorised", input);
        assert_eq!(self.json()["title"], "Authentication credentials are invalid", "{input}");
        let challenge = self.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{input}: {self:?}");
    }

    /// The response repeats nothing of `sent`, in the body or a header.
    #[track_caller]
    pub fn assert_no_echo(&self, sent: &str, input: &str) {
        assert!(!self.body.contains(sent), "{input}: {self:?}");
        for value in self.headers.values() {
            assert!(!value.to_str().unwrap().contains(sent), "{input}: {self:?}");
        }
    }
}
