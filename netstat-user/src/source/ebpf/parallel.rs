//! Runs two pieces of work at the same time, where the system allows another thread.

use std::{panic::resume_unwind, thread};

/// Runs `other` on a thread of this name and `here` on the calling thread. Where no thread can be started (`pids.max`,
/// `ulimit -u`), runs both here, one after the other.
///
/// A panic of either continues in the caller.
pub fn join<A: Send, B>(name: &str, other: impl Fn() -> A + Sync, here: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let spawned = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, &other);
        let result_here = here();
        let result_other = match spawned {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_no_thread_can_be_started) => other(),
        };
        (result_other, result_here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_results_are_returned_and_the_other_comes_from_another_thread() {
        let here = thread::current().id();
        let (other, result) = join("test", || thread::current().id(), || 7);
        assert_ne!(other, here);
        assert_eq!(result, 7);
    }

    #[test]
    #[should_panic(expected = "the other work panics")]
    fn a_panic_of_the_other_thread_continues_in_the_caller() {
        join("test", || panic!("the other work panics"), || ());
    }
}
