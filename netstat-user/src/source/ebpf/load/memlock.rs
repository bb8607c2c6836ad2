//! The limit on locked memory, against which kernels before 5.11 count programs and maps.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes the limit away; where that isn't allowed (CAP_SYS_RESOURCE), raises it as far as it goes. Whether what
/// is left is enough, only the kernel's answer to a load tells: newer ones don't count.
pub fn raise() {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        // It can't fail: up to the maximum everybody may go.
        let _raised = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
}

/// The limit, bytes; None is no limit.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}
