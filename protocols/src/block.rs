// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio-blk: requests, configuration space and status bytes.
//!
//! Follows Virtio 1.2, section 5.2.

use core::fmt;

/// Bytes in a sector, the unit of every address and capacity.
pub const SECTOR_SIZE: u64 = 512;

/// Feature number: the configuration tells the largest number of segments in a request.
pub const F_SEG_MAX: u32 = 2;

/// Feature number: the device is read-only.
pub const F_RO: u32 = 5;

/// Feature number: the device takes flush requests.
pub const F_FLUSH: u32 = 9;

/// Offset in the configuration space of the capacity in sectors (64 bits).
pub const CONFIG_CAPACITY: u64 = 0x00;

/// Offset in the configuration space of the largest number of segments (32 bits).
pub const CONFIG_SEG_MAX: u64 = 0x0c;

/// Length in bytes of the identity that [`RequestType::GetId`] returns.
pub const ID_SIZE: usize = 20;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestType {
    /// Disk to memory.
    In,
    /// Memory to disk.
    Out,
    /// Make completed writes durable.
    Flush,
    /// Read the device's identity, [`ID_SIZE`] bytes padded with zeros.
    GetId,
    /// A type that this project does not speak.
    Unknown(u32),
}

impl From<u32> for RequestType {
    fn from(value: u32) -> Self {
        match value {
            0 => Self::In,
            1 => Self::Out,
            4 => Self::Flush,
            8 => Self::GetId,
            other => Self::Unknown(other),
        }
    }
}

impl From<RequestType> for u32 {
    fn from(value: RequestType) -> Self {
        match value {
            RequestType::In => 0,
            RequestType::Out => 1,
            RequestType::Flush => 4,
            RequestType::GetId => 8,
            RequestType::Unknown(other) => other,
        }
    }
}

/// The header that opens every request: type, reserved word and first sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// What is asked for.
    pub kind: RequestType,
    /// First sector of the transfer.
    pub sector: u64,
}

impl RequestHeader {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// Lays the header out as the device reads it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..4].copy_from_slice(&u32::from(self.kind).to_le_bytes());
        bytes[8..16].copy_from_slice(&self.sector.to_le_bytes());
        bytes
    }

    /// Reads a header that a driver wrote; the reserved word is ignored, as the specification says.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let [k0, k1, k2, k3, _, _, _, _, sector @ ..] = *bytes;
        Self {
            kind: u32::from_le_bytes([k0, k1, k2, k3]).into(),
            sector: u64::from_le_bytes(sector),
        }
    }
}

/// The status byte that closes every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// The device or the driver failed.
    IoErr,
    /// The device does not know the request's type.
    Unsupported,
    /// A byte that no device of this project writes.
    Unknown(u8),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => write!(f, "done"),
            Self::IoErr => write!(f, "input or output failed"),
            Self::Unsupported => write!(f, "not supported"),
            Self::Unknown(status) => write!(f, "unknown status {status}"),
        }
    }
}

impl From<u8> for Status {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::Ok,
            1 => Self::IoErr,
            2 => Self::Unsupported,
            other => Self::Unknown(other),
        }
    }
}

impl From<Status> for u8 {
    fn from(value: Status) -> Self {
        match value {
            Status::Ok => 0,
            Status::IoErr => 1,
            Status::Unsupported => 2,
            Status::Unknown(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_places_fields_where_virtio_does() {
        let header = RequestHeader { kind: RequestType::Out, sector: 0x0102_0304 };
        let bytes = header.to_bytes();
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(RequestHeader::parse(&bytes), header);
    }

    #[test]
    fn unknown_numbers_survive() {
        assert_eq!(u32::from(RequestType::from(13)), 13);
        assert_eq!(Status::from(9), Status::Unknown(9));
    }
}
