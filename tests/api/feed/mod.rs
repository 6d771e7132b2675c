//! The revocation feed: documents, waiting readers, requests.

mod documents;
mod request;
mod waiting;

use mintery::model::revocation::{Kind, Mark};
use serde_json::{Map, Value};

fn next(document: &Map<String, Value>) -> String {
    document["next"].as_str().unwrap().to_owned()
}

fn digest(kind: Kind, name: &str) -> Value {
    Mark::of(kind, name).digest().into()
}
