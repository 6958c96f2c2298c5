//! `cargo xtask generate`: writes what is made from the types of `provider-schema`.
//!
//! That is `provider-schema/express-service.schema.json`, the schema of the rules for cfn-lint, the construct's
//! `*.generated.ts`, and the tables and screens of `README.md` and `docs/security.md` between
//! `<!-- generated: <name> -->` and `<!-- end generated -->`. `docs/architecture.svg` is drawn from
//! `docs/architecture.txt`.

mod cfn_lint;
mod construct;
mod jsdoc;
mod picture;
mod readme;
mod schema;
mod security;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::root;

#[derive(Args)]
pub struct Arguments {
    /// Write nothing; fail if anything would change.
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.check {
        return check();
    }
    for File { path, fresh } in files()? {
        if read(&path)? != fresh {
            fs::write(&path, fresh).with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    Ok(())
}

/// Fails if a generated file is stale, and names each that is.
pub fn check() -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for File { path, fresh } in files()? {
        if read(&path)? != fresh {
            let name = path.strip_prefix(root()?).unwrap_or(&path);
            stale.push(name.display().to_string());
        }
    }
    if !stale.is_empty() {
        bail!("stale, run `cargo xtask generate`: {}", stale.join(", "));
    }
    Ok(())
}

/// A generated file and what it should contain.
struct File {
    path: PathBuf,
    fresh: String,
}

fn files() -> anyhow::Result<Vec<File>> {
    let root = root()?;
    let schema = provider_schema::json_schema();
    let readme = root.join("README.md");
    let mut tables = Vec::from(readme::tables(&schema)?);
    tables.extend(readme::screens(|path| read(&root.join(path)))?);
    let fresh = readme::with_tables(&read(&readme)?, &tables)
        .with_context(|| format!("cannot fill in {}", readme.display()))?;
    let file = |path: &str, fresh: String| File {
        path: root.join(path),
        fresh,
    };
    Ok(vec![
        file(
            "provider-schema/express-service.schema.json",
            serde_json::to_string_pretty(&schema)? + "\n",
        ),
        file(
            "templates/cfn-lint/express_service.schema.json",
            serde_json::to_string_pretty(&cfn_lint::schema(&schema)?)? + "\n",
        ),
        file(
            "cdk-construct/src/cfn-express-service.generated.ts",
            construct::resource(&schema)?,
        ),
        file(
            "cdk-construct/src/schema.generated.ts",
            construct::tables(&schema)?,
        ),
        file("README.md", fresh),
        file("docs/security.md", security(root)?),
        file(
            "docs/architecture.svg",
            picture::drawn(&read(&root.join("docs/architecture.txt"))?)
                .context("docs/architecture.txt")?,
        ),
    ])
}

/// What the provider may do, in the place where its page has it.
fn security(root: &Path) -> anyhow::Result<String> {
    let template = read(&root.join("templates/provider.yaml"))?;
    let table = readme::Table {
        name: "permissions",
        text: security::tables(&template).context("templates/provider.yaml")?,
    };
    readme::with_tables(&read(&root.join("docs/security.md"))?, &[table])
        .context("cannot fill in docs/security.md")
}

/// The text of a file; that of one that is not there is empty.
fn read(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
