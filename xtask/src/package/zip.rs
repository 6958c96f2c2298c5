//! A ZIP archive of files that are given, byte for byte the same for the same content.
//!
//! An archiver writes the time, the owner and the permissions that a file happens to have; here all three are fixed.
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use std::io::Write;

use anyhow::Context;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END_OF_CENTRAL: u32 = 0x0605_4b50;
/// 2.0: what an archive with deflated files needs.
const VERSION_NEEDED: u16 = 20;
/// Made on Unix (3), so that the permissions count.
const VERSION_MADE: u16 = 3 << 8 | VERSION_NEEDED;
/// The names are UTF-8.
const FLAGS: u16 = 1 << 11;
const DEFLATED: u16 = 8;
/// 1980-01-01, 00:00: the earliest there is.
const TIME: u16 = 0;
const DATE: u16 = 1 << 5 | 1;
/// A regular file that everybody may read and run: Lambda runs `bootstrap` as another user than it unpacks it.
const PERMISSIONS: u32 = 0o100_755 << 16;

/// A file of an archive, as the central directory needs it.
struct Entry {
    /// From the version that is needed to the length of the extra field: alike in both headers.
    common: Vec<u8>,
    name: String,
    offset: u32,
}

/// An archive of executable files, in the order of their names.
///
/// # Errors
/// When a file or the archive is too long for the format.
pub fn archive(files: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let mut files = files.to_vec();
    files.sort_by_key(|(name, _)| *name);
    let mut archive = Vec::new();
    let mut entries = Vec::new();
    for (name, content) in files {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(content)?;
        let deflated = deflated.finish()?;
        let entry = Entry {
            common: common(name, content, &deflated)?,
            name: name.to_owned(),
            offset: length(archive.len())?,
        };
        archive.extend(LOCAL_HEADER.to_le_bytes());
        archive.extend(&entry.common);
        archive.extend(entry.name.as_bytes());
        archive.extend(deflated);
        entries.push(entry);
    }
    let offset = length(archive.len())?;
    for entry in &entries {
        central(entry, &mut archive);
    }
    let size = length(archive.len())? - offset;
    end(u16::try_from(entries.len())?, size, offset, &mut archive);
    Ok(archive)
}

fn common(name: &str, content: &[u8], deflated: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut checksum = Crc::new();
    checksum.update(content);
    let mut fields = Vec::new();
    for field in [VERSION_NEEDED, FLAGS, DEFLATED, TIME, DATE] {
        fields.extend(field.to_le_bytes());
    }
    for field in [
        checksum.sum(),
        length(deflated.len())?,
        length(content.len())?,
    ] {
        fields.extend(field.to_le_bytes());
    }
    let name_length = u16::try_from(name.len()).context("the name is too long")?;
    let extra_length = 0_u16;
    for field in [name_length, extra_length] {
        fields.extend(field.to_le_bytes());
    }
    Ok(fields)
}

fn central(entry: &Entry, archive: &mut Vec<u8>) {
    let Entry {
        common,
        name,
        offset,
    } = entry;
    let (comment_length, first_disk, internal) = (0_u16, 0_u16, 0_u16);
    archive.extend(CENTRAL_HEADER.to_le_bytes());
    archive.extend(VERSION_MADE.to_le_bytes());
    archive.extend(common);
    for field in [comment_length, first_disk, internal] {
        archive.extend(field.to_le_bytes());
    }
    archive.extend(PERMISSIONS.to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend(name.as_bytes());
}

fn end(count: u16, size: u32, offset: u32, archive: &mut Vec<u8>) {
    let (disk, comment_length) = (0_u16, 0_u16);
    archive.extend(END_OF_CENTRAL.to_le_bytes());
    for field in [disk, disk, count, count] {
        archive.extend(field.to_le_bytes());
    }
    archive.extend(size.to_le_bytes());
    archive.extend(offset.to_le_bytes());
    archive.extend(comment_length.to_le_bytes());
}

fn length(bytes: usize) -> anyhow::Result<u32> {
    u32::try_from(bytes).context("more than 4 GiB do not fit into the format")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Python's own module reads the archive and says what it finds.
    fn read_by_python(archive: &[u8]) -> String {
        let path = std::env::temp_dir().join(format!("express-zip-{}.zip", std::process::id()));
        std::fs::write(&path, archive).unwrap();
        let program = "import sys, zipfile\n\
             with zipfile.ZipFile(sys.argv[1]) as archive:\n    \
                 assert archive.testzip() is None\n    \
                 for info in archive.infolist():\n        \
                     print(info.filename, oct(info.external_attr >> 16), info.date_time, archive.read(info))\n";
        let output = Command::new(crate::tools::python().unwrap())
            .args(["-c", program])
            .arg(&path)
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn others_read_the_archive() {
        let archive = archive(&[("b/notice", b"two"), ("bootstrap", b"one one one one")]).unwrap();
        assert_eq!(
            read_by_python(&archive),
            "b/notice 0o100755 (1980, 1, 1, 0, 0, 0) b'two'\n\
             bootstrap 0o100755 (1980, 1, 1, 0, 0, 0) b'one one one one'\n"
        );
    }

    #[test]
    fn the_order_of_the_files_does_not_count_and_their_content_does() {
        let one = archive(&[("a", b"1"), ("b", b"2")]).unwrap();
        assert_eq!(archive(&[("b", b"2"), ("a", b"1")]).unwrap(), one);
        assert_ne!(archive(&[("a", b"1"), ("b", b"3")]).unwrap(), one);
    }

    #[test]
    fn what_repeats_itself_is_made_smaller() {
        assert!(archive(&[("zeros", &[0; 100_000])]).unwrap().len() < 1000);
    }
}
