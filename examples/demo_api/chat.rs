//! `/v1/chat/completions` and `/v1/models` in the shape that the official OpenAI clients read. The
//! model echoes the question.

use actix_web::web::{self, Json};
use actix_web::{HttpResponse, Responder};
use mintery_verifier::clock::{Clock as _, SystemClock};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::problem::Problem;

const MODEL: &str = "echo-1";

#[derive(Deserialize)]
struct Question {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
}

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/chat/completions", web::post().to(complete))
        .route("/models", web::get().to(models));
}

async fn models(caller: Caller) -> Result<impl Responder, Problem> {
    caller.needs("chat:write")?;
    Ok(Json(
        json!({ "object": "list", "data": [{ "id": MODEL, "object": "model", "created": 0, "owned_by": "demo" }] }),
    ))
}

async fn complete(caller: Caller, question: Json<Question>) -> Result<HttpResponse, Problem> {
    caller.needs("chat:write")?;
    if question.model != MODEL {
        return Err(Problem::BadRequest(format!("There is no such model; there is {MODEL}")));
    }
    let text = question.messages.last().and_then(|last| last.content.as_str());
    let text =
        text.ok_or_else(|| Problem::BadRequest("The last message has no text".to_owned()))?;
    if question.stream {
        return Ok(HttpResponse::Ok().content_type("text/event-stream").body(events(text)));
    }
    let words = text.split_whitespace().count();
    Ok(HttpResponse::Ok().json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": now(), "model": MODEL,
        "choices": [{
            "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text, "refusal": null },
        }],
        "usage": { "prompt_tokens": words, "completion_tokens": words, "total_tokens": words * 2 },
    })))
}

/// A server-sent event for each word, and one that says that this was all. An echo has nothing to
/// wait for: all come at once.
fn events(text: &str) -> String {
    let event = |delta: Value, reason: Option<&str>| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": now(), "model": MODEL,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
        });
        format!("data: {chunk}\n\n")
    };
    let words = text.split_inclusive(' ');
    let words = words.map(|word| event(json!({ "role": "assistant", "content": word }), None));
    let last = [event(json!({}), Some("stop")), "data: [DONE]\n\n".to_owned()];
    words.chain(last).collect()
}

fn now() -> i64 {
    SystemClock::default().now().as_secs()
}
