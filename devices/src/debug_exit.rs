// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Debug exit: the I/O port whose first write ends the machine.
//!
//! Decodes accesses as QEMU's `isa-debug-exit` with `iosize=2` does: two ports, of which either one,
//! written with any width, ends the machine; reads give zeros. What the value means is told by
//! [`seed_protocols::end`]. The device has no state, so there is no type.

/// Number of I/O ports of the device, the first being
/// [`DEBUG_EXIT_PORT`](seed_protocols::machine::DEBUG_EXIT_PORT).
pub const PORT_COUNT: u16 = 2;

/// Answers a read of any width.
pub fn read(data: &mut [u8]) {
    data.fill(0);
}

/// The value that a write of `data` at `offset` from the first port ends the machine with.
///
/// Only the bytes that fall on the device's own ports count. `None`: none does, so the write was not
/// for this device.
#[must_use]
pub fn decode_write(offset: u16, data: &[u8]) -> Option<u16> {
    let ports_left = PORT_COUNT.checked_sub(offset)?;
    match *data {
        [] => None,
        [low, high, ..] if ports_left == PORT_COUNT => Some(u16::from_le_bytes([low, high])),
        [low, ..] => (ports_left > 0).then_some(low.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_ends_the_machine_with_its_value() {
        assert_eq!(decode_write(0, &[0x03]), Some(0x03));
        assert_eq!(decode_write(0, &[0x03, 0x01]), Some(0x0103));
        assert_eq!(decode_write(0, &[0x04, 0x01, 0x03, 0x00]), Some(0x0104));
    }

    #[test]
    fn second_port_takes_one_byte() {
        assert_eq!(decode_write(1, &[0x05]), Some(0x05));
        assert_eq!(decode_write(1, &[0x06, 0x03]), Some(0x06));
    }

    #[test]
    fn other_ports_are_not_the_device() {
        assert_eq!(decode_write(2, &[1]), None);
        assert_eq!(decode_write(0xffff, &[1, 2]), None);
        assert_eq!(decode_write(0, &[]), None);
    }

    #[test]
    fn reads_give_zeros() {
        let mut data = [0xff; 4];
        read(&mut data);
        assert_eq!(data, [0; 4]);
    }
}
