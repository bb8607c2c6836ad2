//! Runs the Windows programs under Wine, as they come out of the archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{run_quietly, stdout_of};
use crate::workspace;

/// The directory of Wine's programs on Debian.
const WINE_DIR: &str = "/usr/lib/wine";
/// The source of a DLL that Wine 8 lacks. It is not a part of the archive.
const DLL_SOURCE: &str = "tests/windows/bcryptprimitives.c";

/// A Wine prefix of its own. Dropping the value ends its server.
struct Wine {
    prefix: PathBuf,
}

impl Wine {
    fn start(prefix: PathBuf) -> Result<Self> {
        fs::create_dir_all(&prefix)?;
        let wine = Self { prefix };
        run_quietly(wine.command("wine64").args(["wineboot", "-i"])).context("apt-get install wine64")?;
        let dll = wine.prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
        let mut compile = Command::new("x86_64-w64-mingw32-gcc");
        compile
            .args(["-shared", "-O2", "-s", "-o"])
            .arg(dll)
            .arg(workspace::root()?.join(DLL_SOURCE))
            .arg("-ladvapi32");
        run_quietly(&mut compile)?;
        Ok(wine)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(Path::new(WINE_DIR).join(program));
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        command
    }

    fn stdout_of(&self, program: &Path, arguments: &[&str]) -> Result<String> {
        stdout_of(self.command("wine64").arg(program).args(arguments))
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // This fails if the server has already ended.
        let _already_ended = self.command("wineserver64").arg("-k").output();
    }
}

/// Checks the tracer's version and the output of a short trace.
pub fn run_under_wine(directory: &Path) -> Result<()> {
    let wine = Wine::start(workspace::target_dir()?.join("wine-dist"))?;
    let tracer = directory.join("rnetstat-trace.exe");
    let version = wine.stdout_of(&tracer, &["--version"])?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "--version prints {version:?}");
    let trace = wine.stdout_of(&tracer, &["--json", "--existing", "--interval", "100ms", "-d", "500ms"])?;
    let has = |event: &str| trace.lines().any(|line| line.starts_with(&format!("{{\"event\":\"{event}\"")));
    ensure!(
        has("start") && has("end") && trace.contains("\"source\":\"windows\""),
        "unexpected output of a trace: {trace}"
    );
    println!("windows: traced under Wine");
    Ok(())
}
