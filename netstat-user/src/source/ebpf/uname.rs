//! The kernel's release and machine, from uname(2).

/// The release (`6.12.38-amd64`) and the machine (`x86_64`).
pub fn kernel() -> (String, String) {
    let name = rustix::system::uname();
    (name.release().to_string_lossy().into_owned(), name.machine().to_string_lossy().into_owned())
}
