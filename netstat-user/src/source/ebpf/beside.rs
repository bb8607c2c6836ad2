//! Runs two pieces of work at the same time, where the system allows another thread.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

/// Runs `other` on a thread of this name and `here` on the calling thread. Where no thread can be started (`pids.max`,
/// `ulimit -u`), runs both here, one after the other.
///
/// A panic of either continues in the caller.
pub fn run<A: Send, B>(name: &str, other: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    // A closure that was moved into a thread that can't be started would be lost.
    let other = Mutex::new(Some(other));
    let take_other = || other.lock().unwrap_or_else(PoisonError::into_inner).take();
    thread::scope(|scope| {
        let spawned = thread::Builder::new()
            .name(name.to_owned())
            .spawn_scoped(scope, || take_other().map(|other| other()));
        let result_here = here();
        let result_beside = match spawned.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_no_thread) => None,
        };
        match result_beside.or_else(|| take_other().map(|other| other())) {
            Some(result) => (result, result_here),
            None => unreachable!("the work is taken once, and whoever takes it returns its result"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_results_are_returned_and_the_other_comes_from_another_thread() {
        let here = thread::current().id();
        let (other, result) = run("beside", || thread::current().id(), || 7);
        assert_ne!(other, here);
        assert_eq!(result, 7);
    }

    #[test]
    #[should_panic(expected = "the other work panics")]
    fn a_panic_of_the_other_thread_continues_in_the_caller() {
        run("beside", || panic!("the other work panics"), || ());
    }
}
