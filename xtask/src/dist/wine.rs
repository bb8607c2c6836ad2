//! The Windows programs' first run: as they come out of the archive, under Wine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{run_quietly, stdout_of};
use crate::workspace;

/// Where Debian has Wine's programs.
const FOLDER: &str = "/usr/lib/wine";
/// A DLL that Wine 8 lacks; never shipped.
const DLL: &str = "tests/windows/bcryptprimitives.c";

/// A Windows of its own, which ends with this value.
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
            .arg(workspace::root()?.join(DLL))
            .arg("-ladvapi32");
        run_quietly(&mut compile)?;
        Ok(wine)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(Path::new(FOLDER).join(program));
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        command
    }

    fn says(&self, program: &Path, arguments: &[&str]) -> Result<String> {
        stdout_of(self.command("wine64").arg(program).args(arguments))
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Its server fails where it has ended by itself.
        let _ended = self.command("wineserver64").arg("-k").output();
    }
}

/// Asks the tracer for its version and a short trace.
pub fn run_under_wine(folder: &Path) -> Result<()> {
    let wine = Wine::start(workspace::target_dir()?.join("wine-dist"))?;
    let tracer = folder.join("rnetstat-trace.exe");
    let version = wine.says(&tracer, &["--version"])?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "it calls itself {version:?}");
    let trace = wine.says(&tracer, &["--json", "--existing", "--interval", "100ms", "-d", "500ms"])?;
    let has = |event: &str| trace.lines().any(|line| line.starts_with(&format!("{{\"event\":\"{event}\"")));
    ensure!(has("start") && has("end") && trace.contains("\"source\":\"windows\""), "its trace: {trace}");
    println!("windows: traced under Wine");
    Ok(())
}
