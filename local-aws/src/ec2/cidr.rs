//! IPv4 blocks and the addresses in them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 block, for example `172.31.0.0/20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    first: u32,
    prefix: u8,
}

/// The text is not an IPv4 block, or has bits set behind the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACidr;

impl Cidr {
    /// The block of `prefix` bits that starts with `first`; bits behind the prefix are cleared.
    pub(crate) fn new(first: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self {
            first: u32::from(first) & mask(prefix),
            prefix,
        }
    }

    /// Length of the prefix in bits.
    pub(crate) const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Number of addresses.
    pub(crate) fn size(self) -> u64 {
        1_u64 << (32 - u32::from(self.prefix))
    }

    /// The address at `offset`, if the block is that large.
    pub(crate) fn address(self, offset: u64) -> Option<Ipv4Addr> {
        let offset = u32::try_from(offset).ok()?;
        (u64::from(offset) < self.size()).then(|| Ipv4Addr::from(self.first | offset))
    }

    /// Whether the address lies in the block.
    pub(crate) fn holds(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix) == self.first
    }

    /// Whether all of `other` lies in this block.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.holds(Ipv4Addr::from(other.first))
    }

    /// Whether the blocks share an address.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix))
        .unwrap_or_default()
}

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let (address, prefix) = text.split_once('/').ok_or(NotACidr)?;
        let address: Ipv4Addr = address.parse().map_err(|_| NotACidr)?;
        let prefix: u8 = prefix.parse().map_err(|_| NotACidr)?;
        let cidr = Self::new(address, prefix);
        // `10.0.0.1/16` and `10.0.0.0/33` would come back as another text.
        if cidr.to_string() == text {
            Ok(cidr)
        } else {
            Err(NotACidr)
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from(self.first), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_without_bits_behind_the_prefix_are_parsed() {
        for (text, size) in [
            ("0.0.0.0/0", 1_u64 << 32),
            ("172.31.0.0/20", 4096),
            ("10.0.0.7/32", 1),
        ] {
            let cidr: Cidr = text.parse().unwrap();
            assert_eq!((cidr.to_string().as_str(), cidr.size()), (text, size));
        }
        for text in ["10.0.0.1/16", "10.0.0.0/33", "10.0.0.0", "::/0", "10.0.0/8"] {
            assert_eq!(text.parse::<Cidr>(), Err(NotACidr), "{text}");
        }
    }

    #[test]
    fn blocks_overlap_only_when_one_holds_the_other() {
        let [vpc, first, second] =
            ["10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24"].map(|text| text.parse::<Cidr>().unwrap());
        assert!(vpc.covers(first) && !first.covers(vpc));
        assert!(vpc.overlaps(second) && second.overlaps(vpc));
        assert!(!first.overlaps(second));
        assert_eq!(second.address(255), Some(Ipv4Addr::new(10, 0, 1, 255)));
        assert_eq!(second.address(256), None);
    }
}
