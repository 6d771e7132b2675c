use super::Outcome;
use super::failure::Failure;
use super::visit::Visit;

pub(super) async fn route(_visit: &Visit<'_>, _page: &[&str], _is_post: bool) -> Outcome {
    Err(Failure::NotFound)
}
