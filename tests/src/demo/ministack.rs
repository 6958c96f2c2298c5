//! MiniStack with the project's plug-in, as a child process that never outlives the demo.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::gateway::Gateway;
use super::{ACCOUNT_ID, REGION};

/// A cold start on a busy machine takes a few seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// For an orderly end.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// A running MiniStack. Dropping it ends it and the functions that it runs.
pub struct MiniStack {
    process: Child,
    gateway: Gateway,
    /// Where it unpacks the functions' code; gone with it.
    temporary: PathBuf,
}

impl MiniStack {
    /// Starts MiniStack on a free port and waits until it answers.
    ///
    /// # Errors
    /// When it does not come up; its log, `ministack.log` in `folder`, says why.
    pub async fn start(
        python: &Path,
        folder: &Path,
        local_aws: &str,
        rate: u32,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let log_path = folder.join("ministack.log");
        let log = File::create(&log_path)
            .with_context(|| format!("cannot write {}", log_path.display()))?;
        let temporary = folder.join(format!("ministack-{port}"));
        fs::create_dir_all(&temporary)
            .with_context(|| format!("cannot make {}", temporary.display()))?;
        let plug_in = Path::new(env!("CARGO_MANIFEST_DIR"))
            .with_file_name("local-aws")
            .join("ministack");
        let process = Command::new(python)
            .args(["-m", "ministack_plugin"])
            .env("PYTHONPATH", plug_in)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // MiniStack executes what is uploaded to it: never on an address that others can reach.
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("LOCAL_AWS_ENDPOINT", local_aws)
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT_ID)
            .env("MINISTACK_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("SFN_WAIT_SCALE", (1.0 / f64::from(rate)).to_string())
            // Nothing of the user's own AWS configuration may reach the functions.
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_ENDPOINT_URL")
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot share the log")?)
            .stderr(log)
            // A process group of its own, which holds the functions too and is ended as one.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", python.display()))?;
        let mut ministack = Self {
            process,
            gateway: Gateway::new(port),
            temporary,
        };
        ministack
            .wait_until_up()
            .await
            .with_context(|| format!("see {}", log_path.display()))?;
        Ok(ministack)
    }

    /// Where it listens.
    #[must_use]
    pub const fn gateway(&self) -> Gateway {
        self.gateway
    }

    async fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while !self.gateway.is_up().await {
            if let Some(status) = self.process.try_wait()? {
                bail!("MiniStack ended at once: {status}");
            }
            if started.elapsed() > START_TIMEOUT {
                bail!("MiniStack does not answer");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        // That the group is gone already is what is wanted.
        let ended = Command::new("kill")
            .args([signal, "--", &group])
            .stderr(Stdio::null())
            .status();
        if let Err(error) = ended {
            eprintln!(
                "cannot end MiniStack, process {}: {error}",
                self.process.id()
            );
        }
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        self.signal("-TERM");
        let asked = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && asked.elapsed() < STOP_TIMEOUT {
            std::thread::sleep(LOOK_EVERY);
        }
        // The functions are not MiniStack's to wait for.
        self.signal("-KILL");
        if let Err(error) = self.process.wait() {
            eprintln!(
                "MiniStack, process {}, did not end: {error}",
                self.process.id()
            );
        }
        if let Err(error) = fs::remove_dir_all(&self.temporary) {
            eprintln!("cannot remove {}: {error}", self.temporary.display());
        }
    }
}

/// A port that was free a moment ago: MiniStack must know its own before it listens.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}
