//! Failed administrative acts.

use crate::admin::AdminError;
use crate::http::problem::Problem;
use crate::store::StoreError;

/// The problem and its detail for the client. Messages of the store and of libraries go to the log
/// alone.
pub(super) fn problem_of(error: &AdminError) -> (Problem, String) {
    let problem = match error {
        AdminError::NotFound(_) => Problem::NOT_FOUND,
        AdminError::Exists(_)
        | AdminError::Conflict(_)
        | AdminError::StoodFor { .. }
        | AdminError::NothingToDo(_)
        | AdminError::TooManyKeys(_)
        | AdminError::TooManyChosen => Problem::CONFLICT,
        AdminError::Changed(_) => Problem::CHANGED,
        AdminError::Busy(_) => {
            return (Problem::UNAVAILABLE, "The server is busy; nothing was changed".to_owned());
        }
        AdminError::Invalid(_)
        | AdminError::Unknown(_)
        | AdminError::CodeNeeded
        | AdminError::WrongCode => Problem::INVALID_REQUEST,
        AdminError::Forbidden(_) | AdminError::Gone | AdminError::Beyond(_) => {
            Problem::NO_PERMISSION
        }
        AdminError::Store(StoreError::Conflict) => {
            return (
                Problem::CONFLICT,
                "Another change was made at the same time; try again".to_owned(),
            );
        }
        AdminError::Store(StoreError::Unavailable(_)) => {
            return (
                Problem::UNAVAILABLE,
                "The store is unavailable; nothing was changed".to_owned(),
            );
        }
        AdminError::Store(StoreError::OutcomeUnknown(_)) => {
            let detail =
                "The connection to the store was lost during the change; check whether it was made";
            return (Problem::UNAVAILABLE, detail.to_owned());
        }
        AdminError::Store(_) | AdminError::SigningKey(_) | AdminError::Hash(_) => {
            return (Problem::INTERNAL, "Internal error".to_owned());
        }
    };
    (problem, error.to_string())
}
