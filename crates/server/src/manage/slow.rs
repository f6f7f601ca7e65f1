//! Work that keeps a processor busy for a while: two at once, on threads that nobody else waits for. The runtime's own have renewals to carry on.

use tokio::sync::Semaphore;

/// Two: a password takes 64 MiB, a large key a second or more.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Does it there, when it is its turn.
pub(super) async fn slow<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let place = PLACES.acquire().await.expect("nobody closes it");
    let work = move || {
        // Held until it is done, also if whoever wanted it is gone.
        let _place = place;
        work()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
