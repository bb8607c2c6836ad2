//! The limit on locked memory, which includes programs and maps before Linux 5.11.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Removes the limit; without CAP_SYS_RESOURCE, raises it to the maximum. Only loading a program shows whether that is
/// enough: newer kernels don't apply the limit.
pub fn raise() {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        // It can't fail: every process may raise its limit to the maximum.
        let _raised = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
}

/// The limit, bytes; None if there is none.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}
